/*
 * topic_admin.h - the cluster's topics beside those of topics.def and of the settings' retry tiers.
 *
 * Blocking, with a time-out; for commands, and for roles in a thread of libuv's pool.
 */
#ifndef SCHEMAS_TOPIC_ADMIN_H
#define SCHEMAS_TOPIC_ADMIN_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/kafka_trouble.h"
#include "schemas/config.h"
#include "schemas/tiers.h"
#include "schemas/topics.h"

#define TOPIC_ADMIN_MAX (TOPIC_COUNT + RETRY_DELAYS_MAX)
#define TOPIC_RETENTION "retention.ms"
#define TOPIC_MESSAGE_BYTES "max.message.bytes"

/* What the cluster has of one topic, and what it should have. */
struct topic_state {
    const char *name;
    int wanted_partitions;
    int64_t wanted_retention_ms;
    int64_t wanted_message_bytes; /* at least; 0: any */
    int partitions;               /* 0: the topic is missing */
    int64_t retention_ms;
    int64_t message_bytes;
    rd_kafka_ConfigResource_t *kept; /* its own settings, with ours among them */
};

/* Must not be moved once it is open. */
struct topic_admin {
    const struct config *config;
    int timeout_ms; /* of each answer */
    rd_kafka_t *kafka;
    rd_kafka_queue_t *queue;
    struct kafka_trouble trouble;
    struct tiers tiers;
    struct topic_state topics[TOPIC_ADMIN_MAX];
    size_t count;
};

/* That no broker answers yet is not an error. To be closed after a failure, too. */
MUST_CHECK bool topic_admin_open(struct topic_admin *admin, const struct config *config,
                                 const char *client_id, int timeout_ms, struct error *error);
void topic_admin_close(struct topic_admin *admin);

/* What the cluster has: which topics with how many partitions, and the settings of those that are there. */
MUST_CHECK bool topic_admin_read(struct topic_admin *admin, struct error *error);
MUST_CHECK bool topic_admin_read_settings(struct topic_admin *admin, struct error *error);

/* Creates topics that are missing; somebody else may be doing so at the same time. */
MUST_CHECK bool topic_admin_create(struct topic_admin *admin, struct error *error);

/* Adds partitions, and sets what differs; others' settings stay. */
MUST_CHECK bool topic_admin_add_partitions(struct topic_admin *admin, struct error *error);
MUST_CHECK bool topic_admin_change_settings(struct topic_admin *admin, struct error *error);

/* A partition that was just made has no leader for a moment; who asked for topics wants to use them. */
MUST_CHECK bool topic_admin_await_leaders(struct topic_admin *admin, struct error *error);

/* Whether a topic would refuse the largest record that it has to take. */
bool topic_messages_too_small(const struct topic_state *topic);

#endif
