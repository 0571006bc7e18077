/*
 * metrics.h - counters, gauges and histograms of metrics.def, in the text format of Prometheus.
 *
 * A process has one struct metrics, used from its loop only. Recording costs some ten nanoseconds (`./dev
 * bench record`).
 *
 * Label values come from closed sets, are valid as long as the process, and never change: a series is found
 * by where its values lie in memory. What is not such a string goes through metrics_intern(), or
 * metric_intern() where values come and go.
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

/* The labels are as many as the metric has, in the order of its row; the rest is NULL. NULL or "": none such.
 */
struct metric_labels {
    const char *values[METRIC_LABELS_MAX];
};

#define LABELS(...) ((struct metric_labels){{__VA_ARGS__}})
#define NO_LABELS ((struct metric_labels){{NULL}})

/* Adding 0 makes a series that was not there: a counter that starts at 0 has a rate from its first event on.
 */
void metric_add(struct metrics *metrics, enum metric metric, struct metric_labels labels, double amount);
void metric_set(struct metrics *metrics, enum metric metric, struct metric_labels labels, double value);

/* In the metric's unit. */
void metric_observe(struct metrics *metrics, enum metric metric, struct metric_labels labels, double value);

/* Forgets all series of a metric, and what metric_intern() has kept for them. */
void metric_clear(struct metrics *metrics, enum metric metric);

/* A copy of `text` that lives as long as `metrics`; the same text is the same address. */
const char *metrics_intern(struct metrics *metrics, const char *text);

/* The same for label values of one metric: it lives until metric_clear(). */
const char *metric_intern(struct metrics *metrics, enum metric metric, const char *text);

/* Appends everything in the exposition format 0.0.4. */
void metrics_expose(const struct metrics *metrics, struct buffer *into);

/* For who writes the samples of a metric himself: its name, its HELP and TYPE lines. */
const char *metric_name(enum metric metric);
void metric_expose_head(enum metric metric, struct buffer *into);

void metrics_print_markdown(FILE *out);

#endif
