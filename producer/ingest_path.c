/*
 * The way of a new message, from its request to its answer and its record in Kafka:
 *
 *   ingest_message()     checked; waits with others for a transaction
 *   committer.c          INSERT … COMMIT, together with the outbox row
 *   ingest_stored()      202, and only now; published from memory
 *   relay.c              the outbox row goes when Kafka has acknowledged the record
 *
 * Who repeats a request (same Idempotency-Key or id) ends in ingest_repeated() or ingest_conflicting().
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/memory.h"
#include "producer/answer.h"
#include "producer/committer.h"
#include "producer/ingest.h"
#include "producer/message_request.h"
#include "producer/relay.h"
#include "schemas/states.h"

/* A transaction is closed when its payloads reach this. */
#define BATCH_BYTES ((size_t)16 * 1024 * 1024)

struct ingest {
    struct producer *producer;
    struct pending *first; /* checked, not in a transaction yet; oldest first */
    struct pending **last;
    size_t waiting;
    struct committer *committer;
    uv_timer_t commit_soon;
};

static void on_commit_soon(uv_timer_t *timer);

struct ingest *ingest_new(struct producer *producer)
{
    struct ingest *ingest = NEW(struct ingest);
    ingest->producer = producer;
    ingest->last = &ingest->first;
    uv_timer_init(&producer->service.loop, &ingest->commit_soon);
    ingest->commit_soon.data = ingest;
    ingest->committer = committer_new(producer, ingest);
    return ingest;
}

static void fail_waiting(struct ingest *ingest)
{
    size_t count;
    struct pending *waiting = ingest_next_batch(ingest, SIZE_MAX, &count);
    for (struct pending *next; waiting; waiting = next) {
        next = waiting->next;
        ingest_not_stored(ingest, waiting, "The database went away.");
    }
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void ingest_free(struct ingest *ingest)
{
    struct committer *committer = ingest->committer;
    ingest->committer = NULL; /* what it still answers must find the database gone */
    committer_free(committer);
    fail_waiting(ingest);
    uv_close((uv_handle_t *)&ingest->commit_soon, on_timer_closed);
}

static bool content_type_is_json(const struct http_request *http)
{
    static const char json[] = "application/json";
    const char *type = http_request_header(http, "Content-Type");
    const size_t length = strlen(json);
    /* strchr() finds the end of the text too: parameters may follow, other letters not. */
    return !type || (strncasecmp(type, json, length) == 0 && strchr("; \t", type[length]));
}

bool ingest_database_is_up(const struct ingest *ingest)
{
    return ingest->committer && committer_is_up(ingest->committer);
}

static void enqueue(struct ingest *ingest, struct pending *pending)
{
    *ingest->last = pending;
    ingest->last = &pending->next;
    if (ingest->waiting++ == 0) {
        uv_timer_start(&ingest->commit_soon, on_commit_soon, 0, 0);
    }
}

/* All requests that came with the same turn of the loop start together. */
static void on_commit_soon(uv_timer_t *timer)
{
    struct ingest *ingest = timer->data;
    committer_start(ingest->committer);
}

void ingest_message(struct api_request *request)
{
    struct http_request *http = request->http;
    struct ingest *ingest = request->producer->ingest;
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
    struct new_message *message = &pending->message;
    pending->request = request;
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
    message->priority = text_of(PRIORITY_NORMAL);

    struct violations violations = {.arena = &http->arena};
    const int64_t now_us = clock_wall_us();
    message_request_parse(http->body.bytes, http->body.length, &http->arena, message, &violations);
    if (violations.count == 0) {
        new_message_check(message, now_us, &violations);
        new_message_limit_age(message, now_us, config->message_max_age_ms);
    }
    if (violations.count > 0) {
        answer_violations(request, &violations);
    } else if (!ingest_database_is_up(ingest)) {
        answer_unavailable(request, "The database is away.");
    } else if (ingest->waiting >= (size_t)config->ingest_queue_size) {
        answer_unavailable(request, "Too many messages wait to be stored.");
    } else {
        enqueue(ingest, pending);
    }
}

struct pending *ingest_next_batch(struct ingest *ingest, size_t most, size_t *ret_count)
{
    struct pending *batch = ingest->first;
    struct pending **end = &ingest->first;
    size_t count = 0;
    size_t bytes = 0;
    while (*end && count < most && bytes < BATCH_BYTES) {
        bytes += (*end)->message.payload.length;
        end = &(*end)->next;
        count++;
    }
    ingest->first = *end;
    *end = NULL;
    if (!ingest->first) {
        ingest->last = &ingest->first;
    }
    if (count == 0) {
        return NULL;
    }
    ingest->waiting -= count;
    *ret_count = count;
    return batch;
}

void ingest_database_gone(struct ingest *ingest)
{
    if (!ingest_database_is_up(ingest)) {
        fail_waiting(ingest);
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
    buffer_json_string(&document, pending->message.correlation_id.bytes,
                       pending->message.correlation_id.length);
    buffer_text(&document, "}");
    answer_json(pending->request, 202, headers, document.bytes, document.length);
    buffer_release(&document);
}

void ingest_stored(struct ingest *ingest, struct pending *pending, int64_t outbox_id)
{
    struct producer *producer = ingest->producer;
    const struct new_message *message = &pending->message;
    const struct relay_record record = {
        .outbox_id = outbox_id,
        .topic = topic_name(TOPIC_ACCEPTED),
        .reference = {.id = message->id,
                      .org_id = message->org_id,
                      .channel = message->channel_name,
                      .priority = message->priority,
                      .expires_at_ms = message->expires_at_us / 1000},
        .correlation_id = message->correlation_id,
    };
    relay_publish(producer->relay, &record);
    metric_add(producer->metrics, METRIC_QUEUED, LABELS(channel_label(message->channel)), 1);

    char id[UUID_TEXT_SIZE];
    uuid_format(&message->id, id);
    answer_accepted(pending, id, state_name(STATE_QUEUED), false);
}

void ingest_repeated(struct ingest *ingest, struct pending *pending, const char *id, const char *status)
{
    (void)ingest;
    answer_accepted(pending, id, status, true);
}

void ingest_conflicting(struct ingest *ingest, struct pending *pending)
{
    (void)ingest;
    answer_problem(pending->request, 409, "This message was sent before with another content",
                   pending->message.idempotency_key.bytes
                       ? "Idempotency-Key (or id) was used before with another body"
                       : "id was used before with another body");
}

void ingest_not_stored(struct ingest *ingest, struct pending *pending, const char *why)
{
    (void)ingest;
    answer_unavailable(pending->request, why);
}

void ingest_impossible(struct ingest *ingest, struct pending *pending, const char *why)
{
    (void)ingest;
    answer_problem(pending->request, 500, "The message could not be stored", why);
}
