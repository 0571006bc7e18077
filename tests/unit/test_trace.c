#include "metrics/trace.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/memory.h"
#include "metrics/otlp.h"
#include "metrics/publication.h"
#include "support/http_peer.h"
#include "support/leaks.h"
#include "support/loop.h"
#include "support/time_limit.h"

TestSuite(trace, .init = time_limit, .fini = no_leaks);

struct fixture {
    struct test_loop loop;
    struct metrics *metrics;
    struct tracer *tracer;
};

static void open_with(struct fixture *fixture, struct trace_settings settings)
{
    loop_open(&fixture->loop);
    fixture->metrics = metrics_new();
    settings.endpoint = settings.endpoint ? settings.endpoint : "http://127.0.0.1:1";
    settings.headers = settings.headers ? settings.headers : "";
    settings.ca_file = "";
    settings.timeout_ms = 20000;
    settings.sampler = settings.sampler ? settings.sampler : "always_on";
    settings.sampler_arg = settings.sampler_arg ? settings.sampler_arg : "";
    settings.service_name = settings.service_name ? settings.service_name : "";
    settings.resource_attributes = settings.resource_attributes ? settings.resource_attributes : "";
    struct error error;
    cr_assert(trace_settings_check(&settings, &error), "%s", error.text);
    fixture->tracer = tracer_open(&(struct tracer_options){.loop = &fixture->loop.uv,
                                                           .settings = settings,
                                                           .role = "tester",
                                                           .environment = "here",
                                                           .metrics = fixture->metrics});
}

static void close_all(struct fixture *fixture)
{
    tracer_close(fixture->tracer);
    metrics_free(fixture->metrics);
    loop_close(&fixture->loop);
}

/* A parent whose trace id ends as given; the last eight bytes are what a ratio looks at. */
static struct trace_context parent_of(unsigned char seventh, unsigned char flags)
{
    struct trace_context parent = {.flags = flags};
    memset(parent.trace_id, 0x11, sizeof parent.trace_id);
    memset(parent.span_id, 0x22, sizeof parent.span_id);
    parent.trace_id[8] = seventh;
    return parent;
}

Test(trace, samplers_decide_as_opentelemetry_has_it)
{
    static const struct {
        const char *sampler;
        const char *arg;
        bool root;               /* without a parent; of ratios only 0 and 1 are certain */
        bool unsampled, sampled; /* with a parent that says so, trace id low */
        bool high_unsampled;     /* and whose trace id is high */
    } cases[] = {
        {"always_on", "", true, true, true, true},
        {"always_off", "", false, false, false, false},
        {"parentbased_always_on", "", true, false, true, false},
        {"parentbased_always_off", "", false, false, true, false},
        {"traceidratio", "0", false, false, false, false},
        {"traceidratio", "1", true, true, true, true},
        {"traceidratio", "", true, true, true, true},
        {"parentbased_traceidratio", "0.0", false, false, true, false},
        {"parentbased_traceidratio", "1", true, false, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture fixture;
        open_with(&fixture,
                  (struct trace_settings){.sampler = cases[i].sampler, .sampler_arg = cases[i].arg});
        const struct trace_context unsampled = parent_of(0x00, 0);
        const struct trace_context sampled = parent_of(0x00, TRACE_SAMPLED);
        const struct trace_context high = parent_of(0xff, 0);
        const struct {
            const struct trace_context *parent;
            bool wanted;
        } asked[] = {{NULL, cases[i].root},
                     {&unsampled, cases[i].unsampled},
                     {&sampled, cases[i].sampled},
                     {&high, cases[i].high_unsampled}};
        for (size_t j = 0; j < COUNT_OF(asked); j++) {
            const struct span span = span_begin(fixture.tracer, asked[j].parent);
            cr_expect(eq(int, span_is_open(&span), asked[j].wanted), "%s %s, case %zu", cases[i].sampler,
                      cases[i].arg, j);
        }
        close_all(&fixture);
    }
}

Test(trace, a_ratio_looks_at_the_trace_id)
{
    struct fixture fixture;
    open_with(&fixture, (struct trace_settings){.sampler = "traceidratio", .sampler_arg = "0.25"});
    const struct trace_context in = parent_of(0x3f, 0);
    const struct trace_context out = parent_of(0x40, TRACE_SAMPLED);
    const struct span taken = span_begin(fixture.tracer, &in);
    const struct span left = span_begin(fixture.tracer, &out);
    cr_expect(span_is_open(&taken));
    cr_expect(not(span_is_open(&left)));
    int count = 0;
    for (int i = 0; i < 4000; i++) {
        const struct span span = span_begin(fixture.tracer, NULL);
        count += span_is_open(&span);
        cr_assert(eq(int, trace_context_is_there(&span.context), span_is_open(&span)),
                  "what begins here and is not sampled has no context");
    }
    cr_expect(gt(int, count, 800)); /* 1000, 7 standard deviations */
    cr_expect(lt(int, count, 1200));
    close_all(&fixture);
}

static bool same(const struct trace_context *one, const struct trace_context *other)
{
    char texts[2][TRACEPARENT_SIZE];
    trace_context_format(one, texts[0]);
    trace_context_format(other, texts[1]);
    return strcmp(texts[0], texts[1]) == 0 && one->state.bytes == other->state.bytes;
}

Test(trace, what_is_passed_on)
{
    struct fixture fixture;
    open_with(&fixture, (struct trace_settings){.sampler = "parentbased_always_on"});
    struct trace_context parent = parent_of(0, TRACE_SAMPLED);
    parent.state = text_of("a=1");
    struct span span = span_begin(fixture.tracer, &parent);
    cr_expect(eq(int, memcmp(span.context.trace_id, parent.trace_id, TRACE_ID_SIZE), 0));
    cr_expect(ne(int, memcmp(span.context.span_id, parent.span_id, SPAN_ID_SIZE), 0));
    cr_expect(eq(int, memcmp(span.parent_id, parent.span_id, SPAN_ID_SIZE), 0));
    cr_expect(text_is(span.context.state, "a=1"));

    parent.flags = 0;
    span = span_begin(fixture.tracer, &parent);
    cr_expect(same(&span.context, &parent), "as it came");
    span = span_begin(NULL, &parent);
    cr_expect(same(&span.context, &parent));
    span = span_begin(NULL, NULL);
    cr_expect(not(trace_context_is_there(&span.context)));
    const struct trace_context none = {0};
    span = span_continue(fixture.tracer, &none);
    cr_expect(not(span_is_open(&span)), "nothing begins in the middle of a message's way");
    close_all(&fixture);
}

/* The whole export as JSON, and its only span. */
static json_t *sent(const struct peer_seen *seen, json_t **ret_span)
{
    const char *body = strstr(seen->last, "\r\n\r\n") + 4;
    json_t *root = json_loads(body, 0, NULL);
    cr_assert(ne(ptr, root, NULL), "%s", body);
    json_t *scope = json_array_get(
        json_object_get(json_array_get(json_object_get(root, "resourceSpans"), 0), "scopeSpans"), 0);
    *ret_span = json_array_get(json_object_get(scope, "spans"), 0);
    cr_assert(ne(ptr, *ret_span, NULL));
    return root;
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

Test(trace, a_span_as_the_collector_gets_it)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    open_with(&fixture, (struct trace_settings){.endpoint = http_peer_url(peer),
                                                .headers = "x-key = a%2Cb , X-Other=c=d",
                                                .resource_attributes = "team=m%20d,service.version=9\"9"});
    const struct trace_context parent = parent_of(0, TRACE_SAMPLED);
    struct span span = span_begin(fixture.tracer, &parent);
    const int64_t now_us = clock_wall_us();
    span.started_us -= 250000;
    const struct span_attribute attributes[] = {
        {"text", "\"quoted\"\n"}, {"number", NULL, -5}, {"nothing", NULL}, {NULL}};
    span_end(fixture.tracer, &span,
             &(struct span_end){.operation = "send",
                                .target = "topic",
                                .kind = SPAN_PRODUCER,
                                .attributes = attributes,
                                .error = "BROKEN"});
    span_end(fixture.tracer, &span, &(struct span_end){.operation = "again"}); /* it has ended */
    LOOP_UNTIL(&fixture.loop, tracer_is_drained(fixture.tracer));
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(eq(int, seen->requests, 1));
    cr_expect(has(seen->last, "POST /path/v1/traces HTTP/1.1\r\n"));
    cr_expect(has(seen->last, "Content-Type: application/json\r\n"));
    cr_expect(has(seen->last, "x-key: a,b\r\n"));
    cr_expect(has(seen->last, "X-Other: c=d\r\n"));
    json_t *object;
    json_t *root = sent(seen, &object);
    cr_expect(eq(str, (char *)json_string_value(json_object_get(object, "traceId")),
                 "11111111111111110011111111111111"));
    cr_expect(
        eq(str, (char *)json_string_value(json_object_get(object, "parentSpanId")), "2222222222222222"));
    cr_expect(eq(sz, json_string_length(json_object_get(object, "spanId")), 16));
    cr_expect(eq(str, (char *)json_string_value(json_object_get(object, "name")), "send topic"));
    cr_expect(eq(int, json_integer_value(json_object_get(object, "kind")), 4));
    cr_expect(eq(int, json_integer_value(json_object_get(json_object_get(object, "status"), "code")), 2));
    const int64_t start_us =
        strtoll(json_string_value(json_object_get(object, "startTimeUnixNano")), NULL, 10) / 1000;
    const int64_t end_us =
        strtoll(json_string_value(json_object_get(object, "endTimeUnixNano")), NULL, 10) / 1000;
    cr_expect(ge(i64, end_us - start_us, 250000));
    cr_expect(ge(i64, end_us, now_us));
    cr_expect(has(seen->last, "{\"key\":\"text\",\"value\":{\"stringValue\":\"\\\"quoted\\\"\\u000a\"}}"));
    cr_expect(has(seen->last, "{\"key\":\"number\",\"value\":{\"intValue\":\"-5\"}}"));
    cr_expect(has(seen->last, "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"BROKEN\"}}"));
    cr_expect(not(has(seen->last, "nothing")));
    cr_expect(has(seen->last, "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"outbound-tester\"}}"));
    cr_expect(has(seen->last, "{\"key\":\"team\",\"value\":{\"stringValue\":\"m d\"}}"));
    cr_expect(has(seen->last, "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"9\\\"9\"}}"));
    cr_expect(not(has(seen->last, OUTBOUND_VERSION "\"}},{\"key\":\"service.instance")), "the user's counts");
    json_decref(root);
    close_all(&fixture);
    http_peer_free(peer);
}

static void make_spans(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        struct span span = span_begin(fixture->tracer, NULL);
        span_end(fixture->tracer, &span, &(struct span_end){.operation = "x", .kind = SPAN_INTERNAL});
    }
}

static bool counted(const struct fixture *fixture, const char *result, int spans)
{
    char line[128];
    struct buffer text;
    buffer_init(&text, (size_t)1024 * 1024);
    metrics_expose(fixture->metrics, &text);
    (void)snprintf(line, sizeof line, "\noutbound_trace_spans_total{result=\"%s\"} %d\n", result, spans);
    const bool found = has(text.bytes, line);
    buffer_release(&text);
    return found;
}

#define ANSWER(status, body) "HTTP/1.1 " status "\r\nContent-Length: " body
#define PARTIAL \
    ANSWER("200 OK", "59\r\n\r\n{\"partialSuccess\":{\"rejectedSpans\":\"2\",\"errorMessage\":\"x\"}}")

Test(trace, a_collector_that_is_busy_is_asked_again_and_one_that_refuses_is_not)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, ANSWER("503 Busy", "0\r\n\r\n")},
                                             {PEER_HANG_UP, NULL},
                                             {PEER_ANSWER, PARTIAL},
                                             {PEER_ANSWER, ANSWER("400 Bad Request", "0\r\n\r\n")}};
    struct http_peer *peer = http_peer_open(steps, COUNT_OF(steps));
    struct fixture fixture;
    open_with(&fixture, (struct trace_settings){.endpoint = http_peer_url(peer)});
    make_spans(&fixture, 600);
    LOOP_UNTIL(&fixture.loop, counted(&fixture, "exported", 598));
    cr_expect(counted(&fixture, "rejected", 2));
    cr_expect(counted(&fixture, "dropped", 0));
    make_spans(&fixture, 513);
    LOOP_UNTIL(&fixture.loop, counted(&fixture, "dropped", 513));
    cr_expect(eq(int, http_peer_stop(peer)->requests, 4));
    close_all(&fixture);
    http_peer_free(peer);
}

Test(trace, nobody_waits_for_a_silent_collector)
{
    static const struct peer_step steps[] = {{PEER_SILENCE, NULL}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    open_with(&fixture, (struct trace_settings){.endpoint = http_peer_url(peer)});
    make_spans(&fixture, 512);
    (void)uv_run(&fixture.loop.uv, UV_RUN_ONCE);
    make_spans(&fixture, 20000); /* more than there is room for */
    cr_expect(not(counted(&fixture, "dropped", 0)));
    const int64_t from_ms = clock_monotonic_ms();
    LOOP_UNTIL(&fixture.loop, tracer_is_drained(fixture.tracer));
    cr_expect(ge(i64, clock_monotonic_ms() - from_ms, 990));
    close_all(&fixture);
    http_peer_free(peer);
}

static const struct pg_statement insert = {.operation = "INSERT", .table = "t"};

Test(trace, a_statement_links_to_the_messages_that_share_it)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    open_with(&fixture, (struct trace_settings){.endpoint = http_peer_url(peer)});
    struct span_links links;
    links.count = 0;
    const struct span unsampled = {0};
    span_link(&links, &unsampled);
    span_of_statement(fixture.tracer, &links, clock_monotonic_us(), &insert, 1);
    cr_expect(tracer_is_drained(fixture.tracer), "nothing of it is traced");
    for (int i = 0; i < SPAN_LINKS_MAX + 3; i++) {
        const struct span span = span_begin(fixture.tracer, NULL);
        span_link(&links, &span);
    }
    span_of_statement(fixture.tracer, &links, clock_monotonic_us(), &insert, 500);
    LOOP_UNTIL(&fixture.loop, tracer_is_drained(fixture.tracer));
    json_t *object;
    json_t *root = sent(http_peer_stop(peer), &object);
    cr_expect(eq(sz, json_array_size(json_object_get(object, "links")), SPAN_LINKS_MAX));
    cr_expect(eq(int, json_integer_value(json_object_get(object, "droppedLinksCount")), 3));
    cr_expect(eq(ptr, json_object_get(object, "parentSpanId"), NULL));
    json_decref(root);
    close_all(&fixture);
    http_peer_free(peer);
}

Test(trace, a_ticket_gives_back_its_row)
{
    struct fixture fixture;
    open_with(&fixture, (struct trace_settings){0});
    const struct uuid id = uuid_v7();
    const struct trace_context none = {0};
    const struct trace_context parents[] = {none, parent_of(0, TRACE_SAMPLED)};
    for (size_t i = 0; i < COUNT_OF(parents); i++) {
        struct trace_context passed_on;
        const int64_t row = ((int64_t)1 << 60) + 7;
        const uint64_t ticket = publication_begin(
            fixture.tracer, &(struct publication){row, "outbound.accepted", &id}, &parents[i], &passed_on);
        cr_expect(publication_has(ticket));
        cr_expect(eq(int, (int)(ticket >> 63), 0), "the highest bit is the producer's");
        cr_expect(eq(int, trace_context_is_there(&passed_on), i == 1));
        cr_expect(eq(i64, publication_end(fixture.tracer, ticket, NULL), row));
    }
    cr_expect(not(publication_has((uint64_t)(uintptr_t)&fixture & ~(uint64_t)7)));
    close_all(&fixture);
}
