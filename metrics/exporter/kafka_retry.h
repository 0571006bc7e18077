/*
 * kafka_retry.h - retry tiers: what waits there by design, and what should have been taken by now.
 */
#ifndef METRICS_EXPORTER_KAFKA_RETRY_H
#define METRICS_EXPORTER_KAFKA_RETRY_H

#include "metrics/exporter/kafka_ask.h"

/* Sets `retry` of each topic that is a tier; after kafka_lag_look(). One request to each leader. */
MUST_CHECK bool kafka_retry_look(struct kafka_ask *ask, struct kafka_view *view, struct error *error);

/* How long a record may wait in partition `number` of a tier with this delay: the delay and the jitter. */
int64_t retry_wait_ms(int64_t delay_ms, int32_t number, int32_t partition_count);

#endif
