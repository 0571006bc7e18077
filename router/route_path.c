/*
 * outbound router - the way of a record through it:
 *
 *   take_records()    from the accepted topic and from the retry tiers, as long as there is room
 *   postpone()        a tier's record that is not due: its partition sleeps until it is
 *   move()            decided (route_decide.c) and sent to its next topic with its headers
 *   on_delivery()     acknowledged there: finished here, its offset may be committed
 *                     not acknowledged: sent again
 *
 * What services upstream publish has a way of its own: ingress_path.c.
 *
 * The router keeps nothing: what was not acknowledged when it ends is read again by whoever comes next.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/kafka_consumer.h"
#include "base/kafka_producer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/service.h"
#include "metrics/metrics.h"
#include "metrics/observe.h"
#include "metrics/publication.h"
#include "metrics/sentry.h"
#include "metrics/watched.h"
#include "router/ingress.h"
#include "router/record_span.h"
#include "router/router.h"
#include "router/run.h"
#include "schemas/deadletter.h"
#include "schemas/message_log.h"
#include "schemas/tiers.h"

#define GROUP_ID "outbound-router"
#define RETRY_GROUP_ID "outbound-router-retry"
/* There are many tiers, with many partitions each, and what was fetched is thrown away when it is not due. */
#define TIER_FETCH_KB 64
#define PREFETCH 100000
/* The wall clock may be set meanwhile, so a longer wait is looked at again, which costs next to nothing. */
#define POSTPONE_MAX_MS 1000
#define IN_HAND_MAX 4000
#define HEADERS_MAX 20
#define SEND_AGAIN_MS 100
#define DRAIN_CHECK_MS 10

/* A record between its two topics. */
struct moving {
    struct moving *next; /* in the list of those to be sent again */
    rd_kafka_message_t *record;
    struct kafka_consumer *consumer; /* where it came from */
    struct kafka_position position;
    struct route route;
    struct span span;
};

struct router {
    struct service service;
    const struct config *config;
    struct metrics *metrics;
    struct tracer *tracer;
    struct kafka_consumer *accepted;
    struct kafka_consumer *retries;
    struct kafka_producer *producer;
    struct ingress *ingress;
    size_t in_hand;
    struct moving *refused; /* not taken or not acknowledged: sent again by the timer */
    uv_timer_t send_again;
    uv_timer_t drain_check;
};

static void end_span(struct router *router, struct moving *moving)
{
    const struct route *route = &moving->route;
    const bool good = route->code == ERROR_NONE;
    record_span_end(router->tracer, &moving->span, moving->record,
                    &(struct record_span){.operation = "route",
                                          .next_topic = topic_name(route->topic),
                                          .message_id = good ? &route->message_id : NULL,
                                          .error = error_row(route->code)->name});
}

static bool move(struct router *router, struct moving *moving)
{
    const rd_kafka_message_t *record = moving->record;
    const uint64_t ticket = (uint64_t)(uintptr_t)moving;
    const enum error_code code = moving->route.code;
    if (code != ERROR_NONE) {
        if (message_log_wants(router->config, LOG_WARN, false)) {
            struct message_fields fields;
            message_fields_of_record(&fields, record, code);
            log_write(LOG_WARN, fields.list,
                      "a record cannot be routed and goes to the dead letters: %s (%s [%d] offset %lld)",
                      error_row(code)->name, rd_kafka_topic_name(record->rkt), (int)record->partition,
                      (long long)record->offset);
        }
        return deadletter_send(router->producer, record, code, NULL, "router", ticket);
    }
    struct kafka_header headers[HEADERS_MAX + 1] = {0};
    const size_t count = kafka_headers_of(record, headers, HEADERS_MAX);
    headers[count] = (struct kafka_header){0};
    struct trace_headers trace_texts;
    record_trace_pass_on(&moving->span, &trace_texts, headers);
    const struct kafka_record_out out = {.topic = topic_name(moving->route.topic),
                                         .key = record->key,
                                         .key_length = record->key_len,
                                         .value = record->payload,
                                         .value_length = record->len,
                                         .headers = headers,
                                         .by_key = moving->route.by_key,
                                         .ticket = ticket};
    return kafka_producer_send(router->producer, &out);
}

static void on_send_again(uv_timer_t *timer);

static void remember_refused(struct router *router, struct moving *moving)
{
    if (!router->refused) {
        uv_timer_start(&router->send_again, on_send_again, SEND_AGAIN_MS, 0);
    }
    moving->next = router->refused;
    router->refused = moving;
}

/* True when the record is not due; then it is not ours any more. */
static bool postpone(const struct moving *moving, int64_t due_at_ms)
{
    const int64_t latest_ms = route_latest_ms(moving->record);
    const int64_t wait_ms = (due_at_ms < latest_ms ? due_at_ms : latest_ms) - clock_wall_ms();
    if (wait_ms <= 0) {
        return false;
    }
    const int64_t until_ms = clock_monotonic_ms() + (wait_ms < POSTPONE_MAX_MS ? wait_ms : POSTPONE_MAX_MS);
    kafka_consumer_postpone(moving->consumer, moving->record, moving->position, until_ms);
    return true;
}

static bool has_room(const struct router *router)
{
    return router->in_hand < IN_HAND_MAX && !router->service.stopping;
}

static void take_from(struct router *router, struct kafka_consumer *consumer)
{
    struct moving taken = {.consumer = consumer};
    while (has_room(router) && (taken.record = kafka_consumer_take(consumer, &taken.position))) {
        int64_t due_at_ms; /* 0 for nearly all */
        const bool readable = route_due_at(taken.record, &due_at_ms);
        if (readable && due_at_ms && postpone(&taken, due_at_ms)) {
            continue;
        }
        taken.route = readable ? route_decide(taken.record)
                               : (struct route){.topic = TOPIC_DLQ, .code = ERROR_MALFORMED_RECORD};
        if (router->tracer) {
            const struct trace_context trace = record_trace(taken.record);
            taken.span = span_continue(router->tracer, &trace);
        }
        struct moving *moving = NEW(struct moving);
        *moving = taken;
        router->in_hand++;
        FAIL_POINT("router.taken");
        if (!move(router, moving)) {
            remember_refused(router, moving);
        }
        FAIL_POINT("router.sent");
    }
    kafka_consumer_set_room(consumer, has_room(router));
}

static void take_records(void *arg)
{
    struct router *router = arg;
    if (router->retries) { /* not while the consumers are being opened */
        take_from(router, router->retries);
        take_from(router, router->accepted);
    }
}

static void on_delivery(void *arg, uint64_t ticket, const char *reason)
{
    struct router *router = arg;
    struct moving *moving = (struct moving *)(uintptr_t)ticket;
    if (reason) {
        struct message_fields fields;
        message_fields_of_record(&fields, moving->record, ERROR_NONE);
        log_write(LOG_DEBUG, fields.list, "a record was not acknowledged and is sent again: %s", reason);
        remember_refused(router, moving);
        return;
    }
    FAIL_POINT("router.acknowledged");
    kafka_consumer_finish(moving->consumer, moving->position);
    end_span(router, moving);
    rd_kafka_message_destroy(moving->record);
    free(moving);
    if (router->in_hand-- == IN_HAND_MAX && !router->service.stopping) {
        take_records(router);
    }
}

static void on_send_again(uv_timer_t *timer)
{
    struct router *router = timer->data;
    struct moving *list = router->refused;
    router->refused = NULL;
    for (struct moving *next; list; list = next) {
        next = list->next;
        if (!move(router, list)) {
            remember_refused(router, list);
        }
    }
}

static void on_drain_check(uv_timer_t *timer)
{
    struct router *router = timer->data;
    /* Without Kafka nothing can finish, and nothing is lost by leaving. */
    const bool idle = router->in_hand == 0 || !kafka_producer_is_connected(router->producer);
    if (idle && ingress_is_idle(router->ingress) && tracer_is_drained(router->tracer)) {
        service_done(&router->service);
    }
}

static void stop(void *role)
{
    struct router *router = role;
    kafka_consumer_set_room(router->accepted, false);
    kafka_consumer_set_room(router->retries, false);
    ingress_stop(router->ingress);
    uv_timer_start(&router->drain_check, on_drain_check, 0, DRAIN_CHECK_MS);
}

static void on_fatal(void *arg)
{
    struct router *router = arg;
    service_fail(&router->service);
}

static void on_rebuild(void *arg, const struct rebuild_news *news)
{
    struct router *router = arg;
    kafka_producer_reopen(router->producer);
    kafka_consumer_join(router->accepted, news->lost);
    kafka_consumer_join(router->retries, news->lost);
}

static struct kafka_consumer *open_consumer(struct router *router, const char *group_id, const char *topic,
                                            unsigned fetch_kb, unsigned prefetch, struct error *error)
{
    const struct config *config = router->config;
    const struct kafka_consumer_options options = {.kafka = config_kafka(config, "outbound-router"),
                                                   .group_id = group_id,
                                                   .instance_id = config_instance_id(config),
                                                   .session_timeout_ms =
                                                       (unsigned)config->kafka_session_timeout_ms,
                                                   .topics = &topic,
                                                   .topic_count = 1,
                                                   .fetch_kb = fetch_kb,
                                                   .prefetch = prefetch,
                                                   .on_records = take_records,
                                                   .on_fatal = on_fatal,
                                                   .arg = router};
    return kafka_consumer_open(&router->service.loop, &options, error);
}

static bool open_all(struct router *router, struct error *error)
{
    const struct config *config = router->config;
    const struct kafka_producer_options producer = {.kafka = config_kafka(config, "outbound-router"),
                                                    .message_timeout_ms =
                                                        (unsigned)config->kafka_message_timeout_ms,
                                                    .on_delivery = on_delivery,
                                                    .arg = router};
    router->producer = kafka_producer_open(&router->service.loop, &producer, error);
    router->accepted = router->producer
                           ? open_consumer(router, GROUP_ID, topic_name(TOPIC_ACCEPTED), 0, PREFETCH, error)
                           : NULL;
    router->retries = router->accepted
                          ? open_consumer(router, RETRY_GROUP_ID, TIER_TOPIC_PATTERN, TIER_FETCH_KB, 0, error)
                          : NULL;
    const struct ingress_options ingress = {.loop = &router->service.loop,
                                            .config = config,
                                            .metrics = router->metrics,
                                            .tracer = router->tracer,
                                            .on_rebuild = on_rebuild,
                                            .on_fatal = on_fatal,
                                            .arg = router};
    router->ingress = router->retries ? ingress_open(&ingress, error) : NULL;
    return router->ingress;
}

int router_run(const struct config *config)
{
    struct router router = {.config = config, .metrics = metrics_new()};
    metrics_watch(router.metrics, "router", config->environment);
    service_init(&router.service, (unsigned)config->stop_timeout_ms, stop, &router);
    sentry_attach(&router.service.loop);
    uv_timer_init(&router.service.loop, &router.send_again);
    uv_timer_init(&router.service.loop, &router.drain_check);
    router.send_again.data = &router;
    router.drain_check.data = &router;
    router.tracer = tracer_open(&(struct tracer_options){.loop = &router.service.loop,
                                                         .settings = config_traces(config),
                                                         .role = "router",
                                                         .environment = config->environment,
                                                         .metrics = router.metrics});
    struct error error;
    int exit_code = 1;
    if (open_all(&router, &error)) {
        struct observe *observe = observe_open(
            &(struct observe_options){.loop = &router.service.loop,
                                      .host = config->metrics_host,
                                      .port = config_metrics_port(config, METRICS_ROUTER, CHANNEL_COUNT),
                                      .metrics = router.metrics});
        log_info("routing");
        exit_code = service_run(&router.service);
        observe_close(observe);
    } else {
        log_error("%s", error.text);
    }
    /* The last reports come while the producer closes; then the consumer commits what is finished. */
    kafka_producer_close(router.producer);
    for (struct moving *moving; (moving = router.refused);) {
        router.refused = moving->next;
        rd_kafka_message_destroy(moving->record);
        free(moving);
    }
    kafka_consumer_close(router.accepted);
    kafka_consumer_close(router.retries);
    ingress_close(router.ingress);
    sentry_detach();
    tracer_close(router.tracer);
    service_release(&router.service);
    metrics_unwatch();
    metrics_free(router.metrics);
    return exit_code;
}
