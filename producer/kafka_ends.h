/*
 * kafka_ends.h - where the partitions of our topics end, and whether that can be so.
 *
 * A partition's end only ever rises: what retention deletes is deleted from its start. So one that ends
 * before where it has once ended has lost its records.
 *
 * Ends are JSON, as outbound_kafka.ends has them: {"outbound.dlq": [12, 0]}, a number for each partition.
 * Where that is not known now (a partition without a leader), null stands for it, or for the whole topic; a
 * topic that is missing has no partitions.
 */
#ifndef PRODUCER_KAFKA_ENDS_H
#define PRODUCER_KAFKA_ENDS_H

#include <jansson.h>
#include <stddef.h>

enum kafka_ends_verdict {
    KAFKA_ENDS_FINE,
    KAFKA_ENDS_MISSING, /* a topic or partition that was there; a broker that is starting may say so, too */
    KAFKA_ENDS_BEHIND,  /* a partition ends before where it once did */
};

/*
 * Topics that are only in one of them are not compared. Adds the names of those that are not fine to the
 * array `lost`, and says of one partition of the surest, in words, what is wrong.
 */
enum kafka_ends_verdict kafka_ends_compare(json_t *recorded, json_t *seen, json_t *lost, char *ret_why,
                                           size_t size);

/* `recorded` with what is known from `seen`; a new object. */
json_t *kafka_ends_merge(json_t *recorded, json_t *seen);

#endif
