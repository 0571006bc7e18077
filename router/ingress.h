/*
 * ingress.h - takes in what services upstream publish to outbound.requests (see ingress_path.c).
 */
#ifndef ROUTER_INGRESS_H
#define ROUTER_INGRESS_H

#include <stdbool.h>
#include <uv.h>

#include "base/error.h"
#include "metrics/metrics.h"
#include "metrics/trace.h"
#include "schemas/config.h"
#include "schemas/rebuild.h"

struct ingress_options {
    uv_loop_t *loop;
    const struct config *config;
    struct metrics *metrics;
    struct tracer *tracer;
    /* See rebuild_watch_open(); ingress has done what its own clients need. */
    void (*on_rebuild)(void *arg, const struct rebuild_news *news);
    void (*on_fatal)(void *arg); /* no record will come any more: end the process */
    void *arg;
};

/* NULL, with the reason, when a setting is wrong. That no server answers yet is not an error. */
struct ingress *ingress_open(const struct ingress_options *options, struct error *error);

/* Takes no more records. */
void ingress_stop(struct ingress *ingress);

/* Nothing is in hand that can be finished now. */
bool ingress_is_idle(const struct ingress *ingress);

/* What is not finished is read again by whoever comes next. NULL is fine. */
void ingress_close(struct ingress *ingress);

#endif
