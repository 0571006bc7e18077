#include "producer/relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "schemas/channels.h"
#include "schemas/lifecycle.h"
#include "schemas/tiers.h"
#include "schemas/topics.h"

#define RECORD_MAX 4096
#define PARAMS_MAX ((size_t)16 * 1024 * 1024)
/* More than that in flight, and the table is left alone until Kafka has caught up. */
#define IN_FLIGHT_MAX 20000
#define LINGER_MS 5
#define WARN_EVERY_MS 60000
#define HEADERS_MAX 64

struct relay {
    struct producer *producer;
    struct kafka_producer *kafka;
    struct pg *pg;
    uv_timer_t timer;
    bool taking;
    int64_t warned_ms; /* monotonic; 0: never */
    bool stopped;
    struct buffer record;
    struct pg_params params;

    int64_t *acknowledged; /* outbox ids whose rows can go */
    size_t acknowledged_count;
    size_t acknowledged_capacity;
    size_t deleting; /* how many of them, from the start, a statement is deleting */
};

static void take_rows(struct relay *relay);

static void on_deleted(void *arg, struct pg_reply *reply);

static void delete_acknowledged(struct relay *relay)
{
    const size_t most = 5000;
    const size_t count = relay->acknowledged_count < most ? relay->acknowledged_count : most;
    if (relay->deleting || count == 0) {
        return;
    }
    pg_params_clear(&relay->params);
    pg_array_begin(&relay->params, PG_INT8);
    for (size_t i = 0; i < count; i++) {
        pg_array_int8(&relay->params, relay->acknowledged[i]);
    }
    pg_array_end(&relay->params);
    if (pg_call(relay->pg, &lifecycle_delete_outbox, &relay->params, on_deleted, relay)) {
        relay->deleting = count;
    }
}

static void on_deleted(void *arg, struct pg_reply *reply)
{
    struct relay *relay = arg;
    if (reply->outcome == PG_DONE) {
        relay->acknowledged_count -= relay->deleting;
        memmove(relay->acknowledged, relay->acknowledged + relay->deleting,
                relay->acknowledged_count * sizeof *relay->acknowledged);
    } else if (reply->outcome == PG_REFUSED) {
        log_error("outbox rows cannot be deleted: %s", reply->message);
    }
    relay->deleting = 0;
    if (reply->outcome == PG_DONE) {
        delete_acknowledged(relay);
    }
}

static void acknowledge(struct relay *relay, int64_t outbox_id)
{
    if (relay->acknowledged_count == relay->acknowledged_capacity) {
        relay->acknowledged_capacity = relay->acknowledged_capacity ? relay->acknowledged_capacity * 2 : 1024;
        relay->acknowledged =
            memory_resize(relay->acknowledged, relay->acknowledged_capacity * sizeof *relay->acknowledged);
    }
    relay->acknowledged[relay->acknowledged_count++] = outbox_id;
}

/* One record may be unlucky; a topic that does not exist makes rows go round for ever. */
static void warn_sometimes(struct relay *relay, const char *reason)
{
    const int64_t now_ms = clock_monotonic_ms();
    const bool quiet = relay->warned_ms && now_ms - relay->warned_ms < WARN_EVERY_MS;
    log_write(quiet ? LOG_DEBUG : LOG_WARN, NULL,
              "Kafka did not acknowledge a record, its outbox row will be taken again: %s", reason);
    if (!quiet) {
        relay->warned_ms = now_ms;
    }
}

static void on_delivery(void *arg, uint64_t ticket, const char *reason)
{
    struct relay *relay = arg;
    metric_add(relay->producer->metrics, METRIC_PUBLISHED, LABELS(reason ? "failed" : "acknowledged"), 1);
    if (reason) {
        warn_sometimes(relay, reason);
        return;
    }
    acknowledge(relay, (int64_t)ticket);
}

static void publish(struct relay *relay, const struct kafka_record_out *record)
{
    if (!kafka_producer_send(relay->kafka, record)) {
        log_debug("the queue to Kafka is full: an outbox row waits");
    }
}

void relay_publish(struct relay *relay, const struct relay_record *record)
{
    char key[UUID_TEXT_SIZE];
    uuid_format(&record->reference.id, key);
    buffer_clear(&relay->record);
    reference_encode(&record->reference, &relay->record);
    char due_at[24];
    (void)snprintf(due_at, sizeof due_at, "%" PRId64, record->due_at_ms);
    struct kafka_header headers[2 + DEADLETTER_HEADERS + 1] = {
        {HEADER_CORRELATION_ID, record->correlation_id.bytes, record->correlation_id.length},
        {HEADER_DUE_AT, record->due_at_ms ? due_at : NULL, strlen(due_at)}};
    deadletter_headers(&record->letter, headers + 2);
    const struct kafka_record_out out = {.topic = record->topic,
                                         .key = key,
                                         .key_length = UUID_TEXT_SIZE - 1,
                                         .value = relay->record.bytes,
                                         .value_length = relay->record.length,
                                         .headers = headers,
                                         .by_key = tier_topic(record->topic),
                                         .ticket = (uint64_t)record->outbox_id};
    publish(relay, &out);
}

/* The columns of lifecycle_take_outbox. */
enum {
    ROW_OUTBOX_ID,
    ROW_TOPIC,
    ROW_ID,
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
    ROW_HAS_GONE_ON
};

/* A message is given up by its channel's sender. */
static void take_letter(struct deadletter *letter, const struct reference *reference, const PGresult *rows,
                        int row)
{
    enum channel channel;
    if (channel_find(reference->channel.bytes, reference->channel.length, &channel)) {
        const bool urgent = text_is(reference->priority, PRIORITY_URGENT);
        letter->original_topic = text_of(topic_name(channel_topic(channel, urgent)));
    }
    letter->error_code = pg_text(rows, row, ROW_ERROR_CODE);
    /* Not the provider's words: they may name the recipient, and a topic holds no personal data. */
    letter->error_message = text_of(error_meaning(letter->error_code));
    letter->attempts = pg_text(rows, row, ROW_ATTEMPTS);
    letter->failed_at = pg_text(rows, row, ROW_UPDATED_AT);
    letter->failed_by = text_of("sender");
}

/* Bytes of a bytea column; NULL for SQL's null. Free them with PQfreemem(). */
static char *bytes_of(const PGresult *rows, int row, int column, size_t *ret_length)
{
    *ret_length = 0;
    const char *text = pg_string(rows, row, column);
    return text ? (char *)PQunescapeBytea((const unsigned char *)text, ret_length) : NULL;
}

/* A dead letter that is replayed: the record as it once was, and how often that has been done. */
static void publish_again(struct relay *relay, const PGresult *rows, int row)
{
    struct kafka_record_out out = {.topic = PQgetvalue(rows, row, ROW_TOPIC),
                                   .ticket = (uint64_t)pg_int(rows, row, ROW_OUTBOX_ID)};
    size_t packed_length;
    char *key = bytes_of(rows, row, ROW_RECORD_KEY, &out.key_length);
    char *value = bytes_of(rows, row, ROW_RECORD_VALUE, &out.value_length);
    char *packed = bytes_of(rows, row, ROW_RECORD_HEADERS, &packed_length);
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
    const struct text id = pg_text(rows, row, ROW_ID);
    if (!PQgetisnull(rows, row, ROW_LETTER_ID)) {
        publish_again(relay, rows, row);
        return;
    }
    if (!id.bytes || !uuid_parse(id.bytes, id.length, &record.reference.id)) {
        acknowledge(relay, outbox_id); /* the message was archived or erased: nothing to announce */
        return;
    }
    record.reference.generation = (int32_t)pg_int(rows, row, ROW_GENERATION);
    record.reference.fence = (int32_t)pg_int(rows, row, ROW_FENCE);
    record.reference.org_id = pg_text(rows, row, ROW_ORG);
    record.reference.channel = pg_text(rows, row, ROW_CHANNEL);
    record.reference.priority = pg_text(rows, row, ROW_PRIORITY);
    record.reference.expires_at_ms = pg_int(rows, row, ROW_EXPIRES_AT);
    record.correlation_id = pg_text(rows, row, ROW_CORRELATION_ID);
    if (strcmp(record.topic, topic_name(TOPIC_DLQ)) == 0) {
        if (pg_int(rows, row, ROW_HAS_GONE_ON)) {
            acknowledge(relay, outbox_id); /* sent after all, or queued again by a person */
            return;
        }
        take_letter(&record.letter, &record.reference, rows, row);
    }
    record.due_at_ms = tier_topic(record.topic) ? pg_int(rows, row, ROW_DUE_AT) : 0;
    relay_publish(relay, &record);
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
    if (relay->taking || relay->stopped || kafka_producer_in_flight(relay->kafka) >= IN_FLIGHT_MAX ||
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
    delete_acknowledged(relay);
    take_rows(relay);
}

struct relay *relay_new(struct producer *producer, struct error *error)
{
    const struct config *config = producer->config;
    struct relay *relay = NEW(struct relay);
    relay->producer = producer;
    buffer_init(&relay->record, RECORD_MAX);
    pg_params_init(&relay->params, PARAMS_MAX);
    const struct kafka_producer_options options = {.kafka = {.brokers = config->kafka_brokers,
                                                             .client_id = "outbound-producer",
                                                             .properties = config->kafka_properties},
                                                   .message_timeout_ms =
                                                       (unsigned)config->kafka_message_timeout_ms,
                                                   .linger_ms = LINGER_MS,
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
    free(relay->acknowledged);
    uv_close((uv_handle_t *)&relay->timer, on_timer_closed);
}

void relay_stop(struct relay *relay)
{
    relay->stopped = true;
}

bool relay_is_idle(const struct relay *relay)
{
    const bool kafka_idle =
        kafka_producer_in_flight(relay->kafka) == 0 || !kafka_producer_is_connected(relay->kafka);
    const bool database_idle = relay->acknowledged_count == 0 || !pg_is_up(relay->pg);
    return kafka_idle && database_idle && !relay->taking;
}

bool relay_kafka_is_connected(const struct relay *relay)
{
    return kafka_producer_is_connected(relay->kafka);
}

bool relay_database_is_up(const struct relay *relay)
{
    return pg_is_up(relay->pg);
}
