/*
 * record_span.h - the span of a record that the router handles.
 */
#ifndef ROUTER_RECORD_SPAN_H
#define ROUTER_RECORD_SPAN_H

#include "base/kafka.h"
#include "base/uuid.h"
#include "metrics/trace.h"

/* What the record's headers say; none when they say nothing, or nothing valid. */
struct trace_context record_trace(const rd_kafka_message_t *record);

struct record_span {
    const char *operation;
    const char *next_topic;        /* where the record went; may be NULL */
    const struct uuid *message_id; /* may be NULL */
    const char *error;             /* an error's name; NULL: none */
};

void record_span_end(struct tracer *tracer, struct span *span, const rd_kafka_message_t *record,
                     const struct record_span *what);

#endif
