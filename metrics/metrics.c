#include "metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/memory.h"

enum metric_type { COUNTER, GAUGE, HISTOGRAM };

static const char *const type_names[] = {"counter", "gauge", "histogram"};

static const struct {
    enum metric_type type;
    const char *name;
    const char *labels[METRIC_LABELS_MAX];
    const char *help;
} rows[METRIC_COUNT] = {
#define METRIC(id, type, name, first, second, third, help) {type, name, {first, second, third}, help},
#include "metrics/metrics.def"
#undef METRIC
};

/* Upper bounds: times from a millisecond to an hour, counts from one to a thousand. */
static const double bounds[] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,    2.5,
                                5,     10,    25,   30,    60,   100, 250,  500, 1000, 3600};

struct histogram {
    uint64_t buckets[COUNT_OF(bounds) + 1]; /* the last one is +Inf; not cumulative */
    uint64_t count;
};

struct series {
    struct series *next;
    struct metric_labels labels;
    double value; /* a histogram's sum */
    struct histogram *histogram;
};

struct metrics {
    struct series *first[METRIC_COUNT];
};

struct metrics *metrics_new(void)
{
    return NEW(struct metrics);
}

void metrics_free(struct metrics *metrics)
{
    for (size_t i = 0; metrics && i < METRIC_COUNT; i++) {
        for (struct series *series = metrics->first[i], *next; series; series = next) {
            next = series->next;
            free(series->histogram);
            free(series);
        }
    }
    free(metrics);
}

static bool same_labels(const struct metric_labels *a, const struct metric_labels *b)
{
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
        const char *x = a->values[i];
        const char *y = b->values[i];
        if (x != y && (!x || !y || strcmp(x, y) != 0)) {
            return false;
        }
    }
    return true;
}

/* Few series each, the busy ones looked up by equal pointers: a list is enough. */
static struct series *find(struct metrics *metrics, enum metric metric, const struct metric_labels *labels)
{
    for (struct series *series = metrics->first[metric]; series; series = series->next) {
        if (same_labels(&series->labels, labels)) {
            return series;
        }
    }
    struct series *series = NEW(struct series);
    series->labels = *labels;
    if (rows[metric].type == HISTOGRAM) {
        series->histogram = NEW(struct histogram);
    }
    series->next = metrics->first[metric];
    metrics->first[metric] = series;
    return series;
}

void metric_add(struct metrics *metrics, enum metric metric, struct metric_labels labels, double amount)
{
    find(metrics, metric, &labels)->value += amount;
}

void metric_set(struct metrics *metrics, enum metric metric, struct metric_labels labels, double value)
{
    find(metrics, metric, &labels)->value = value;
}

void metric_observe(struct metrics *metrics, enum metric metric, struct metric_labels labels, double value)
{
    struct series *series = find(metrics, metric, &labels);
    size_t bucket = 0;
    while (bucket < COUNT_OF(bounds) && value > bounds[bucket]) {
        bucket++;
    }
    series->histogram->buckets[bucket]++;
    series->histogram->count++;
    series->value += value;
}

/* {a="1",b="2"} with `le` last; nothing when there is no label. */
static void expose_labels(enum metric metric, const struct series *series, const char *le,
                          struct buffer *into)
{
    const char *before = "{";
    for (size_t i = 0; i < METRIC_LABELS_MAX && rows[metric].labels[i]; i++) {
        const char *value = series->labels.values[i] ? series->labels.values[i] : "";
        buffer_format(into, "%s%s=", before, rows[metric].labels[i]);
        buffer_json_string(into, value, strlen(value)); /* the same escapes as far as static names need any */
        before = ",";
    }
    if (le) {
        buffer_format(into, "%sle=\"%s\"", before, le);
        before = ",";
    }
    buffer_text(into, *before == ',' ? "} " : " ");
}

static void expose_histogram(enum metric metric, const struct series *series, struct buffer *into)
{
    uint64_t below = 0;
    for (size_t i = 0; i <= COUNT_OF(bounds); i++) {
        char le[32] = "+Inf";
        if (i < COUNT_OF(bounds)) {
            (void)snprintf(le, sizeof le, bounds[i] >= 1 ? "%.1f" : "%g", bounds[i]);
        }
        below += series->histogram->buckets[i];
        buffer_format(into, "%s_bucket", rows[metric].name);
        expose_labels(metric, series, le, into);
        buffer_format(into, "%llu\n", (unsigned long long)below);
    }
    buffer_format(into, "%s_sum", rows[metric].name);
    expose_labels(metric, series, NULL, into);
    buffer_format(into, "%.15g\n%s_count", series->value, rows[metric].name);
    expose_labels(metric, series, NULL, into);
    buffer_format(into, "%llu\n", (unsigned long long)series->histogram->count);
}

void metrics_expose(const struct metrics *metrics, struct buffer *into)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const enum metric metric = (enum metric)i;
        if (!metrics->first[i]) {
            continue;
        }
        buffer_format(into, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name, rows[i].help, rows[i].name,
                      type_names[rows[i].type]);
        for (const struct series *series = metrics->first[i]; series; series = series->next) {
            if (series->histogram) {
                expose_histogram(metric, series, into);
            } else {
                buffer_text(into, rows[i].name);
                expose_labels(metric, series, NULL, into);
                buffer_format(into, "%.15g\n", series->value);
            }
        }
    }
}

void metrics_print_markdown(FILE *out)
{
    (void)fputs("| metric | type | labels | meaning |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        (void)fprintf(out, "| `%s` | %s | ", rows[i].name, type_names[rows[i].type]);
        for (size_t j = 0; j < METRIC_LABELS_MAX && rows[i].labels[j]; j++) {
            (void)fprintf(out, "%s`%s`", j ? ", " : "", rows[i].labels[j]);
        }
        (void)fprintf(out, " | %s |\n", rows[i].help);
    }
}
