#include "producer/request_span.h"

#include <string.h>

#define API_PREFIX "/api/"

void request_span_begin(struct api_request *request)
{
    const struct http_request *http = request->http;
    if (strncmp(request->route->path, API_PREFIX, strlen(API_PREFIX)) != 0) {
        return;
    }
    struct trace_context caller;
    (void)trace_context_parse(text_of(http_request_header(http, HEADER_TRACEPARENT)),
                              text_of(http_request_header(http, HEADER_TRACESTATE)), &caller);
    request->span = span_begin(request->producer->tracer, &caller);
    if (span_is_open(&request->span)) {
        request->span.started_us = http->arrived_us;
    }
}

void request_span_end(struct api_request *request, int status)
{
    if (!span_is_open(&request->span)) {
        return;
    }
    const struct new_message *message = request->message;
    char id[UUID_TEXT_SIZE];
    if (message) {
        uuid_format(&message->id, id);
    }
    const char *path = request->http->path;
    const struct span_attribute attributes[] = {
        {"http.request.method", request->http->method},
        {"http.route", request->route->path},
        {"url.scheme", "http"},
        {"url.path", text_is_visible_ascii(text_of(path)) ? path : NULL},
        {"http.response.status_code", NULL, status},
        {"outbound.message.id", message ? id : NULL},
        {"outbound.channel", message ? channel_label(message->channel) : NULL},
        {NULL}};
    span_end(request->producer->tracer, &request->span,
             &(struct span_end){.operation = request->http->method,
                                .target = request->route->path,
                                .kind = SPAN_SERVER,
                                .attributes = attributes,
                                .error = status >= 500 ? api_status_label(status) : NULL});
}
