/*
 * The way of a new message, from its request to its answer and its record in Kafka:
 *
 *   ingest_message()     checked; waits with others for a transaction
 *   schemas/store.c     INSERT … COMMIT, together with the outbox row
 *   on_stored()          202, and only now; published from memory
 *   relay.c              the outbox row goes when Kafka has acknowledged the record
 *
 * Who repeats a request (same Idempotency-Key or id) ends in on_repeated() or on_conflicting().
 */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "producer/answer.h"
#include "producer/ingest.h"
#include "producer/message_request.h"
#include "producer/relay.h"
#include "schemas/message_log.h"
#include "schemas/states.h"
#include "schemas/store.h"

/* A message between its request and the answer to it; lives in the request's arena. */
struct pending {
    struct store_item item;
    struct api_request *request;
};

static bool content_type_is_json(const struct http_request *http)
{
    static const char json[] = "application/json";
    const char *type = http_request_header(http, "Content-Type");
    const size_t length = strlen(json);
    /* strchr() finds the end of the text too: parameters may follow, other letters not. */
    return !type || (strncasecmp(type, json, length) == 0 && strchr("; \t", type[length]));
}

void ingest_message(struct api_request *request)
{
    struct http_request *http = request->http;
    struct store *store = request->producer->store;
    const struct config *config = request->producer->config;
    if (http->too_large) {
        answer_problem(request, 413, "The body is too large", "body must have at most 262144 bytes");
        return;
    }
    if (!content_type_is_json(http)) {
        answer_problem(request, 415, "The body is not JSON", "Content-Type must be application/json");
        return;
    }
    struct pending *pending = arena_alloc(&http->arena, sizeof *pending);
    struct new_message *message = &pending->item.message;
    *pending = (struct pending){.request = request};
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
    if (violations.count > 0) {
        answer_violations(request, &violations);
    } else if (!store_is_up(store)) {
        answer_unavailable(request, "The database is away.");
    } else if (store_waiting(store) >= (size_t)config->ingest_queue_size) {
        answer_unavailable(request, "Too many messages wait to be stored.");
    } else {
        store_add(store, &pending->item);
    }
}

static void answer_accepted(struct pending *pending, const char *id, const char *status, bool repeated)
{
    char location[128];
    (void)snprintf(location, sizeof location, "/api/v1/outbound/messages/%s", id);
    const struct http_header headers[] = {
        {"Location", location}, {"Idempotent-Replayed", repeated ? "true" : NULL}, {0}};
    struct buffer document;
    buffer_init(&document, 4096);
    buffer_format(&document, "{\"id\":\"%s\",\"status\":\"%s\",\"correlationId\":", id, status);
    buffer_json_string(&document, pending->item.message.correlation_id.bytes,
                       pending->item.message.correlation_id.length);
    buffer_text(&document, "}");
    answer_json(pending->request, 202, headers, document.bytes, document.length);
    buffer_release(&document);
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
    };
    relay_publish(producer->relay, &record);
    metric_add(producer->metrics, METRIC_QUEUED, LABELS(channel_label(message->channel)), 1);

    if (message_log_wants(producer->config, LOG_INFO, true)) {
        struct message_fields fields;
        message_fields_of_new(&fields, message, ERROR_NONE);
        log_write(LOG_INFO, fields.list, "queued");
    }
    char id[UUID_TEXT_SIZE];
    uuid_format(&message->id, id);
    answer_accepted((struct pending *)item, id, state_name(STATE_QUEUED), false);
}

static void on_repeated(void *arg, struct store_item *item, const char *id, const char *status)
{
    (void)arg;
    answer_accepted((struct pending *)item, id, status, true);
}

static void on_conflicting(void *arg, struct store_item *item)
{
    (void)arg;
    answer_problem(
        ((struct pending *)item)->request, 409, "This message was sent before with another content",
        item->message.idempotency_key.bytes ? "Idempotency-Key (or id) was used before with another body"
                                            : "id was used before with another body");
}

static void on_not_stored(void *arg, struct store_item *item, const char *why)
{
    (void)arg;
    answer_unavailable(((struct pending *)item)->request, why);
}

static void on_impossible(void *arg, struct store_item *item, const char *why)
{
    (void)arg;
    answer_problem(((struct pending *)item)->request, 500, "The message could not be stored", why);
}

static void on_commit(void *arg, size_t count)
{
    const struct producer *producer = arg;
    metric_observe(producer->metrics, METRIC_INGEST_BATCH, NO_LABELS, (double)count);
}

struct store *ingest_open(struct producer *producer)
{
    return store_open(&(struct store_options){.loop = &producer->service.loop,
                                              .config = producer->config,
                                              .application_name = "outbound producer ingest",
                                              .answers = {.stored = on_stored,
                                                          .repeated = on_repeated,
                                                          .conflicting = on_conflicting,
                                                          .not_stored = on_not_stored,
                                                          .impossible = on_impossible},
                                              .on_commit = on_commit,
                                              .arg = producer});
}
