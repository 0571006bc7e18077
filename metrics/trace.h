/*
 * trace.h - spans: which piece of work took how long, in which trace, and what came of it.
 *
 * A span is plain data in its holder's hand. What is not sampled has none: then beginning one only says which
 * context is to be passed on, and ending it does nothing. Names and attributes follow OpenTelemetry's
 * semantic conventions for HTTP and messaging; recipients and bodies never stand in a span.
 *
 * Used from one loop only. A NULL tracer is one that samples nothing.
 */
#ifndef METRICS_TRACE_H
#define METRICS_TRACE_H

#include <stdint.h>
#include <uv.h>

#include "base/pg.h"
#include "base/trace_settings.h"
#include "metrics/metrics.h"
#include "metrics/trace_context.h"

struct tracer;

struct tracer_options {
    uv_loop_t *loop;
    struct trace_settings settings; /* checked */
    const char *role;               /* service.name is "outbound-ROLE", unless the settings have one */
    const char *environment;        /* deployment.environment.name */
    struct metrics *metrics;        /* METRIC_SPANS */
};

/* NULL when the settings name no collector. */
struct tracer *tracer_open(const struct tracer_options *options);

/*
 * Asked while stopping, when all else has ended: the first time it sends what is left. True when that has
 * arrived, or a second has gone by.
 */
bool tracer_is_drained(struct tracer *tracer);

/* What has not been sent is dropped. NULL is fine. */
void tracer_close(struct tracer *tracer);

/* The numbers are OTLP's. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER, SPAN_CLIENT, SPAN_PRODUCER, SPAN_CONSUMER };

struct span {
    struct trace_context context; /* to be passed on: the span's own, or the one that came; may be none */
    unsigned char parent_id[SPAN_ID_SIZE];
    int64_t started_us; /* monotonic; 0: there is no span */
};

/* Begins a span in the context of who asked for the work, NULL or none: in a new trace. As sampled. */
struct span span_begin(struct tracer *tracer, const struct trace_context *parent);

/* The same where only a context that came can be continued: without one there is no span. */
struct span span_continue(struct tracer *tracer, const struct trace_context *parent);

static inline bool span_is_open(const struct span *span)
{
    return span->started_us != 0;
}

/* Neither a text nor a number but 0: the attribute is left out. Texts are UTF-8. */
struct span_attribute {
    const char *key;
    const char *text;
    int64_t number;
};

struct span_end {
    const char *operation; /* the span's name is both words */
    const char *target;    /* may be NULL */
    enum span_kind kind;
    const struct span_attribute *attributes; /* ended by a NULL key; may be NULL */
    const char *error;                       /* error.type, from a small set; NULL: it went well */
};

/* A span ends once. */
void span_end(struct tracer *tracer, struct span *span, const struct span_end *end);

#define SPAN_LINKS_MAX 128 /* as OpenTelemetry's own libraries have it */

/* The messages that share a piece of work: what joins many traces belongs to none of them, and links to all.
 */
struct span_links {
    size_t count; /* beyond SPAN_LINKS_MAX they are only counted */
    struct trace_context of[SPAN_LINKS_MAX];
};

/* Adds a message, if it has a span. */
void span_link(struct span_links *links, const struct span *span);

/*
 * A statement for `count` messages that was sent at `sent_us` (monotonic) and is answered now. Without links
 * there is no span.
 */
void span_of_statement(struct tracer *tracer, const struct span_links *links, int64_t sent_us,
                       const struct pg_statement *statement, size_t count);

#endif
