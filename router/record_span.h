/*
 * record_span.h - the span of a record that the router handles.
 */
#ifndef ROUTER_RECORD_SPAN_H
#define ROUTER_RECORD_SPAN_H

#include "base/kafka.h"
#include "base/uuid.h"
#include "metrics/publication.h"
#include "metrics/trace.h"

/* What the record's headers say; none when they say nothing, or nothing valid. */
struct trace_context record_trace(const rd_kafka_message_t *record);

/*
 * What comes next continues the span: its context takes the place of the one in `headers`, which end with a
 * NULL name. Without a span they stay as they are. The headers point into `texts` then.
 */
void record_trace_pass_on(const struct span *span, struct trace_headers *texts, struct kafka_header *headers);

struct record_span {
    const char *operation;
    const char *next_topic;        /* where the record went; may be NULL */
    const struct uuid *message_id; /* may be NULL */
    const char *error;             /* an error's name; NULL: none */
};

void record_span_end(struct tracer *tracer, struct span *span, const rd_kafka_message_t *record,
                     const struct record_span *what);

#endif
