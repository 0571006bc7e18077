#include "metrics/trace_context.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/attributes.h"

/* The rules of https://www.w3.org/TR/trace-context/#traceparent-header. */
#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static bool parse(const char *traceparent, const char *tracestate, struct trace_context *ret_context)
{
    return trace_context_parse(text_of(traceparent), text_of(tracestate), ret_context);
}

Test(trace_context, what_is_valid_comes_back)
{
    static const struct {
        const char *given;
        const char *written;
    } cases[] = {
        {"00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"},
        {"00-" TRACE "-" SPAN "-00", "00-" TRACE "-" SPAN "-00"},
        {"00-" TRACE "-" SPAN "-03", "00-" TRACE "-" SPAN "-03"},
        {"00-" TRACE "-" SPAN "-ff", "00-" TRACE "-" SPAN "-03"}, /* unknown flags are not passed on */
        {"cc-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"}, /* a later version, read as ours */
        {"01-" TRACE "-" SPAN "-01-what-the-future-will-be-like", "00-" TRACE "-" SPAN "-01"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct trace_context context;
        char written[TRACEPARENT_SIZE];
        cr_assert(parse(cases[i].given, NULL, &context), "%s", cases[i].given);
        trace_context_format(&context, written);
        cr_expect(eq(str, written, (char *)cases[i].written));
        cr_expect(eq(ptr, (void *)context.state.bytes, NULL));
    }
}

Test(trace_context, what_is_invalid_counts_as_none)
{
    static const char *const cases[] = {
        NULL,
        "",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-01 ",
        "00-" TRACE "-" SPAN "-01-more",
        "01-" TRACE "-" SPAN "-01.more",
        "ff-" TRACE "-" SPAN "-01",
        "0g-" TRACE "-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        "00-" TRACE "-00f067aa0ba902bx-01",
        "00-" TRACE "-" SPAN "-0x",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct trace_context context = {.flags = 1};
        cr_expect(not(parse(cases[i], "a=1", &context)), "%s", cases[i]);
        cr_expect(not(trace_context_is_there(&context)));
        cr_expect(eq(ptr, (void *)context.state.bytes, NULL));
    }
}

Test(trace_context, the_state_is_untouched_if_it_can_be_a_header)
{
    static const char traceparent[] = "00-" TRACE "-" SPAN "-01";
    char longest[TRACESTATE_MAX + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct trace_context context;

    cr_assert(parse(traceparent, "rojo=" SPAN ", congo=t61\trcWkgMzE", &context));
    cr_expect(text_is(context.state, "rojo=" SPAN ", congo=t61\trcWkgMzE"));
    cr_assert(parse(traceparent, longest + 1, &context));
    cr_expect(eq(sz, context.state.length, TRACESTATE_MAX));

    const char *const useless[] = {NULL, "", longest, "a=1\r\nX-Injected: 1", "a=\x7f", "a=\xc3\xa9"};
    for (size_t i = 0; i < COUNT_OF(useless); i++) {
        cr_expect(parse(traceparent, useless[i], &context), "the state decides nothing about the rest");
        cr_expect(eq(ptr, (void *)context.state.bytes, NULL));
    }
}
