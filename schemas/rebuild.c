#include "schemas/rebuild.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

/* clang-format off */

/* Longer than the longest pause between two looks. */
#define SILENCE "10s"
#define FIRST_LOOK_MS 20 /* until the connection is there: nothing is published before */

/* $1 how long processes have to replace their clients, in ms. */
const struct pg_statement rebuild_read = {
    "rebuild_read",
    "SELECT rebuilds, cluster_id, ends, (walk_status IS NOT NULL)::int4,"
    "       coalesce(begun_at < clock_timestamp() - $1::int8 * interval '1 ms', false)::int4,"
    "       (pg_try_advisory_lock('outbound_kafka'::regclass::oid::int8)"
    "        AND (current_setting('idle_session_timeout', true) IS NULL" /* before PostgreSQL 14 */
    "             OR set_config('idle_session_timeout', '" SILENCE "', false) IS NOT NULL))::int4"
    "  FROM outbound_kafka", "SELECT", "outbound_kafka"};

/* $1 rebuilds, $2 cluster id or null, $3 ends. */
const struct pg_statement rebuild_record = {
    "rebuild_record",
    "UPDATE outbound_kafka SET cluster_id = coalesce($2::text, cluster_id), ends = $3::json"
    "  WHERE rebuilds = $1::int4", "UPDATE", "outbound_kafka"};

/* $1 rebuilds, $2 cluster id or null, $3 ends of the other topics, $4 an array of the lost ones, or of "*". */
const struct pg_statement rebuild_begin = {
    "rebuild_begin",
    "UPDATE outbound_kafka SET cluster_id = coalesce($2::text, cluster_id), ends = $3::json, rebuilds = rebuilds + 1,"
    "       lost = lost || (SELECT coalesce(jsonb_object_agg(topic, rebuilds + 1), '{}')"
    "                       FROM json_array_elements_text($4::json) topic),"
    "       begun_at = clock_timestamp(), walk_status = 'QUEUED', walk_created_at = DEFAULT, walk_id = DEFAULT"
    "  WHERE rebuilds = $1::int4", "UPDATE", "outbound_kafka"};

/*
 * $1 rebuilds, $2 most messages, $3 topic of messages, $4 dead-letter topic, $5 rows: while so many are due, no more
 * are made, or the outbox would grow to the size of all that is unfinished.
 *
 * QUEUED messages go first. What waits for its next attempt, in whichever topic it was, is due when
 * outbound_attempt says; what was deferred has its row already. SENDING ones are their sender's, or come back when
 * the lease is over. Those that were given up are published again when their letter has not arrived.
 *
 * A row that is there gets a new id: a statement that began before the rebuild did, and so saw the old number, may
 * still delete the old one (lifecycle_delete_outbox).
 */
const struct pg_statement rebuild_step = {
    "rebuild_step",
    "WITH place AS (SELECT walk_status, walk_created_at, walk_id FROM outbound_kafka WHERE rebuilds = $1::int4),"
    "room AS ("
    "  SELECT CASE WHEN count(*) < $5::int8 THEN $2::int8 ELSE 0 END AS most"
    "  FROM (SELECT FROM outbound_outbox WHERE due_at <= now() LIMIT $5::int8) due),"
    "met AS ("
    "  SELECT id, status, fence, created_at, updated_at FROM outbound_message"
    "  WHERE status <> 'SENT' AND status = (SELECT walk_status FROM place)"
    "    AND (created_at, id) > ((SELECT walk_created_at FROM place), (SELECT walk_id FROM place))"
    "  ORDER BY created_at, id LIMIT (SELECT most FROM room)),"
    "moved AS ("
    "  DELETE FROM outbound_outbox o USING met"
    "  WHERE o.message_id = ANY (ARRAY(SELECT id FROM met)) AND o.message_id = met.id AND o.fence = met.fence"
    "  RETURNING o.message_id, o.topic, o.fence, o.due_at),"
    "announced AS ("
    "  INSERT INTO outbound_outbox (message_id, topic, fence, due_at)"
    "  SELECT message_id, topic, fence, due_at FROM moved"
    "  UNION ALL"
    "  SELECT id, CASE status WHEN 'QUEUED' THEN $3::text ELSE $4::text END, fence,"
    "         CASE status WHEN 'QUEUED' THEN"
    "           greatest(clock_timestamp(), updated_at,"
    "                    (SELECT next_retry_at FROM outbound_attempt"
    "                     WHERE outbound_message_id = met.id AND attempt_no = met.fence))"
    "         ELSE clock_timestamp() END"
    "  FROM met"
    "  WHERE NOT EXISTS (SELECT FROM moved WHERE moved.message_id = met.id)"
    "    AND CASE status WHEN 'QUEUED' THEN true"
    "        ELSE NOT EXISTS (SELECT FROM outbound_dead_letter l WHERE l.message_id = met.id AND l.fence = met.fence) END"
    "  RETURNING message_id),"
    "last AS (SELECT created_at, id FROM met ORDER BY created_at DESC, id DESC LIMIT 1),"
    "walked AS ("
    "  UPDATE outbound_kafka k"
    "  SET walk_status = CASE WHEN seen.count = seen.most THEN walk_status"
    "                         WHEN walk_status = 'QUEUED' THEN 'FAILED'"
    "                         WHEN walk_status = 'FAILED' THEN 'EXPIRED'"
    "                         WHEN walk_status = 'EXPIRED' THEN 'UNKNOWN' END,"
    "      walk_created_at = CASE WHEN seen.count < seen.most THEN '-infinity'"
    "                             ELSE coalesce((SELECT created_at FROM last), walk_created_at) END,"
    "      walk_id = CASE WHEN seen.count < seen.most THEN '00000000-0000-0000-0000-000000000000'"
    "                     ELSE coalesce((SELECT id FROM last), walk_id) END"
    "  FROM (SELECT (SELECT count(*) FROM met) AS count, (SELECT most FROM room) AS most) seen"
    "  WHERE k.rebuilds = $1::int4"
    "    AND (k.walk_status, k.walk_created_at, k.walk_id) = (SELECT walk_status, walk_created_at, walk_id FROM place)"
    "  RETURNING k.walk_status)"
    "SELECT (SELECT count(*) FROM announced), (SELECT count(*) FROM met),"
    "       coalesce((SELECT (walk_status IS NOT NULL)::int4 FROM walked), -1)", "INSERT", "outbound_outbox"};

const struct pg_statement rebuild_count = {
    "rebuild_count", "SELECT rebuilds, lost::json FROM outbound_kafka", "SELECT", "outbound_kafka"};

/* clang-format on */

struct rebuild_watch {
    struct pg *pg;
    uv_timer_t timer;
    void (*on_rebuild)(void *arg, const struct rebuild_news *news);
    void *arg;
    bool asking;
    int64_t seen; /* -1: nothing yet */
    struct log_seldom refusals;
};

static void on_timer(uv_timer_t *timer);

static void on_read(void *arg, struct pg_reply *reply)
{
    struct rebuild_watch *watch = arg;
    watch->asking = false;
    if (reply->outcome != PG_LOST) {
        uv_timer_start(&watch->timer, on_timer, REBUILD_LOOK_MS, REBUILD_LOOK_MS); /* no hurry any more */
    }
    if (reply->outcome == PG_REFUSED) {
        log_seldom(&watch->refusals, "whether Kafka is being rebuilt cannot be read: %s", reply->message);
    }
    if (reply->outcome != PG_DONE) {
        return;
    }
    if (PQntuples(reply->rows) == 0) {
        log_seldom(&watch->refusals,
                   "the row of outbound_kafka is gone: INSERT INTO outbound_kafka DEFAULT VALUES");
        return;
    }
    const int64_t rebuilds = pg_int(reply->rows, 0, 0);
    if (rebuilds == watch->seen) {
        return;
    }
    const bool first = watch->seen < 0;
    watch->seen = rebuilds;
    if (!first) {
        log_warn("Kafka is being rebuilt: its clients are replaced");
    }
    json_t *lost = json_loads(PQgetvalue(reply->rows, 0, 1), 0, NULL);
    watch->on_rebuild(watch->arg, &(struct rebuild_news){rebuilds, first, lost});
    json_decref(lost);
}

static void on_timer(uv_timer_t *timer)
{
    struct rebuild_watch *watch = timer->data;
    if (!watch->asking) {
        watch->asking = pg_call(watch->pg, &rebuild_count, NULL, on_read, watch);
    }
}

struct rebuild_watch *rebuild_watch_open(uv_loop_t *loop, struct pg *pg,
                                         void (*on_rebuild)(void *arg, const struct rebuild_news *news),
                                         void *arg)
{
    struct rebuild_watch *watch = NEW(struct rebuild_watch);
    watch->pg = pg;
    watch->on_rebuild = on_rebuild;
    watch->arg = arg;
    watch->seen = -1;
    uv_timer_init(loop, &watch->timer);
    watch->timer.data = watch;
    uv_timer_start(&watch->timer, on_timer, 0, FIRST_LOOK_MS);
    return watch;
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void rebuild_watch_close(struct rebuild_watch *watch)
{
    if (watch) {
        uv_close((uv_handle_t *)&watch->timer, on_timer_closed);
    }
}
