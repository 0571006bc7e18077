/*
 * kafka_lost.h - topics that were deleted and made anew, and what a group had committed of them before.
 *
 * Kafka forgets what a group has committed of a topic that is deleted; but a client that has not heard of it
 * may commit its old place once more, and a partition that has lost its records otherwise keeps what was
 * committed. In the topic that is made anew that is a place like any other: all that comes before it would be
 * passed over. So each commit says, as its metadata, which loss of the topic it knows of, by the number that
 * the loss has; and who knows of another one begins at the beginning.
 *
 * Losses are a JSON object of numbers: {"outbound.dlq": 3}; "*" stands for all topics. NULL: none.
 */
#ifndef BASE_KAFKA_LOST_H
#define BASE_KAFKA_LOST_H

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "base/attributes.h"

/* Says so in a commit. */
void kafka_lost_mark(const json_t *lost, rd_kafka_t *kafka, rd_kafka_topic_partition_t *commit);

/* Whether a commit is a place in the topic as it is now: that was never lost, or the commit knows of it. */
bool kafka_lost_counts(const json_t *lost, const rd_kafka_topic_partition_t *commit);

/*
 * To be called with what is about to be assigned: sets the offset of those partitions whose commit is of
 * another loss to the beginning. Asks the coordinator only when one of the topics was ever lost, and waits
 * `wait_ms` at most. False: it does not answer; nothing is known, and nothing may be read yet.
 */
MUST_CHECK bool kafka_lost_begin(const json_t *lost, rd_kafka_t *kafka, rd_kafka_topic_partition_list_t *list,
                                 int wait_ms);

#endif
