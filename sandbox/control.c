/*
 * What tests and people ask the sandbox itself.
 */
#include "sandbox/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/sendgrid.h"

#define DOCUMENT_MAX ((size_t)64 * 1024 * 1024)
#define DELIVERIES_DEFAULT 1000
#define DELIVERIES_MAX 100000
#define LATENCY_MAX_MS 600000
#define ERROR_MAX ((size_t)64 * 1024)

static const struct http_header json_headers[] = {{"Content-Type", "application/json"}, {0}};

static void answer_json(struct http_request *http, int status, json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(6));
    http_respond(http, status, json_headers, text, strlen(text));
    free(text);
    json_decref(document);
}

static void answer_empty(struct http_request *http)
{
    http_respond(http, 204, NULL, "", 0);
}

void control_refuse(struct http_request *http, int status, const char *field, const char *message)
{
    const struct sendgrid_errors errors = {
        .count = 1, .items = {{message ? message : sendgrid_status_message(status), field, NULL}}};
    struct buffer document;
    buffer_init(&document, ERROR_MAX);
    sendgrid_write_errors(&errors, &document);
    http_respond(http, status, json_headers, document.bytes, document.length);
    buffer_release(&document);
}

/* The body as JSON, or NULL: the request is answered then. */
static json_t *read_body(struct http_request *http)
{
    if (http->too_large) {
        control_refuse(http, 413, NULL, NULL);
        return NULL;
    }
    json_error_t problem;
    json_t *body = json_loadb(http->body.bytes ? http->body.bytes : "", http->body.length, 0, &problem);
    if (!body) {
        control_refuse(http, 400, "body", "must be JSON");
    }
    return body;
}

void control_get_health(struct sandbox *sandbox, struct http_request *http)
{
    (void)sandbox;
    answer_json(http, 200, json_pack("{s:s}", "status", "UP"));
}

void control_get_stats(struct sandbox *sandbox, struct http_request *http)
{
    const struct sandbox_stats *stats = &sandbox->stats;
    const size_t open_now = http_server_pending(sandbox->server) - 1; /* this one does not count */
    answer_json(http, 200,
                json_pack("{s:I, s:I, s:I, s:I, s:I}", "requests", (json_int_t)stats->requests, "accepted",
                          (json_int_t)stats->accepted, "refused", (json_int_t)stats->refused, "faulted",
                          (json_int_t)stats->faulted, "openNow", (json_int_t)open_now));
}

/* A number of the query; what is not there leaves *ret_number as it is. */
static bool query_number(struct http_request *http, const char *name, int64_t least, int64_t most,
                         int64_t *ret_number)
{
    const char *text = http_request_query(http, name);
    if (!text) {
        return true;
    }
    char *end;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < least || number > most) {
        char message[80];
        (void)snprintf(message, sizeof message, "must be a whole number from %lld to %lld", (long long)least,
                       (long long)most);
        control_refuse(http, 400, name, message);
        return false;
    }
    *ret_number = number;
    return true;
}

void control_get_deliveries(struct sandbox *sandbox, struct http_request *http)
{
    struct deliveries_query query = {.limit = DELIVERIES_DEFAULT,
                                     .message_id = http_request_query(http, "messageId")};
    if (!query_number(http, "since", 0, INT64_MAX, &query.since) ||
        !query_number(http, "limit", 1, DELIVERIES_MAX, &query.limit)) {
        return;
    }
    struct buffer document;
    struct error error;
    buffer_init(&document, DOCUMENT_MAX);
    if (!deliveries_read(sandbox->deliveries, &query, &document, &error)) {
        control_refuse(http, 500, NULL, error.text);
    } else if (document.overflow) {
        control_refuse(http, 400, "limit", "gives a document of more than 64 MB: ask for less");
    } else {
        http_respond(http, 200, json_headers, document.bytes, document.length);
    }
    buffer_release(&document);
}

void control_delete_deliveries(struct sandbox *sandbox, struct http_request *http)
{
    struct error error;
    if (deliveries_clear(sandbox->deliveries, &error)) {
        answer_empty(http);
    } else {
        control_refuse(http, 500, NULL, error.text);
    }
}

void control_get_latency(struct sandbox *sandbox, struct http_request *http)
{
    answer_json(http, 200, json_pack("{s:I}", "ms", (json_int_t)sandbox->latency_ms));
}

void control_put_latency(struct sandbox *sandbox, struct http_request *http)
{
    json_t *body = read_body(http);
    if (!body) {
        return;
    }
    const json_t *ms = json_object_get(body, "ms");
    if (!json_is_integer(ms) || json_integer_value(ms) < 0 || json_integer_value(ms) > LATENCY_MAX_MS) {
        control_refuse(http, 400, "ms", "must be a whole number from 0 to 600000");
    } else {
        sandbox->latency_ms = json_integer_value(ms);
        control_get_latency(sandbox, http);
    }
    json_decref(body);
}

void control_get_faults(struct sandbox *sandbox, struct http_request *http)
{
    answer_json(http, 200, faults_describe(sandbox->faults));
}

void control_post_fault(struct sandbox *sandbox, struct http_request *http)
{
    json_t *body = read_body(http);
    struct fault_problem problem;
    if (!body) {
        return;
    }
    if (faults_add(sandbox->faults, body, &problem)) {
        answer_json(http, 201, faults_describe(sandbox->faults));
    } else {
        control_refuse(http, 400, problem.field, problem.message);
    }
    json_decref(body);
}

void control_delete_faults(struct sandbox *sandbox, struct http_request *http)
{
    faults_clear(sandbox->faults);
    answer_empty(http);
}
