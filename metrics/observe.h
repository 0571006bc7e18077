/*
 * observe.h - /metrics of a process on a port of its own, and /health/live.
 *
 * Watching never stops what is watched: a port that is taken is a warning, and tried again.
 */
#ifndef METRICS_OBSERVE_H
#define METRICS_OBSERVE_H

#include <stdint.h>
#include <uv.h>

#include "base/http_server.h"
#include "metrics/metrics.h"

struct observe;

struct observe_options {
    uv_loop_t *loop;
    const char *host; /* an IP address */
    uint16_t port;    /* 0: nothing is served */
    struct metrics *metrics;
    /* Optional: called at each scrape before `metrics` is exposed. What it returns comes first; it stays the
     * caller's. NULL: nothing. */
    struct http_text *(*on_scrape)(void *arg);
    void *arg;
};

struct observe *observe_open(const struct observe_options *options);

/* NULL is fine. */
void observe_close(struct observe *observe);

/* Brings up to date what is counted elsewhere: METRIC_PROCESS_…, METRIC_LOG_LINES, METRIC_ERROR_REPORTS.
 * Done at the start by metrics_watch(), then at each scrape. */
void observe_process(struct metrics *metrics);

#endif
