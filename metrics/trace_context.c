#include "metrics/trace_context.h"

/* "VV-TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT-SSSSSSSSSSSSSSSS-FF" */
enum { TRACE_ID_AT = 3, SPAN_ID_AT = 36, FLAGS_AT = 53, LENGTH = 55 };

#define FLAGS_KNOWN 0x03 /* sampled, and that the trace id is random (level 2) */

/* The standard allows lower case only. */
static int digit(char character)
{
    return character >= '0' && character <= '9'   ? character - '0'
           : character >= 'a' && character <= 'f' ? character - 'a' + 10
                                                  : -1;
}

/* False when a digit is none, or all are 0 though `some` must not be. */
static bool parse_hex(const char *text, size_t size, bool some, unsigned char *ret_bytes)
{
    unsigned char any = 0;
    for (size_t i = 0; i < size; i++) {
        const int high = digit(text[2 * i]);
        const int low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_bytes[i] = (unsigned char)(high << 4 | low);
        any |= ret_bytes[i];
    }
    return any || !some;
}

static bool state_is_good(struct text state)
{
    for (size_t i = 0; i < state.length; i++) {
        if ((state.bytes[i] < 0x20 || state.bytes[i] > 0x7e) && state.bytes[i] != '\t') {
            return false;
        }
    }
    return state.length > 0 && state.length <= TRACESTATE_MAX;
}

bool trace_context_parse(struct text traceparent, struct text tracestate, struct trace_context *ret_context)
{
    struct trace_context context = {0};
    unsigned char version;
    const char *text = traceparent.bytes;
    *ret_context = context;
    if (!text || traceparent.length < LENGTH || text[TRACE_ID_AT - 1] != '-' || text[SPAN_ID_AT - 1] != '-' ||
        text[FLAGS_AT - 1] != '-' || !parse_hex(text, 1, false, &version) || version == 0xff) {
        return false;
    }
    /* Later versions may have more behind what we know. */
    if (traceparent.length > LENGTH && (version == 0 || text[LENGTH] != '-')) {
        return false;
    }
    if (!parse_hex(text + TRACE_ID_AT, TRACE_ID_SIZE, true, context.trace_id) ||
        !parse_hex(text + SPAN_ID_AT, SPAN_ID_SIZE, true, context.span_id) ||
        !parse_hex(text + FLAGS_AT, 1, false, &context.flags)) {
        return false;
    }
    context.flags &= FLAGS_KNOWN;
    if (tracestate.bytes && state_is_good(tracestate)) {
        context.state = tracestate;
    }
    *ret_context = context;
    return true;
}

void trace_hex(const unsigned char *bytes, size_t size, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 0x0f];
    }
    ret_text[2 * size] = '\0';
}

void trace_context_format(const struct trace_context *context, char ret_traceparent[TRACEPARENT_SIZE])
{
    char *text = ret_traceparent;
    memcpy(text, "00-", TRACE_ID_AT);
    trace_hex(context->trace_id, TRACE_ID_SIZE, text + TRACE_ID_AT);
    text[SPAN_ID_AT - 1] = '-';
    trace_hex(context->span_id, SPAN_ID_SIZE, text + SPAN_ID_AT);
    text[FLAGS_AT - 1] = '-';
    trace_hex(&context->flags, 1, text + FLAGS_AT);
}

struct text trace_context_text(const struct trace_context *context, struct arena *arena)
{
    if (!trace_context_is_there(context)) {
        return (struct text){0};
    }
    char *traceparent = arena_alloc(arena, TRACEPARENT_SIZE);
    trace_context_format(context, traceparent);
    return (struct text){traceparent, TRACEPARENT_SIZE - 1};
}
