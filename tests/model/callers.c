/*
 * base/http_server.h, with callers before it. Each posts one message with an Idempotency-Key of its own, and
 * the same again until somebody has said 202.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/http_server.h"
#include "base/memory.h"
#include "tests/model/invariants.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

#define CALLERS_MAX MESSAGES_MAX
#define SERVERS_MAX 64
#define PATIENCE_US (2 * SECOND)
#define AGAIN_US (300 * MS)

struct caller {
    char key[24];
    char body[512];
    unsigned tries;
    bool expires; /* the message has a time of its own */
    bool done;    /* it is accepted, or its time was over before it was */
};

struct http_server {
    struct process *process;
    unsigned life;
    struct http_server_options options;
    size_t pending;
    bool draining;
    bool closed;
};

/* A request in the hand of a process. */
struct arriving {
    struct http_request http;
    struct caller *caller;
    unsigned try;
};

static struct caller callers[CALLERS_MAX];
static size_t caller_count;
static struct http_server *servers[SERVERS_MAX];
static size_t server_count;

void callers_reset(void)
{
    caller_count = 0;
    server_count = 0;
}

static void post(void *arg);

static void post_again(struct caller *caller, int64_t after_us)
{
    if (!caller->done) {
        event_at(NULL, world_now_us() + after_us, post, caller);
    }
}

static bool serves(const struct http_server *server)
{
    return !server->closed && !server->draining && process_life(server->process) == server->life;
}

struct posted {
    struct caller *caller;
    struct http_server *server;
    unsigned try;
};

static void on_request(void *arg)
{
    struct posted *posted = arg;
    struct http_server *server = posted->server;
    if (!serves(server)) {
        return;
    }
    struct arriving *arriving = NEW(struct arriving);
    *arriving = (struct arriving){.http = {.method = "POST",
                                           .path = "/api/v1/outbound/messages",
                                           .server = server,
                                           .arrived_us = clock_monotonic_us()},
                                  .caller = posted->caller,
                                  .try = posted->try};
    buffer_init(&arriving->http.body, server->options.body_limit);
    buffer_text(&arriving->http.body, posted->caller->body);
    server->pending++;
    server->options.on_request(server->options.arg, &arriving->http);
}

/* Nobody has answered: the caller cannot know. */
static void on_impatient(void *arg)
{
    const struct posted *posted = arg;
    if (posted->caller->tries == posted->try && !posted->caller->done) {
        tell("%s hears nothing", posted->caller->key);
        post(posted->caller);
    }
}

static void post(void *arg)
{
    struct caller *caller = arg;
    if (caller->done) {
        return;
    }
    struct http_server *open[SERVERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < server_count; i++) {
        if (serves(servers[i])) {
            open[count++] = servers[i];
        }
    }
    if (count == 0) {
        post_again(caller, AGAIN_US);
        return;
    }
    struct posted *posted = WORLD_NEW(struct posted);
    *posted = (struct posted){caller, open[chance(count)], ++caller->tries};
    event_at(posted->server->process, world_now_us() + between(100, 2 * MS), on_request, posted);
    event_at(NULL, world_now_us() + PATIENCE_US, on_impatient, posted);
}

/* JSON as an API's caller writes it. */
void caller_begin(unsigned number, int64_t at_us)
{
    if (caller_count == CALLERS_MAX) {
        abort();
    }
    struct caller *caller = &callers[caller_count++];
    *caller = (struct caller){0};
    (void)snprintf(caller->key, sizeof caller->key, "order-%u", number);
    char expires_at[64] = "";
    if (one_in(8)) {
        caller->expires = true;
        char time[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339((world_wall_us() + at_us) / 1000 + between(1000, 20000), time);
        (void)snprintf(expires_at, sizeof expires_at, ",\"expiresAt\":\"%s\"", time);
    }
    (void)snprintf(
        caller->body, sizeof caller->body,
        "{\"dossierId\":%u,\"channel\":\"EMAIL\",\"to\":\"reader-%u@example.org\",\"templateCode\":\"hello\","
        "\"subject\":\"Hello\",\"payloadJson\":{\"text\":\"Hello\"},\"priority\":\"%s\"%s%s}",
        number, number, one_in(4) ? "urgent" : "normal", one_in(6) ? ",\"orderingKey\":\"one\"" : "",
        expires_at);
    event_at(NULL, at_us, post, caller);
}

size_t callers_count(void)
{
    return caller_count;
}

size_t callers_done(void)
{
    size_t count = 0;
    for (size_t i = 0; i < caller_count; i++) {
        count += callers[i].done;
    }
    return count;
}

struct answered {
    struct caller *caller;
    int status;
};

static void on_answered(void *arg)
{
    const struct answered *answered = arg;
    struct caller *caller = answered->caller;
    tell("%s is answered %d", caller->key, answered->status);
    if (answered->status == 202 || (answered->status == 400 && caller->expires)) {
        caller->done = true;
    } else if (answered->status == 503) {
        post_again(caller, AGAIN_US);
    } else {
        violated("%s is answered %d", caller->key, answered->status);
    }
}

static void answer(struct arriving *arriving, int status, const char *body)
{
    struct caller *caller = arriving->caller;
    if (status == 202) {
        static const char id_name[] = "\"id\":\"";
        const char *id = body ? strstr(body, id_name) : NULL;
        invariant_said_accepted(caller->key, id ? id + sizeof id_name - 1 : "");
    }
    if (!one_in(faults.caller_gone)) {
        struct answered *answered = WORLD_NEW(struct answered);
        *answered = (struct answered){caller, status};
        event_at(NULL, world_now_us() + between(100, 2 * MS), on_answered, answered);
    }
}

struct http_server *http_server_open(uv_loop_t *loop, const struct http_server_options *options,
                                     struct error *error)
{
    (void)loop;
    (void)error;
    struct http_server *server = WORLD_NEW(struct http_server);
    *server = (struct http_server){
        .process = process_current(), .life = process_life(process_current()), .options = *options};
    size_t at = 0;
    while (at < server_count && process_life(servers[at]->process) == servers[at]->life) {
        at++;
    }
    if (at == SERVERS_MAX) {
        abort();
    }
    server_count = at == server_count ? server_count + 1 : server_count;
    return servers[at] = server;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    const struct arriving *arriving = (const struct arriving *)request;
    return strcasecmp(name, "Idempotency-Key") == 0 ? arriving->caller->key
           : strcasecmp(name, "Content-Type") == 0  ? "application/json"
                                                    : NULL;
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    (void)request;
    (void)name;
    return NULL;
}

void http_request_each_query(const struct http_request *request,
                             void (*take)(void *arg, const char *name, const char *value), void *arg)
{
    (void)request;
    (void)take;
    (void)arg;
}

void http_respond(struct http_request *request, int status, const struct http_header *headers,
                  const char *body, size_t body_length)
{
    (void)headers;
    (void)body_length;
    request->server->pending--;
    answer((struct arriving *)request, status, body);
    buffer_release(&request->body);
    arena_release(&request->arena);
    free(request);
}

size_t http_server_pending(const struct http_server *server)
{
    return server->pending;
}

void http_server_drain(struct http_server *server)
{
    server->draining = true;
}

void http_server_close(struct http_server *server)
{
    if (server) {
        server->closed = true;
    }
}
