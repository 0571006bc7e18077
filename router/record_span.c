#include "router/record_span.h"

#include <stdio.h>
#include <string.h>

struct trace_context record_trace(const rd_kafka_message_t *record)
{
    struct text traceparent = {0};
    struct text tracestate = {0};
    struct trace_context context;
    traceparent.bytes = kafka_header_get(record, HEADER_TRACEPARENT, &traceparent.length);
    if (traceparent.bytes) {
        tracestate.bytes = kafka_header_get(record, HEADER_TRACESTATE, &tracestate.length);
    }
    (void)trace_context_parse(traceparent, tracestate, &context);
    return context;
}

void record_trace_pass_on(const struct span *span, struct trace_headers *texts, struct kafka_header *headers)
{
    for (struct kafka_header *at = headers; span_is_open(span) && at->name; at++) {
        if (strcmp(at->name, HEADER_TRACEPARENT) == 0) {
            trace_context_format(&span->context, texts->traceparent);
            at->value = texts->traceparent;
            at->length = TRACEPARENT_SIZE - 1; /* what came may be longer, of a later version */
        }
    }
}

void record_span_end(struct tracer *tracer, struct span *span, const rd_kafka_message_t *record,
                     const struct record_span *what)
{
    if (!span_is_open(span)) {
        return;
    }
    char id[UUID_TEXT_SIZE];
    char partition[16];
    if (what->message_id) {
        uuid_format(what->message_id, id);
    }
    (void)snprintf(partition, sizeof partition, "%d", (int)record->partition);
    const char *topic = rd_kafka_topic_name(record->rkt);
    const struct span_attribute attributes[] = {{"messaging.system", "kafka"},
                                                {"messaging.destination.name", topic},
                                                {"messaging.destination.partition.id", partition},
                                                {"messaging.operation.name", what->operation},
                                                {"messaging.operation.type", "process"},
                                                {"outbound.next_topic", what->next_topic},
                                                {"outbound.message.id", what->message_id ? id : NULL},
                                                {NULL}};
    span_end(tracer, span,
             &(struct span_end){.operation = what->operation,
                                .target = topic,
                                .kind = SPAN_CONSUMER,
                                .attributes = attributes,
                                .error = what->error});
}
