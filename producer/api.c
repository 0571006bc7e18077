#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "metrics/observe.h"
#include "producer/alerts.h"
#include "producer/answer.h"
#include "producer/dead_letters.h"
#include "producer/ingest.h"
#include "producer/producer.h"
#include "producer/relay.h"
#include "producer/request_span.h"
#include "schemas/lifecycle.h"
#include "schemas/new_message.h"

#define EXPOSITION_MAX ((size_t)4 * 1024 * 1024)

static void message_get(struct api_request *request);
static void metrics_get(struct api_request *request);

static const struct api_route routes[] = {
    {"POST", "/api/outbound-messages", ingest_message},
    {"GET", "/api/outbound-messages/{id}", message_get},
    {"POST", "/api/v1/outbound/messages", ingest_message},
    {"GET", "/api/v1/outbound/messages/{id}", message_get},
    {"POST", "/api/v1/alerts", alerts_receive},
    {"GET", "/api/v1/dead-letters", dead_letters_list},
    {"GET", "/api/v1/dead-letters/stats", dead_letters_stats},
    {"POST", "/api/v1/dead-letters/replay", dead_letters_replay},
    {"POST", "/api/v1/dead-letters/archive", dead_letters_archive},
    {"POST", "/api/v1/dead-letters/discard", dead_letters_discard},
    {"GET", "/api/v1/dead-letters/{id}", dead_letters_show},
    {"GET", "/health", health_all},
    {"GET", "/health/live", health_live},
    {"GET", "/health/ready", health_ready},
    {"GET", "/health/db", health_database},
    {"GET", "/metrics", metrics_get},
    {"GET", "/actuator/prometheus", metrics_get},
};

/* Whether `path` has the form of `route`; *ret_id is what stands for {id}. */
static bool path_fits(const char *path, const char *route, const char **ret_id)
{
    const char *brace = strchr(route, '{');
    *ret_id = NULL;
    if (!brace) {
        return strcmp(path, route) == 0;
    }
    const size_t fixed = (size_t)(brace - route);
    if (strncmp(path, route, fixed) != 0 || path[fixed] == '\0' || strchr(path + fixed, '/')) {
        return false;
    }
    *ret_id = path + fixed;
    return true;
}

const char *api_allowed_methods(const char *path)
{
    const char *id;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (path_fits(path, routes[i].path, &id)) {
            return routes[i].method; /* no path has two; its own row comes before one with {id} */
        }
    }
    return NULL;
}

const char *api_status_label(int status)
{
    static const struct {
        int status;
        const char *label;
    } known[] = {{200, "200"}, {202, "202"}, {400, "400"}, {404, "404"}, {405, "405"},
                 {409, "409"}, {413, "413"}, {415, "415"}, {500, "500"}, {503, "503"}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i].status == status) {
            return known[i].label;
        }
    }
    return "other";
}

void api_handle(void *arg, struct http_request *http)
{
    struct api_request *request = arena_alloc(&http->arena, sizeof *request);
    *request = (struct api_request){.producer = arg, .http = http};
    const struct text given = text_of(http_request_header(http, "X-Correlation-ID"));
    if (given.length > 0 && given.length <= CORRELATION_ID_MAX && text_is_visible_ascii(given)) {
        request->correlation_id = given.bytes;
    } else { /* one that is not fit to be sent back is refused where a message would carry it on */
        const struct uuid made = uuid_v4();
        char text[UUID_TEXT_SIZE];
        uuid_format(&made, text);
        request->correlation_id = arena_strdup(&http->arena, text);
    }
    /* HEAD is GET without the body, which the server leaves out. */
    const char *method = strcmp(http->method, "HEAD") == 0 ? "GET" : http->method;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (strcmp(routes[i].method, method) == 0 && path_fits(http->path, routes[i].path, &request->id)) {
            request->route = &routes[i];
            request_span_begin(request);
            request->route->handle(request);
            return;
        }
    }
    if (api_allowed_methods(http->path)) {
        answer_problem(request, 405, "Method not allowed", NULL);
    } else {
        answer_problem(request, 404, "Not found", "There is nothing under this path.");
    }
}

void api_count_from_zero(struct metrics *metrics)
{
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        metric_add(metrics, METRIC_HTTP_REQUESTS,
                   LABELS(routes[i].method, routes[i].path, api_status_label(500)), 0);
    }
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        const char *channel = channel_label((enum channel)i);
        metric_add(metrics, METRIC_QUEUED, LABELS(channel), 0);
        metric_add(metrics, METRIC_LEASES_EXPIRED, LABELS(channel), 0);
        metric_add(metrics, METRIC_DEAD_LETTER, LABELS(channel), 0);
    }
    alerts_count_from_zero(metrics);
}

static void on_message(void *arg, struct pg_reply *reply)
{
    struct api_request *request = arg;
    if (reply->outcome == PG_LOST) {
        answer_unavailable(request, "The database went away.");
    } else if (reply->outcome == PG_REFUSED) {
        answer_problem(request, 500, "The message could not be read", reply->message);
    } else if (PQntuples(reply->rows) == 0) {
        answer_problem(request, 404, "Not found", "There is no message with this id.");
    } else {
        answer_json(request, 200, NULL, PQgetvalue(reply->rows, 0, 0),
                    (size_t)PQgetlength(reply->rows, 0, 0));
    }
}

static void message_get(struct api_request *request)
{
    struct uuid id;
    if (!uuid_parse(request->id, strlen(request->id), &id)) {
        struct violations violations = {.arena = &request->http->arena};
        violation_add(&violations, "id", "must be a UUID");
        answer_violations(request, &violations);
        return;
    }
    struct pg_params params;
    pg_params_init(&params, 64);
    pg_param_uuid(&params, &id);
    if (!pg_call(request->producer->reader, &lifecycle_get, &params, on_message, request)) {
        answer_unavailable(request, "The database is away.");
    }
    pg_params_release(&params);
}

static void metrics_get(struct api_request *request)
{
    struct buffer text;
    buffer_init(&text, EXPOSITION_MAX);
    observe_process(request->producer->metrics);
    metrics_expose(request->producer->metrics, &text);
    static const struct http_header headers[] = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"},
                                                 {0}};
    http_respond(request->http, 200, headers, text.bytes, text.length);
    buffer_release(&text);
}
