/*
 * outbound exporter - shows what waits and how late it is: Kafka's groups, retry tiers, PostgreSQL's queues.
 *
 * A scrape is answered from what the collectors found last; it never asks a server.
 */
#include "metrics/exporter/exporter.h"

#include "base/log.h"
#include "metrics/exporter/run.h"
#include "metrics/observe.h"
#include "metrics/sentry.h"
#include "metrics/watched.h"

#define GONE_AFTER 6 /* collections */
#define GONE_AFTER_AT_LEAST_MS 60000

bool exporter_too_old(int64_t age_ms, int64_t interval_ms)
{
    return age_ms > GONE_AFTER * interval_ms && age_ms > GONE_AFTER_AT_LEAST_MS;
}

void exporter_collected(struct exporter *exporter, const char *source, bool success, double seconds)
{
    metric_add(exporter->metrics, METRIC_COLLECTIONS, LABELS(source, success ? "success" : "failure"), 1);
    metric_set(exporter->metrics, METRIC_COLLECTION_DURATION, LABELS(source), seconds);
}

static struct http_text *on_scrape(void *arg)
{
    struct exporter *exporter = arg;
    pg_collector_refresh(exporter->pg);
    return kafka_collector_expose(exporter->kafka);
}

static void stop(void *role)
{
    service_done(&((struct exporter *)role)->service);
}

int exporter_run(const struct config *config)
{
    struct exporter exporter = {.config = config, .metrics = metrics_new()};
    metrics_watch(exporter.metrics, "exporter", config->environment);
    service_init(&exporter.service, (unsigned)config->stop_timeout_ms, stop, &exporter);
    sentry_attach(&exporter.service.loop);
    struct error error;
    int exit_code = 1;
    exporter.kafka = kafka_collector_open(&exporter, &error);
    exporter.pg = exporter.kafka ? pg_collector_open(&exporter, &error) : NULL;
    struct observe *observe = NULL;
    if (exporter.pg) {
        observe = observe_open(
            &(struct observe_options){.loop = &exporter.service.loop,
                                      .host = config->metrics_host,
                                      .port = config_metrics_port(config, METRICS_EXPORTER, CHANNEL_COUNT),
                                      .metrics = exporter.metrics,
                                      .on_scrape = on_scrape,
                                      .arg = &exporter});
        log_info("exporting");
        exit_code = service_run(&exporter.service);
    } else {
        log_error("%s", error.text);
    }
    observe_close(observe);
    pg_collector_close(exporter.pg);
    kafka_collector_close(exporter.kafka);
    sentry_detach();
    service_release(&exporter.service);
    metrics_unwatch();
    metrics_free(exporter.metrics);
    json_decref(exporter.lost);
    return exit_code;
}
