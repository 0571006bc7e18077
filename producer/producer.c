/*
 * outbound producer - takes messages in over HTTP and hands them to Kafka.
 *
 * Stopping: no new connections; requests in hand are answered, records in flight acknowledged, their outbox
 * rows deleted. What cannot be finished in time stays in the outbox, for whoever comes next.
 */
#include "producer/producer.h"

#include "base/log.h"
#include "metrics/sentry.h"
#include "metrics/watched.h"
#include "producer/event_relay.h"
#include "producer/ingest.h"
#include "producer/message_request.h"
#include "producer/rebuild.h"
#include "producer/relay.h"
#include "producer/run.h"
#include "schemas/errors.h"
#include "schemas/rebuild.h"

#define IDLE_TIMEOUT_S 120
#define DRAIN_CHECK_MS 10

static void on_drain_check(uv_timer_t *timer)
{
    struct producer *producer = timer->data;
    if (http_server_pending(producer->server) == 0 && relay_is_idle(producer->relay) &&
        event_relay_is_idle(producer->events) && tracer_is_drained(producer->tracer)) {
        service_done(&producer->service);
    }
}

static void on_lease_timer(uv_timer_t *timer)
{
    leases_sweep(&((struct producer *)timer->data)->leases);
}

static void on_lease_expired(void *arg, enum channel channel, enum state state)
{
    const struct producer *producer = arg;
    metrics_count_expired_lease(producer->metrics, channel_label(channel),
                                error_row(ERROR_LEASE_EXPIRED)->name, state != STATE_QUEUED);
}

static void on_rebuild(void *arg, const struct rebuild_news *news)
{
    struct producer *producer = arg;
    if (!news->first) {
        relay_reopen_kafka(producer->relay);
        event_relay_reopen_kafka(producer->events);
    }
}

static void stop(void *role)
{
    struct producer *producer = role;
    http_server_drain(producer->server);
    relay_stop(producer->relay);
    event_relay_stop(producer->events);
    rebuild_stop(producer->rebuild);
    uv_timer_start(&producer->drain_check, on_drain_check, 0, DRAIN_CHECK_MS);
}

static bool open_all(struct producer *producer, struct error *error)
{
    const struct config *config = producer->config;
    uv_loop_t *loop = &producer->service.loop;
    producer->relay = relay_new(producer, error);
    producer->events = producer->relay ? event_relay_new(producer, error) : NULL;
    producer->rebuild = producer->events ? rebuild_open(producer, error) : NULL;
    if (!producer->rebuild) {
        return false;
    }
    const struct http_server_options options = {.host = config->http_host,
                                                .port = (uint16_t)config->http_port,
                                                .body_limit = MESSAGE_BODY_MAX,
                                                .connection_limit = (unsigned)config->http_max_connections,
                                                .idle_timeout_s = IDLE_TIMEOUT_S,
                                                .on_request = api_handle,
                                                .arg = producer};
    producer->server = http_server_open(loop, &options, error);
    if (!producer->server) {
        return false;
    }
    producer->store = ingest_open(producer);
    producer->reader =
        pg_open(loop, &(struct pg_options){.url = config->database_url,
                                           .application_name = "outbound producer reader",
                                           .timeout_ms = (unsigned)config->database_timeout_ms});
    producer->leases = (struct leases){
        .config = config, .pg = producer->reader, .on_expired = on_lease_expired, .arg = producer};
    producer->rebuilds = rebuild_watch_open(loop, producer->reader, on_rebuild, producer);
    const uint64_t poll_ms = (uint64_t)config->worker_poll_interval_ms;
    uv_timer_start(&producer->lease_timer, on_lease_timer, poll_ms, poll_ms);
    return true;
}

int producer_run(const struct config *config)
{
    struct producer producer = {.config = config, .metrics = metrics_new()};
    service_init(&producer.service, (unsigned)config->stop_timeout_ms, stop, &producer);
    sentry_attach(&producer.service.loop);
    metrics_watch(producer.metrics, "producer", config->environment);
    api_count_from_zero(producer.metrics);
    uv_timer_init(&producer.service.loop, &producer.drain_check);
    producer.drain_check.data = &producer;
    uv_timer_init(&producer.service.loop, &producer.lease_timer);
    producer.lease_timer.data = &producer;
    producer.tracer = tracer_open(&(struct tracer_options){.loop = &producer.service.loop,
                                                           .settings = config_traces(config),
                                                           .role = "producer",
                                                           .environment = config->environment,
                                                           .metrics = producer.metrics});
    struct error error;
    int exit_code = 1;
    if (open_all(&producer, &error)) {
        log_info("listening on http://%s:%d", config->http_host, (int)config->http_port);
        exit_code = service_run(&producer.service);
        rebuild_close(producer.rebuild);
        store_close(producer.store);
        pg_close(producer.reader);
        rebuild_watch_close(producer.rebuilds);
        http_server_close(producer.server);
    } else {
        log_error("%s", error.text);
        rebuild_close(producer.rebuild);
    }
    event_relay_free(producer.events);
    relay_free(producer.relay);
    sentry_detach();
    tracer_close(producer.tracer);
    service_release(&producer.service);
    metrics_unwatch();
    metrics_free(producer.metrics);
    return exit_code;
}
