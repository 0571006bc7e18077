/*
 * kafka_consumer.h - takes records of a consumer group and commits what is finished.
 *
 * The holder takes records as it has room and says of each when it is finished; the offset that is committed
 * never passes a record that is not. Records of a partition that was lost meanwhile may still be finished:
 * that does nothing, and its new owner gets them again.
 *
 * Back-pressure is not taking: librdkafka stops fetching when its queue is full. A holder without room says
 * so by kafka_consumer_set_room(); when that lasts, partitions are paused (which throws away what was
 * prefetched, so not at once) and group membership goes on being served.
 */
#ifndef BASE_KAFKA_CONSUMER_H
#define BASE_KAFKA_CONSUMER_H

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

#include "base/kafka.h"

struct kafka_consumer;

struct kafka_consumer_options {
    struct kafka_options kafka;
    const char *group_id;
    /*
     * Static membership: a member that comes back under the same id within the session time-out gets its
     * partitions back without a rebalance. "": a member without a name, which leaves the group when it
     * closes.
     */
    const char *instance_id;
    unsigned session_timeout_ms;
    const char *const *topics; /* one that begins with "^" is a regular expression over all topics */
    size_t topic_count;
    unsigned fetch_kb; /* of one partition at a time; 0: as librdkafka has it, 1 MB */
    /*
     * With so many records waiting in memory nothing is fetched for a second: as many as can be taken in that
     * time. A fetch that has begun goes beyond. 0: 20,000.
     */
    unsigned prefetch;
    void (*on_records)(void *arg); /* something may be there to take; on the loop */
    void (*on_fatal)(void *arg); /* no record will come any more (two members of one name): end the process */
    void *arg;
};

/* Where a record came from; what kafka_consumer_finish() wants back. Plain data, copy it freely. */
struct kafka_position {
    uint64_t assignment; /* counts up with each assignment of a partition */
    int64_t offset;
};

/* Not a member of its group yet. */
MUST_CHECK struct kafka_consumer *
kafka_consumer_open(uv_loop_t *loop, const struct kafka_consumer_options *options, struct error *error);

/*
 * Joins the group. It goes on from what the group has committed; of a topic that was lost since
 * (kafka_lost.h), from the beginning.
 *
 * Called again, for topics that were made anew, it joins with a new client: one that has read the old ones
 * may go on at its old position and pass over records (librdkafka 2.0.2). Nothing is committed then; what was
 * taken before may still be finished, which does nothing. Blocks for some milliseconds, half a second when no
 * coordinator answers. A NULL consumer is fine.
 */
void kafka_consumer_join(struct kafka_consumer *consumer, const json_t *lost);

/* The next record, or NULL. Free it with rd_kafka_message_destroy(). Tombstones have a NULL payload. */
rd_kafka_message_t *kafka_consumer_take(struct kafka_consumer *consumer, struct kafka_position *ret_position);

/*
 * Gives a record back that is not due: kafka_consumer_take() hands it out again at `until_ms`
 * (clock_monotonic_ms()) or up to 250 ms later. Until then its partition waits with it, paused, and nothing
 * of it is fetched.
 */
void kafka_consumer_postpone(struct kafka_consumer *consumer, rd_kafka_message_t *record,
                             struct kafka_position position, int64_t until_ms);

/* The record's next home is durable. */
void kafka_consumer_finish(struct kafka_consumer *consumer, struct kafka_position position);

/* Whether the holder takes records now; at first it does. Without room on_records is not called. */
void kafka_consumer_set_room(struct kafka_consumer *consumer, bool room);

/* Partitions assigned now. */
size_t kafka_consumer_assigned(const struct kafka_consumer *consumer);

/*
 * Commits what is finished and leaves (see instance_id); blocks for some milliseconds, two seconds when no
 * coordinator answers (then the client is left to the end of the process). NULL is fine.
 */
void kafka_consumer_close(struct kafka_consumer *consumer);

#endif
