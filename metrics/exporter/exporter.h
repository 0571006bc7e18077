/*
 * exporter.h - the exporter and its collectors.
 *
 * A collector keeps fresh what is shown of one server, and is asked to show it at each scrape. It runs on the
 * exporter's loop; what would block there runs in libuv's pool (uv_queue_work).
 */
#ifndef METRICS_EXPORTER_EXPORTER_H
#define METRICS_EXPORTER_EXPORTER_H

#include <jansson.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/http_server.h"
#include "base/service.h"
#include "metrics/metrics.h"
#include "schemas/config.h"

struct exporter {
    struct service service;
    const struct config *config;
    struct metrics *metrics; /* everything but Kafka's many series */
    json_t *lost; /* topics that were lost once (base/kafka_lost.h); NULL: PostgreSQL has not told */
    struct kafka_collector *kafka;
    struct pg_collector *pg;
};

/* kafka_collector.c: topics, partitions, groups, retry tiers. */
MUST_CHECK struct kafka_collector *kafka_collector_open(struct exporter *exporter, struct error *error);
/*
 * What was collected last, and its age in exporter->metrics; it stays the collector's. NULL: nothing yet, or
 * it is too old. For each scrape.
 */
struct http_text *kafka_collector_expose(struct kafka_collector *collector);
void kafka_collector_close(struct kafka_collector *collector);

/* pg_collector.c: messages, dead letters, outbox, quotas. What it shows is in exporter->metrics. */
MUST_CHECK struct pg_collector *pg_collector_open(struct exporter *exporter, struct error *error);
/* The age of what it shows, or nothing where that is too old. For each scrape. */
void pg_collector_refresh(struct pg_collector *collector);
void pg_collector_close(struct pg_collector *collector);

/*
 * For both: whether what is that old is taken away, when there is a collection each `interval_ms`: after six
 * of them, and a minute. An old number is better than a gap, but not for long. Its age is shown on.
 */
bool exporter_too_old(int64_t age_ms, int64_t interval_ms);

/* For both: METRIC_COLLECTIONS and METRIC_COLLECTION_DURATION of a collection that has ended. */
void exporter_collected(struct exporter *exporter, const char *source, bool success, double seconds);

#endif
