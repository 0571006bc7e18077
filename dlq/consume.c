/*
 * outbound dlq consume - the way of a dead letter into PostgreSQL:
 *
 *   take_records()   from the topic, until a batch is full or there are no more
 *   store()          the batch, in one transaction; what is there already is left alone
 *   on_stored()      committed: finished here, the offsets may go
 *                    not committed: the same batch again, after a while
 */
#include <stdlib.h>

#include "base/fail_point.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/service.h"
#include "dlq/dlq.h"
#include "dlq/letter.h"
#include "metrics/observe.h"
#include "metrics/sentry.h"
#include "metrics/watched.h"
#include "schemas/rebuild.h"
#include "schemas/topics.h"

#define GROUP_ID "outbound-dlq"
#define BATCH_SIZE_MAX ((size_t)4 * 1024 * 1024) /* a batch with more bytes than that is full */
#define PARAMS_MAX ((size_t)256 * 1024 * 1024)
#define STORE_AGAIN_MS 1000

struct dlq {
    struct service service;
    const struct config *config;
    struct metrics *metrics;
    struct kafka_consumer *consumer;
    struct pg *pg;
    struct rebuild_watch *rebuilds;
    struct pg_params params;
    struct letter *letters; /* the batch in hand */
    size_t count;
    size_t size;
    bool storing;
    uv_timer_t again;
};

static void take_records(void *arg);

static void let_go(struct dlq *dlq, bool finished)
{
    for (size_t i = 0; i < dlq->count; i++) {
        if (finished) {
            kafka_consumer_finish(dlq->consumer, dlq->letters[i].position);
        }
        letter_release(&dlq->letters[i]);
    }
    dlq->count = 0;
    dlq->size = 0;
}

static void on_stored(void *arg, struct pg_reply *reply)
{
    struct dlq *dlq = arg;
    dlq->storing = false;
    if (reply->outcome == PG_DONE) {
        FAIL_POINT("dlq.stored");
        log_debug("%zu dead letters stored", dlq->count);
        const double stored = strtod(PQcmdTuples(reply->rows), NULL);
        metric_add(dlq->metrics, METRIC_DLQ_STORED, LABELS("stored"), stored);
        metric_add(dlq->metrics, METRIC_DLQ_STORED, LABELS("repeated"), (double)dlq->count - stored);
        let_go(dlq, true);
    } else if (reply->outcome == PG_REFUSED) {
        log_error("%zu dead letters cannot be stored (%s): %s", dlq->count, reply->sqlstate, reply->message);
    }
    if (dlq->service.stopping) {
        service_done(&dlq->service);
    } else if (dlq->count == 0) {
        take_records(dlq);
    }
}

static void store(struct dlq *dlq)
{
    if (dlq->storing || dlq->count == 0) {
        return;
    }
    FAIL_POINT("dlq.taken");
    pg_params_clear(&dlq->params);
    letter_params(dlq->letters, dlq->count, &dlq->params);
    dlq->storing = pg_call(dlq->pg, &letters_store, &dlq->params, on_stored, dlq);
}

static void take_records(void *arg)
{
    struct dlq *dlq = arg;
    while (!dlq->storing && dlq->count < (size_t)dlq->config->dlq_batch_size && dlq->size < BATCH_SIZE_MAX) {
        struct kafka_position position;
        rd_kafka_message_t *record = kafka_consumer_take(dlq->consumer, &position);
        if (!record) {
            break;
        }
        letter_init(&dlq->letters[dlq->count], record, position);
        dlq->size += letter_size(&dlq->letters[dlq->count++]);
    }
    store(dlq);
    kafka_consumer_set_room(dlq->consumer, dlq->count == 0 && !dlq->service.stopping);
}

static void on_again(uv_timer_t *timer)
{
    store(timer->data);
}

static void on_up(void *arg)
{
    store(arg);
}

static void on_fatal(void *arg)
{
    struct dlq *dlq = arg;
    service_fail(&dlq->service);
}

static void on_rebuild(void *arg, const struct rebuild_news *news)
{
    kafka_consumer_join(((struct dlq *)arg)->consumer, news->lost);
}

static void stop(void *role)
{
    struct dlq *dlq = role;
    kafka_consumer_set_room(dlq->consumer, false);
    if (!dlq->storing) { /* what is in hand is read again by whoever comes next */
        service_done(&dlq->service);
    }
}

static bool open_all(struct dlq *dlq, struct error *error)
{
    const struct config *config = dlq->config;
    const char *const topics[] = {topic_name(TOPIC_DLQ)};
    const struct kafka_consumer_options options = {
        .kafka = config_kafka(config, "outbound-dlq"),
        .group_id = GROUP_ID,
        .instance_id = config_instance_id(config),
        .session_timeout_ms = (unsigned)config->kafka_session_timeout_ms,
        .topics = topics,
        .topic_count = COUNT_OF(topics),
        .on_records = take_records,
        .on_fatal = on_fatal,
        .arg = dlq,
    };
    dlq->consumer = kafka_consumer_open(&dlq->service.loop, &options, error);
    if (!dlq->consumer) {
        return false;
    }
    dlq->pg =
        pg_open(&dlq->service.loop, &(struct pg_options){.url = config->database_url,
                                                         .application_name = "outbound dlq consume",
                                                         .timeout_ms = (unsigned)config->database_timeout_ms,
                                                         .on_up = on_up,
                                                         .arg = dlq});
    dlq->rebuilds = rebuild_watch_open(&dlq->service.loop, dlq->pg, on_rebuild, dlq);
    return true;
}

int dlq_consume(const struct config *config)
{
    struct dlq dlq = {.config = config,
                      .metrics = metrics_new(),
                      .letters = NEW_ARRAY(struct letter, (size_t)config->dlq_batch_size)};
    metrics_watch(dlq.metrics, "dlq", config->environment);
    metric_add(dlq.metrics, METRIC_DLQ_STORED, LABELS("stored"), 0);
    pg_params_init(&dlq.params, PARAMS_MAX);
    service_init(&dlq.service, (unsigned)config->stop_timeout_ms, stop, &dlq);
    sentry_attach(&dlq.service.loop);
    uv_timer_init(&dlq.service.loop, &dlq.again);
    dlq.again.data = &dlq;
    struct error error;
    int exit_code = EXIT_FAILED;
    if (open_all(&dlq, &error)) {
        uv_timer_start(&dlq.again, on_again, STORE_AGAIN_MS, STORE_AGAIN_MS);
        struct observe *observe = observe_open(
            &(struct observe_options){.loop = &dlq.service.loop,
                                      .host = config->metrics_host,
                                      .port = config_metrics_port(config, METRICS_DLQ, CHANNEL_COUNT),
                                      .metrics = dlq.metrics});
        log_info("taking dead letters");
        exit_code = service_run(&dlq.service);
        observe_close(observe);
    } else {
        log_error("%s", error.text);
    }
    pg_close(dlq.pg);
    rebuild_watch_close(dlq.rebuilds);
    let_go(&dlq, false);
    kafka_consumer_close(dlq.consumer);
    sentry_detach();
    service_release(&dlq.service);
    pg_params_release(&dlq.params);
    free(dlq.letters);
    metrics_unwatch();
    metrics_free(dlq.metrics);
    return exit_code;
}
