#include "metrics/exporter/kafka_reader.h"

#include <string.h>

#include "base/clock.h"

#define LOOK_MS 100 /* how soon a stop, and the end of the time, is noticed */

/* Those that are read together, with one client. */
struct round {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    struct read_target *targets[READ_AT_ONCE];
    rd_kafka_topic_t *handles[READ_AT_ONCE];
    size_t count;
    size_t running;
    bool uncommitted;
};

static struct record_times *times_of(const struct read_target *target)
{
    return &target->topic->partitions[target->partition].times;
}

static struct read_target *target_of(const struct round *round, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    for (size_t i = 0; i < round->count; i++) {
        struct read_target *target = round->targets[i];
        if (target->partition == message->partition && strcmp(target->topic->name, topic) == 0) {
            return target;
        }
    }
    return NULL;
}

static void take_record(const struct round *round, struct read_target *target,
                        const rd_kafka_message_t *record)
{
    const int64_t time_ms = rd_kafka_message_timestamp(record, NULL);
    if (target->done) {
        target->last = record->offset;
        target->last_ms = time_ms;
        return;
    }
    target->done = true;
    record_times_learn(times_of(target),
                       (struct known_record){.from = target->from,
                                             .to = record->offset,
                                             .time_ms = time_ms,
                                             .looked_ms = clock_wall_ms(),
                                             .answer = round->uncommitted ? RECORD_UNDECIDED : RECORD_AT});
}

/* `end`: of what is committed, when only that is read. */
static void take_end(const struct round *round, struct read_target *target, int64_t end)
{
    if (target->done) {
        return;
    }
    target->done = true;
    if (!round->uncommitted && end < target->topic->partitions[target->partition].end) {
        target->undecided = true;
        return;
    }
    record_times_learn(times_of(target), (struct known_record){.from = target->from,
                                                               .to = end,
                                                               .looked_ms = clock_wall_ms(),
                                                               .answer = RECORD_NONE});
}

static void take(const struct round *round, const rd_kafka_message_t *message)
{
    struct read_target *target = target_of(round, message);
    if (!target || !target->started) {
        return;
    }
    if (!message->err) {
        take_record(round, target, message);
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        take_end(round, target, message->offset);
    } else {
        target->done = true; /* no leader, no right: what is known has to do */
    }
}

static void start(struct round *round, struct read_target *target)
{
    struct kafka_topic *topic = target->topic;
    rd_kafka_topic_t *handle = topic->handle;
    if (round->uncommitted) {
        handle = rd_kafka_topic_new(round->client, topic->name, NULL);
    } else if (!handle) {
        handle = topic->handle = rd_kafka_topic_new(round->client, topic->name, NULL);
    }
    if (handle && rd_kafka_consume_start_queue(handle, target->partition, target->from, round->queue) == 0) {
        target->started = true;
        round->running++;
    } else {
        target->done = true;
    }
    round->targets[round->count] = target;
    round->handles[round->count++] = handle;
}

static void stop_those_done(struct round *round, bool all)
{
    for (size_t i = 0; i < round->count; i++) {
        struct read_target *target = round->targets[i];
        if (target->started && (target->done || all)) {
            (void)rd_kafka_consume_stop(round->handles[i], target->partition);
            target->started = false;
            round->running--;
            if (target->last > 0) {
                record_times_mark(times_of(target), target->last, target->last_ms);
            }
        }
    }
}

static void read_round(struct kafka_reader *reader, struct round *round, int64_t until_ms)
{
    int wait_ms = LOOK_MS;
    while (round->running > 0 && clock_monotonic_ms() < until_ms && !atomic_load(reader->stop)) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(round->queue, wait_ms);
        if (message) {
            take(round, message);
            rd_kafka_message_destroy(message);
            wait_ms = 0; /* what came along with it */
        } else {
            stop_those_done(round, false);
            wait_ms = LOOK_MS;
        }
    }
    stop_those_done(round, true);
    for (size_t i = 0; i < round->count && round->uncommitted; i++) {
        rd_kafka_topic_destroy(round->handles[i]);
    }
}

static bool shares_partition(const struct round *round, const struct read_target *target)
{
    for (size_t i = 0; i < round->count; i++) {
        if (round->targets[i]->topic == target->topic && round->targets[i]->partition == target->partition) {
            return true;
        }
    }
    return false;
}

static bool waits(const struct read_target *target, bool uncommitted)
{
    return uncommitted ? target->undecided : !target->done;
}

/* True when there was something to read. */
static bool read_some(struct kafka_reader *reader, struct read_target *targets, size_t count, size_t *first,
                      bool uncommitted, int64_t until_ms)
{
    while (*first < count && !waits(&targets[*first], uncommitted)) {
        ++*first;
    }
    if (*first == count || clock_monotonic_ms() >= until_ms || atomic_load(reader->stop)) {
        return false;
    }
    struct round round = {.client = uncommitted ? reader->uncommitted : reader->committed,
                          .uncommitted = uncommitted};
    round.queue = rd_kafka_queue_new(round.client);
    for (size_t i = *first; i < count && round.count < READ_AT_ONCE; i++) {
        if (waits(&targets[i], uncommitted) && !shares_partition(&round, &targets[i])) {
            targets[i].done = targets[i].undecided = false;
            start(&round, &targets[i]);
        }
    }
    read_round(reader, &round, until_ms);
    rd_kafka_queue_destroy(round.queue);
    return true;
}

void kafka_reader_read(struct kafka_reader *reader, struct read_target *targets, size_t count,
                       int64_t until_ms)
{
    for (int uncommitted = 0; uncommitted < 2; uncommitted++) {
        size_t first = 0;
        while (read_some(reader, targets, count, &first, uncommitted, until_ms)) {
        }
    }
}
