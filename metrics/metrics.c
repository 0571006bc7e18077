#include "metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/memory.h"

enum metric_type { COUNTER, GAUGE, HISTOGRAM, UNTYPED };

static const char *const type_names[] = {"counter", "gauge", "histogram", "untyped"};

static const struct {
    enum metric_type type;
    const char *name;
    const char *unit;
    const char *labels[METRIC_LABELS_MAX];
    const char *role;
    const char *help;
} rows[METRIC_COUNT] = {
#define METRIC(id, type, name, unit, first, second, third, role, help) \
    {type, name, unit, {first, second, third}, role, help},
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

/*
 * How a series is found: by the addresses of its label values. A text that lies at two addresses has two of
 * these places for one series.
 */
struct place {
    enum metric metric;
    struct metric_labels labels;
    struct series *series; /* NULL: the place is free */
};

struct interned {
    struct interned *next;
    char text[];
};

#define PLACES_MIN ((size_t)256)

struct metrics {
    struct series *first[METRIC_COUNT];
    struct series *last[METRIC_COUNT];
    struct place *places; /* open addressing; at most half of them are taken */
    size_t place_count;   /* a power of two */
    size_t places_taken;
    struct interned *interned[METRIC_COUNT + 1]; /* of each metric; the last: for ever */
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = NEW(struct metrics);
    metrics->place_count = PLACES_MIN;
    metrics->places = NEW_ARRAY(struct place, PLACES_MIN);
    return metrics;
}

static void free_series(struct metrics *metrics, enum metric metric)
{
    for (struct series *series = metrics->first[metric], *next; series; series = next) {
        next = series->next;
        free(series->histogram);
        free(series);
    }
    metrics->first[metric] = metrics->last[metric] = NULL;
}

static void free_interned(struct interned **list)
{
    for (struct interned *one = *list, *next; one; one = next) {
        next = one->next;
        free(one);
    }
    *list = NULL;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics) {
        return;
    }
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        free_series(metrics, (enum metric)i);
        free_interned(&metrics->interned[i]);
    }
    free_interned(&metrics->interned[METRIC_COUNT]);
    free(metrics->places);
    free(metrics);
}

static bool same_texts(const struct metric_labels *a, const struct metric_labels *b)
{
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
        const char *x = a->values[i] ? a->values[i] : "";
        const char *y = b->values[i] ? b->values[i] : "";
        if (x != y && strcmp(x, y) != 0) {
            return false;
        }
    }
    return true;
}

/* The place of these addresses, or the free one where it belongs. */
static struct place *place_of(const struct metrics *metrics, enum metric metric,
                              const struct metric_labels *labels)
{
    uint64_t hash = (uint64_t)metric;
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
        hash = (hash ^ (uint64_t)(uintptr_t)labels->values[i]) * 0x9E3779B97F4A7C15U; /* Fibonacci hashing */
        hash ^= hash >> 32;
    }
    for (size_t i = hash;; i++) {
        struct place *place = &metrics->places[i & (metrics->place_count - 1)];
        if (!place->series ||
            (place->metric == metric && memcmp(&place->labels, labels, sizeof *labels) == 0)) {
            return place;
        }
    }
}

static void remember(struct metrics *metrics, enum metric metric, const struct metric_labels *labels,
                     struct series *series)
{
    if (metrics->places_taken * 2 >= metrics->place_count) {
        struct place *old = metrics->places;
        const size_t old_count = metrics->place_count;
        metrics->place_count *= 2;
        metrics->places = NEW_ARRAY(struct place, metrics->place_count);
        for (size_t i = 0; i < old_count; i++) {
            if (old[i].series) {
                *place_of(metrics, old[i].metric, &old[i].labels) = old[i];
            }
        }
        free(old);
    }
    *place_of(metrics, metric, labels) = (struct place){metric, *labels, series};
    metrics->places_taken++;
}

/* By the texts: once for each address that a label value has. */
static struct series *find_by_text(struct metrics *metrics, enum metric metric,
                                   const struct metric_labels *labels)
{
    struct series *series = metrics->first[metric];
    while (series && !same_texts(&series->labels, labels)) {
        series = series->next;
    }
    if (!series) {
        series = NEW(struct series);
        series->labels = *labels;
        if (rows[metric].type == HISTOGRAM) {
            series->histogram = NEW(struct histogram);
        }
        if (metrics->last[metric]) {
            metrics->last[metric]->next = series;
        } else {
            metrics->first[metric] = series;
        }
        metrics->last[metric] = series;
    }
    remember(metrics, metric, labels, series);
    return series;
}

static struct series *find(struct metrics *metrics, enum metric metric, const struct metric_labels *labels)
{
    struct series *series = place_of(metrics, metric, labels)->series;
    return series ? series : find_by_text(metrics, metric, labels);
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

void metric_clear(struct metrics *metrics, enum metric metric)
{
    struct place *old = metrics->places;
    metrics->places = NEW_ARRAY(struct place, metrics->place_count);
    metrics->places_taken = 0;
    for (size_t i = 0; i < metrics->place_count; i++) {
        if (old[i].series && old[i].metric != metric) {
            remember(metrics, old[i].metric, &old[i].labels, old[i].series);
        }
    }
    free(old);
    free_series(metrics, metric);
    free_interned(&metrics->interned[metric]);
}

/* The one that is asked for is asked for again: it comes to the front. */
static const char *intern(struct interned **list, const char *text)
{
    struct interned **link = list;
    while (*link && strcmp((*link)->text, text) != 0) {
        link = &(*link)->next;
    }
    struct interned *one = *link;
    if (one) {
        *link = one->next;
    } else {
        const size_t size = strlen(text) + 1;
        one = memory_new(sizeof *one + size);
        memcpy(one->text, text, size);
    }
    one->next = *list;
    *list = one;
    return one->text;
}

const char *metrics_intern(struct metrics *metrics, const char *text)
{
    return intern(&metrics->interned[METRIC_COUNT], text);
}

const char *metric_intern(struct metrics *metrics, enum metric metric, const char *text)
{
    return intern(&metrics->interned[metric], text);
}

const char *metric_name(enum metric metric)
{
    return rows[metric].name;
}

void metric_expose_head(enum metric metric, struct buffer *into)
{
    buffer_format(into, "# HELP %s %s\n# TYPE %s %s\n", rows[metric].name, rows[metric].help,
                  rows[metric].name, type_names[rows[metric].type]);
}

/* {a="1",b="2"} with `le` last; nothing when there is no label. */
static void expose_labels(enum metric metric, const struct series *series, const char *le,
                          struct buffer *into)
{
    const char *before = "{";
    for (size_t i = 0; i < METRIC_LABELS_MAX && rows[metric].labels[i]; i++) {
        const char *value = series->labels.values[i];
        if (!value || !*value) {
            continue; /* the same to Prometheus */
        }
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
        metric_expose_head(metric, into);
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
    (void)fputs("| metric | type | unit | labels | of | meaning |\n|---|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        (void)fprintf(out, "| `%s` | %s | %s | ", rows[i].name, type_names[rows[i].type], rows[i].unit);
        for (size_t j = 0; j < METRIC_LABELS_MAX && rows[i].labels[j]; j++) {
            (void)fprintf(out, "%s`%s`", j ? ", " : "", rows[i].labels[j]);
        }
        (void)fprintf(out, " | %s | %s |\n", rows[i].role, rows[i].help);
    }
}
