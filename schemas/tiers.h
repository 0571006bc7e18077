/*
 * tiers.h - retry tiers: topics in which messages wait for their next attempt, each with one fixed delay.
 *
 * They follow from OUTBOUND_RETRY_DELAYS. Because a tier's delay is fixed, what is written to a partition is
 * due in the order in which it was written, and a reader may sleep until the first record is due. What
 * spreads messages that failed together (the jitter) keeps that order: the message's id chooses the
 * partition, and the partition the jitter, up to a tenth of the delay.
 *
 * Waits that no tier fits stay in PostgreSQL, in outbound_outbox: those of less than a second, and those that
 * are longer than the longest tier.
 */
#ifndef SCHEMAS_TIERS_H
#define SCHEMAS_TIERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "schemas/config.h"

#define TIER_TOPIC_PREFIX "outbound.retry."
#define TIER_TOPIC_PATTERN "^outbound\\.retry\\..+" /* as librdkafka subscribes to it */
#define TIER_DELAY_MIN_MS 1000
#define HEADER_DUE_AT "x-due-at" /* Unix time in ms; a record without it is due at once */

struct tier {
    int64_t delay_ms;
    char topic[48]; /* "outbound.retry.30s" */
};

struct tiers {
    struct tier tier[RETRY_DELAYS_MAX]; /* shortest first, each delay once */
    size_t count;
};

/* A message's way to its next attempt. */
struct wait {
    const char *topic; /* where it is published: a tier's, which is `tiers`' own, or the accepted topic */
    int64_t delay_ms;  /* until it is due, jitter included; never less than what was asked for */
    int64_t hold_ms;   /* of that, how long PostgreSQL keeps it before it is published */
};

/* The delay of a tier's topic, by its name; 0 when it is none's, or its name says no delay. */
int64_t tier_delay_ms(const char *topic);

/* Whether a topic is a tier's. */
bool tier_topic(const char *topic);

/* The tiers of the settings. */
void tiers_of(const struct config *config, struct tiers *ret_tiers);

/* How message `id` waits for at least `delay_ms`. */
struct wait tiers_wait(const struct tiers *tiers, const struct config *config, const struct uuid *id,
                       int64_t delay_ms);

#endif
