#include "metrics/otlp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/pairs.h"

/* A request has room for 1 MB (base/http_client.c); the rest of it is for the head. */
#define BATCH_BYTES ((size_t)800 * 1024)
#define HEAD_MAX ((size_t)200 * 1024)
#define BATCH_SPANS 512 /* so many do not wait for company */
#define DELAY_MS 1000
#define ANSWER_LIMIT ((size_t)4096)
#define CONNECT_TIMEOUT_MS 3000
#define FIRST_PAUSE_MS 500
#define LONGEST_PAUSE_MS 30000
#define GIVE_UP_MS 60000
#define DRAIN_MS 1000

struct otlp {
    struct metrics *metrics;
    struct http_client *client;
    struct http_exchange *exchange;
    struct curl_slist *headers;
    char url[512];
    struct buffer head;
    struct buffer waiting; /* spans, separated by commas */
    size_t waiting_count;
    struct buffer sending; /* the batch in hand: on its way, or to be tried again */
    size_t sending_count;
    bool on_its_way;
    int64_t pause_ms;   /* before the next try */
    int64_t give_up_ms; /* monotonic */
    int64_t drained_ms; /* monotonic; 0: not stopping */
    uv_timer_t *timer;
    struct log_seldom complaint;
};

static void count(const struct otlp *otlp, const char *result, double spans)
{
    metric_add(otlp->metrics, METRIC_SPANS, LABELS(result), spans);
}

static void on_timer(uv_timer_t *timer);

static void start_timer(struct otlp *otlp, int64_t after_ms)
{
    uv_timer_start(otlp->timer, on_timer, (uint64_t)after_ms, 0);
}

static void batch_ended(struct otlp *otlp)
{
    buffer_clear(&otlp->sending);
    otlp->sending_count = 0;
    if (otlp->waiting_count > 0) {
        start_timer(otlp, otlp->waiting_count >= BATCH_SPANS || otlp->drained_ms ? 0 : DELAY_MS);
    }
}

static void drop(struct otlp *otlp, const char *why)
{
    log_seldom(&otlp->complaint, "%zu spans are dropped, see OTEL_EXPORTER_OTLP_ENDPOINT: %s",
               otlp->sending_count, why);
    count(otlp, "dropped", (double)otlp->sending_count);
    batch_ended(otlp);
}

static void batch_taken(struct otlp *otlp, const struct buffer *answer)
{
    char why[256];
    int64_t refused = otlp_refused(answer->bytes ? answer->bytes : "", answer->length, why);
    refused = refused < (int64_t)otlp->sending_count ? refused : (int64_t)otlp->sending_count;
    if (refused > 0 || *why) {
        log_seldom(&otlp->complaint, "the collector took all spans but %" PRId64 "; it says: %s", refused,
                   why);
    }
    count(otlp, "rejected", (double)refused);
    count(otlp, "exported", (double)otlp->sending_count - (double)refused);
    batch_ended(otlp);
}

/* Those that OTLP calls retryable; and no answer at all. A span that comes twice is the same span. */
static bool passes(const struct http_result *result)
{
    return result->code != CURLE_OK || result->status == 429 || result->status == 502 ||
           result->status == 503 || result->status == 504;
}

static void on_answer(void *arg, const struct http_result *result)
{
    struct otlp *otlp = arg;
    char status[32];
    otlp->on_its_way = false;
    if (result->code == CURLE_OK && result->status / 100 == 2) {
        batch_taken(otlp, result->body);
        return;
    }
    (void)snprintf(status, sizeof status, "HTTP status %d", result->status);
    const char *why = result->code == CURLE_OK ? status : result->error;
    const int64_t asked_ms = result->retry_after_s * 1000;
    const int64_t pause_ms = asked_ms > otlp->pause_ms ? asked_ms : otlp->pause_ms;
    if (!passes(result) || clock_monotonic_ms() + pause_ms >= otlp->give_up_ms) {
        drop(otlp, why);
        return;
    }
    log_debug("spans are not taken now and wait for %" PRId64 " ms: %s", pause_ms, why);
    otlp->pause_ms = 2 * pause_ms < LONGEST_PAUSE_MS ? 2 * pause_ms : LONGEST_PAUSE_MS;
    start_timer(otlp, pause_ms);
}

static void take_batch(struct otlp *otlp)
{
    const struct buffer empty = otlp->sending;
    otlp->sending = otlp->waiting;
    otlp->waiting = empty;
    otlp->sending_count = otlp->waiting_count;
    otlp->waiting_count = 0;
    otlp->pause_ms = FIRST_PAUSE_MS;
    otlp->give_up_ms = clock_monotonic_ms() + GIVE_UP_MS;
}

/* Sends the batch in hand, or the next one. */
static void send_batch(struct otlp *otlp)
{
    if (otlp->on_its_way) {
        return;
    }
    if (otlp->sending_count == 0) {
        take_batch(otlp);
    }
    if (otlp->sending_count == 0) {
        return;
    }
    struct buffer *body = http_exchange_body(otlp->exchange);
    buffer_append(body, otlp->head.bytes, otlp->head.length);
    buffer_append(body, otlp->sending.bytes, otlp->sending.length);
    buffer_text(body, OTLP_TAIL);
    const struct http_call call = {.url = otlp->url, .headers = otlp->headers};
    otlp->on_its_way = true;
    http_exchange_start(otlp->exchange, &call, on_answer, otlp);
}

static void on_timer(uv_timer_t *timer)
{
    send_batch(timer->data);
}

void otlp_add(struct otlp *otlp, const struct buffer *span)
{
    struct buffer *waiting = &otlp->waiting;
    if (span->overflow || waiting->length + span->length + 1 > waiting->limit) {
        count(otlp, "dropped", 1);
        return;
    }
    buffer_text(waiting, otlp->waiting_count > 0 ? "," : "");
    buffer_append(waiting, span->bytes, span->length);
    otlp->waiting_count++;
    if (otlp->sending_count == 0 && (otlp->waiting_count == 1 || otlp->waiting_count == BATCH_SPANS)) {
        start_timer(otlp, otlp->waiting_count == 1 ? DELAY_MS : 0);
    }
}

static bool take_header(void *arg, const char *name, const char *value)
{
    struct otlp *otlp = arg;
    struct buffer line;
    buffer_init(&line, 2 * (size_t)PAIRS_LENGTH_MAX);
    buffer_format(&line, "%s: %s", name, value);
    otlp->headers = curl_slist_append(otlp->headers, line.bytes);
    buffer_release(&line);
    return true;
}

struct otlp *otlp_open(const struct tracer_options *options)
{
    const struct trace_settings *settings = &options->settings;
    struct otlp *otlp = NEW(struct otlp);
    otlp->metrics = options->metrics;
    size_t length = strlen(settings->endpoint);
    while (settings->endpoint[length - 1] == '/') {
        length--;
    }
    (void)snprintf(otlp->url, sizeof otlp->url, "%.*s/v1/traces", (int)length, settings->endpoint);
    otlp->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (!pairs_each(settings->headers, take_header, otlp)) {
        abort(); /* trace_settings_check() has been here */
    }
    buffer_init(&otlp->head, HEAD_MAX);
    buffer_init(&otlp->waiting, BATCH_BYTES);
    buffer_init(&otlp->sending, BATCH_BYTES);
    otlp_put_head(&otlp->head, options);
    otlp->client = http_client_new(
        options->loop,
        &(struct http_client_options){.connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                      .total_timeout_ms = settings->timeout_ms,
                                      .max_connections = 1,
                                      .response_limit = ANSWER_LIMIT,
                                      .plain_http = strncmp(otlp->url, "http://", 7) == 0,
                                      .ca_file = *settings->ca_file ? settings->ca_file : NULL});
    otlp->exchange = http_exchange_new(otlp->client);
    otlp->timer = NEW(uv_timer_t);
    uv_timer_init(options->loop, otlp->timer);
    otlp->timer->data = otlp;
    count(otlp, "exported", 0);
    count(otlp, "rejected", 0);
    count(otlp, "dropped", 0);
    return otlp;
}

bool otlp_is_drained(struct otlp *otlp)
{
    if (otlp->waiting_count == 0 && otlp->sending_count == 0) {
        return true;
    }
    if (otlp->drained_ms == 0) {
        otlp->drained_ms = clock_monotonic_ms() + DRAIN_MS;
        send_batch(otlp);
    }
    return clock_monotonic_ms() >= otlp->drained_ms;
}

void otlp_close(struct otlp *otlp)
{
    if (otlp->waiting_count + otlp->sending_count > 0) {
        log_warn("%zu spans were not taken by the collector in time and are dropped",
                 otlp->waiting_count + otlp->sending_count);
    }
    http_exchange_free(otlp->exchange);
    http_client_free(otlp->client);
    curl_slist_free_all(otlp->headers);
    uv_close((uv_handle_t *)otlp->timer, (uv_close_cb)free);
    buffer_release(&otlp->head);
    buffer_release(&otlp->waiting);
    buffer_release(&otlp->sending);
    free(otlp);
}
