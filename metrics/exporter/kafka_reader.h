/*
 * kafka_reader.h - reads the first record at or after given offsets, for its timestamp.
 *
 * Assigned by hand, without a group; aborted records and markers are passed over. A record of a transaction
 * that is not decided yet is found, too.
 */
#ifndef METRICS_EXPORTER_KAFKA_READER_H
#define METRICS_EXPORTER_KAFKA_READER_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "metrics/exporter/kafka_view.h"

/* Read at once: each may be a batch of a megabyte, and brokers share a fetch among the partitions. */
#define READ_AT_ONCE 50

struct read_target {
    struct kafka_topic *topic;
    int32_t partition;
    int64_t from;
    bool started;
    bool done; /* what was found is in the partition's record_times; or the partition cannot be read now */
    bool undecided; /* from `from` on there is nothing but records of transactions that are not decided */
    int64_t last;   /* what came along with the first record */
    int64_t last_ms;
};

struct kafka_reader {
    rd_kafka_t *committed;   /* isolation.level=read_committed */
    rd_kafka_t *uncommitted; /* for what is not decided */
    const atomic_bool *stop;
};

/*
 * Reads for as many targets as there is time for, in their order; `until_ms` is of the monotonic clock. Two
 * of them with the same partition are read one after the other.
 */
void kafka_reader_read(struct kafka_reader *reader, struct read_target *targets, size_t count,
                       int64_t until_ms);

#endif
