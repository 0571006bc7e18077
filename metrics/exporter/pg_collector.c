/*
 * What is shown of PostgreSQL: from the tally, and from the head of an index each; so a collection costs the
 * same however many messages there are.
 *
 * While PostgreSQL is away its numbers stay until they are exporter_too_old(), and the age of what is shown
 * grows.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/pg.h"
#include "metrics/exporter/exporter.h"
#include "metrics/exporter/pg_numbers.h"
#include "schemas/rebuild.h"

#define SOURCE "postgresql"

struct pg_collector {
    struct exporter *exporter;
    struct pg *pg;
    uv_timer_t *timer;
    int64_t opened_ms;
    int64_t
        fresh_ms; /* when the last collection that succeeded began; 0: none has, or its numbers are gone */
    int64_t started_us; /* of the collection under way */
    size_t asked;       /* statements of it that were sent, and how many of them are answered */
    size_t answered;
    bool failed;
};

static void forget(struct pg_collector *collector)
{
    collector->fresh_ms = 0;
    for (size_t i = 0; i < pg_number_count; i++) {
        for (const enum metric *metric = pg_numbers[i].metrics; *metric != METRIC_COUNT; metric++) {
            metric_clear(collector->exporter->metrics, *metric);
        }
    }
}

/* Since when what is shown is so: a collection is as old as its beginning. */
void pg_collector_refresh(struct pg_collector *collector)
{
    const int64_t now_ms = clock_monotonic_ms();
    const int64_t since_ms = collector->fresh_ms ? collector->fresh_ms : collector->opened_ms;
    const int64_t age_ms = now_ms - since_ms;
    metric_set(collector->exporter->metrics, METRIC_SNAPSHOT_AGE, LABELS(SOURCE), (double)age_ms / 1000);
    if (collector->fresh_ms &&
        exporter_too_old(age_ms, collector->exporter->config->metrics_update_interval_ms)) {
        collector->opened_ms = collector->fresh_ms; /* the age goes on */
        forget(collector);
    }
}

static void ended(struct pg_collector *collector)
{
    const int64_t us = clock_monotonic_us() - collector->started_us;
    exporter_collected(collector->exporter, SOURCE, !collector->failed, (double)us / 1e6);
    if (!collector->failed) {
        collector->fresh_ms = collector->started_us / 1000;
    }
}

static void count_answer(struct pg_collector *collector, const struct pg_statement *statement,
                         const struct pg_reply *reply)
{
    if (reply->outcome != PG_DONE) {
        collector->failed = true;
        if (reply->outcome == PG_REFUSED) { /* a lost connection is told by base/pg.c */
            log_warn("PostgreSQL did not answer \"%s\": %s", statement->name, reply->message);
        }
    }
    if (++collector->answered == collector->asked) {
        ended(collector);
    }
}

static void on_numbers(void *arg, struct pg_reply *reply)
{
    struct pg_collector *collector = arg;
    const struct pg_number *number = &pg_numbers[collector->answered];
    if (reply->outcome == PG_DONE) {
        number->show(reply->rows, collector->exporter->metrics);
    }
    count_answer(collector, &number->statement, reply);
}

/* Which commits count for nothing (base/kafka_lost.h): for what is shown of Kafka. */
static void on_lost(void *arg, struct pg_reply *reply)
{
    struct pg_collector *collector = arg;
    if (reply->outcome == PG_DONE && PQntuples(reply->rows) > 0) {
        json_decref(collector->exporter->lost);
        collector->exporter->lost = json_loads(PQgetvalue(reply->rows, 0, 1), 0, NULL);
    }
    count_answer(collector, &rebuild_count, reply);
}

static void ask(struct pg_collector *collector, const struct pg_statement *statement, pg_done_fn *done)
{
    collector->failed = collector->failed || !pg_call(collector->pg, statement, NULL, done, collector);
    collector->asked += !collector->failed;
}

static void collect(struct pg_collector *collector)
{
    if (collector->answered < collector->asked) {
        return; /* PostgreSQL is slow: the next one would not be faster */
    }
    collector->started_us = clock_monotonic_us();
    collector->asked = collector->answered = 0;
    collector->failed = false;
    for (size_t i = 0; i < pg_number_count; i++) {
        ask(collector, &pg_numbers[i].statement, on_numbers);
    }
    ask(collector, &rebuild_count, on_lost);
    if (collector->asked == 0) {
        ended(collector);
    }
}

static void on_timer(uv_timer_t *timer)
{
    collect(timer->data);
}

static void on_up(void *arg)
{
    collect(arg);
}

struct pg_collector *pg_collector_open(struct exporter *exporter, struct error *error)
{
    (void)error;
    const struct config *config = exporter->config;
    struct pg_collector *collector = NEW(struct pg_collector);
    collector->exporter = exporter;
    collector->opened_ms = clock_monotonic_ms();
    collector->pg = pg_open(&exporter->service.loop,
                            &(struct pg_options){.url = config->database_url,
                                                 .application_name = "outbound exporter",
                                                 .timeout_ms = (unsigned)config->database_timeout_ms,
                                                 .on_up = on_up,
                                                 .arg = collector});
    collector->timer = NEW(uv_timer_t);
    uv_timer_init(&exporter->service.loop, collector->timer);
    collector->timer->data = collector;
    const uint64_t interval_ms = (uint64_t)config->metrics_update_interval_ms;
    uv_timer_start(collector->timer, on_timer, interval_ms, interval_ms);
    return collector;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

void pg_collector_close(struct pg_collector *collector)
{
    if (collector) {
        pg_close(collector->pg);
        uv_close((uv_handle_t *)collector->timer, free_handle);
        free(collector);
    }
}
