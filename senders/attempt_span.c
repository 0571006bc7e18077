#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "senders/sender.h"

struct attempt_trace {
    struct span attempt;
    struct span request; /* to the provider */
    struct curl_slist headers[2];
    char traceparent[sizeof HEADER_TRACEPARENT ": " + TRACEPARENT_SIZE];
    char tracestate[sizeof HEADER_TRACESTATE ": " + TRACESTATE_MAX];
};

void attempt_place(const struct sender *sender, struct provider_place *ret_place)
{
    const char *text = sender->provider->by_smtp ? sender->endpoint.mail.url : sender->endpoint.url;
    CURLU *url = curl_url();
    char *full = NULL;
    char *host = NULL;
    char *port = NULL;
    *ret_place = (struct provider_place){0};
    if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
        (void)curl_url_set(url, CURLUPART_USER, NULL, 0);
        (void)curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
        (void)curl_url_get(url, CURLUPART_URL, &full, 0);
        (void)curl_url_get(url, CURLUPART_HOST, &host, 0);
        (void)curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
        (void)snprintf(ret_place->url, sizeof ret_place->url, "%s", full ? full : "");
        (void)snprintf(ret_place->host, sizeof ret_place->host, "%s", host ? host : "");
        ret_place->port = port ? strtoll(port, NULL, 10) : 0;
    }
    curl_free(full);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
}

void attempt_begin(struct delivery *delivery, struct text traceparent, struct text tracestate)
{
    struct trace_context context;
    if (!trace_context_parse(traceparent, tracestate, &context)) {
        return;
    }
    struct attempt_trace *trace = delivery->trace = NEW(struct attempt_trace);
    trace->attempt = span_continue(delivery->sender->tracer, &context);
    if (span_is_open(&trace->attempt)) {
        trace->attempt.started_us = delivery->claim->sent_us;
    }
}

void attempt_link(const struct delivery *delivery, struct span_links *links)
{
    if (delivery->trace) {
        span_link(links, &delivery->trace->attempt);
    }
}

struct curl_slist *attempt_request(struct delivery *delivery)
{
    struct attempt_trace *trace = delivery->trace;
    struct curl_slist *next = delivery->sender->endpoint.headers;
    if (!trace) {
        return next;
    }
    trace->request = span_continue(delivery->sender->tracer, &trace->attempt.context);
    const struct trace_context *context = &trace->request.context;
    if (context->state.bytes) {
        (void)snprintf(trace->tracestate, sizeof trace->tracestate, "%s: %.*s", HEADER_TRACESTATE,
                       (int)context->state.length, context->state.bytes);
        trace->headers[1] = (struct curl_slist){trace->tracestate, next};
        next = &trace->headers[1];
    }
    char traceparent[TRACEPARENT_SIZE];
    trace_context_format(context, traceparent);
    (void)snprintf(trace->traceparent, sizeof trace->traceparent, "%s: %s", HEADER_TRACEPARENT, traceparent);
    trace->headers[0] = (struct curl_slist){trace->traceparent, next};
    return &trace->headers[0];
}

void attempt_answered(struct delivery *delivery)
{
    const struct sender *sender = delivery->sender;
    if (!delivery->trace || !span_is_open(&delivery->trace->request)) {
        return;
    }
    const bool smtp = sender->provider->by_smtp;
    const struct provider_place *place = &sender->place;
    char id[UUID_TEXT_SIZE];
    uuid_format(&delivery->id, id);
    const struct span_attribute attributes[] = {
        {"http.request.method", smtp ? NULL : "POST"},
        {"url.full", smtp ? NULL : place->url},
        {"network.protocol.name", smtp ? "smtp" : "http"},
        {"server.address", place->host},
        {"server.port", NULL, place->port},
        {smtp ? "smtp.response.status_code" : "http.response.status_code", NULL,
         delivery->verdict.http_status},
        {"outbound.message.id", id},
        {"outbound.channel", sender->channel_label},
        {"outbound.provider", sender->provider->name},
        {"outbound.attempt", NULL, delivery->message.attempt_no},
        {NULL}};
    span_end(sender->tracer, &delivery->trace->request,
             &(struct span_end){.operation = smtp ? "MAIL" : "POST",
                                .kind = SPAN_CLIENT,
                                .attributes = attributes,
                                .error = error_row(delivery->verdict.code)->name});
}

void attempt_end(struct delivery *delivery, bool stored)
{
    const struct sender *sender = delivery->sender;
    if (!delivery->trace || !span_is_open(&delivery->trace->attempt)) {
        return;
    }
    char id[UUID_TEXT_SIZE];
    uuid_format(&delivery->id, id);
    const struct span_attribute attributes[] = {{"messaging.system", "kafka"},
                                                {"messaging.destination.name", delivery->lane->topic},
                                                {"messaging.operation.name", "deliver"},
                                                {"messaging.operation.type", "process"},
                                                {"outbound.message.id", id},
                                                {"outbound.channel", sender->channel_label},
                                                {"outbound.attempt", NULL, delivery->message.attempt_no},
                                                {"outbound.status", state_name(delivery->decision.state)},
                                                {NULL}};
    span_end(sender->tracer, &delivery->trace->attempt,
             &(struct span_end){.operation = "deliver",
                                .target = delivery->lane->topic,
                                .kind = SPAN_CONSUMER,
                                .attributes = attributes,
                                .error = stored ? error_row(delivery->verdict.code)->name : "not_stored"});
}

void attempt_leave(struct delivery *delivery)
{
    free(delivery->trace);
    delivery->trace = NULL;
}
