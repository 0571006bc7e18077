#include "base/kafka_producer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/kafka_queue.h"
#include "base/kafka_trouble.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/pace.h"
#include "base/watch.h"

#define TOPICS_MAX 32
#define SAME_PARTITION_MS 10
#define HEADERS_USUAL 8
/* In the opaque of a record beside its ticket, where the partitioner finds it. */
#define BY_KEY (UINT64_C(1) << 63)
/* So that the first records of a burst do not become a request of their own. */
#define LINGER_MS "0.2"
#define BURST_ITEM_US 500

/* A record that waits for its burst. */
struct held {
    struct held *next;
    rd_kafka_topic_t *topic;
    rd_kafka_headers_t *headers;
    uint64_t opaque;
    const char *key; /* in `bytes`, as `value`; of both NULL is not the same as empty */
    const char *value;
    size_t key_length;
    size_t value_length;
    char bytes[];
};

struct kafka_producer {
    uv_loop_t *loop;
    struct kafka_producer_options options;
    char *brokers, *client_id, *properties;

    rd_kafka_t *kafka;
    rd_kafka_queue_t *queue;
    struct kafka_queue *watch;
    uv_timer_t *reopen; /* replaces the client */
    uv_timer_t *burst;  /* sends what is held */
    struct pace pace;
    struct held *held; /* oldest first */
    struct held **last_held;
    rd_kafka_topic_t *topics[TOPICS_MAX];
    size_t topic_count;
    size_t in_flight;
    bool connected;
    bool was_connected; /* at any time */
    struct kafka_trouble trouble;
    bool fatal;
    bool closing;  /* the client: nothing more is held */
    bool outdated; /* the client is of another cluster: whatever it reports, its records may not be there */
};

/* The part of the statistics that we ask for: is any broker connected? */
static bool statistics_connected(const char *statistics)
{
    json_t *root = json_loads(statistics, 0, NULL);
    bool connected = false;
    const char *name;
    json_t *broker;
    json_object_foreach (json_object_get(root, "brokers"), name, broker) {
        const char *state = json_string_value(json_object_get(broker, "state"));
        connected = connected || (state && strcmp(state, "UP") == 0);
    }
    json_decref(root);
    return connected;
}

static void on_reopen(uv_timer_t *timer);
static void on_burst(uv_timer_t *timer);

static void take_reports(struct kafka_producer *producer, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event))) {
        const char *reason = message->err         ? rd_kafka_err2str(message->err)
                             : producer->outdated ? "the client is being replaced"
                                                  : NULL;
        producer->in_flight--;
        if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
            producer->fatal = true;
        }
        watch_record_sent(rd_kafka_topic_name(message->rkt),
                          message->err ? rd_kafka_err2name(message->err) : NULL);
        producer->options.on_delivery(producer->options.arg, (uint64_t)(uintptr_t)message->_private & ~BY_KEY,
                                      reason);
    }
}

static void take_event(struct kafka_producer *producer, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        take_reports(producer, event);
        break;
    case RD_KAFKA_EVENT_STATS:
        producer->connected = statistics_connected(rd_kafka_event_stats(event));
        if (producer->connected) {
            producer->was_connected = true;
            kafka_trouble_over(&producer->trouble);
        }
        break;
    case RD_KAFKA_EVENT_ERROR:
        if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
            producer->connected = false;
        } else if (rd_kafka_event_error_is_fatal(event)) {
            producer->fatal = true;
        } else {
            kafka_trouble_report(&producer->trouble, "kafka producer", rd_kafka_event_error(event),
                                 rd_kafka_event_error_string(event));
        }
        break;
    default:
        break;
    }
}

static void drain(void *arg)
{
    struct kafka_producer *producer = arg;
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(producer->queue, 0))) {
        take_event(producer, event);
        rd_kafka_event_destroy(event);
    }
    if (producer->fatal && !uv_is_active((uv_handle_t *)producer->reopen)) {
        log_warn("kafka producer: fatal error, starting a new client");
        uv_timer_start(producer->reopen, on_reopen, 0, 0);
    }
}

static bool properties_are_fine(struct kafka_producer *producer, struct error *error)
{
    rd_kafka_conf_t *conf = kafka_conf_new(&producer->options.kafka, error);
    if (conf) {
        rd_kafka_conf_destroy(conf);
    }
    return conf;
}

static bool client_open(struct kafka_producer *producer, struct error *error)
{
    rd_kafka_conf_t *conf = kafka_conf_new(&producer->options.kafka, error);
    if (!conf) {
        return false;
    }
    char number[16];
    (void)snprintf(number, sizeof number, "%u", producer->options.message_timeout_ms);
    kafka_conf_set(conf, "message.timeout.ms", number);
    kafka_conf_set(conf, "linger.ms", LINGER_MS);
    kafka_conf_set(conf, "enable.idempotence", "true");
    kafka_conf_set(conf, "acks", "all");
    kafka_conf_set(conf, "delivery.report.only.error", "false");
    kafka_conf_set(conf, "queue.buffering.max.messages", "200000");
    /* A batch above a topic's max.message.bytes is refused as a whole, and would be again: stay far below. */
    kafka_conf_set(conf, "batch.size", "65536");
    /* Above what brokers take by default, so that it is they who refuse a record, with its delivery report.
     */
    kafka_conf_set(conf, "message.max.bytes", "8388608");
    kafka_conf_set(conf, "statistics.interval.ms", "1000");
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS);

    char reason[256];
    producer->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!producer->kafka) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, "kafka producer: %s", reason);
    }
    producer->closing = false;
    producer->queue = rd_kafka_queue_get_main(producer->kafka);
    producer->watch = kafka_queue_watch(producer->loop, producer->queue, drain, producer);
    return true;
}

/* NULL, or why it was not taken. */
static const char *hand_over(struct kafka_producer *producer, const struct held *held)
{
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = held->topic},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = (void *)(uintptr_t)held->key, .size = held->key_length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = (void *)(uintptr_t)held->value, .size = held->value_length}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)held->opaque},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = held->headers},
    };
    rd_kafka_error_t *refused = rd_kafka_produceva(producer->kafka, parts, COUNT_OF(parts));
    if (!refused) {
        return NULL;
    }
    const rd_kafka_resp_err_t code = rd_kafka_error_code(refused);
    rd_kafka_error_destroy(refused);
    producer->fatal = producer->fatal || code == RD_KAFKA_RESP_ERR__FATAL;
    watch_record_sent(rd_kafka_topic_name(held->topic), rd_kafka_err2name(code));
    return rd_kafka_err2str(code);
}

/* Sends it; with a reason, it is reported as failed instead. */
static void let_go(struct kafka_producer *producer, struct held *held, const char *reason)
{
    reason = reason ? reason : hand_over(producer, held);
    if (reason) {
        rd_kafka_headers_destroy(held->headers);
        producer->in_flight--;
        producer->options.on_delivery(producer->options.arg, held->opaque & ~BY_KEY, reason);
    }
    free(held);
}

/* What is held meanwhile, by those who are told of a failure, waits for the next burst. */
static void let_all_go(struct kafka_producer *producer, const char *reason)
{
    struct held *list = producer->held;
    producer->held = NULL;
    producer->last_held = &producer->held;
    size_t count = 0;
    for (struct held *next; list; list = next, count++) {
        next = list->next;
        let_go(producer, list, reason);
    }
    pace_begin(&producer->pace, clock_monotonic_us(), count, BURST_ITEM_US);
    if (producer->held) {
        uv_timer_start(producer->burst, on_burst, PACE_MAX_US / 1000, 0); /* not in this very turn */
    }
}

static void on_burst(uv_timer_t *timer)
{
    struct kafka_producer *producer = timer->data;
    let_all_go(producer, producer->outdated ? "the client is being replaced" : NULL);
}

static void client_close(struct kafka_producer *producer)
{
    if (!producer->kafka) {
        return;
    }
    uv_timer_stop(producer->burst);
    producer->closing = true;
    let_all_go(producer, "the client is being replaced");
    /* Every record is answered before the client goes: purged ones with an error. */
    (void)rd_kafka_purge(producer->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (int tries = 0; producer->in_flight > 0 && tries < 100; tries++) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(producer->queue, 50);
        if (event) {
            take_event(producer, event);
            rd_kafka_event_destroy(event);
        }
    }
    producer->in_flight = 0;
    for (size_t i = 0; i < producer->topic_count; i++) {
        rd_kafka_topic_destroy(producer->topics[i]);
    }
    producer->topic_count = 0;
    kafka_queue_unwatch(producer->watch, producer->queue);
    rd_kafka_queue_destroy(producer->queue);
    rd_kafka_destroy(producer->kafka);
    producer->kafka = NULL;
    producer->connected = false;
}

static void on_reopen(uv_timer_t *timer)
{
    struct kafka_producer *producer = timer->data;
    struct error error;
    client_close(producer);
    producer->fatal = false;
    producer->outdated = false;
    if (!client_open(producer, &error)) {
        log_error("%s", error.text);
        uv_timer_start(producer->reopen, on_reopen, 1000, 0);
    }
}

struct kafka_producer *kafka_producer_open(uv_loop_t *loop, const struct kafka_producer_options *options,
                                           struct error *error)
{
    struct kafka_producer *producer = NEW(struct kafka_producer);
    producer->loop = loop;
    producer->options = *options;
    producer->options.kafka.brokers = producer->brokers = memory_strdup(options->kafka.brokers);
    producer->options.kafka.client_id = producer->client_id = memory_strdup(options->kafka.client_id);
    producer->options.kafka.properties = producer->properties =
        memory_strdup(options->kafka.properties ? options->kafka.properties : "");
    producer->reopen = NEW(uv_timer_t);
    uv_timer_init(loop, producer->reopen);
    producer->reopen->data = producer;
    producer->burst = NEW(uv_timer_t);
    uv_timer_init(loop, producer->burst);
    producer->burst->data = producer;
    producer->last_held = &producer->held;
    if (!(options->opens_later ? properties_are_fine : client_open)(producer, error)) {
        kafka_producer_close(producer);
        return NULL;
    }
    return producer;
}

/*
 * All records of some milliseconds go to the same partition, then to the next: a broker pays for batches more
 * than for records, and spreading few records over many partitions makes each a batch of its own. Runs in any
 * of librdkafka's threads.
 */
static int32_t choose_partition(const rd_kafka_topic_t *topic, const void *key, size_t key_length,
                                int32_t partitions, void *topic_opaque, void *record_opaque)
{
    if ((uint64_t)(uintptr_t)record_opaque & BY_KEY) {
        return rd_kafka_msg_partitioner_consistent(topic, key, key_length, partitions, topic_opaque, NULL);
    }
    const int32_t first = (int32_t)(clock_monotonic_ms() / SAME_PARTITION_MS % partitions);
    for (int32_t i = 0; i < partitions; i++) {
        const int32_t partition = (first + i) % partitions;
        if (rd_kafka_topic_partition_available(topic, partition)) {
            return partition;
        }
    }
    return first;
}

/* Topic handles are kept: looking one up by name for each record costs a lock and a hash. */
static rd_kafka_topic_t *topic_handle(struct kafka_producer *producer, const char *name)
{
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (strcmp(rd_kafka_topic_name(producer->topics[i]), name) == 0) {
            return producer->topics[i];
        }
    }
    if (producer->topic_count == TOPICS_MAX) {
        return NULL;
    }
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(producer->kafka);
    rd_kafka_topic_conf_set_partitioner_cb(conf, choose_partition);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer->kafka, name, conf);
    if (topic) {
        producer->topics[producer->topic_count++] = topic;
    }
    return topic;
}

/*
 * A list of our own: one that rd_kafka_produceva() has made of single headers is freed twice when there is no
 * partition to be had (librdkafka 2.0.2), which is so when a topic was deleted.
 */
static rd_kafka_headers_t *headers_new(const struct kafka_header *header)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(HEADERS_USUAL);
    for (; header && header->name; header++) {
        if (header->value) {
            (void)rd_kafka_header_add(headers, header->name, -1, header->value, (ssize_t)header->length);
        }
    }
    return headers;
}

/* Behind those that are held already. */
static void hold(struct kafka_producer *producer, struct held *held)
{
    *producer->last_held = held;
    producer->last_held = &held->next;
    producer->in_flight++;
    if (!uv_is_active((uv_handle_t *)producer->burst)) {
        uv_timer_start(producer->burst, on_burst, pace_wait_ms(&producer->pace, clock_monotonic_us()), 0);
    }
}

static const char *keep(char *to, const void *bytes, size_t length)
{
    return bytes ? memcpy(to, bytes, length) : NULL;
}

bool kafka_producer_send(struct kafka_producer *producer, const struct kafka_record_out *record)
{
    rd_kafka_topic_t *topic = producer->kafka && !producer->fatal && !producer->outdated && !producer->closing
                                  ? topic_handle(producer, record->topic)
                                  : NULL;
    if (!topic) {
        return false;
    }
    struct held *held = memory_alloc(sizeof *held + record->key_length + record->value_length);
    char *value = held->bytes + record->key_length;
    *held = (struct held){.topic = topic,
                          .headers = headers_new(record->headers),
                          .opaque = record->ticket | (record->by_key ? BY_KEY : 0),
                          .key = keep(held->bytes, record->key, record->key_length),
                          .value = keep(value, record->value, record->value_length),
                          .key_length = record->key_length,
                          .value_length = record->value_length};
    hold(producer, held);
    return true;
}

size_t kafka_producer_in_flight(const struct kafka_producer *producer)
{
    return producer->in_flight;
}

bool kafka_producer_is_connected(const struct kafka_producer *producer)
{
    return producer->connected;
}

const char *kafka_producer_refused(const struct kafka_producer *producer)
{
    return producer->connected ? NULL : kafka_trouble_refused(&producer->trouble);
}

void kafka_producer_reopen(struct kafka_producer *producer)
{
    if (producer) {
        producer->outdated = true;
        uv_timer_start(producer->reopen, on_reopen, 0, 0);
    }
}

bool kafka_producer_was_connected(const struct kafka_producer *producer)
{
    return producer->was_connected;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

void kafka_producer_close(struct kafka_producer *producer)
{
    if (!producer) {
        return;
    }
    client_close(producer);
    uv_close((uv_handle_t *)producer->reopen, free_handle);
    uv_close((uv_handle_t *)producer->burst, free_handle);
    free(producer->brokers);
    free(producer->client_id);
    free(producer->properties);
    free(producer);
}
