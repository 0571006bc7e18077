#include "base/kafka_consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/kafka_leaving.h"
#include "base/kafka_lost.h"
#include "base/kafka_queue.h"
#include "base/kafka_rest.h"
#include "base/kafka_trouble.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/offset_window.h"
#include "base/watch.h"

#define SERVE_EVERY_MS 250
#define PAUSE_AFTER_MS 1000
#define COMMIT_EVERY_MS 1000
#define COORDINATOR_WAIT_MS 2000
#define LEAVE_WAIT_MS 500 /* a role may have three that leave, and a rebuild does not wait for long */
#define JOIN_AGAIN_MS 1000
#define PREFETCH 20000

/* First in, first out. */
struct records {
    rd_kafka_message_t **record;
    size_t count;
};

static void records_push(struct records *records, rd_kafka_message_t *record)
{
    records->record = memory_resize(records->record, (records->count + 1) * sizeof *records->record);
    records->record[records->count++] = record;
}

static rd_kafka_message_t *records_pop(struct records *records)
{
    if (records->count == 0) {
        return NULL;
    }
    rd_kafka_message_t *record = records->record[0];
    memmove(records->record, records->record + 1, --records->count * sizeof *records->record);
    return record;
}

static void records_release(struct records *records)
{
    for (rd_kafka_message_t *record; (record = records_pop(records));) {
        rd_kafka_message_destroy(record);
    }
    free(records->record);
    *records = (struct records){0};
}

/* One partition as long as it is ours. */
struct partition {
    char *topic;
    int32_t number;
    uint64_t assignment;
    int64_t last_offset; /* taken; a record that comes again within one assignment is not ours to hand out */
    bool paused;         /* by us: resuming one that is not paused rewinds it (librdkafka before 2.4.0) */
    bool waiting;        /* for the postponed record; what comes meanwhile is held back */
    rd_kafka_message_t *postponed;
    int64_t until_ms;
    struct records held_back;
    struct offset_window window;
    int64_t finished;  /* may be committed; -1: nothing yet */
    int64_t committed; /* by us, as Kafka has said */
};

struct kafka_consumer {
    uv_loop_t *loop;
    rd_kafka_conf_t *conf;                   /* of each client */
    rd_kafka_topic_partition_list_t *topics; /* what each subscribes to */
    rd_kafka_t *kafka;
    rd_kafka_queue_t *queue;
    struct kafka_queue *watch;
    rd_kafka_queue_t *answers; /* to commits */
    bool committing;           /* one is on its way */
    int64_t commit_at_ms;      /* the next, at the earliest */
    struct kafka_leaving *leaving;
    json_t *lost;    /* NULL: has not joined */
    bool join_again; /* Kafka gives a static member what its predecessor had: that may have met no topics */
    int64_t join_again_at_ms; /* where to begin was not known; 0: it was */
    uv_timer_t *serve;
    void (*on_records)(void *arg);
    void (*on_fatal)(void *arg);
    void *arg;
    struct kafka_trouble trouble;
    char *group_id;

    struct partition *partitions;
    size_t partition_count;
    uint64_t assignments; /* made so far */
    bool room;
    int64_t no_room_since_ms;
    bool paused;
    struct records held; /* came out while there was no room; handed out first, in their order */
    size_t waiting;      /* partitions that do */
};

static void partition_release(struct partition *partition)
{
    offset_window_release(&partition->window);
    records_release(&partition->held_back);
    if (partition->postponed) {
        rd_kafka_message_destroy(partition->postponed);
    }
    free(partition->topic);
}

static void forget_partitions(struct kafka_consumer *consumer)
{
    for (size_t i = 0; i < consumer->partition_count; i++) {
        partition_release(&consumer->partitions[i]);
    }
    free(consumer->partitions);
    consumer->partitions = NULL;
    consumer->partition_count = 0;
    consumer->waiting = 0;
    records_release(&consumer->held);
}

static rd_kafka_topic_partition_list_t *partition_list(const struct partition *partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
    return list;
}

static void partition_set_paused(struct kafka_consumer *consumer, struct partition *partition, bool paused)
{
    if (partition->paused == paused) {
        return;
    }
    rd_kafka_topic_partition_list_t *list = partition_list(partition);
    const rd_kafka_resp_err_t failure = paused ? rd_kafka_pause_partitions(consumer->kafka, list)
                                               : rd_kafka_resume_partitions(consumer->kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (!failure) {
        partition->paused = paused;
    }
}

static void set_paused(struct kafka_consumer *consumer, bool paused)
{
    consumer->paused = paused;
    for (size_t i = 0; i < consumer->partition_count; i++) {
        struct partition *partition = &consumer->partitions[i];
        partition_set_paused(consumer, partition, paused || partition->waiting);
    }
}

static void take_assignment(struct kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    forget_partitions(consumer);
    consumer->partition_count = (size_t)list->cnt;
    consumer->partitions = NEW_ARRAY(struct partition, consumer->partition_count);
    for (int i = 0; i < list->cnt; i++) {
        consumer->partitions[i] = (struct partition){.topic = memory_strdup(list->elems[i].topic),
                                                     .number = list->elems[i].partition,
                                                     .assignment = ++consumer->assignments,
                                                     .last_offset = -1,
                                                     .finished = -1,
                                                     .committed = -1};
    }
    (void)rd_kafka_assign(consumer->kafka, list);
    set_paused(consumer, consumer->paused);
}

/* As long as it is not known where to begin. An empty share: without any, librdkafka would wait for one. */
static void put_off_assignment(struct kafka_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(0);
    take_assignment(consumer, nothing);
    rd_kafka_topic_partition_list_destroy(nothing);
    consumer->join_again_at_ms = clock_monotonic_ms() + JOIN_AGAIN_MS;
}

/* The partition of a position; NULL when it was lost meanwhile. Those assigned now were numbered in a row. */
static struct partition *partition_at(struct kafka_consumer *consumer, struct kafka_position position)
{
    const uint64_t first = consumer->assignments - consumer->partition_count + 1;
    const bool ours = position.assignment >= first && consumer->partition_count > 0;
    return ours ? &consumer->partitions[position.assignment - first] : NULL;
}

/*
 * We commit ourselves. librdkafka would also do so when a client closes or gives its partitions back, which
 * of a topic that was made anew is wrong. False: there is nothing to commit.
 */
static bool commit_finished(struct kafka_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)consumer->partition_count);
    for (size_t i = 0; i < consumer->partition_count; i++) {
        const struct partition *partition = &consumer->partitions[i];
        if (partition->finished != partition->committed) {
            rd_kafka_topic_partition_t *commit =
                rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
            commit->offset = partition->finished;
            commit->opaque = (void *)(uintptr_t)partition->assignment;
            kafka_lost_mark(consumer->lost, consumer->kafka, commit);
        }
    }
    const bool begun =
        list->cnt > 0 && !rd_kafka_commit_queue(consumer->kafka, list, consumer->answers, NULL, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    consumer->committing = consumer->committing || begun;
    consumer->commit_at_ms = clock_monotonic_ms() + COMMIT_EVERY_MS;
    return begun;
}

/* What could not be committed is, with the next commit. */
static rd_kafka_resp_err_t take_answer(struct kafka_consumer *consumer, int wait_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(consumer->answers, wait_ms);
    if (!event) {
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    consumer->committing = false;
    const rd_kafka_resp_err_t failure = rd_kafka_event_error(event);
    if (failure) {
        kafka_trouble_report(&consumer->trouble, "offsets are not committed", failure,
                             rd_kafka_err2str(failure));
    }
    const rd_kafka_topic_partition_list_t *list = failure ? NULL : rd_kafka_event_topic_partition_list(event);
    for (int i = 0; list && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *commit = &list->elems[i];
        const struct kafka_position position = {.assignment = (uint64_t)(uintptr_t)commit->opaque};
        struct partition *partition = commit->err ? NULL : partition_at(consumer, position);
        if (partition) {
            partition->committed = commit->offset;
        }
    }
    rd_kafka_event_destroy(event);
    return failure;
}

/*
 * Commits what is finished and waits for the answer, but not long: without a coordinator librdkafka would
 * wait for the whole session time-out. False: not committed; then records come again, which does no harm.
 */
static bool commit_now(struct kafka_consumer *consumer)
{
    const int64_t until_ms = clock_monotonic_ms() + COORDINATOR_WAIT_MS;
    rd_kafka_resp_err_t failure = 0;
    if (consumer->committing) {
        failure = take_answer(consumer, COORDINATOR_WAIT_MS);
    }
    const int64_t rest_ms = until_ms - clock_monotonic_ms();
    if (!consumer->committing && rest_ms > 0 && commit_finished(consumer)) {
        failure = take_answer(consumer, (int)rest_ms);
    }
    if (failure == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        log_warn("offsets could not be committed in time");
    }
    return !failure;
}

/* Range assignment revokes everything at once. */
static void drop_assignment(struct kafka_consumer *consumer)
{
    /* librdkafka would keep the pause over this and the next assignment. */
    for (size_t i = 0; i < consumer->partition_count; i++) {
        partition_set_paused(consumer, &consumer->partitions[i], false);
    }
    if (!rd_kafka_assignment_lost(consumer->kafka)) {
        (void)commit_now(consumer);
    }
    forget_partitions(consumer);
    (void)rd_kafka_assign(consumer->kafka, NULL);
}

static void assign(struct kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    log_info("partitions assigned: %d", list->cnt);
    if (!kafka_lost_begin(consumer->lost, consumer->kafka, list, COORDINATOR_WAIT_MS)) {
        put_off_assignment(consumer);
        return;
    }
    take_assignment(consumer, list);
    if (consumer->join_again) {
        consumer->join_again = false;
        (void)rd_kafka_subscribe(consumer->kafka, consumer->topics);
    }
}

static void on_rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct kafka_consumer *consumer = opaque;
    if (kafka != consumer->kafka) { /* it is leaving */
        (void)rd_kafka_assign(kafka, NULL);
    } else if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        assign(consumer, list);
    } else {
        log_info("partitions revoked: %d", list->cnt);
        drop_assignment(consumer);
    }
}

static void on_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
    struct kafka_consumer *consumer = opaque;
    (void)kafka;
    kafka_trouble_report(&consumer->trouble, "kafka consumer", (rd_kafka_resp_err_t)code, reason);
}

static void on_wake(void *arg)
{
    struct kafka_consumer *consumer = arg;
    if (consumer->room) {
        consumer->on_records(consumer->arg);
    }
}

/* Even when nobody takes: callbacks and the poll interval are served, and a wake-up cannot be missed. */
static void on_serve(uv_timer_t *timer)
{
    struct kafka_consumer *consumer = timer->data;
    if (rd_kafka_fatal_error(consumer->kafka, NULL, 0)) { /* of consumers the error callback is not told */
        consumer->on_fatal(consumer->arg);
    }
    (void)take_answer(consumer, 0);
    if (!consumer->committing && clock_monotonic_ms() >= consumer->commit_at_ms) {
        (void)commit_finished(consumer);
    }
    if (consumer->join_again_at_ms > 0 && clock_monotonic_ms() >= consumer->join_again_at_ms) {
        consumer->join_again_at_ms = 0;
        (void)rd_kafka_subscribe(consumer->kafka, consumer->topics);
    }
    kafka_leaving_serve(&consumer->leaving);
    if (consumer->room) {
        consumer->on_records(consumer->arg);
        return;
    }
    if (!consumer->paused && clock_monotonic_ms() - consumer->no_room_since_ms > PAUSE_AFTER_MS) {
        set_paused(consumer, true);
    }
    rd_kafka_message_t *record = consumer->paused ? rd_kafka_consumer_poll(consumer->kafka, 0) : NULL;
    if (record) {
        records_push(&consumer->held, record);
    }
}

static rd_kafka_message_t *next_record(struct kafka_consumer *consumer)
{
    rd_kafka_message_t *record = records_pop(&consumer->held);
    return record ? record : rd_kafka_consumer_poll(consumer->kafka, 0);
}

static void stop_waiting(struct kafka_consumer *consumer, struct partition *partition)
{
    partition->waiting = false;
    consumer->waiting--;
    for (rd_kafka_message_t *record; (record = records_pop(&partition->held_back));) {
        records_push(&consumer->held, record);
    }
    partition_set_paused(consumer, partition, consumer->paused);
}

/*
 * A postponed record that is due, or NULL. Its partition goes on with the call after that, if the record was
 * not postponed again: pausing anew would throw away what was fetched.
 */
static rd_kafka_message_t *take_postponed(struct kafka_consumer *consumer,
                                          struct kafka_position *ret_position)
{
    const int64_t now_ms = consumer->waiting > 0 ? clock_monotonic_ms() : 0;
    for (size_t i = 0; consumer->waiting > 0 && i < consumer->partition_count; i++) {
        struct partition *partition = &consumer->partitions[i];
        rd_kafka_message_t *record = partition->postponed;
        if (record && partition->until_ms <= now_ms) {
            partition->postponed = NULL;
            *ret_position =
                (struct kafka_position){.assignment = partition->assignment, .offset = record->offset};
            return record;
        }
        if (partition->waiting && !record) {
            stop_waiting(consumer, partition);
        }
    }
    return NULL;
}

static rd_kafka_conf_t *consumer_conf(const struct kafka_consumer_options *options,
                                      struct kafka_consumer *consumer, struct error *error)
{
    rd_kafka_conf_t *conf = kafka_conf_new(&options->kafka, error);
    if (!conf) {
        return NULL;
    }
    char number[16];
    (void)snprintf(number, sizeof number, "%u", options->session_timeout_ms);
    kafka_conf_set(conf, "session.timeout.ms", number);
    (void)snprintf(number, sizeof number, "%u", options->session_timeout_ms / 4);
    kafka_conf_set(conf, "heartbeat.interval.ms", number);
    kafka_conf_set(conf, "group.id", options->group_id);
    if (*options->instance_id) {
        kafka_conf_set(conf, "group.instance.id", options->instance_id);
    }
    kafka_conf_set(conf, "partition.assignment.strategy", "range");
    kafka_conf_set(conf, "auto.offset.reset", "earliest");
    kafka_conf_set(conf, "enable.auto.commit", "false");
    kafka_conf_set(conf, "enable.auto.offset.store", "false");
    kafka_conf_set(conf, "isolation.level", "read_committed");
    if (options->fetch_kb > 0) {
        (void)snprintf(number, sizeof number, "%u", options->fetch_kb * 1024);
        kafka_conf_set(conf, "fetch.message.max.bytes", number);
    }
    /* Once it has more, librdkafka fetches again a second later (2.0.2 has no fetch.queue.backoff.ms). */
    (void)snprintf(number, sizeof number, "%u", options->prefetch > 0 ? options->prefetch : PREFETCH);
    kafka_conf_set(conf, "queued.min.messages", number);
    kafka_conf_set(conf, "queued.max.messages.kbytes", "16384");
    kafka_conf_set(conf, "fetch.error.backoff.ms", "100");
    kafka_conf_set(conf, "topic.metadata.refresh.interval.ms", "30000");
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, consumer);
    return conf;
}

static bool client_open(struct kafka_consumer *consumer, struct error *error)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(consumer->conf);
    kafka_rest(conf); /* the copy knows nothing of it */
    consumer->kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (!consumer->kafka) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, "kafka consumer: %s", reason);
    }
    (void)rd_kafka_poll_set_consumer(consumer->kafka);
    consumer->answers = rd_kafka_queue_new(consumer->kafka);
    consumer->committing = false;
    consumer->queue = rd_kafka_queue_get_consumer(consumer->kafka);
    consumer->watch = kafka_queue_watch(consumer->loop, consumer->queue, on_wake, consumer);
    return true;
}

static void keep_topics(struct kafka_consumer *consumer, const struct kafka_consumer_options *options)
{
    consumer->topics = rd_kafka_topic_partition_list_new((int)options->topic_count);
    for (size_t i = 0; i < options->topic_count; i++) {
        rd_kafka_topic_partition_list_add(consumer->topics, options->topics[i], RD_KAFKA_PARTITION_UA);
    }
}

static void consumer_free(struct kafka_consumer *consumer)
{
    if (consumer->conf) {
        rd_kafka_conf_destroy(consumer->conf);
    }
    rd_kafka_topic_partition_list_destroy(consumer->topics);
    json_decref(consumer->lost);
    free(consumer->group_id);
    free(consumer);
}

struct kafka_consumer *kafka_consumer_open(uv_loop_t *loop, const struct kafka_consumer_options *options,
                                           struct error *error)
{
    struct kafka_consumer *consumer = NEW(struct kafka_consumer);
    consumer->loop = loop;
    consumer->on_records = options->on_records;
    consumer->on_fatal = options->on_fatal;
    consumer->arg = options->arg;
    consumer->room = true;
    consumer->group_id = memory_strdup(options->group_id);
    keep_topics(consumer, options);
    consumer->conf = consumer_conf(options, consumer, error);
    if (!consumer->conf || !client_open(consumer, error)) {
        consumer_free(consumer);
        return NULL;
    }
    consumer->serve = NEW(uv_timer_t);
    uv_timer_init(loop, consumer->serve);
    consumer->serve->data = consumer;
    uv_timer_start(consumer->serve, on_serve, SERVE_EVERY_MS, SERVE_EVERY_MS);
    return consumer;
}

static struct partition *partition_of(struct kafka_consumer *consumer, const rd_kafka_message_t *record)
{
    const char *topic = rd_kafka_topic_name(record->rkt);
    for (size_t i = 0; i < consumer->partition_count; i++) {
        struct partition *partition = &consumer->partitions[i];
        if (partition->number == record->partition && strcmp(partition->topic, topic) == 0) {
            return partition;
        }
    }
    return NULL;
}

rd_kafka_message_t *kafka_consumer_take(struct kafka_consumer *consumer, struct kafka_position *ret_position)
{
    rd_kafka_message_t *record = take_postponed(consumer, ret_position);
    if (record) {
        return record;
    }
    while ((record = next_record(consumer))) {
        struct partition *partition = record->err ? NULL : partition_of(consumer, record);
        if (partition && partition->waiting) {
            records_push(&partition->held_back, record);
            continue;
        }
        if (partition && record->offset > partition->last_offset) {
            if (partition->finished < 0) {
                partition->finished = record->offset; /* the group has come so far, and no further */
            }
            partition->last_offset = record->offset;
            consumer->no_room_since_ms = clock_monotonic_ms(); /* it flows: no reason to pause */
            offset_window_take(&partition->window, record->offset);
            *ret_position =
                (struct kafka_position){.assignment = partition->assignment, .offset = record->offset};
            return record;
        }
        if (record->err && record->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            kafka_trouble_report(&consumer->trouble, "kafka consumer", record->err,
                                 rd_kafka_message_errstr(record));
        }
        rd_kafka_message_destroy(record);
    }
    return NULL;
}

void kafka_consumer_postpone(struct kafka_consumer *consumer, rd_kafka_message_t *record,
                             struct kafka_position position, int64_t until_ms)
{
    struct partition *partition = partition_at(consumer, position);
    if (!partition) {
        rd_kafka_message_destroy(record);
        return;
    }
    consumer->waiting += !partition->waiting;
    partition->waiting = true;
    partition->postponed = record;
    partition->until_ms = until_ms;
    partition_set_paused(consumer, partition, true);
}

void kafka_consumer_finish(struct kafka_consumer *consumer, struct kafka_position position)
{
    struct partition *partition = partition_at(consumer, position);
    if (partition) {
        watch_record_consumed(consumer->group_id, partition->topic);
        (void)offset_window_finish(&partition->window, position.offset, &partition->finished);
    }
}

void kafka_consumer_set_room(struct kafka_consumer *consumer, bool room)
{
    if (consumer->room == room) {
        return;
    }
    consumer->room = room;
    consumer->no_room_since_ms = clock_monotonic_ms();
    if (room && consumer->paused) {
        set_paused(consumer, false);
    }
}

size_t kafka_consumer_assigned(const struct kafka_consumer *consumer)
{
    return consumer->partition_count;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

/* True: it has left the group. Else it goes on leaving. */
static bool client_leave(struct kafka_consumer *consumer, int wait_ms)
{
    rd_kafka_t *kafka = consumer->kafka;
    consumer->kafka = NULL;
    forget_partitions(consumer);
    kafka_queue_unwatch(consumer->watch, consumer->queue);
    rd_kafka_queue_destroy(consumer->queue);
    rd_kafka_queue_destroy(consumer->answers);
    return kafka_leave(&consumer->leaving, kafka, wait_ms);
}

/* The old one is left to the end of the process: its records may still be in somebody's hand. */
static void replace_client(struct kafka_consumer *consumer)
{
    (void)client_leave(consumer, LEAVE_WAIT_MS);
    consumer->join_again_at_ms = 0;
    struct error error;
    if (!client_open(consumer, &error)) {
        log_error("%s", error.text);
        abort(); /* no thread or descriptor is left: a new process may have some */
    }
    consumer->join_again = true;
}

void kafka_consumer_join(struct kafka_consumer *consumer, const json_t *lost)
{
    if (!consumer) {
        return;
    }
    if (consumer->lost) {
        replace_client(consumer);
    }
    json_decref(consumer->lost);
    consumer->lost = lost ? json_deep_copy(lost) : json_object();
    (void)rd_kafka_subscribe(consumer->kafka, consumer->topics);
}

void kafka_consumer_close(struct kafka_consumer *consumer)
{
    if (!consumer) {
        return;
    }
    uv_close((uv_handle_t *)consumer->serve, free_handle);
    rd_kafka_t *kafka = consumer->kafka;
    const int wait_ms = commit_now(consumer) ? COORDINATOR_WAIT_MS : 0;
    if (client_leave(consumer, wait_ms)) {
        rd_kafka_destroy_flags(kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    } else {
        log_warn("the group's coordinator does not answer: the client is left to the end of the process");
    }
    kafka_leaving_release(&consumer->leaving);
    consumer_free(consumer);
}
