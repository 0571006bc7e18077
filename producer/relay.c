#include "producer/relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "base/memory.h"
#include "metrics/publication.h"
#include "schemas/channels.h"
#include "schemas/lifecycle.h"
#include "schemas/outbox_done.h"
#include "schemas/tiers.h"
#include "schemas/topics.h"

#define RECORD_MAX 4096
#define PARAMS_MAX ((size_t)16 * 1024 * 1024)
/* More than that in flight, and the table is left alone until Kafka has caught up. */
#define IN_FLIGHT_MAX 20000
#define HEADERS_MAX 64

struct relay {
    struct producer *producer;
    struct kafka_producer *kafka;
    struct pg *pg;
    uv_timer_t timer;
    bool taking;
    struct log_seldom refusals;
    bool stopped;
    struct buffer record;
    struct pg_params params;
    struct outbox_done done;
};

static void take_rows(struct relay *relay);

static void on_delivery(void *arg, uint64_t ticket, const char *reason)
{
    struct relay *relay = arg;
    const int64_t outbox_id = publication_end(relay->producer->tracer, ticket, reason);
    if (reason) { /* one record may be unlucky; a topic that does not exist makes rows go round for ever */
        log_seldom(&relay->refusals,
                   "Kafka did not acknowledge a record, its outbox row will be taken again: %s", reason);
        return;
    }
    FAIL_POINT("relay.acknowledged");
    outbox_done_add(&relay->done, outbox_id);
}

static void publish(struct relay *relay, const struct kafka_record_out *record)
{
    if (!kafka_producer_send(relay->kafka, record)) {
        log_debug("the client of Kafka is being replaced: an outbox row waits");
        (void)publication_end(relay->producer->tracer, record->ticket, "the client is being replaced");
    }
}

void relay_publish(struct relay *relay, const struct relay_record *record)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&record->reference.id, id);
    /* In a tier the id chooses the partition, whose jitter the due time has (tiers.h). */
    const bool ordered = record->ordering_key.bytes && !tier_topic(record->topic);
    buffer_clear(&relay->record);
    if (record->letter) {
        letter_encode(record->letter, &relay->record);
    } else {
        reference_encode(&record->reference, &relay->record);
    }
    char due_at[24];
    (void)snprintf(due_at, sizeof due_at, "%" PRId64, record->due_at_ms);
    const struct publication publication = {record->outbox_id, record->topic, &record->reference.id};
    struct trace_context trace;
    struct trace_headers trace_texts;
    const uint64_t ticket = publication_begin(relay->producer->tracer, &publication, &record->trace, &trace);
    struct kafka_header headers[2 + TRACE_HEADERS + DEADLETTER_HEADERS + 1] = {
        {HEADER_CORRELATION_ID, record->correlation_id.bytes, record->correlation_id.length},
        {HEADER_DUE_AT, record->due_at_ms ? due_at : NULL, strlen(due_at)}};
    trace_headers_of(&trace, &trace_texts, headers + 2);
    deadletter_headers(&record->why, headers + 2 + TRACE_HEADERS);
    const struct kafka_record_out out = {.topic = record->topic,
                                         .key = ordered ? record->ordering_key.bytes : id,
                                         .key_length = ordered ? record->ordering_key.length : sizeof id - 1,
                                         .value = relay->record.bytes,
                                         .value_length = relay->record.length,
                                         .headers = headers,
                                         .by_key = ordered || tier_topic(record->topic),
                                         .ticket = ticket};
    publish(relay, &out);
}

/* The columns of lifecycle_take_outbox. */
enum {
    ROW_OUTBOX_ID,
    ROW_TOPIC,
    ROW_ID,
    ROW_ORDERING_KEY,
    ROW_GENERATION,
    ROW_FENCE,
    ROW_ORG,
    ROW_CHANNEL,
    ROW_PRIORITY,
    ROW_EXPIRES_AT,
    ROW_CORRELATION_ID,
    ROW_ERROR_CODE,
    ROW_ATTEMPTS,
    ROW_DUE_AT,
    ROW_UPDATED_AT,
    ROW_LETTER_ID,
    ROW_RECORD_KEY,
    ROW_RECORD_VALUE,
    ROW_RECORD_HEADERS,
    ROW_REPLAYS,
    ROW_HAS_GONE_ON,
    ROW_UPDATED_AT_MS,
    ROW_TRACEPARENT,
    ROW_TRACESTATE
};

/* A message is given up by its channel's sender. Its letter says the same twice, as headers and as a record.
 */
static void take_letter(struct relay_record *record, struct letter_record *letter, const PGresult *rows,
                        int row)
{
    const struct reference *reference = &record->reference;
    struct deadletter *why = &record->why;
    enum channel channel;
    if (channel_find(reference->channel.bytes, reference->channel.length, &channel)) {
        const bool urgent = text_is(reference->priority, PRIORITY_URGENT);
        why->original_topic = text_of(topic_name(channel_topic(channel, urgent)));
    }
    why->error_code = pg_text(rows, row, ROW_ERROR_CODE);
    /* Not the provider's words: they may name the recipient, and a topic holds no personal data. */
    why->error_message = text_of(error_meaning(why->error_code));
    why->attempts = pg_text(rows, row, ROW_ATTEMPTS);
    why->failed_at = pg_text(rows, row, ROW_UPDATED_AT);
    why->failed_by = text_of("sender");
    *letter = (struct letter_record){
        .reference = *reference,
        .error_code = why->error_code,
        .reason = why->error_message,
        .attempts = (int32_t)pg_int(rows, row, ROW_ATTEMPTS),
        .failed_by = why->failed_by,
        .failed_at_ms = pg_int(rows, row, ROW_UPDATED_AT_MS),
        .original_topic = why->original_topic,
    };
    record->letter = letter;
}

/* A dead letter that is replayed: the record as it once was, and how often that has been done. */
static void publish_again(struct relay *relay, const PGresult *rows, int row)
{
    struct kafka_record_out out = {.topic = PQgetvalue(rows, row, ROW_TOPIC),
                                   .ticket = publication_ticket(pg_int(rows, row, ROW_OUTBOX_ID))};
    size_t packed_length;
    char *key = pg_bytes(rows, row, ROW_RECORD_KEY, &out.key_length);
    char *value = pg_bytes(rows, row, ROW_RECORD_VALUE, &out.value_length);
    char *packed = pg_bytes(rows, row, ROW_RECORD_HEADERS, &packed_length);
    const struct text replays = pg_text(rows, row, ROW_REPLAYS);
    struct kafka_header headers[1 + HEADERS_MAX + 1] = {{HEADER_REPLAYS, replays.bytes, replays.length}};
    (void)deadletter_unpack_headers(packed, packed_length, headers + 1, HEADERS_MAX);
    out.key = key;
    out.value = value;
    out.headers = headers;
    out.by_key = tier_topic(out.topic);
    publish(relay, &out);
    PQfreemem(key);
    PQfreemem(value);
    PQfreemem(packed);
}

static void publish_row(struct relay *relay, const PGresult *rows, int row)
{
    const int64_t outbox_id = pg_int(rows, row, ROW_OUTBOX_ID);
    struct relay_record record = {.outbox_id = outbox_id, .topic = PQgetvalue(rows, row, ROW_TOPIC)};
    struct letter_record letter;
    const struct text id = pg_text(rows, row, ROW_ID);
    if (!PQgetisnull(rows, row, ROW_LETTER_ID)) {
        publish_again(relay, rows, row);
        return;
    }
    if (!id.bytes || !uuid_parse(id.bytes, id.length, &record.reference.id)) {
        outbox_done_add(&relay->done,
                        outbox_id); /* the message was archived or erased: nothing to announce */
        return;
    }
    record.reference.generation = (int32_t)pg_int(rows, row, ROW_GENERATION);
    record.reference.fence = (int32_t)pg_int(rows, row, ROW_FENCE);
    record.reference.org_id = pg_text(rows, row, ROW_ORG);
    record.reference.channel = pg_text(rows, row, ROW_CHANNEL);
    record.reference.priority = pg_text(rows, row, ROW_PRIORITY);
    record.reference.expires_at_ms = pg_int(rows, row, ROW_EXPIRES_AT);
    record.correlation_id = pg_text(rows, row, ROW_CORRELATION_ID);
    (void)trace_context_parse(pg_text(rows, row, ROW_TRACEPARENT), pg_text(rows, row, ROW_TRACESTATE),
                              &record.trace);
    if (strcmp(record.topic, topic_name(TOPIC_DLQ)) == 0) {
        if (pg_int(rows, row, ROW_HAS_GONE_ON)) {
            outbox_done_add(&relay->done, outbox_id); /* sent after all, or queued again by a person */
            return;
        }
        take_letter(&record, &letter, rows, row);
    }
    record.due_at_ms = tier_topic(record.topic) ? pg_int(rows, row, ROW_DUE_AT) : 0;
    size_t key_length;
    char *ordering_key = pg_bytes(rows, row, ROW_ORDERING_KEY, &key_length);
    record.ordering_key = (struct text){ordering_key, key_length};
    relay_publish(relay, &record);
    PQfreemem(ordering_key);
}

static void on_taken(void *arg, struct pg_reply *reply)
{
    struct relay *relay = arg;
    relay->taking = false;
    if (reply->outcome == PG_REFUSED) {
        log_error("the outbox cannot be read: %s", reply->message);
    }
    if (reply->outcome != PG_DONE) {
        return;
    }
    const int count = PQntuples(reply->rows);
    if (count > 0) {
        FAIL_POINT("relay.took");
    }
    for (int row = 0; row < count; row++) {
        publish_row(relay, reply->rows, row);
    }
    metric_add(relay->producer->metrics, METRIC_OUTBOX_TAKEN, NO_LABELS, count);
    if (count == relay->producer->config->outbox_batch_size) {
        take_rows(relay); /* there are more */
    }
}

static void take_rows(struct relay *relay)
{
    if (relay->taking || relay->stopped || !relay_is_open(relay) ||
        kafka_producer_in_flight(relay->kafka) >= IN_FLIGHT_MAX ||
        !kafka_producer_is_connected(relay->kafka)) {
        return;
    }
    pg_params_clear(&relay->params);
    pg_param_int8(&relay->params, relay->producer->config->outbox_batch_size);
    pg_param_int8(&relay->params, relay->producer->config->outbox_lease_ms);
    relay->taking = pg_call(relay->pg, &lifecycle_take_outbox, &relay->params, on_taken, relay);
}

static void on_timer(uv_timer_t *timer)
{
    struct relay *relay = timer->data;
    outbox_done_delete(&relay->done);
    take_rows(relay);
}

struct relay *relay_new(struct producer *producer, struct error *error)
{
    const struct config *config = producer->config;
    struct relay *relay = NEW(struct relay);
    relay->producer = producer;
    buffer_init(&relay->record, RECORD_MAX);
    pg_params_init(&relay->params, PARAMS_MAX);
    const struct kafka_producer_options options = {.kafka = config_kafka(config, "outbound-producer"),
                                                   .message_timeout_ms =
                                                       (unsigned)config->kafka_message_timeout_ms,
                                                   .opens_later = true,
                                                   .on_delivery = on_delivery,
                                                   .arg = relay};
    relay->kafka = kafka_producer_open(&producer->service.loop, &options, error);
    if (!relay->kafka) {
        free(relay);
        return NULL;
    }
    relay->pg = pg_open(&producer->service.loop,
                        &(struct pg_options){.url = config->database_url,
                                             .application_name = "outbound producer relay",
                                             .timeout_ms = (unsigned)config->database_timeout_ms});
    outbox_done_init(&relay->done, relay->pg);
    uv_timer_init(&producer->service.loop, &relay->timer);
    relay->timer.data = relay;
    uv_timer_start(&relay->timer, on_timer, 0, (uint64_t)config->outbox_poll_interval_ms);
    return relay;
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void relay_free(struct relay *relay)
{
    if (!relay) {
        return;
    }
    kafka_producer_close(relay->kafka);
    pg_close(relay->pg);
    buffer_release(&relay->record);
    pg_params_release(&relay->params);
    outbox_done_release(&relay->done);
    uv_close((uv_handle_t *)&relay->timer, on_timer_closed);
}

void relay_reopen_kafka(struct relay *relay, int64_t rebuilds)
{
    kafka_producer_reopen(relay->kafka);
    outbox_done_begin(&relay->done, rebuilds);
}

bool relay_is_open(const struct relay *relay)
{
    return outbox_done_has_begun(&relay->done);
}

void relay_stop(struct relay *relay)
{
    relay->stopped = true;
}

bool relay_is_idle(const struct relay *relay)
{
    const bool kafka_idle =
        kafka_producer_in_flight(relay->kafka) == 0 || !kafka_producer_is_connected(relay->kafka);
    const bool database_idle = outbox_done_is_empty(&relay->done) || !pg_is_up(relay->pg);
    return kafka_idle && database_idle && !relay->taking;
}

bool relay_kafka_is_connected(const struct relay *relay)
{
    return kafka_producer_is_connected(relay->kafka);
}

bool relay_kafka_was_connected(const struct relay *relay)
{
    return kafka_producer_was_connected(relay->kafka);
}

const char *relay_kafka_refused(const struct relay *relay)
{
    return kafka_producer_refused(relay->kafka);
}
