/* clang-format off */
/*
 * The way of a message that a service upstream publishes, from its record to its first topic of ours:
 *
 *   take_records()   from outbound.requests, as long as there is room and a database
 *   read_record()    decoded with its writer's schema and checked by the rules that HTTP has, too; a schema that
 *                    is not known yet: the partition waits until the registry has answered
 *   schemas/store.c  INSERT … COMMIT, many at once, together with the outbox row
 *   on_stored()      its offset may be committed; its reference goes straight to the channel's topic
 *   on_repeated()    it was there before: its offset may be committed
 *   reject()         to the dead letters with every reason; its offset waits for Kafka's answer
 *
 * What is not finished when the process ends is read again, and found to be stored: its requestId tells.
 */
/* clang-format on */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/kafka_consumer.h"
#include "base/kafka_producer.h"
#include "base/log.h"
#include "base/memory.h"
#include "metrics/publication.h"
#include "router/ingress.h"
#include "router/ingress_message.h"
#include "router/record_span.h"
#include "router/writers.h"
#include "schemas/deadletter.h"
#include "schemas/message_log.h"
#include "schemas/outbox_done.h"
#include "schemas/rebuild.h"
#include "schemas/store.h"

#define GROUP_ID "outbound-router-requests"
#define IN_HAND_MAX 2000
#define BYTES_IN_HAND_MAX ((size_t)8 * 1024 * 1024)
#define FETCH_KB 512    /* of each partition: requests are large, and many partitions may have a backlog */
#define ASK_AGAIN_MS 50 /* at the earliest: the timer looks */
#define TIMER_MS 250    /* as often as consumers look by themselves: one wake-up serves all */
#define STORE_AGAIN_MS 1000

/* A record until it is finished. */
struct arrival {
    struct store_item item;
    struct arrival *next; /* in one of the lists below */
    rd_kafka_message_t *record;
    size_t bytes; /* of the record */
    struct kafka_position position;
    struct arena arena;
    struct span span;
    enum error_code code; /* why it is rejected */
    const char *reason;
};

struct ingress {
    struct ingress_options options;
    struct writers *writers;
    struct store *store;
    struct pg *pg; /* for the outbox */
    struct outbox_done done;
    struct rebuild_watch *rebuilds;
    struct kafka_consumer *consumer;
    struct kafka_producer *producer;
    uv_timer_t *timer;
    size_t in_hand;
    size_t bytes_in_hand;
    struct arrival *unstored; /* the database did not take them: again when it does, in their order */
    struct arrival **unstored_end;
    int64_t store_again_ms; /* not before that, monotonic */
    struct log_seldom refusals;
    struct arrival *refused; /* dead letters that Kafka did not take: again by the timer */
    bool stopping;
};

static bool has_room(const struct ingress *ingress)
{
    return !ingress->stopping && ingress->in_hand < IN_HAND_MAX &&
           ingress->bytes_in_hand < BYTES_IN_HAND_MAX && !ingress->unstored && store_is_up(ingress->store);
}

static void arrival_free(struct ingress *ingress, struct arrival *arrival)
{
    ingress->in_hand--;
    ingress->bytes_in_hand -= arrival->bytes;
    rd_kafka_message_destroy(arrival->record);
    arena_release(&arrival->arena);
    free(arrival);
}

static void take_records(void *arg);

static void arrival_span_end(struct ingress *ingress, struct arrival *arrival)
{
    const struct uuid *id = arrival->code == ERROR_NONE ? &arrival->item.message.id : NULL;
    record_span_end(ingress->options.tracer, &arrival->span, arrival->record,
                    &(struct record_span){
                        .operation = "process", .message_id = id, .error = error_row(arrival->code)->name});
}

static void finish(struct ingress *ingress, struct arrival *arrival, const char *result)
{
    metric_add(ingress->options.metrics, METRIC_INGRESS, LABELS(result), 1);
    kafka_consumer_finish(ingress->consumer, arrival->position);
    arrival_span_end(ingress, arrival);
    const bool many_bytes = ingress->bytes_in_hand >= BYTES_IN_HAND_MAX / 2;
    arrival_free(ingress, arrival);
    const bool half_of_bytes = many_bytes && ingress->bytes_in_hand < BYTES_IN_HAND_MAX / 2;
    if (ingress->in_hand == IN_HAND_MAX / 2 || half_of_bytes || ingress->in_hand == 0) {
        take_records(ingress);
    }
}

static void send_again(struct ingress *ingress, struct arrival *arrival, const char *why)
{
    log_seldom(&ingress->refusals, "a dead letter is not taken by Kafka and is sent again: %s", why);
    arrival->next = ingress->refused;
    ingress->refused = arrival;
}

static void send_letter(struct ingress *ingress, struct arrival *arrival)
{
    if (!deadletter_send(ingress->producer, arrival->record, arrival->code, arrival->reason, "router",
                         (uint64_t)(uintptr_t)arrival)) {
        send_again(ingress, arrival, "its client is being replaced");
    }
}

static void reject(struct ingress *ingress, struct arrival *arrival, enum error_code code, const char *reason)
{
    const rd_kafka_message_t *record = arrival->record;
    arrival->code = code;
    arrival->reason = reason && *reason ? arena_strdup(&arrival->arena, reason) : NULL;
    struct message_fields fields;
    if (arrival->item.message.correlation_id.bytes) {
        message_fields_of_new(&fields, &arrival->item.message, code);
    } else {
        message_fields_of_record(&fields, record, code);
    }
    if (message_log_wants(ingress->options.config, LOG_WARN, false)) {
        log_write(
            LOG_WARN, fields.list,
            "a message from upstream cannot be taken and goes to the dead letters: %s (%s [%d] offset %lld)",
            error_row(code)->name, rd_kafka_topic_name(record->rkt), (int)record->partition,
            (long long)record->offset);
    }
    send_letter(ingress, arrival);
}

/* False: the record's partition waits with it for its schema, and it is not ours any more. */
static bool read_record(struct ingress *ingress, struct arrival *arrival)
{
    rd_kafka_message_t *record = arrival->record;
    struct wire_record wire;
    if (!wire_parse(record->payload, record->len, &wire)) {
        reject(ingress, arrival, ERROR_MALFORMED_RECORD,
               record->payload ? "the value begins neither with a schema id nor with a fingerprint"
                               : "there is no value");
        return true;
    }
    struct request_reader *reader;
    const char *why;
    char reason[INGRESS_REASON_MAX];
    enum error_code code;
    switch (writers_find(ingress->writers, &wire, &reader, &why)) {
    case WRITER_ASKED:
        kafka_consumer_postpone(ingress->consumer, record, arrival->position,
                                clock_monotonic_ms() + ASK_AGAIN_MS);
        return false;
    case WRITER_UNKNOWN:
    case WRITER_UNFITTING:
        reject(ingress, arrival, ERROR_UNKNOWN_SCHEMA, why);
        return true;
    case WRITER_KNOWN:
        break;
    }
    code = ingress_message_read(record, &wire, reader, ingress->options.config, clock_wall_us(),
                                &arrival->arena, &arrival->item.message, reason);
    if (code != ERROR_NONE) {
        reject(ingress, arrival, code, reason);
    } else {
        arrival->item.message.traceparent = trace_context_text(&arrival->span.context, &arrival->arena);
        arrival->item.message.tracestate = arrival->span.context.state;
        store_add(ingress->store, &arrival->item);
    }
    return true;
}

static void take_records(void *arg)
{
    struct ingress *ingress = arg;
    struct arrival taken = {0};
    while (has_room(ingress) && (taken.record = kafka_consumer_take(ingress->consumer, &taken.position))) {
        struct arrival *arrival = NEW(struct arrival);
        *arrival = taken;
        arrival->bytes = kafka_record_bytes(taken.record);
        const struct trace_context trace = record_trace(taken.record);
        arrival->span = span_begin(ingress->options.tracer, &trace);
        ingress->in_hand++;
        ingress->bytes_in_hand += arrival->bytes;
        if (!read_record(ingress, arrival)) {
            ingress->in_hand--;
            ingress->bytes_in_hand -= arrival->bytes;
            arena_release(&arrival->arena);
            free(arrival);
        }
    }
    kafka_consumer_set_room(ingress->consumer, has_room(ingress));
}

/* What the outbox row says, but for the accepted topic: where the message goes from there is known here. */
static void publish(struct ingress *ingress, const struct arrival *arrival, int64_t outbox_id)
{
    const struct new_message *message = &arrival->item.message;
    const struct reference reference = {.id = message->id,
                                        .org_id = message->org_id,
                                        .channel = message->channel_name,
                                        .priority = message->priority,
                                        .expires_at_ms = message->expires_at_us / 1000};
    struct buffer value;
    buffer_init(&value, 4096);
    reference_encode(&reference, &value);
    char id[UUID_TEXT_SIZE];
    uuid_format(&message->id, id);
    const bool ordered = message->ordering_key.bytes;
    const enum topic topic = channel_topic(message->channel, text_is(message->priority, PRIORITY_URGENT));
    const struct publication publication = {outbox_id, topic_name(topic), &message->id};
    struct trace_context trace;
    struct trace_headers trace_texts;
    const uint64_t ticket =
        publication_begin(ingress->options.tracer, &publication, &arrival->span.context, &trace);
    struct kafka_header headers[1 + TRACE_HEADERS + 1] = {
        {HEADER_CORRELATION_ID, message->correlation_id.bytes, message->correlation_id.length}};
    trace_headers_of(&trace, &trace_texts, headers + 1);
    const struct kafka_record_out out = {.topic = topic_name(topic),
                                         .key = ordered ? message->ordering_key.bytes : id,
                                         .key_length = ordered ? message->ordering_key.length : sizeof id - 1,
                                         .value = value.bytes,
                                         .value_length = value.length,
                                         .headers = headers,
                                         .by_key = ordered,
                                         .ticket = ticket};
    if (!kafka_producer_send(ingress->producer, &out)) {
        log_debug("the client of Kafka is being replaced: an outbox row waits");
        (void)publication_end(ingress->options.tracer, ticket, "the client is being replaced");
    }
    buffer_release(&value);
}

static void on_stored(void *arg, struct store_item *item, int64_t outbox_id)
{
    struct ingress *ingress = arg;
    FAIL_POINT("ingress.stored");
    publish(ingress, (struct arrival *)item, outbox_id);
    metric_add(ingress->options.metrics, METRIC_QUEUED, LABELS(channel_label(item->message.channel)), 1);
    if (message_log_wants(ingress->options.config, LOG_INFO, true)) {
        struct message_fields fields;
        message_fields_of_new(&fields, &item->message, ERROR_NONE);
        log_write(LOG_INFO, fields.list, "queued");
    }
    finish(ingress, (struct arrival *)item, "stored");
}

static void on_repeated(void *arg, struct store_item *item, const char *id, const char *status)
{
    struct message_fields fields;
    message_fields_of_new(&fields, &item->message, ERROR_NONE);
    log_write(LOG_DEBUG, fields.list, "a message from upstream was there before: %s, %s", id, status);
    finish(arg, (struct arrival *)item, "repeated");
}

static void on_conflicting(void *arg, struct store_item *item)
{
    reject(arg, (struct arrival *)item, ERROR_CONFLICTING_MESSAGE, NULL);
}

static void on_impossible(void *arg, struct store_item *item, const char *why)
{
    reject(arg, (struct arrival *)item, ERROR_INVALID_MESSAGE, why);
}

static void on_not_stored(void *arg, struct store_item *item, const char *why)
{
    struct ingress *ingress = arg;
    struct message_fields fields;
    message_fields_of_new(&fields, &item->message, ERROR_NONE);
    log_write(LOG_DEBUG, fields.list, "a message from upstream is not stored yet: %s", why);
    struct arrival *arrival = (struct arrival *)item;
    arrival->next = NULL;
    *ingress->unstored_end = arrival;
    ingress->unstored_end = &arrival->next;
    ingress->store_again_ms = clock_monotonic_ms() + STORE_AGAIN_MS;
}

static void store_again(struct ingress *ingress)
{
    struct arrival *list = ingress->unstored;
    ingress->unstored = NULL;
    ingress->unstored_end = &ingress->unstored;
    for (struct arrival *next; list; list = next) {
        next = list->next;
        store_add(ingress->store, &list->item);
    }
    take_records(ingress);
}

static void on_commit(void *arg, const struct store_commit *commit)
{
    const struct ingress *ingress = arg;
    struct span_links links;
    links.count = 0;
    for (const struct store_item *item = commit->first; ingress->options.tracer && item; item = item->next) {
        span_link(&links, &((const struct arrival *)item)->span);
    }
    span_of_statement(ingress->options.tracer, &links, commit->sent_us, commit->statement, commit->count);
}

static void on_database_up(void *arg)
{
    store_again(arg);
}

static void on_delivery(void *arg, uint64_t ticket, const char *reason)
{
    struct ingress *ingress = arg;
    if (publication_has(ticket)) { /* otherwise it is a dead letter's */
        const int64_t outbox_id = publication_end(ingress->options.tracer, ticket, reason);
        if (!reason) { /* else the row is taken by a relay, when its lease is over */
            outbox_done_add(&ingress->done, outbox_id);
        }
        return;
    }
    struct arrival *arrival = (struct arrival *)(uintptr_t)ticket;
    if (reason) {
        send_again(ingress, arrival, reason);
        return;
    }
    finish(ingress, arrival, "rejected");
}

static void on_timer(uv_timer_t *timer)
{
    struct ingress *ingress = timer->data;
    outbox_done_delete(&ingress->done);
    struct arrival *list = ingress->refused;
    ingress->refused = NULL;
    for (struct arrival *next; list; list = next) {
        next = list->next;
        send_letter(ingress, list);
    }
    if (ingress->unstored && store_is_up(ingress->store) && clock_monotonic_ms() >= ingress->store_again_ms) {
        store_again(ingress);
    }
    take_records(ingress); /* room that came back meanwhile */
}

/* At first, too: a client that is opened before the number is read may have seen an older cluster. */
static void on_rebuild(void *arg, const struct rebuild_news *news)
{
    struct ingress *ingress = arg;
    kafka_producer_reopen(ingress->producer);
    outbox_done_begin(&ingress->done, news->rebuilds);
    kafka_consumer_join(ingress->consumer, news->lost);
    ingress->options.on_rebuild(ingress->options.arg, news);
}

static bool open_kafka(struct ingress *ingress, struct error *error)
{
    const struct config *config = ingress->options.config;
    const struct kafka_options kafka = config_kafka(config, "outbound-router");
    const char *topic = topic_name(TOPIC_REQUESTS);
    const struct kafka_producer_options producer = {.kafka = kafka,
                                                    .message_timeout_ms =
                                                        (unsigned)config->kafka_message_timeout_ms,
                                                    .opens_later = true,
                                                    .on_delivery = on_delivery,
                                                    .arg = ingress};
    const struct kafka_consumer_options consumer = {
        .kafka = kafka,
        .group_id = GROUP_ID,
        .instance_id = config_instance_id(config),
        .session_timeout_ms = (unsigned)config->kafka_session_timeout_ms,
        .topics = &topic,
        .topic_count = 1,
        .fetch_kb = FETCH_KB,
        .on_records = take_records,
        .on_fatal = ingress->options.on_fatal,
        .arg = ingress,
    };
    ingress->producer = kafka_producer_open(ingress->options.loop, &producer, error);
    ingress->consumer =
        ingress->producer ? kafka_consumer_open(ingress->options.loop, &consumer, error) : NULL;
    return ingress->consumer;
}

struct ingress *ingress_open(const struct ingress_options *options, struct error *error)
{
    const struct config *config = options->config;
    struct ingress *ingress = NEW(struct ingress);
    ingress->options = *options;
    ingress->unstored_end = &ingress->unstored;
    ingress->writers = writers_open(options->loop, config, error);
    if (!ingress->writers || !open_kafka(ingress, error)) {
        kafka_producer_close(ingress->producer);
        writers_close(ingress->writers);
        free(ingress);
        return NULL;
    }
    ingress->store = store_open(&(struct store_options){.loop = options->loop,
                                                        .config = config,
                                                        .application_name = "outbound router ingress",
                                                        .told = true,
                                                        .answers = {.stored = on_stored,
                                                                    .repeated = on_repeated,
                                                                    .conflicting = on_conflicting,
                                                                    .not_stored = on_not_stored,
                                                                    .impossible = on_impossible},
                                                        .on_up = on_database_up,
                                                        .on_commit = on_commit,
                                                        .arg = ingress});
    ingress->pg =
        pg_open(options->loop, &(struct pg_options){.url = config->database_url,
                                                    .application_name = "outbound router outbox",
                                                    .timeout_ms = (unsigned)config->database_timeout_ms});
    outbox_done_init(&ingress->done, ingress->pg);
    ingress->rebuilds = rebuild_watch_open(options->loop, ingress->pg, on_rebuild, ingress);
    ingress->timer = NEW(uv_timer_t);
    uv_timer_init(options->loop, ingress->timer);
    ingress->timer->data = ingress;
    uv_timer_start(ingress->timer, on_timer, TIMER_MS, TIMER_MS);
    static const char *const results[] = {"stored", "repeated", "rejected"};
    for (size_t i = 0; i < COUNT_OF(results); i++) {
        metric_add(options->metrics, METRIC_INGRESS, LABELS(results[i]), 0);
    }
    kafka_consumer_set_room(ingress->consumer, false); /* until the database is there */
    return ingress;
}

void ingress_stop(struct ingress *ingress)
{
    ingress->stopping = true;
    kafka_consumer_set_room(ingress->consumer, false);
}

bool ingress_is_idle(const struct ingress *ingress)
{
    const bool kafka = kafka_producer_is_connected(ingress->producer);
    const bool database = store_is_up(ingress->store) && pg_is_up(ingress->pg);
    return !kafka || !database ||
           (ingress->in_hand == 0 && kafka_producer_in_flight(ingress->producer) == 0 &&
            outbox_done_is_empty(&ingress->done));
}

static void free_list(struct ingress *ingress, struct arrival *list)
{
    for (struct arrival *next; list; list = next) {
        next = list->next;
        arrival_free(ingress, list);
    }
}

void ingress_close(struct ingress *ingress)
{
    if (!ingress) {
        return;
    }
    ingress->stopping = true;
    uv_close((uv_handle_t *)ingress->timer, (uv_close_cb)free);
    kafka_producer_close(ingress->producer); /* the last reports come */
    store_close(ingress->store);             /* what it had is in our list now */
    free_list(ingress, ingress->unstored);
    free_list(ingress, ingress->refused);
    kafka_consumer_close(ingress->consumer);
    pg_close(ingress->pg);
    rebuild_watch_close(ingress->rebuilds);
    outbox_done_release(&ingress->done);
    writers_close(ingress->writers);
    free(ingress);
}
