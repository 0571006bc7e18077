#include "producer/event_relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "schemas/avro_schemas.h"
#include "schemas/deadletter.h"
#include "schemas/events.h"
#include "schemas/lifecycle.h"
#include "schemas/registry.h"
#include "schemas/status_event.h"
#include "schemas/topics.h"

#define BATCH 2000 /* events, and so at most as many rows */
#define RECORD_MAX ((size_t)64 * 1024)
#define PARAMS_MAX ((size_t)64 * 1024)
#define ASK_AGAIN_MS 2000
#define SILENCE_MORE_MS 5000 /* than it takes until a batch is reported on and the next one is taken */

struct event_relay {
    struct producer *producer;
    struct kafka_producer *kafka;
    struct pg *pg;
    uv_timer_t timer;
    bool stopped;
    struct log_seldom refusals;
    struct buffer record;
    struct pg_params params;

    struct registry *registry; /* NULL: there is none, or nothing to be told */
    bool asking;
    int64_t asked_ms;        /* monotonic */
    int32_t schema_id;       /* 0: not known yet, or no registry */
    struct log_seldom waits; /* for it */

    /* The batch in hand. */
    bool taking;
    bool deleting;
    bool full;        /* there are probably more */
    size_t in_flight; /* records that Kafka has not reported on */
    int64_t rows[BATCH];
    size_t row_count;
    int64_t first_failed; /* row */
    int64_t rebuilds;     /* as outbox_done.h has it */
};

static void take_batch(struct event_relay *relay);

static void on_id(void *arg, enum registry_answer answer, int32_t id, const char *why)
{
    struct event_relay *relay = arg;
    relay->asking = false;
    if (answer == REGISTRY_FOUND) {
        relay->schema_id = id;
        log_info("status events have the schema %d of the registry", (int)id);
        return;
    }
    log_seldom(&relay->waits, "status events wait in the outbox until the registry knows their schema: %s",
               why);
}

static void ask_for_id(struct event_relay *relay)
{
    const int64_t now_ms = clock_monotonic_ms();
    const bool too_early = relay->asked_ms && now_ms < relay->asked_ms + ASK_AGAIN_MS;
    if (!relay->registry || relay->schema_id || relay->asking || relay->stopped || too_early) {
        return;
    }
    relay->asking = true;
    relay->asked_ms = now_ms;
    char subject[128];
    registry_subject(topic_name(TOPIC_EVENTS), subject, sizeof subject);
    registry_register(relay->registry, subject, avro_schema_text(SCHEMA_STATUS_EVENT), on_id, relay);
}

static void on_deleted(void *arg, struct pg_reply *reply)
{
    struct event_relay *relay = arg;
    relay->deleting = false;
    if (reply->outcome == PG_REFUSED) {
        log_error("rows of events cannot be deleted: %s", reply->message);
    }
    if (reply->outcome == PG_DONE) {
        relay->row_count = 0;
        if (relay->full) {
            take_batch(relay);
        }
    }
}

/*
 * Once for the whole batch. From the first row of which Kafka did not acknowledge each event all are taken
 * again, those behind it for a second time: otherwise it would stand behind the later changes of its
 * messages.
 */
static void delete_done(struct event_relay *relay)
{
    if (relay->deleting || relay->taking || relay->in_flight > 0) {
        return;
    }
    while (relay->row_count > 0 && relay->rows[relay->row_count - 1] >= relay->first_failed) {
        relay->row_count--; /* the timer takes it again */
    }
    if (relay->row_count == 0) {
        return;
    }
    pg_params_clear(&relay->params);
    pg_array_begin(&relay->params, PG_INT8);
    for (size_t i = 0; i < relay->row_count; i++) {
        pg_array_int8(&relay->params, relay->rows[i]);
    }
    pg_array_end(&relay->params);
    pg_param_int4(&relay->params, (int32_t)relay->rebuilds);
    relay->deleting = pg_call(relay->pg, &lifecycle_delete_events, &relay->params, on_deleted, relay);
}

static void failed(struct event_relay *relay, int64_t row_id)
{
    relay->first_failed = row_id < relay->first_failed ? row_id : relay->first_failed;
}

static void on_delivery(void *arg, uint64_t ticket, const char *reason)
{
    struct event_relay *relay = arg;
    relay->in_flight--;
    if (reason) { /* a topic that does not exist refuses every event for ever */
        log_seldom(&relay->refusals, "Kafka did not acknowledge an event, it will be published again: %s",
                   reason);
        failed(relay, (int64_t)ticket);
    }
    delete_done(relay);
}

/* The columns of lifecycle_take_events. */
enum {
    ROW_ROW_ID,
    ROW_EVENT_ID,
    ROW_ID,
    ROW_ORDERING_KEY,
    ROW_ORG,
    ROW_SOURCE,
    ROW_REQUEST_ID,
    ROW_DOSSIER,
    ROW_CHANNEL,
    ROW_CORRELATION_ID,
    ROW_STATUS,
    ROW_ATTEMPT_COUNT,
    ROW_ERROR_CODE,
    ROW_PROVIDER,
    ROW_PROVIDER_MESSAGE_ID,
    ROW_OCCURRED_AT
};

static bool wanted(const struct event_relay *relay, const struct status_event *event)
{
    enum state state;
    return state_find(event->status, &state) && events_want(relay->producer->config, state);
}

static void publish(struct event_relay *relay, int64_t row_id, const PGresult *rows, int row)
{
    const struct text id = pg_text(rows, row, ROW_ID);
    struct status_event event = {
        .event_id = pg_int(rows, row, ROW_EVENT_ID),
        .org_id = pg_text(rows, row, ROW_ORG),
        .source = pg_text(rows, row, ROW_SOURCE),
        .request_id = pg_text(rows, row, ROW_REQUEST_ID),
        .dossier_id = pg_int(rows, row, ROW_DOSSIER),
        .channel = pg_text(rows, row, ROW_CHANNEL),
        .correlation_id = pg_text(rows, row, ROW_CORRELATION_ID),
        .status = pg_text(rows, row, ROW_STATUS),
        .attempt_count = (int32_t)pg_int(rows, row, ROW_ATTEMPT_COUNT),
        .error_code = pg_text(rows, row, ROW_ERROR_CODE),
        .provider = pg_text(rows, row, ROW_PROVIDER),
        .provider_message_id = pg_text(rows, row, ROW_PROVIDER_MESSAGE_ID),
        .occurred_at_us = pg_int(rows, row, ROW_OCCURRED_AT),
    };
    buffer_clear(&relay->record);
    if (id.bytes && uuid_parse(id.bytes, id.length, &event.message_id) && wanted(relay, &event)) {
        status_event_encode(&event, relay->schema_id, &relay->record);
    }
    if (relay->record.length == 0 || relay->record.overflow) {
        return; /* gone, not wanted, or a monster made by hand */
    }
    size_t key_length;
    char *ordering_key = pg_bytes(rows, row, ROW_ORDERING_KEY, &key_length);
    const struct kafka_header headers[] = {
        {HEADER_CORRELATION_ID, event.correlation_id.bytes, event.correlation_id.length}, {0}};
    const struct kafka_record_out out = {.topic = topic_name(TOPIC_EVENTS),
                                         .key = ordering_key ? ordering_key : id.bytes,
                                         .key_length = ordering_key ? key_length : id.length,
                                         .value = relay->record.bytes,
                                         .value_length = relay->record.length,
                                         .headers = headers,
                                         .by_key = true,
                                         .ticket = (uint64_t)row_id};
    if (kafka_producer_send(relay->kafka, &out)) {
        relay->in_flight++;
    } else {
        failed(relay, row_id);
    }
    PQfreemem(ordering_key);
}

static void on_taken(void *arg, struct pg_reply *reply)
{
    struct event_relay *relay = arg;
    relay->taking = false;
    if (reply->outcome == PG_REFUSED) {
        log_error("events cannot be read from the outbox: %s", reply->message);
    }
    if (reply->outcome != PG_DONE) {
        return;
    }
    const int count = PQntuples(reply->rows);
    relay->first_failed = INT64_MAX;
    relay->full = count >= BATCH;
    for (int row = 0; row < count; row++) {
        const int64_t row_id = pg_int(reply->rows, row, ROW_ROW_ID);
        if (relay->row_count == 0 || relay->rows[relay->row_count - 1] != row_id) {
            relay->rows[relay->row_count++] = row_id;
        }
        publish(relay, row_id, reply->rows, row);
    }
    delete_done(relay); /* where there was nothing to publish */
}

static bool has_batch(const struct event_relay *relay)
{
    return relay->taking || relay->deleting || relay->in_flight > 0 || relay->row_count > 0;
}

/* In larger batches a message is read once for several of its events. */
static int64_t look_every_ms(const struct event_relay *relay)
{
    return 4 * relay->producer->config->outbox_poll_interval_ms;
}

static void take_batch(struct event_relay *relay)
{
    const bool can_encode = !relay->registry || relay->schema_id;
    if (relay->stopped || relay->rebuilds < 0 || has_batch(relay) || !can_encode ||
        !kafka_producer_is_connected(relay->kafka)) {
        return;
    }
    char silence_ms[24];
    const struct config *config = relay->producer->config;
    (void)snprintf(silence_ms, sizeof silence_ms, "%" PRId64,
                   config->kafka_message_timeout_ms + look_every_ms(relay) + SILENCE_MORE_MS);
    pg_params_clear(&relay->params);
    pg_param_int8(&relay->params, BATCH);
    pg_param_text(&relay->params, silence_ms);
    relay->taking = pg_call(relay->pg, &lifecycle_take_events, &relay->params, on_taken, relay);
}

static void on_timer(uv_timer_t *timer)
{
    struct event_relay *relay = timer->data;
    ask_for_id(relay);
    delete_done(relay);
    take_batch(relay);
}

static bool open_all(struct event_relay *relay, struct error *error)
{
    const struct config *config = relay->producer->config;
    uv_loop_t *loop = &relay->producer->service.loop;
    const struct kafka_producer_options options = {.kafka = config_kafka(config, "outbound-producer-events"),
                                                   .message_timeout_ms =
                                                       (unsigned)config->kafka_message_timeout_ms,
                                                   .opens_later = true,
                                                   .on_delivery = on_delivery,
                                                   .arg = relay};
    relay->kafka = kafka_producer_open(loop, &options, error);
    if (!relay->kafka) {
        return false;
    }
    if (*config->registry_url && !events_are_off(config)) {
        relay->registry = registry_open(loop, config, error);
        if (!relay->registry) {
            return false;
        }
    }
    relay->pg = pg_open(loop, &(struct pg_options){.url = config->database_url,
                                                   .application_name = "outbound producer events",
                                                   .timeout_ms = (unsigned)config->database_timeout_ms});
    uv_timer_start(&relay->timer, on_timer, 0, (uint64_t)look_every_ms(relay));
    return true;
}

struct event_relay *event_relay_new(struct producer *producer, struct error *error)
{
    struct event_relay *relay = NEW(struct event_relay);
    relay->producer = producer;
    relay->rebuilds = -1;
    buffer_init(&relay->record, RECORD_MAX);
    pg_params_init(&relay->params, PARAMS_MAX);
    uv_timer_init(&producer->service.loop, &relay->timer);
    relay->timer.data = relay;
    if (!open_all(relay, error)) {
        event_relay_free(relay);
        return NULL;
    }
    return relay;
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void event_relay_free(struct event_relay *relay)
{
    if (!relay) {
        return;
    }
    kafka_producer_close(relay->kafka);
    pg_close(relay->pg);
    registry_close(relay->registry);
    buffer_release(&relay->record);
    pg_params_release(&relay->params);
    uv_close((uv_handle_t *)&relay->timer, on_timer_closed);
}

void event_relay_reopen_kafka(struct event_relay *relay, int64_t rebuilds)
{
    kafka_producer_reopen(relay->kafka);
    relay->rebuilds = rebuilds;
    relay->row_count = 0;
}

void event_relay_stop(struct event_relay *relay)
{
    relay->stopped = true;
}

bool event_relay_is_idle(const struct event_relay *relay)
{
    if (relay->in_flight > 0) {
        return !kafka_producer_is_connected(relay->kafka);
    }
    return !has_batch(relay) || !pg_is_up(relay->pg);
}
