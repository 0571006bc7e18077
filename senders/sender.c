/*
 * outbound sender - delivers the messages of one channel through its provider.
 *
 * Stopping: nothing more is taken; open requests end, their ends are stored, offsets committed. Records that
 * were taken and not claimed stay unfinished, and so come again.
 */
#include "senders/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ca_file.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "metrics/observe.h"
#include "metrics/sentry.h"
#include "metrics/watched.h"
#include "schemas/errors.h"
#include "schemas/rebuild.h"
#include "senders/run.h"

#define TICK_MS 500
#define FETCH_KB 128        /* of each partition: some hundred references, which are all that is there */
#define REPUBLISH_CHECKS 10 /* within OUTBOUND_REPUBLISH_AFTER_MS */
#define PARAMS_MAX ((size_t)64 * 1024 * 1024)

void delivery_list_init(struct delivery_list *list)
{
    *list = (struct delivery_list){.last = &list->first};
}

void delivery_list_push(struct delivery_list *list, struct delivery *delivery)
{
    delivery->next = NULL;
    *list->last = delivery;
    list->last = &delivery->next;
    list->count++;
}

struct delivery *delivery_list_pop(struct delivery_list *list)
{
    struct delivery *delivery = list->first;
    list->first = delivery->next;
    list->count--;
    if (!list->first) {
        list->last = &list->first;
    }
    return delivery;
}

void delivery_list_move(struct delivery_list *from, struct delivery_list *to)
{
    if (from->count > 0) {
        *to->last = from->first;
        to->last = from->last;
        to->count += from->count;
        delivery_list_init(from);
    }
}

/* What is in hand and has to end before the process does. */
static bool has_work(const struct sender *sender)
{
    return sender->in_flight > sender->unclaimed.count;
}

/* What a lost connection or a refused statement left behind is taken up again; and the end is noticed. */
static void on_tick(uv_timer_t *timer)
{
    struct sender *sender = timer->data;
    if (!sender->service.stopping) {
        inherit_start(sender);
        claim_start(sender);
    }
    finish_start(sender);
    intake_retry(sender);
    deliver_take(sender);
    metric_set(sender->metrics, METRIC_IN_FLIGHT, LABELS(sender->channel_label), (double)sender->in_flight);
    if (sender->service.stopping && !has_work(sender) && tracer_is_drained(sender->tracer)) {
        service_done(&sender->service);
    }
}

static void on_lease_timer(uv_timer_t *timer)
{
    leases_sweep(&((struct sender *)timer->data)->leases);
}

static void on_lease_expired(void *arg, enum channel channel, enum state state)
{
    const struct sender *sender = arg;
    metrics_count_expired_lease(sender->metrics, channel_label(channel), error_row(ERROR_LEASE_EXPIRED)->name,
                                state != STATE_QUEUED);
}

static void on_republish_timer(uv_timer_t *timer)
{
    republish_start(timer->data);
}

static void on_rebuild(void *arg, const struct rebuild_news *news)
{
    struct sender *sender = arg;
    if (!news->first) {
        kafka_producer_reopen(sender->dead_letters);
    }
    for (size_t i = 0; i < LANE_COUNT; i++) {
        kafka_consumer_join(sender->lanes[i].consumer, news->lost);
    }
}

static void on_database(void *arg)
{
    on_tick(&((struct sender *)arg)->tick);
}

static void stop(void *role)
{
    struct sender *sender = role;
    uv_timer_start(&sender->tick, on_tick, 0, 10);
}

static void on_fatal(void *arg)
{
    struct sender *sender = arg;
    service_fail(&sender->service);
}

static struct pg *open_pg(struct sender *sender, const char *what)
{
    char name[64];
    (void)snprintf(name, sizeof name, "outbound sender %s %s", sender->channel_label, what);
    return pg_open(&sender->service.loop,
                   &(struct pg_options){.url = sender->config->database_url,
                                        .application_name = name,
                                        .timeout_ms = (unsigned)sender->config->database_timeout_ms,
                                        .on_up = on_database,
                                        .arg = sender});
}

static bool open_lane(struct sender *sender, size_t index, struct error *error)
{
    const struct config *config = sender->config;
    const bool urgent = index == LANE_URGENT;
    struct lane *lane = &sender->lanes[index];
    lane->topic = topic_name(channel_topic(sender->channel, urgent));
    char group_id[64];
    (void)snprintf(group_id, sizeof group_id, "outbound-sender-%s%s", sender->channel_label,
                   urgent ? "-urgent" : "");
    const struct kafka_consumer_options options = {.kafka = config_kafka(config, "outbound-sender"),
                                                   .group_id = group_id,
                                                   .instance_id = config_instance_id(config),
                                                   .session_timeout_ms =
                                                       (unsigned)config->kafka_session_timeout_ms,
                                                   .topics = &lane->topic,
                                                   .topic_count = 1,
                                                   .fetch_kb = FETCH_KB,
                                                   .on_records = deliver_take,
                                                   .on_fatal = on_fatal,
                                                   .arg = sender};
    lane->consumer = kafka_consumer_open(&sender->service.loop, &options, error);
    return lane->consumer;
}

/* What has not happened yet has no rate otherwise, and no alert. */
static void count_from_zero(const struct sender *sender)
{
    static const enum metric counters[] = {METRIC_SEND_SUCCESS,   METRIC_RETRY,
                                           METRIC_DEAD_LETTER,    METRIC_SKIPPED,
                                           METRIC_LEASES_EXPIRED, METRIC_DELIVERY_LATENCY};
    for (size_t i = 0; i < COUNT_OF(counters); i++) {
        metric_add(sender->metrics, counters[i], LABELS(sender->channel_label), 0);
    }
    for (int i = ERROR_NONE + 1; i < ERROR_CODE_COUNT; i++) {
        metric_add(sender->metrics, METRIC_SEND_FAILURE,
                   LABELS(sender->channel_label, error_row((enum error_code)i)->name), 0);
    }
}

static void make_deliveries(struct sender *sender)
{
    sender->deliveries = NEW_ARRAY(struct delivery, sender->places);
    for (size_t i = 0; i < sender->places; i++) {
        sender->deliveries[i].sender = sender;
        sender->deliveries[i].next = sender->free;
        sender->free = &sender->deliveries[i];
    }
    delivery_list_init(&sender->unclaimed);
    delivery_list_init(&sender->claiming);
    delivery_list_init(&sender->finishing);
    delivery_list_init(&sender->finished);
}

static bool open_all(struct sender *sender, struct error *error)
{
    const struct config *config = sender->config;
    make_deliveries(sender);
    pg_params_init(&sender->claim_params, PARAMS_MAX);
    pg_params_init(&sender->finish_params, PARAMS_MAX);
    sender->finish_limit = (size_t)config->worker_batch_size;
    transport_open(sender);
    attempt_place(sender, &sender->place);
    sender->tracer = tracer_open(&(struct tracer_options){.loop = &sender->service.loop,
                                                          .settings = config_traces(config),
                                                          .role = "sender",
                                                          .environment = config->environment,
                                                          .metrics = sender->metrics});
    /* A member of the group that takes nothing would keep its share from the others. */
    for (size_t i = 0; i < LANE_COUNT && config->worker_enabled; i++) {
        if (!open_lane(sender, i, error)) {
            return false;
        }
    }
    sender->claim_pg = open_pg(sender, "claim");
    sender->finish_pg = open_pg(sender, "finish");
    sender->rebuilds = rebuild_watch_open(&sender->service.loop, sender->finish_pg, on_rebuild, sender);
    sender->leases = (struct leases){
        .config = config, .pg = sender->finish_pg, .on_expired = on_lease_expired, .arg = sender};
    return true;
}

static void close_all(struct sender *sender)
{
    pg_close(sender->claim_pg);
    pg_close(sender->finish_pg);
    rebuild_watch_close(sender->rebuilds);
    intake_close(sender);
    for (size_t i = 0; i < sender->places; i++) {
        claim_leave(&sender->deliveries[i]);
    }
    transport_close(sender);
    for (size_t i = 0; i < sender->places; i++) {
        attempt_leave(&sender->deliveries[i]);
    }
    tracer_close(sender->tracer);
    pg_params_release(&sender->claim_params);
    pg_params_release(&sender->finish_params);
    sentry_detach();
    service_release(&sender->service);
    free(sender->deliveries);
    metrics_unwatch();
    metrics_free(sender->metrics);
}

int sender_run(const struct config *config)
{
    struct error error;
    struct sender sender = {.config = config, .metrics = metrics_new()};
    if (!channel_find_label(config->sender_channel, &sender.channel)) {
        abort(); /* the settings allow only labels of channels */
    }
    sender.channel_label = channel_label(sender.channel);
    sender.provider = provider_find(sender.channel, config_provider(config, sender.channel));
    if (!sender.provider) {
        (void)error_set(&error, "OUTBOUND_%s_PROVIDER: is none: nobody sends %s",
                        channel_name(sender.channel), sender.channel_label);
    }
    if (!sender.provider || !ca_file_check("OUTBOUND_SENDER_CA_FILE", config->sender_ca_file, &error) ||
        !sender.provider->endpoint(config, &sender.endpoint, &error)) {
        log_error("%s", error.text);
        metrics_free(sender.metrics);
        return 2;
    }
    tiers_of(config, &sender.tiers);
    metrics_watch(sender.metrics, "sender", config->environment);
    count_from_zero(&sender);
    sender.places = (size_t)config->sender_max_in_flight;
    if (sender.endpoint.max_connections > 0 && sender.endpoint.max_connections < sender.places) {
        sender.places = sender.endpoint.max_connections;
    }
    service_init(&sender.service, (unsigned)config->stop_timeout_ms, stop, &sender);
    sentry_attach(&sender.service.loop);
    uv_timer_init(&sender.service.loop, &sender.tick);
    uv_timer_init(&sender.service.loop, &sender.lease_timer);
    uv_timer_init(&sender.service.loop, &sender.soon);
    sender.tick.data = &sender;
    sender.soon.data = &sender;
    uv_timer_init(&sender.service.loop, &sender.republish_timer);
    sender.lease_timer.data = &sender;
    sender.republish_timer.data = &sender;
    int exit_code = 1;
    if (open_all(&sender, &error)) {
        struct observe *observe = observe_open(
            &(struct observe_options){.loop = &sender.service.loop,
                                      .host = config->metrics_host,
                                      .port = config_metrics_port(config, METRICS_SENDER, sender.channel),
                                      .metrics = sender.metrics});
        const uint64_t poll_ms = (uint64_t)config->worker_poll_interval_ms;
        uv_timer_start(&sender.tick, on_tick, TICK_MS, TICK_MS);
        const uint64_t republish_ms = (uint64_t)config->republish_after_ms / REPUBLISH_CHECKS;
        uv_timer_start(&sender.lease_timer, on_lease_timer, poll_ms, poll_ms);
        uv_timer_start(&sender.republish_timer, on_republish_timer, republish_ms, republish_ms);
        log_info("sending %s by %s%s", sender.channel_label, sender.provider->name,
                 config->worker_enabled ? "" : ", but OUTBOUND_WORKER_ENABLED is false: nothing is taken");
        exit_code = service_run(&sender.service);
        observe_close(observe);
    } else {
        log_error("%s", error.text);
    }
    close_all(&sender);
    return exit_code;
}
