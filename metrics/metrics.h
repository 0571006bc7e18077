/*
 * metrics.h - counters, gauges and histograms of metrics.def, in the text format of Prometheus.
 *
 * A process has one struct metrics, used from its loop only. Label values must be static strings from closed
 * sets: a series lives as long as the process.
 */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stdio.h>

#include "base/buffer.h"

enum metric {
#define METRIC(id, ...) METRIC_##id,
#include "metrics/metrics.def"
#undef METRIC
    METRIC_COUNT
};

#define METRIC_LABELS_MAX 3

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* The labels are as many as the metric has, in the order of its row; the rest is NULL. */
struct metric_labels {
    const char *values[METRIC_LABELS_MAX];
};

#define LABELS(...) ((struct metric_labels){{__VA_ARGS__}})
#define NO_LABELS ((struct metric_labels){{NULL}})

void metric_add(struct metrics *metrics, enum metric metric, struct metric_labels labels, double amount);
void metric_set(struct metrics *metrics, enum metric metric, struct metric_labels labels, double value);

/* Seconds for names that end in _seconds, else plain numbers. */
void metric_observe(struct metrics *metrics, enum metric metric, struct metric_labels labels, double value);

/* Appends everything in the exposition format 0.0.4. */
void metrics_expose(const struct metrics *metrics, struct buffer *into);

void metrics_print_markdown(FILE *out);

#endif
