/*
 * The way of an alert, from Alertmanager to the store; from there it goes as every message does.
 *
 * Alertmanager delivers a notification again until the answer is 2xx, and gives it up at 4xx. So the answer
 * waits for all of its messages, and is 503 when one of them may not be stored: those that are will be found
 * again.
 */
#include "producer/alerts.h"

#include "base/clock.h"
#include "producer/alert_notification.h"
#include "producer/answer.h"
#include "producer/ingest.h"

/* A notification until it is answered; lives in the request's arena. */
struct notification {
    struct api_request *request;
    size_t left; /* messages that have not ended */
    size_t queued;
    size_t repeated;
    int status; /* 0, or that of the answer to what went wrong; 503 wins, because then all will come again */
    const char *why;
};

struct pending {
    struct ingest_item item;
    struct notification *notification;
    bool firing;
};

void alerts_count_from_zero(struct metrics *metrics)
{
    static const char *const statuses[] = {"firing", "resolved"};
    static const char *const results[] = {"queued", "repeated", "failed"};
    for (size_t i = 0; i < COUNT_OF(statuses) * COUNT_OF(results); i++) {
        metric_add(metrics, METRIC_ALERTS_RECEIVED,
                   LABELS(statuses[i / COUNT_OF(results)], results[i % COUNT_OF(results)]), 0);
    }
}

static void answer(struct notification *notification)
{
    struct api_request *request = notification->request;
    if (notification->status == 503) {
        answer_unavailable(request, notification->why);
    } else if (notification->status) {
        answer_problem(request, notification->status, "An alert could not be stored", notification->why);
    } else {
        char document[64];
        const int length = snprintf(document, sizeof document, "{\"queued\":%zu,\"repeated\":%zu}",
                                    notification->queued, notification->repeated);
        answer_json(request, 202, NULL, document, (size_t)length);
    }
}

static void fail(struct notification *notification, int status, const char *why)
{
    if (notification->status != 503) {
        notification->status = status;
        notification->why = arena_strdup(&notification->request->http->arena, why);
    }
}

static void on_end(struct ingest_item *item, const struct ingest_end *end)
{
    const struct pending *pending = (struct pending *)item;
    struct notification *notification = pending->notification;
    const char *result = "failed";
    switch (end->result) {
    case INGEST_STORED:
        result = "queued";
        notification->queued++;
        break;
    case INGEST_REPEATED:
        result = "repeated";
        notification->repeated++;
        break;
    case INGEST_CONFLICTING:
        fail(notification, 409, "Another message has the Idempotency-Key of this alert.");
        break;
    case INGEST_NOT_STORED:
        fail(notification, 503, end->why);
        break;
    case INGEST_IMPOSSIBLE:
        fail(notification, 500, end->why);
        break;
    }
    metric_add(notification->request->producer->metrics, METRIC_ALERTS_RECEIVED,
               LABELS(pending->firing ? "firing" : "resolved", result), 1);
    if (--notification->left == 0) {
        answer(notification);
    }
}

static void add(struct notification *notification, const struct alert *alert)
{
    struct api_request *request = notification->request;
    const struct producer *producer = request->producer;
    struct arena *arena = &request->http->arena;
    struct pending *pending = arena_alloc(arena, sizeof *pending);
    *pending = (struct pending){.item = {.request = request, .on_end = on_end},
                                .notification = notification,
                                .firing = alert->firing};
    struct new_message *message = &pending->item.stored.message;
    const int64_t now_us = clock_wall_us();
    message->id = uuid_v7();
    message->correlation_id = text_of(request->correlation_id);
    alert_message(alert, producer->config, now_us, arena, message);
    struct violations violations = {.arena = arena};
    new_message_check(message, MESSAGE_BY_HTTP, now_us, &violations);
    if (violations.count > 0) { /* no alert can bring that about */
        on_end(&pending->item, &(struct ingest_end){INGEST_IMPOSSIBLE, .why = violations.items[0].detail});
        return;
    }
    ingest_add(&pending->item);
}

void alerts_receive(struct api_request *request)
{
    const char *obstacle = ingest_obstacle(request->producer);
    struct arena *arena = &request->http->arena;
    struct violations violations = {.arena = arena};
    struct alert *alerts = NULL;
    size_t count = 0;
    if (!*request->producer->config->alert_recipient) {
        answer_problem(request, 404, "Alerts are not taken", "OUTBOUND_ALERT_RECIPIENT is not set.");
        return;
    }
    if (!ingest_takes_body(request)) {
        return;
    }
    alert_notification_parse(request->http->body.bytes, request->http->body.length, &alerts, &count,
                             &violations);
    if (violations.count > 0) {
        answer_violations(request, &violations);
        return;
    }
    if (obstacle) {
        answer_unavailable(request, obstacle);
        return;
    }
    struct notification *notification = arena_alloc(arena, sizeof *notification);
    *notification = (struct notification){.request = request, .left = count};
    if (count == 0) {
        answer(notification);
    }
    for (size_t i = 0; i < count; i++) {
        add(notification, &alerts[i]);
    }
}
