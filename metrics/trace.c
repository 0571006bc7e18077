#include "metrics/trace.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "metrics/otlp.h"

#define SPAN_MAX ((size_t)64 * 1024)
#define PARENT_BASED "parentbased_"

struct tracer {
    struct otlp *otlp;
    bool parent_based;
    double ratio; /* of the traces that are sampled, where the parent does not decide */
    struct buffer json;
};

static void take_sampler(struct tracer *tracer, const struct trace_settings *settings)
{
    const char *name = settings->sampler;
    tracer->parent_based = strncmp(name, PARENT_BASED, strlen(PARENT_BASED)) == 0;
    name += tracer->parent_based ? strlen(PARENT_BASED) : 0;
    if (strcmp(name, "always_on") == 0) {
        tracer->ratio = 1;
    } else if (strcmp(name, "always_off") == 0) {
        tracer->ratio = 0;
    } else if (!trace_settings_ratio(settings, &tracer->ratio)) {
        abort(); /* trace_settings_check() has been here */
    }
}

struct tracer *tracer_open(const struct tracer_options *options)
{
    if (!*options->settings.endpoint) {
        return NULL;
    }
    struct tracer *tracer = NEW(struct tracer);
    take_sampler(tracer, &options->settings);
    buffer_init(&tracer->json, SPAN_MAX);
    tracer->otlp = otlp_open(options);
    return tracer;
}

bool tracer_is_drained(struct tracer *tracer)
{
    return !tracer || otlp_is_drained(tracer->otlp);
}

void tracer_close(struct tracer *tracer)
{
    if (tracer) {
        otlp_close(tracer->otlp);
        buffer_release(&tracer->json);
        free(tracer);
    }
}

/*
 * By the last eight bytes of the trace's id, so that all who have the same ratio agree on a trace; as
 * OpenTelemetry's own libraries do it.
 */
static bool ratio_takes(double ratio, const unsigned char trace_id[TRACE_ID_SIZE])
{
    uint64_t low = 0;
    for (size_t i = TRACE_ID_SIZE / 2; i < TRACE_ID_SIZE; i++) {
        low = low << 8 | trace_id[i];
    }
    return ratio >= 1 || (double)(low >> 1) < ratio * 0x1p63;
}

static void new_id(unsigned char *id, size_t size)
{
    do {
        random_bytes(id, size);
    } while (id[size - 1] == 0); /* all zero is none; this is rarer than need be, and simple */
}

static void open_span(struct span *span)
{
    memcpy(span->parent_id, span->context.span_id, SPAN_ID_SIZE);
    new_id(span->context.span_id, SPAN_ID_SIZE);
    span->context.flags |= TRACE_SAMPLED;
    span->started_us = clock_monotonic_us();
}

struct span span_continue(struct tracer *tracer, const struct trace_context *parent)
{
    struct span span = {.context = *parent};
    if (tracer && trace_context_is_there(parent) &&
        (tracer->parent_based ? parent->flags & TRACE_SAMPLED
                              : ratio_takes(tracer->ratio, parent->trace_id))) {
        open_span(&span);
    }
    return span;
}

struct span span_begin(struct tracer *tracer, const struct trace_context *parent)
{
    if (parent && trace_context_is_there(parent)) {
        return span_continue(tracer, parent);
    }
    struct span span = {0};
    if (tracer && tracer->ratio > 0) {
        new_id(span.context.trace_id, TRACE_ID_SIZE);
        if (ratio_takes(tracer->ratio, span.context.trace_id)) {
            open_span(&span);
        } else {
            span = (struct span){0};
        }
    }
    return span;
}

static void put_ids(struct buffer *json, const struct trace_context *context)
{
    char trace_id[2 * TRACE_ID_SIZE + 1];
    char span_id[2 * SPAN_ID_SIZE + 1];
    trace_hex(context->trace_id, TRACE_ID_SIZE, trace_id);
    trace_hex(context->span_id, SPAN_ID_SIZE, span_id);
    buffer_format(json, "{\"traceId\":\"%s\",\"spanId\":\"%s\"", trace_id, span_id);
}

static void put_parent(struct buffer *json, const struct span *span)
{
    static const unsigned char none[SPAN_ID_SIZE];
    if (memcmp(span->parent_id, none, SPAN_ID_SIZE) != 0) {
        char parent_id[2 * SPAN_ID_SIZE + 1];
        trace_hex(span->parent_id, SPAN_ID_SIZE, parent_id);
        buffer_format(json, ",\"parentSpanId\":\"%s\"", parent_id);
    }
}

static void put_name(struct buffer *json, const struct span_end *end)
{
    char name[160];
    (void)snprintf(name, sizeof name, "%s%s%s", end->operation, end->target ? " " : "",
                   end->target ? end->target : "");
    buffer_text(json, ",\"name\":");
    buffer_json_string(json, name, strlen(name));
    buffer_format(json, ",\"kind\":%d", (int)end->kind);
}

static void put_attributes(struct buffer *json, const struct span_end *end)
{
    const char *comma = "";
    buffer_text(json, ",\"attributes\":[");
    for (const struct span_attribute *at = end->attributes; at && at->key; at++) {
        if (at->text || at->number) {
            buffer_text(json, comma);
            otlp_put_attribute(json, at->key, at->text, at->number);
            comma = ",";
        }
    }
    if (end->error) {
        buffer_text(json, comma);
        otlp_put_attribute(json, "error.type", end->error, 0);
    }
    buffer_text(json, "]");
}

static void put_links(struct buffer *json, const struct span_links *links)
{
    const size_t kept = links->count < SPAN_LINKS_MAX ? links->count : SPAN_LINKS_MAX;
    buffer_text(json, ",\"links\":[");
    for (size_t i = 0; i < kept; i++) {
        buffer_text(json, i ? "," : "");
        put_ids(json, &links->of[i]);
        buffer_text(json, "}");
    }
    buffer_format(json, "],\"droppedLinksCount\":%zu", links->count - kept);
}

static void finish(struct tracer *tracer, const struct span *span, const struct span_links *links,
                   const struct span_end *end)
{
    struct buffer *json = &tracer->json;
    /* The length is the monotonic clock's, whatever the other one was set to meanwhile. */
    const int64_t ended_us = clock_wall_us();
    const int64_t started_us = ended_us - (clock_monotonic_us() - span->started_us);
    buffer_clear(json);
    put_ids(json, &span->context);
    put_parent(json, span);
    put_name(json, end);
    buffer_format(json, ",\"startTimeUnixNano\":\"%" PRId64 "000\",\"endTimeUnixNano\":\"%" PRId64 "000\"",
                  started_us, ended_us);
    put_attributes(json, end);
    if (links) {
        put_links(json, links);
    }
    buffer_text(json, end->error ? ",\"status\":{\"code\":2}}" : "}");
    otlp_add(tracer->otlp, json);
}

void span_end(struct tracer *tracer, struct span *span, const struct span_end *end)
{
    if (span_is_open(span)) {
        finish(tracer, span, NULL, end);
        span->started_us = 0;
    }
}

void span_link(struct span_links *links, const struct span *span)
{
    if (span_is_open(span)) {
        if (links->count < SPAN_LINKS_MAX) {
            links->of[links->count] = span->context;
        }
        links->count++;
    }
}

void span_of_statement(struct tracer *tracer, const struct span_links *links, int64_t sent_us,
                       const struct pg_statement *statement, size_t count)
{
    if (links->count == 0) {
        return;
    }
    struct span span = {.started_us = sent_us};
    new_id(span.context.trace_id, TRACE_ID_SIZE);
    new_id(span.context.span_id, SPAN_ID_SIZE);
    const struct span_attribute attributes[] = {{"db.system.name", "postgresql"},
                                                {"db.operation.name", statement->operation},
                                                {"db.collection.name", statement->table},
                                                {"db.operation.batch.size", NULL, (int64_t)count},
                                                {NULL}};
    finish(tracer, &span, links,
           &(struct span_end){.operation = statement->operation,
                              .target = statement->table,
                              .kind = SPAN_CLIENT,
                              .attributes = attributes});
}
