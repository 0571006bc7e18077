#include "producer/rebuild.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "base/memory.h"
#include "producer/kafka_look.h"
#include "schemas/rebuild.h"
#include "schemas/topics.h"

#define PARAMS_MAX ((size_t)4 * 1024 * 1024)
#define BATCH 5000
#define OUTBOX_ROWS_MAX 50000 /* due at once, made by a rebuild or otherwise */

struct rebuild {
    struct producer *producer;
    struct pg *pg;
    struct pg_params params;
    uv_timer_t timer;
    bool closing;

    int64_t count; /* of rebuilds, as last read */
    bool asking;   /* a statement about the row is under way */
    bool stepping;
    int64_t stepped; /* the rebuild that the last step was of */
    struct kafka_look look;
    uv_work_t work;
    bool looking;
    struct log_seldom complaint;

    int64_t began_ms; /* when this process took up the rebuild that goes on; 0: none */
    int64_t published;
};

static void look_in_pool(uv_work_t *work)
{
    kafka_look(&((struct rebuild *)work->data)->look);
}

/* --- what is seen is recorded, or a rebuild begins */

static void on_changed(void *arg, struct pg_reply *reply)
{
    struct rebuild *rebuild = arg;
    rebuild->asking = false;
    if (reply->outcome == PG_REFUSED) {
        log_seldom(&rebuild->complaint, "what Kafka looks like cannot be recorded: %s", reply->message);
    }
}

static void on_begun(void *arg, struct pg_reply *reply)
{
    struct rebuild *rebuild = arg;
    on_changed(rebuild, reply);
    if (reply->outcome == PG_DONE && strcmp(PQcmdTuples(reply->rows), "1") == 0) {
        log_error("Kafka came back without what was in it (%s): every unfinished message is published again",
                  rebuild->look.why);
        metric_add(rebuild->producer->metrics, METRIC_REBUILDS, NO_LABELS, 1);
    }
}

static void param_json(struct pg_params *params, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    pg_param_text(params, text);
    free(text);
}

static void begin(struct rebuild *rebuild)
{
    pg_params_clear(&rebuild->params);
    pg_param_int4(&rebuild->params, (int32_t)rebuild->count);
    pg_param_text(&rebuild->params, rebuild->look.seen_cluster_id);
    param_json(&rebuild->params, rebuild->look.seen_ends);
    param_json(&rebuild->params, rebuild->look.lost);
    rebuild->asking = pg_call(rebuild->pg, &rebuild_begin, &rebuild->params, on_begun, rebuild);
}

static bool is_new(const struct kafka_look *look)
{
    const bool same_cluster =
        !look->seen_cluster_id || (look->cluster_id && strcmp(look->cluster_id, look->seen_cluster_id) == 0);
    return !same_cluster || !json_equal(look->ends, look->seen_ends);
}

static void record(struct rebuild *rebuild)
{
    pg_params_clear(&rebuild->params);
    pg_param_int4(&rebuild->params, (int32_t)rebuild->count);
    pg_param_text(&rebuild->params, rebuild->look.seen_cluster_id);
    param_json(&rebuild->params, rebuild->look.seen_ends);
    rebuild->asking = pg_call(rebuild->pg, &rebuild_record, &rebuild->params, on_changed, rebuild);
}

static void on_looked(uv_work_t *work, int status)
{
    struct rebuild *rebuild = work->data;
    (void)status;
    rebuild->looking = false;
    if (rebuild->closing) {
        return;
    }
    switch (rebuild->look.result) {
    case KAFKA_LOOK_UNANSWERED:
        log_seldom(&rebuild->complaint,
                   "Kafka cannot be looked at, nobody would notice if it lost records: %s",
                   rebuild->look.why);
        return;
    case KAFKA_LOOK_FINE:
        if (*rebuild->look.unknown) {
            log_seldom(&rebuild->complaint, "nobody would notice if it lost records: %s",
                       rebuild->look.unknown);
        }
        if (is_new(&rebuild->look)) {
            record(rebuild);
        }
        return;
    case KAFKA_LOOK_LOST:
        begin(rebuild);
        return;
    case KAFKA_LOOK_NO_TOPICS:
        log_seldom(
            &rebuild->complaint,
            "Kafka came back without what was in it (%s), and its topics cannot be created: %s. Whoever "
            "may do so has to call `outbound topics apply`",
            rebuild->look.why, rebuild->look.error.text);
        return;
    }
}

/* --- the rebuild */

static void step(struct rebuild *rebuild);

static void ended(struct rebuild *rebuild)
{
    log_info("Kafka is rebuilt: %" PRId64 " messages and dead letters are published again, in %.1f s",
             rebuild->published, (double)(clock_monotonic_ms() - rebuild->began_ms) / 1000);
    rebuild->began_ms = 0;
}

static void on_stepped(void *arg, struct pg_reply *reply)
{
    struct rebuild *rebuild = arg;
    rebuild->stepping = false;
    if (reply->outcome == PG_REFUSED) {
        log_error("messages cannot be published again: %s", reply->message);
    }
    if (reply->outcome != PG_DONE) {
        return;
    }
    FAIL_POINT("rebuild.stepped");
    const int64_t published = pg_int(reply->rows, 0, REBUILD_PUBLISHED);
    rebuild->published += published;
    metric_add(rebuild->producer->metrics, METRIC_REBUILD_PUBLISHED, NO_LABELS, (double)published);
    const int64_t more = pg_int(reply->rows, 0, REBUILD_MORE);
    if (more == 0) {
        ended(rebuild);
    } else if (more > 0 && !rebuild->closing && pg_int(reply->rows, 0, REBUILD_LOOKED_AT) > 0 &&
               rebuild->stepped == rebuild->count) {
        /* Else the outbox is full, another status comes next, or another rebuild has begun, which has to
         * settle: by the timer. */
        step(rebuild);
    }
}

static void step(struct rebuild *rebuild)
{
    if (!rebuild->began_ms) {
        rebuild->began_ms = clock_monotonic_ms();
        rebuild->published = 0;
    }
    rebuild->stepped = rebuild->count;
    pg_params_clear(&rebuild->params);
    pg_param_int4(&rebuild->params, (int32_t)rebuild->count);
    pg_param_int8(&rebuild->params, BATCH);
    pg_param_text(&rebuild->params, topic_name(TOPIC_ACCEPTED));
    pg_param_text(&rebuild->params, topic_name(TOPIC_DLQ));
    pg_param_int8(&rebuild->params, OUTBOX_ROWS_MAX);
    rebuild->stepping = pg_call(rebuild->pg, &rebuild_step, &rebuild->params, on_stepped, rebuild);
}

/* --- each second */

static void look(struct rebuild *rebuild, const PGresult *rows)
{
    struct kafka_look *look = &rebuild->look;
    free(look->cluster_id);
    json_decref(look->ends);
    const char *cluster_id = pg_string(rows, 0, REBUILD_CLUSTER_ID);
    look->cluster_id = cluster_id ? memory_strdup(cluster_id) : NULL;
    look->ends = json_loads(PQgetvalue(rows, 0, REBUILD_ENDS), 0, NULL);
    if (!json_is_object(look->ends)) { /* somebody's own: it is written anew */
        json_decref(look->ends);
        look->ends = json_object();
    }
    rebuild->looking =
        uv_queue_work(&rebuild->producer->service.loop, &rebuild->work, look_in_pool, on_looked) == 0;
}

static void on_read(void *arg, struct pg_reply *reply)
{
    struct rebuild *rebuild = arg;
    rebuild->asking = false;
    if (reply->outcome == PG_REFUSED) {
        log_seldom(&rebuild->complaint, "what is known of Kafka cannot be read: %s", reply->message);
    }
    if (reply->outcome != PG_DONE || PQntuples(reply->rows) == 0 || rebuild->closing ||
        !pg_int(reply->rows, 0, REBUILD_IS_OURS)) {
        return;
    }
    const int64_t count = pg_int(reply->rows, 0, REBUILD_COUNT);
    if (count != rebuild->count) {
        rebuild->count = count;
        rebuild->began_ms = 0;
    }
    if (pg_int(reply->rows, 0, REBUILD_GOES_ON) && pg_int(reply->rows, 0, REBUILD_SETTLED) &&
        !rebuild->stepping) {
        step(rebuild);
    }
    look(rebuild, reply->rows);
}

static void on_timer(uv_timer_t *timer)
{
    struct rebuild *rebuild = timer->data;
    if (rebuild->asking || rebuild->looking) {
        return;
    }
    pg_params_clear(&rebuild->params);
    pg_param_int8(&rebuild->params, REBUILD_SETTLE_MS);
    rebuild->asking = pg_call(rebuild->pg, &rebuild_read, &rebuild->params, on_read, rebuild);
}

/* --- its life */

void rebuild_stop(struct rebuild *rebuild)
{
    rebuild->closing = true;
    uv_timer_stop(&rebuild->timer);
}

struct rebuild *rebuild_open(struct producer *producer, struct error *error)
{
    struct rebuild *rebuild = NEW(struct rebuild);
    const struct config *config = producer->config;
    uv_loop_t *loop = &producer->service.loop;
    rebuild->producer = producer;
    rebuild->work.data = rebuild;
    pg_params_init(&rebuild->params, PARAMS_MAX);
    uv_timer_init(loop, &rebuild->timer);
    rebuild->timer.data = rebuild;
    metric_add(producer->metrics, METRIC_REBUILDS, NO_LABELS, 0);
    metric_add(producer->metrics, METRIC_REBUILD_PUBLISHED, NO_LABELS, 0);
    if (!kafka_look_open(&rebuild->look, config, error)) {
        rebuild_close(rebuild);
        return NULL;
    }
    rebuild->pg = pg_open(loop, &(struct pg_options){.url = config->database_url,
                                                     .application_name = "outbound producer rebuild",
                                                     .timeout_ms = (unsigned)config->database_timeout_ms});
    uv_timer_start(&rebuild->timer, on_timer, 0, REBUILD_LOOK_MS);
    return rebuild;
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void rebuild_close(struct rebuild *rebuild)
{
    if (!rebuild) {
        return;
    }
    rebuild_stop(rebuild);
    while (rebuild->looking) {
        (void)uv_run(&rebuild->producer->service.loop, UV_RUN_ONCE);
    }
    pg_close(rebuild->pg);
    kafka_look_close(&rebuild->look);
    pg_params_release(&rebuild->params);
    uv_close((uv_handle_t *)&rebuild->timer, on_timer_closed);
}
