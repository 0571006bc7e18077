#include "producer/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "producer/request_span.h"

#define DOCUMENT_MAX ((size_t)64 * 1024)

static void answer(struct api_request *request, int status, const char *type, const struct http_header *more,
                   const char *document, size_t length)
{
    struct http_header headers[8] = {{"Content-Type", type},
                                     {"X-Correlation-ID", request->correlation_id},
                                     {"X-Content-Type-Options", "nosniff"}};
    for (size_t i = 3; more && more->name && i + 1 < COUNT_OF(headers); i++) {
        headers[i] = *more++;
    }
    struct metrics *metrics = request->producer->metrics;
    const char *method = request->route ? request->route->method : "other";
    const char *endpoint = request->route ? request->route->path : "other";
    const double seconds = (double)(clock_monotonic_us() - request->http->arrived_us) / 1e6;
    metric_add(metrics, METRIC_HTTP_REQUESTS, LABELS(method, endpoint, api_status_label(status)), 1);
    metric_observe(metrics, METRIC_HTTP_DURATION, LABELS(method, endpoint), seconds);
    const struct log_field fields[] = {{"correlationId", request->correlation_id}, {NULL, NULL}};
    log_write(LOG_DEBUG, fields, "%s %s: %d in %.1f ms", method, endpoint, status, seconds * 1e3);
    request_span_end(request, status);
    http_respond(request->http, status, headers, document, length);
}

void answer_json(struct api_request *request, int status, const struct http_header *headers,
                 const char *document, size_t length)
{
    answer(request, status, "application/json", headers, document, length);
}

static void member(struct buffer *into, const char *name, const char *value)
{
    buffer_format(into, "%s\"%s\":", into->length > 1 ? "," : "", name);
    buffer_json_string(into, value, strlen(value));
}

static void problem(struct api_request *request, int status, const char *title, const char *detail,
                    const struct violations *violations, const struct http_header *headers)
{
    struct buffer document;
    buffer_init(&document, DOCUMENT_MAX);
    buffer_text(&document, "{");
    member(&document, "type", "about:blank");
    member(&document, "title", title);
    buffer_format(&document, ",\"status\":%d", status);
    if (detail) {
        member(&document, "detail", detail);
    }
    if (text_is_visible_ascii(text_of(request->http->path))) {
        member(&document, "instance", request->http->path);
    }
    if (request->correlation_id) {
        member(&document, "correlationId", request->correlation_id);
    }
    for (size_t i = 0; violations && i < violations->count; i++) {
        buffer_text(&document, i ? ",{\"field\":" : ",\"errors\":[{\"field\":");
        buffer_json_string(&document, violations->items[i].field, strlen(violations->items[i].field));
        buffer_text(&document, ",\"detail\":");
        buffer_json_string(&document, violations->items[i].detail, strlen(violations->items[i].detail));
        buffer_text(&document, "}");
    }
    buffer_text(&document, violations && violations->count ? "]}" : "}");
    answer(request, status, "application/problem+json", headers, document.bytes, document.length);
    buffer_release(&document);
}

void answer_problem(struct api_request *request, int status, const char *title, const char *detail)
{
    const struct http_header allow[] = {
        {"Allow", status == 405 ? api_allowed_methods(request->http->path) : NULL}, {0}};
    problem(request, status, title, detail, NULL, allow);
}

void answer_violations(struct api_request *request, const struct violations *violations)
{
    char detail[700];
    (void)snprintf(detail, sizeof detail, "%s %s", violations->items[0].field, violations->items[0].detail);
    problem(request, 400, "The request is not valid", detail, violations, NULL);
}

void answer_unavailable(struct api_request *request, const char *detail)
{
    static const struct http_header headers[] = {{"Retry-After", "1"}, {0}};
    problem(request, 503, "The message cannot be stored now", detail, NULL, headers);
}
