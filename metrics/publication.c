#include "metrics/publication.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/kafka.h"
#include "base/memory.h"

#define KIND_BITS 2
#define KIND_MASK ((uint64_t)3)
#define KIND_ROW ((uint64_t)1)
#define KIND_SPAN ((uint64_t)2)

struct traced {
    struct span span;
    int64_t outbox_id;
    struct uuid message_id;
    char topic[128];
};

uint64_t publication_begin(struct tracer *tracer, const struct publication *publication,
                           const struct trace_context *parent, struct trace_context *ret_context)
{
    const struct span span = span_continue(tracer, parent);
    *ret_context = span.context;
    if (!span_is_open(&span)) {
        return publication_ticket(publication->outbox_id);
    }
    struct traced *traced = NEW(struct traced);
    traced->span = span;
    traced->span.context.state = (struct text){0}; /* it goes away; spans do not tell it */
    traced->outbox_id = publication->outbox_id;
    traced->message_id = *publication->message_id;
    (void)snprintf(traced->topic, sizeof traced->topic, "%s", publication->topic);
    return (uint64_t)(uintptr_t)traced | KIND_SPAN;
}

int64_t publication_end(struct tracer *tracer, uint64_t ticket, const char *reason)
{
    if ((ticket & KIND_MASK) == KIND_ROW) {
        return (int64_t)(ticket >> KIND_BITS);
    }
    struct traced *traced = (struct traced *)(uintptr_t)(ticket & ~KIND_MASK);
    char id[UUID_TEXT_SIZE];
    uuid_format(&traced->message_id, id);
    const struct span_attribute attributes[] = {
        {"messaging.system", "kafka"},        {"messaging.destination.name", traced->topic},
        {"messaging.operation.name", "send"}, {"messaging.operation.type", "send"},
        {"outbound.message.id", id},          {NULL}};
    span_end(tracer, &traced->span,
             &(struct span_end){.operation = "send",
                                .target = traced->topic,
                                .kind = SPAN_PRODUCER,
                                .attributes = attributes,
                                .error = reason ? "not_acknowledged" : NULL});
    const int64_t outbox_id = traced->outbox_id;
    free(traced);
    return outbox_id;
}

bool publication_has(uint64_t ticket)
{
    return (ticket & KIND_MASK) != 0;
}

void trace_headers_of(const struct trace_context *context, struct trace_headers *texts,
                      struct kafka_header *ret_headers)
{
    const bool there = trace_context_is_there(context);
    if (there) {
        trace_context_format(context, texts->traceparent);
    }
    ret_headers[0] =
        (struct kafka_header){HEADER_TRACEPARENT, there ? texts->traceparent : NULL, TRACEPARENT_SIZE - 1};
    ret_headers[1] =
        (struct kafka_header){HEADER_TRACESTATE, there ? context->state.bytes : NULL, context->state.length};
}
