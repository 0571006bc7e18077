/*
 * commit_log.h - which groups may have committed something, told by the topic in which Kafka keeps commits.
 *
 * To ask a group what it has committed takes librdkafka two requests, and there are many groups; to ask where
 * the partitions of __consumer_offsets end takes one for all. Kafka writes what a group commits, how it is
 * made up, and that it is gone to one partition of them, which follows from the group's name (Kafka's
 * GroupCoordinatorService.partitionFor()). Where that one has not moved, the group stands where it stood.
 *
 * A Kafka that shows no such topic, or to us not, has no quiet groups; nor has one that turns out to keep
 * them otherwise: commit_log_was_wrong().
 */
#ifndef METRICS_EXPORTER_COMMIT_LOG_H
#define METRICS_EXPORTER_COMMIT_LOG_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#define COMMIT_LOG_TOPIC "__consumer_offsets"

struct commit_log_partition {
    int64_t end;   /* negative: not known */
    int still_for; /* looks at which it has not moved */
    bool led;
};

/* All zero: nothing is known. */
struct commit_log {
    struct commit_log_partition *partitions;
    int32_t count; /* 0: there is none to be seen */
    bool was_wrong;
};

void commit_log_release(struct commit_log *log);

/* What the metadata says of it; without partitions: it is not there. */
void commit_log_found(struct commit_log *log, const rd_kafka_metadata_topic_t *topic);

/* A look: the questions to be asked, each an offset of which RD_KAFKA_OFFSET_END is wanted; and the answers.
 */
void commit_log_list(const struct commit_log *log, rd_kafka_topic_partition_list_t *list);
void commit_log_take(struct commit_log *log, const rd_kafka_topic_partition_list_t *list, bool answered);

/*
 * True: nothing was written for the group since before the last look. Not since this one: a broker tells
 * where the log ends a moment before it tells what it says.
 */
bool commit_log_is_quiet(const struct commit_log *log, const char *group);

/* A group that was called quiet has moved: this Kafka is another than the one we know. */
void commit_log_was_wrong(struct commit_log *log);

/* The group's place among `count` partitions; NOT one of them (negative): its name is none that we can say it
 * of. */
int32_t commit_log_partition_of(const char *group, int32_t count);

#endif
