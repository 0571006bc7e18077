/*
 * base/http_client.h, with SendGrid behind it: it takes a message or not, and says so, or something else, or
 * nothing, in time or too late.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http_client.h"
#include "base/memory.h"
#include "base/text.h"
#include "tests/model/invariants.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

#define BODY_LIMIT ((size_t)64 * 1024)

struct http_client {
    int64_t timeout_us;
    size_t response_limit;
};

struct http_exchange {
    struct http_client *client;
    struct buffer request;
    struct buffer response;
    char message_id[64];
    http_done_fn *done;
    void *arg;
    int64_t started_us;
    bool open;
    unsigned round; /* an answer to an earlier request is not one to this */
    event_id event; /* that goes on with it */
    struct http_result result;
};

/* On the wire; nobody's but the provider's. */
struct request {
    struct http_exchange *exchange;
    struct process *process;
    unsigned life;
    struct uuid id;
    int32_t attempt_no;
    bool takes;
    int64_t retry_after_s;
    int status; /* 0: there is no answer */
    unsigned round;
};

static struct taken *taken_last;
static size_t open_requests;

void provider_reset(void)
{
    taken_last = NULL;
    open_requests = 0;
}

const struct taken *provider_taken(void)
{
    return taken_last;
}

bool provider_took(const struct uuid *id, int32_t attempt_no)
{
    for (const struct taken *taken = taken_last; taken; taken = taken->next) {
        if (taken->attempt_no == attempt_no && memcmp(&taken->id, id, sizeof *id) == 0) {
            return true;
        }
    }
    return false;
}

size_t provider_open_requests(void)
{
    return open_requests;
}

static void take(const struct request *request)
{
    invariant_taken(&request->id, request->attempt_no);
    struct taken *taken = WORLD_NEW(struct taken);
    *taken = (struct taken){taken_last, request->id, request->attempt_no, world_now_us()};
    taken_last = taken;
    char id[UUID_TEXT_SIZE];
    uuid_format(&request->id, id);
    tell("provider: takes attempt %d of …%s", (int)request->attempt_no, id + 28);
}

static void end(struct http_exchange *exchange)
{
    exchange->open = false;
    exchange->event = 0;
    exchange->result.body = &exchange->response;
    exchange->result.duration_us = world_now_us() - exchange->started_us;
    buffer_clear(&exchange->request);
    exchange->done(exchange->arg, &exchange->result);
}

static void on_ended(void *arg)
{
    struct http_exchange *exchange = arg;
    /* After a freeze the answer and the end of the time are there at once. */
    const bool too_late = world_now_us() > exchange->started_us + exchange->client->timeout_us;
    if (exchange->result.code == CURLE_OK && too_late && one_in(2)) {
        exchange->result = (struct http_result){
            .code = CURLE_OPERATION_TIMEDOUT, .may_be_received = true, .error = "timed out"};
    }
    end(exchange);
}

static void end_at(struct http_exchange *exchange, struct process *process, int64_t at_us, CURLcode code,
                   bool received)
{
    exchange->result = (struct http_result){.code = code, .may_be_received = received, .error = "broken off"};
    exchange->event = event_at(process, at_us, on_ended, exchange);
}

/* One that waits for its answer until its time is over, gets it instead. */
static void on_answer(void *arg)
{
    struct request *request = arg;
    struct http_exchange *exchange = request->exchange;
    if (!exchange->open || request->round != exchange->round) {
        return;
    }
    event_cancel(exchange->event);
    buffer_clear(&exchange->response);
    buffer_text(&exchange->response,
                request->status == 202 ? "" : "{\"errors\":[{\"message\":\"not now\",\"field\":null}]}");
    exchange->result = (struct http_result){.code = CURLE_OK,
                                            .status = request->status,
                                            .retry_after_s = request->retry_after_s,
                                            .may_be_received = true,
                                            .error = ""};
    on_ended(exchange);
}

static void on_arrival(void *arg)
{
    struct request *request = arg;
    open_requests--;
    if (request->takes) {
        take(request);
    }
    if (request->status && process_life(request->process) == request->life) {
        event_at(request->process, world_now_us() + between(500, one_in(10) ? 200 * MS : 5 * MS), on_answer,
                 request);
    }
}

static bool read_request(const struct http_exchange *exchange, struct request *request, struct text *ret_to)
{
    static const char id_name[] = "\"message_id\":\"";
    static const char attempt_name[] = "\"attempt\":\"";
    static const char to_name[] = "\"email\":\"";
    const char *body = exchange->request.bytes;
    const char *id = body ? strstr(body, id_name) : NULL;
    const char *attempt = body ? strstr(body, attempt_name) : NULL;
    const char *to = body ? strstr(body, to_name) : NULL;
    if (!id || !attempt || !to || !uuid_parse(id + sizeof id_name - 1, UUID_TEXT_SIZE - 1, &request->id)) {
        return false;
    }
    request->attempt_no = (int32_t)strtol(attempt + sizeof attempt_name - 1, NULL, 10);
    to += sizeof to_name - 1;
    *ret_to = (struct text){to, strcspn(to, "\"")};
    return true;
}

/* The connection is there, and libcurl is about to write; it looks at the time first. */
static void on_connected(void *arg)
{
    struct http_exchange *exchange = arg;
    struct process *process = process_current();
    const int64_t now_us = world_now_us();
    const int64_t deadline_us = exchange->started_us + exchange->client->timeout_us;
    exchange->event = 0;
    if (now_us > deadline_us || one_in(faults.provider_refuses)) {
        end_at(exchange, process, now_us,
               now_us > deadline_us ? CURLE_OPERATION_TIMEDOUT : CURLE_COULDNT_CONNECT, false);
        return;
    }
    struct request *request = WORLD_NEW(struct request);
    *request = (struct request){
        .exchange = exchange,
        .process = process,
        .life = process_life(process),
        .round = exchange->round,
        .takes = true,
        .status = 202,
    };
    struct text to;
    if (!read_request(exchange, request, &to)) {
        violated("a request to the provider cannot be read");
        return;
    }
    invariant_request_leaves(&request->id, request->attempt_no, to);
    int64_t arrival_us = now_us + between(100, 3 * MS);
    end_at(exchange, process, deadline_us, CURLE_OPERATION_TIMEDOUT, true);
    if (one_in(faults.provider_busy)) {
        request->takes = false;
        request->status = one_in(2) ? 429 : 503;
        request->retry_after_s = one_in(3) ? between(1, 4) : 0;
    } else if (one_in(faults.provider_rejects)) {
        request->takes = false;
        request->status = 400;
    } else if (one_in(faults.provider_ambiguous)) {
        request->takes = one_in(2);
        request->status = 0;
        if (one_in(2)) {
            event_cancel(exchange->event);
            end_at(exchange, process, now_us + between(MS, 100 * MS), CURLE_RECV_ERROR, true);
        }
    } else if (one_in(faults.provider_late)) {
        request->status = 0;
        arrival_us = deadline_us + between(0, 5 * SECOND);
    } else if (one_in(faults.provider_garbled)) {
        request->status = 200;
    }
    open_requests++;
    event_at(NULL, arrival_us, on_arrival, request);
}

struct http_client *http_client_new(uv_loop_t *loop, const struct http_client_options *options)
{
    (void)loop;
    struct http_client *client = NEW(struct http_client);
    *client = (struct http_client){(int64_t)options->total_timeout_ms * MS, options->response_limit};
    return client;
}

void http_client_free(struct http_client *client)
{
    free(client);
}

struct http_exchange *http_exchange_new(struct http_client *client)
{
    struct http_exchange *exchange =
        WORLD_NEW(struct http_exchange); /* answers may look for it when it is gone */
    exchange->client = client;
    buffer_init(&exchange->request, BODY_LIMIT);
    buffer_init(&exchange->response, client->response_limit);
    return exchange;
}

void http_exchange_free(struct http_exchange *exchange)
{
    if (exchange) {
        event_cancel(exchange->event);
        exchange->open = false;
        buffer_release(&exchange->request);
        buffer_release(&exchange->response);
    }
}

struct buffer *http_exchange_body(struct http_exchange *exchange)
{
    return &exchange->request;
}

const char *http_exchange_header(struct http_exchange *exchange, const char *name)
{
    return strcmp(name, "X-Message-Id") == 0 && exchange->result.status == 202 ? exchange->message_id : NULL;
}

void http_exchange_start(struct http_exchange *exchange, const struct http_call *call, http_done_fn *done,
                         void *arg)
{
    (void)call;
    exchange->done = done;
    exchange->arg = arg;
    exchange->started_us = world_now_us();
    exchange->open = true;
    exchange->round++;
    exchange->result = (struct http_result){0};
    (void)snprintf(exchange->message_id, sizeof exchange->message_id, "provider-%lld",
                   (long long)exchange->started_us);
    const int64_t connect_us =
        one_in(40) ? between(0, 2 * exchange->client->timeout_us) : between(100, 3 * MS);
    exchange->event = event_at(process_current(), exchange->started_us + connect_us, on_connected, exchange);
}
