/*
 * A collection is a plain sequence of questions in libuv's pool. What it found is written as one text, which
 * answers every scrape until the next one is there or it is too old: a scrape never waits for a broker. The
 * text is written on the loop, over the last one: two of them would be a good part of the exporter's memory.
 */
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/kafka.h"
#include "base/kafka_trouble.h"
#include "base/log.h"
#include "base/memory.h"
#include "metrics/exporter/exporter.h"
#include "metrics/exporter/kafka_ask.h"
#include "metrics/exporter/kafka_lag.h"
#include "metrics/exporter/kafka_reader.h"
#include "metrics/exporter/kafka_render.h"
#include "metrics/exporter/kafka_retry.h"
#include "metrics/exporter/kafka_view.h"
#include "metrics/exporter/name_filter.h"

#define TEXT_MAX ((size_t)256 * 1024 * 1024)
#define SOURCE "kafka"

struct kafka_collector {
    struct exporter *exporter;
    uv_timer_t *timer;
    uv_work_t work;
    bool working;
    atomic_bool stop;
    struct name_filter topics;
    struct name_filter groups;
    struct log_seldom complaint;
    struct http_text *shown; /* NULL: nothing was collected yet, or it was too old */
    int64_t shown_since_ms;  /* when it was true, monotonic */
    bool read;               /* it has answered a scrape */

    /* the worker's while it works */
    struct kafka_trouble trouble;
    struct kafka_ask ask;
    struct kafka_reader reader;
    struct kafka_view view;
    struct error error;
    bool answered; /* there is something new to show */
    bool complete; /* and nothing is missing */
    int64_t began_ms;
};

/* --- in libuv's pool */

static void serve(const struct kafka_collector *collector)
{
    (void)rd_kafka_poll(collector->ask.client, 0);
    (void)rd_kafka_poll(collector->reader.committed, 0);
}

/*
 * The order keeps errors on one side: what is deleted, and what is written, while the questions are asked
 * makes neither a loss nor a negative lag.
 */
static void collect(uv_work_t *work)
{
    struct kafka_collector *collector = work->data;
    struct kafka_ask *ask = &collector->ask;
    struct kafka_view *view = &collector->view;
    struct error *error = &collector->error;
    collector->began_ms = clock_monotonic_ms();
    serve(collector); /* what librdkafka has to say */
    collector->answered = kafka_ask_topics(ask, view, error);
    if (!collector->answered) {
        return;
    }
    bool complete = kafka_ask_groups(ask, view, error);
    complete = kafka_ask_configs(ask, view, error) && complete;
    complete = kafka_ask_starts(ask, view, error) && complete;
    complete = kafka_ask_commits(ask, view, error) && complete;
    complete = kafka_ask_ends(ask, view, error) && complete;
    kafka_lag_look(view, &collector->reader, collector->exporter->config->metrics_update_interval_ms);
    complete = kafka_retry_look(ask, view, error) && complete;
    collector->complete = complete;
}

/* --- on the loop */

static void on_timer(uv_timer_t *timer);

static void show(struct kafka_collector *collector)
{
    if (collector->shown && !http_text_is_ours(collector->shown)) { /* a client still reads it */
        http_text_release(collector->shown);
        collector->shown = NULL;
    }
    if (!collector->shown) {
        collector->shown = http_text_new(TEXT_MAX);
    }
    struct buffer *text = http_text_buffer(collector->shown);
    buffer_clear(text);
    kafka_render(&collector->view, text);
    collector->read = false;
    (void)malloc_trim(0); /* the answers of a large cluster were large */
    collector->shown_since_ms = collector->began_ms;
}

static void on_collected(uv_work_t *work, int status)
{
    struct kafka_collector *collector = work->data;
    (void)status;
    collector->working = false;
    if (atomic_load(&collector->stop)) {
        return;
    }
    const bool success = collector->answered && collector->complete;
    if (success) {
        collector->complaint = (struct log_seldom){0};
    } else {
        const char *refused = kafka_trouble_refused(&collector->trouble);
        log_seldom(&collector->complaint, "Kafka does not tell all that is to be shown: %s",
                   refused ? refused : collector->error.text);
    }
    if (collector->answered) {
        show(collector);
    }
    const int64_t took_ms = clock_monotonic_ms() - collector->began_ms;
    const int64_t left_ms = collector->exporter->config->metrics_update_interval_ms - took_ms;
    exporter_collected(collector->exporter, SOURCE, success, (double)took_ms / 1000);
    uv_timer_start(collector->timer, on_timer, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct kafka_collector *collector = timer->data;
    collector->view.was_read = collector->read;
    kafka_view_set_lost(&collector->view, collector->exporter->lost);
    collector->working =
        uv_queue_work(&collector->exporter->service.loop, &collector->work, collect, on_collected) == 0;
}

struct http_text *kafka_collector_expose(struct kafka_collector *collector)
{
    const int64_t age_ms = clock_monotonic_ms() - collector->shown_since_ms;
    metric_set(collector->exporter->metrics, METRIC_SNAPSHOT_AGE, LABELS(SOURCE), (double)age_ms / 1000);
    if (exporter_too_old(age_ms, collector->exporter->config->metrics_update_interval_ms)) {
        http_text_release(collector->shown);
        collector->shown = NULL;
    }
    collector->read = collector->shown;
    return collector->shown;
}

/* --- its life */

static void on_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
    struct kafka_collector *collector = opaque;
    (void)kafka;
    kafka_trouble_report(&collector->trouble, "kafka", (rd_kafka_resp_err_t)code, reason);
}

static rd_kafka_t *client_new(struct kafka_collector *collector, const char *isolation, struct error *error)
{
    const struct kafka_options options = config_kafka(collector->exporter->config, "outbound-exporter");
    rd_kafka_conf_t *conf = kafka_conf_new(&options, error);
    if (!conf) {
        return NULL;
    }
    kafka_conf_set(conf, "isolation.level", isolation);
    kafka_conf_set(conf, "auto.offset.reset", "earliest");
    kafka_conf_set(conf, "enable.auto.commit", "false");
    kafka_conf_set(conf, "enable.auto.offset.store", "false");
    kafka_conf_set(conf, "enable.partition.eof", "true");
    kafka_conf_set(conf, "fetch.message.max.bytes", "16384"); /* one batch, as most producers make them */
    /* More than a fetch brings: who has enough is not asked for a second, also where it is read afresh. */
    kafka_conf_set(conf, "queued.min.messages", "100000");
    kafka_conf_set(conf, "fetch.error.backoff.ms", "100");
    /* The user's own value is for those who wait for records. */
    (void)rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", NULL, 0);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, collector);
    char reason[256];
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        (void)error_set(error, "kafka: %s", reason);
    }
    return client;
}

static bool open_all(struct kafka_collector *collector, struct error *error)
{
    const struct config *config = collector->exporter->config;
    if (!name_filter_init(&collector->topics, config->exporter_topics, error) ||
        !name_filter_init(&collector->groups, config->exporter_groups, error)) {
        return false;
    }
    rd_kafka_t *uncommitted = client_new(collector, "read_uncommitted", error);
    collector->ask = (struct kafka_ask){.client = uncommitted,
                                        .topics = &collector->topics,
                                        .groups = &collector->groups,
                                        .stop = &collector->stop};
    rd_kafka_t *committed = uncommitted ? client_new(collector, "read_committed", error) : NULL;
    collector->reader =
        (struct kafka_reader){.committed = committed, .uncommitted = uncommitted, .stop = &collector->stop};
    return committed;
}

struct kafka_collector *kafka_collector_open(struct exporter *exporter, struct error *error)
{
    (void)setenv("UV_THREADPOOL_SIZE", "1", 0); /* there is one thing to do there */
    (void)mallopt(M_ARENA_MAX, 1);              /* or each thread of librdkafka's keeps what it once needed */
    struct kafka_collector *collector = NEW(struct kafka_collector);
    collector->exporter = exporter;
    collector->topics.all = collector->groups.all = true;
    collector->work.data = collector;
    collector->shown_since_ms = clock_monotonic_ms();
    if (!open_all(collector, error)) {
        kafka_collector_close(collector);
        return NULL;
    }
    collector->timer = NEW(uv_timer_t);
    collector->timer->data = collector;
    uv_timer_init(&exporter->service.loop, collector->timer);
    uv_timer_start(collector->timer, on_timer, 0, 0);
    return collector;
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer);
}

static void client_free(rd_kafka_t *client)
{
    if (client) {
        rd_kafka_destroy(client);
    }
}

void kafka_collector_close(struct kafka_collector *collector)
{
    if (!collector) {
        return;
    }
    atomic_store(&collector->stop, true);
    while (collector->working) {
        (void)uv_run(&collector->exporter->service.loop, UV_RUN_ONCE);
    }
    if (collector->timer) {
        uv_close((uv_handle_t *)collector->timer, on_timer_closed);
    }
    kafka_view_release(&collector->view);
    client_free(collector->reader.committed);
    client_free(collector->ask.client);
    name_filter_release(&collector->topics);
    name_filter_release(&collector->groups);
    http_text_release(collector->shown);
    free(collector);
}
