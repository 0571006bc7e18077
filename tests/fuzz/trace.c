/* A caller's traceparent, and on the next lines its tracestate, and what Sentry's limits may be. */
#include <string.h>

#include "metrics/sentry_limits.h"
#include "metrics/trace_context.h"
#include "tests/fuzz/targets.h"

static struct text line_of(struct arena *arena, const char **at, const char *end)
{
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    const size_t length = (size_t)((line_end ? line_end : end) - *at);
    const struct text line = {arena_copy(arena, *at, length), length};
    *at = line_end ? line_end + 1 : end;
    return line;
}

int fuzz_trace(const uint8_t *bytes, size_t length)
{
    struct arena arena = {NULL};
    const char *at = (const char *)bytes;
    const char *end = at + length;
    const struct text parent = line_of(&arena, &at, end);
    const struct text state = line_of(&arena, &at, end);
    const struct text limits = line_of(&arena, &at, end);
    struct trace_context context;
    if (trace_context_parse(parent, state, &context)) {
        struct trace_context again;
        const struct text written = trace_context_text(&context, &arena);
        must(trace_context_parse(written, context.state, &again));
        must(memcmp(again.trace_id, context.trace_id, TRACE_ID_SIZE) == 0);
        must(memcmp(again.span_id, context.span_id, SPAN_ID_SIZE) == 0);
        must(again.flags == context.flags && again.state.length == context.state.length);
        must(strncasecmp(written.bytes + 2, parent.bytes + 2, 51) == 0); /* all but version and flags */
    } else {
        must(!trace_context_is_there(&context));
    }
    must(sentry_limits_pause_s(limits.bytes) >= 0);
    arena_release(&arena);
    return 0;
}
