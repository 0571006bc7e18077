/*
 * trace_context.h - W3C Trace Context (https://www.w3.org/TR/trace-context/): traceparent and tracestate.
 *
 * A context says which trace a piece of work belongs to, and which span asked for it.
 */
#ifndef METRICS_TRACE_CONTEXT_H
#define METRICS_TRACE_CONTEXT_H

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

#define HEADER_TRACEPARENT "traceparent"
#define HEADER_TRACESTATE "tracestate"
#define TRACEPARENT_SIZE 56 /* of the text, with its NUL */
#define TRACESTATE_MAX 512

#define TRACE_ID_SIZE 16
#define SPAN_ID_SIZE 8
#define TRACE_SAMPLED 0x01

/* All zero: there is none. */
struct trace_context {
    unsigned char trace_id[TRACE_ID_SIZE];
    unsigned char span_id[SPAN_ID_SIZE];
    unsigned char flags;
    struct text state; /* tracestate, untouched; NULL bytes: none. Somebody else's memory */
};

/*
 * False when there is no traceparent or it is invalid, which counts as none; `ret_context` is all zero then.
 * A tracestate that is too long, or cannot be a header, is left out.
 */
bool trace_context_parse(struct text traceparent, struct text tracestate, struct trace_context *ret_context);

/* As version 00. The context must be there. */
void trace_context_format(const struct trace_context *context, char ret_traceparent[TRACEPARENT_SIZE]);

/* The same in an arena; NULL bytes when there is no context. */
struct text trace_context_text(const struct trace_context *context, struct arena *arena);

static inline bool trace_context_is_there(const struct trace_context *context)
{
    static const unsigned char none[TRACE_ID_SIZE];
    return memcmp(context->trace_id, none, sizeof none) != 0;
}

/* Writes 2 * `size` lower-case digits and a NUL. */
void trace_hex(const unsigned char *bytes, size_t size, char *ret_text);

#endif
