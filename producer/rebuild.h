/*
 * rebuild.h - notices that Kafka came back without what was in it, and has it rebuilt (schemas/rebuild.h).
 *
 * One producer of all looks at Kafka, each second. It knows Kafka again by the cluster's id and by where
 * partitions end, both of which PostgreSQL has recorded; so it does not matter whether anybody was running
 * when the records went away. The first Kafka that is ever seen is only recorded.
 *
 * Topics that are missing are created as `outbound topics apply` does it. When that is not allowed, the log
 * says so, and it goes on as soon as somebody else has made them.
 */
#ifndef PRODUCER_REBUILD_H
#define PRODUCER_REBUILD_H

#include "producer/producer.h"

/* NULL, with the reason, when Kafka's settings are wrong. */
MUST_CHECK struct rebuild *rebuild_open(struct producer *producer, struct error *error);

/* Looks no more; what is under way goes on where it was, by another producer or after a restart. */
void rebuild_stop(struct rebuild *rebuild);

/* Waits for an answer of Kafka's, some seconds at most. NULL is fine. */
void rebuild_close(struct rebuild *rebuild);

#endif
