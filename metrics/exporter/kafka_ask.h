/*
 * kafka_ask.h - the questions that a collection asks Kafka, in few requests.
 *
 * Blocking, with time-outs; each can be cut short from another thread. Nothing here joins a group or commits.
 */
#ifndef METRICS_EXPORTER_KAFKA_ASK_H
#define METRICS_EXPORTER_KAFKA_ASK_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "metrics/exporter/kafka_view.h"
#include "metrics/exporter/name_filter.h"

/* How long one answer may take: as long as a broker that is away can hold up the end of the process. */
#define ASK_TIMEOUT_MS 3000

struct kafka_ask {
    rd_kafka_t *client;
    const struct name_filter *topics;
    const struct name_filter *groups;
    const atomic_bool *stop; /* true: give up */
    int64_t configs_asked_ms;
};

/* Brokers, topics and partitions; one request. */
MUST_CHECK bool kafka_ask_topics(struct kafka_ask *ask, struct kafka_view *view, struct error *error);

/*
 * Groups and their states, one request to each broker; where commits end, one for all partitions; members of
 * groups that have some, one to each. Takes away topics and groups that are gone: groups only when every
 * broker has listed its own. False: something is missing.
 */
MUST_CHECK bool kafka_ask_groups(struct kafka_ask *ask, struct kafka_view *view, struct error *error);

/* What the groups have committed: a request to each that is not quiet (commit_log.h), all of them at once. */
MUST_CHECK bool kafka_ask_commits(struct kafka_ask *ask, struct kafka_view *view, struct error *error);

/*
 * Where partitions begin or end; a request for some hundred partitions of a broker. Brokers look every few
 * minutes for what they may delete: where partitions begin is asked for every few seconds only.
 */
MUST_CHECK bool kafka_ask_starts(struct kafka_ask *ask, struct kafka_view *view, struct error *error);
MUST_CHECK bool kafka_ask_ends(struct kafka_ask *ask, struct kafka_view *view, struct error *error);

/* retention.ms and cleanup.policy of new topics, and now and then of all. Not being allowed to is no error.
 */
MUST_CHECK bool kafka_ask_configs(struct kafka_ask *ask, struct kafka_view *view, struct error *error);

/* rd_kafka_offsets_for_times() for any number of partitions. */
MUST_CHECK bool kafka_ask_offsets(struct kafka_ask *ask, rd_kafka_topic_partition_list_t *list,
                                  struct error *error);

#endif
