/*
 * The way of a new message, from its request to its answer and its record in Kafka:
 *
 *   ingest_message()     checked; waits with others for a transaction
 *   schemas/store.c     INSERT … COMMIT, together with the outbox row
 *   on_stored()          published from memory
 *   on_end()             202, and only now
 *   relay.c              the outbox row goes when Kafka has acknowledged the record
 *
 * on_end() answers also who repeats a request (same Idempotency-Key or id): 202 again, or 409 for another
 * content.
 */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "producer/answer.h"
#include "producer/ingest.h"
#include "producer/message_request.h"
#include "producer/relay.h"
#include "schemas/message_log.h"
#include "schemas/states.h"
#include "schemas/store.h"

static void on_end(struct ingest_item *item, const struct ingest_end *end);

static bool content_type_is_json(const struct http_request *http)
{
    static const char json[] = "application/json";
    const char *type = http_request_header(http, "Content-Type");
    const size_t length = strlen(json);
    /* strchr() finds the end of the text too: parameters may follow, other letters not. */
    return !type || (strncasecmp(type, json, length) == 0 && strchr("; \t", type[length]));
}

bool ingest_takes_body(struct api_request *request)
{
    if (request->http->too_large) {
        answer_problem(request, 413, "The body is too large", "body must have at most 262144 bytes");
        return false;
    }
    if (!content_type_is_json(request->http)) {
        answer_problem(request, 415, "The body is not JSON", "Content-Type must be application/json");
        return false;
    }
    return true;
}

bool ingest_is_up(const struct producer *producer)
{
    return store_is_up(producer->store) && relay_is_open(producer->relay);
}

const char *ingest_obstacle(const struct producer *producer)
{
    if (!ingest_is_up(producer)) {
        return "The database is away.";
    }
    const bool full = store_waiting(producer->store) >= (size_t)producer->config->ingest_queue_size;
    return full ? "Too many messages wait to be stored." : NULL;
}

void ingest_add(struct ingest_item *item)
{
    struct new_message *message = &item->stored.message;
    const struct trace_context *trace = &item->request->span.context;
    message->traceparent = trace_context_text(trace, &item->request->http->arena);
    message->tracestate = trace->state;
    store_add(item->request->producer->store, &item->stored);
}

void ingest_message(struct api_request *request)
{
    struct http_request *http = request->http;
    const struct config *config = request->producer->config;
    if (!ingest_takes_body(request)) {
        return;
    }
    struct ingest_item *item = arena_alloc(&http->arena, sizeof *item);
    struct new_message *message = &item->stored.message;
    *item = (struct ingest_item){.request = request, .on_end = on_end};
    message->id = uuid_v7();
    message->org_id = text_of(http_request_header(http, "X-Org-ID"));
    if (!message->org_id.bytes) {
        message->org_id = text_of(config->default_org_id);
    }
    message->correlation_id = text_of(http_request_header(http, "X-Correlation-ID"));
    if (!message->correlation_id.bytes) {
        message->correlation_id = text_of(request->correlation_id);
    }
    message->idempotency_key = text_of(http_request_header(http, "Idempotency-Key"));
    message->source = text_of(MESSAGE_SOURCE_HTTP);
    message->priority = text_of(PRIORITY_NORMAL);

    struct violations violations = {.arena = &http->arena};
    const int64_t now_us = clock_wall_us();
    message_request_parse(http->body.bytes, http->body.length, &http->arena, message, &violations);
    if (violations.count == 0) {
        new_message_check(message, MESSAGE_BY_HTTP, now_us, &violations);
        new_message_limit_age(message, now_us, config->message_max_age_ms);
    }
    const char *obstacle = ingest_obstacle(request->producer);
    if (violations.count > 0) {
        answer_violations(request, &violations);
    } else if (obstacle) {
        answer_unavailable(request, obstacle);
    } else {
        ingest_add(item);
    }
}

static void answer_accepted(const struct ingest_item *item, const char *id, const char *status, bool repeated)
{
    char location[128];
    (void)snprintf(location, sizeof location, "/api/v1/outbound/messages/%s", id);
    const struct http_header headers[] = {
        {"Location", location}, {"Idempotent-Replayed", repeated ? "true" : NULL}, {0}};
    struct buffer document;
    buffer_init(&document, 4096);
    const struct new_message *message = &item->stored.message;
    buffer_format(&document, "{\"id\":\"%s\",\"status\":\"%s\",\"correlationId\":", id, status);
    buffer_json_string(&document, message->correlation_id.bytes, message->correlation_id.length);
    buffer_text(&document, "}");
    answer_json(item->request, 202, headers, document.bytes, document.length);
    buffer_release(&document);
}

static void on_end(struct ingest_item *item, const struct ingest_end *end)
{
    struct api_request *request = item->request;
    switch (end->result) {
    case INGEST_STORED:
        request->message = &item->stored.message;
        answer_accepted(item, end->id, end->status, false);
        break;
    case INGEST_REPEATED:
        answer_accepted(item, end->id, end->status, true);
        break;
    case INGEST_CONFLICTING:
        answer_problem(request, 409, "This message was sent before with another content",
                       item->stored.message.idempotency_key.bytes
                           ? "Idempotency-Key (or id) was used before with another body"
                           : "id was used before with another body");
        break;
    case INGEST_NOT_STORED:
        answer_unavailable(request, end->why);
        break;
    case INGEST_IMPOSSIBLE:
        answer_problem(request, 500, "The message could not be stored", end->why);
        break;
    }
}

static void end_item(struct store_item *stored, struct ingest_end end)
{
    struct ingest_item *item = (struct ingest_item *)stored;
    item->on_end(item, &end);
}

static void on_stored(void *arg, struct store_item *item, int64_t outbox_id)
{
    struct producer *producer = arg;
    const struct new_message *message = &item->message;
    const struct relay_record record = {
        .outbox_id = outbox_id,
        .topic = topic_name(TOPIC_ACCEPTED),
        .reference = {.id = message->id,
                      .org_id = message->org_id,
                      .channel = message->channel_name,
                      .priority = message->priority,
                      .expires_at_ms = message->expires_at_us / 1000},
        .ordering_key = message->ordering_key,
        .correlation_id = message->correlation_id,
        .trace = ((const struct ingest_item *)item)->request->span.context,
    };
    relay_publish(producer->relay, &record);
    FAIL_POINT("producer.published");
    metric_add(producer->metrics, METRIC_QUEUED, LABELS(channel_label(message->channel)), 1);

    if (message_log_wants(producer->config, LOG_INFO, true)) {
        struct message_fields fields;
        message_fields_of_new(&fields, message, ERROR_NONE);
        log_write(LOG_INFO, fields.list, "queued");
    }
    char id[UUID_TEXT_SIZE];
    uuid_format(&message->id, id);
    end_item(item, (struct ingest_end){INGEST_STORED, id, state_name(STATE_QUEUED), NULL});
    FAIL_POINT("producer.answered");
}

static void on_repeated(void *arg, struct store_item *item, const char *id, const char *status)
{
    (void)arg;
    end_item(item, (struct ingest_end){INGEST_REPEATED, id, status, NULL});
}

static void on_conflicting(void *arg, struct store_item *item)
{
    (void)arg;
    end_item(item, (struct ingest_end){INGEST_CONFLICTING, NULL, NULL, NULL});
}

static void on_not_stored(void *arg, struct store_item *item, const char *why)
{
    (void)arg;
    end_item(item, (struct ingest_end){INGEST_NOT_STORED, NULL, NULL, why});
}

static void on_impossible(void *arg, struct store_item *item, const char *why)
{
    (void)arg;
    end_item(item, (struct ingest_end){INGEST_IMPOSSIBLE, NULL, NULL, why});
}

static void on_commit(void *arg, const struct store_commit *commit)
{
    const struct producer *producer = arg;
    metric_observe(producer->metrics, METRIC_INGEST_BATCH, NO_LABELS, (double)commit->count);
    struct span_links links;
    links.count = 0;
    for (const struct store_item *item = commit->first; producer->tracer && item; item = item->next) {
        span_link(&links, &((const struct ingest_item *)item)->request->span);
    }
    span_of_statement(producer->tracer, &links, commit->sent_us, commit->statement, commit->count);
}

struct store *ingest_open(struct producer *producer)
{
    return store_open(&(struct store_options){.loop = &producer->service.loop,
                                              .config = producer->config,
                                              .application_name = "outbound producer ingest",
                                              .ahead = true,
                                              .answers = {.stored = on_stored,
                                                          .repeated = on_repeated,
                                                          .conflicting = on_conflicting,
                                                          .not_stored = on_not_stored,
                                                          .impossible = on_impossible},
                                              .on_commit = on_commit,
                                              .arg = producer});
}
