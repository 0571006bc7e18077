/*
 * publication.h - the span of a record that goes from the outbox to Kafka, until its delivery report.
 *
 * A record's ticket is its outbox row's id or, when it is traced, the span that knows the id. So what is not
 * traced costs nothing.
 */
#ifndef METRICS_PUBLICATION_H
#define METRICS_PUBLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "metrics/trace.h"

struct publication {
    int64_t outbox_id;
    const char *topic;
    const struct uuid *message_id;
};

/*
 * The record's ticket, which ends with publication_end(). *ret_context is what its headers pass on, if it is
 * there: `parent`, or the span's that continues it.
 */
MUST_CHECK uint64_t publication_begin(struct tracer *tracer, const struct publication *publication,
                                      const struct trace_context *parent, struct trace_context *ret_context);

/* The ticket of a row whose record has no trace. */
static inline uint64_t publication_ticket(int64_t outbox_id)
{
    return (uint64_t)outbox_id << 2 | 1;
}

/* Returns the outbox row's id. `reason` as kafka_delivery_fn has it. */
int64_t publication_end(struct tracer *tracer, uint64_t ticket, const char *reason);

/* Pointers, as tickets of other records, are none: their two lowest bits are 0. */
bool publication_has(uint64_t ticket);

#define TRACE_HEADERS 2

struct kafka_header;

/* The texts that the headers of a context point to. */
struct trace_headers {
    char traceparent[TRACEPARENT_SIZE];
};

/* Fills TRACE_HEADERS headers; without a context they are left out. */
void trace_headers_of(const struct trace_context *context, struct trace_headers *texts,
                      struct kafka_header *ret_headers);

#endif
