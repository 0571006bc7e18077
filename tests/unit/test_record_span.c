#include "router/record_span.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define CAME "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-and-more-of-a-later-version"

Test(record_span, what_goes_on_has_the_length_of_our_version)
{
    const struct span span = {.context = {.trace_id = {1}, .span_id = {2}, .flags = 1}, .started_us = 1};
    struct trace_headers texts;
    struct kafka_header headers[] = {{"other", "x", 1}, {HEADER_TRACEPARENT, CAME, sizeof CAME - 1}, {0}};
    record_trace_pass_on(&span, &texts, headers);
    cr_expect(eq(str, (char *)headers[1].value, "00-01000000000000000000000000000000-0200000000000000-01"));
    cr_expect(eq(sz, headers[1].length, TRACEPARENT_SIZE - 1));
    cr_expect(eq(str, (char *)headers[0].value, "x"));
}

Test(record_span, without_a_span_headers_stay)
{
    const struct span span = {0};
    struct trace_headers texts;
    struct kafka_header headers[] = {{HEADER_TRACEPARENT, CAME, sizeof CAME - 1}, {0}};
    record_trace_pass_on(&span, &texts, headers);
    cr_expect(eq(str, (char *)headers[0].value, CAME));
    cr_expect(eq(sz, headers[0].length, sizeof CAME - 1));
}
