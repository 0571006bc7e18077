/*
 * watched.h - what every role counts alike: statements, connections, records, expired leases; and series that
 * have to be there from the start.
 */
#ifndef METRICS_WATCHED_H
#define METRICS_WATCHED_H

#include "metrics/metrics.h"

/*
 * Counts what the process does with PostgreSQL and Kafka (base/watch.h) until metrics_unwatch(). `role` and
 * `environment` live as long as the process.
 */
void metrics_watch(struct metrics *metrics, const char *role, const char *environment);
void metrics_unwatch(void);

/* A claim that nobody finished. `channel` and `error_code` are labels. */
void metrics_count_expired_lease(struct metrics *metrics, const char *channel, const char *error_code,
                                 bool given_up);

#endif
