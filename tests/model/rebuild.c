#include "tests/model/rebuild.h"

#include <stdio.h>

#include "schemas/rebuild.h"
#include "schemas/topics.h"
#include "tests/model/parameters.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

bool rebuild_is_due(const struct database *db)
{
    const struct kafka_row *row = &db->kafka;
    return row->walks || !row->cluster_id.bytes || !text_is(row->cluster_id, kafka_cluster_id());
}

static struct answer read_row(struct database *db, const struct pg_params *params)
{
    struct kafka_row *row = &db->kafka;
    if (db->client && (!row->reader || process_life(row->reader) != row->reader_life)) {
        row->reader = db->client;
        row->reader_life = process_life(db->client);
    }
    const bool settled = row->begun_at_us && row->begun_at_us < db->now_us - param_int(params, 1) * MS;
    struct answer answer = answer_of(6);
    struct text *values = answer_row(&answer);
    values[REBUILD_COUNT] = answer_int(row->rebuilds);
    values[REBUILD_CLUSTER_ID] = row->cluster_id;
    values[REBUILD_ENDS] = row->ends;
    values[REBUILD_GOES_ON] = answer_int(row->walks);
    values[REBUILD_SETTLED] = answer_int(settled);
    values[REBUILD_IS_OURS] = answer_int(row->reader == db->client);
    return answer;
}

static struct answer record_or_begin(struct database *db, const struct pg_params *params, bool begin)
{
    struct kafka_row *row = &db->kafka;
    struct answer answer = {.sqlstate = ""};
    if (row->rebuilds != param_int(params, 1)) {
        return answer;
    }
    const struct text cluster_id = param(params, 2);
    if (cluster_id.bytes) {
        row->cluster_id = text_kept(cluster_id);
    }
    row->ends = text_kept(param(params, 3));
    if (begin) {
        row->rebuilds++;
        row->begun_at_us = db->now_us;
        row->lost_in = row->rebuilds; /* all of it: the look goes by the cluster's id */
        row->walks = true;
        row->status = STATE_QUEUED;
        tell("PostgreSQL: rebuild %lld begins", (long long)row->rebuilds);
    }
    answer.affected = 1;
    return answer;
}

/* Its rows get new ids, and so go to the end. */
static int64_t announce_anew(struct database *db, const struct message_row *message)
{
    int64_t moved = 0;
    const int64_t last = db->outbox_ids;
    for (struct outbox_row **at = &db->outbox; *at && (*at)->id <= last;) {
        struct outbox_row *row = *at;
        if (row->message != message || row->fence != message->fence) {
            at = &row->next;
            continue;
        }
        *at = row->next;
        if (!*at) {
            db->outbox_end = at;
        }
        row->id = ++db->outbox_ids;
        row->next = NULL;
        *db->outbox_end = row;
        db->outbox_end = &row->next;
        moved++;
    }
    return moved;
}

/* All of a status at once: no schedule has as many messages as a batch. */
static struct answer step(struct database *db, const struct pg_params *params)
{
    static const enum state order[] = {STATE_QUEUED, STATE_FAILED, STATE_EXPIRED, STATE_UNKNOWN};
    struct kafka_row *row = &db->kafka;
    const bool ours = row->rebuilds == param_int(params, 1) && row->walks;
    int64_t met = 0;
    int64_t announced = 0;
    for (size_t i = 0; ours && i < db->message_count; i++) {
        struct message_row *message = &db->messages[i];
        if (message->status != row->status) {
            continue;
        }
        met++;
        const int64_t moved = announce_anew(db, message);
        announced += moved;
        if (moved == 0) {
            const bool queued = message->status == STATE_QUEUED;
            const struct attempt_row *attempt = database_attempt(db, message, message->fence);
            int64_t due_at_us = db->now_us;
            if (queued && attempt && attempt->next_retry_at_us > due_at_us) {
                due_at_us = attempt->next_retry_at_us;
            }
            const int number = queued ? 3 : 4;
            const struct text topic = param(params, number);
            database_announce(db, message, text_kept(topic), due_at_us);
            announced++;
        }
    }
    struct answer answer = answer_of(3);
    struct text *values = answer_row(&answer);
    size_t at = 0;
    while (ours && order[at] != row->status) {
        at++;
    }
    if (ours && at + 1 < sizeof order / sizeof *order) {
        row->status = order[at + 1];
    } else if (ours) {
        row->walks = false;
    }
    values[REBUILD_PUBLISHED] = answer_int(announced);
    values[REBUILD_LOOKED_AT] = answer_int(met);
    values[REBUILD_MORE] = answer_int(ours ? row->walks : -1);
    return answer;
}

struct text rebuild_lost(const struct kafka_row *row)
{
    char lost[32] = "{}";
    if (row->lost_in) {
        (void)snprintf(lost, sizeof lost, "{\"*\": %lld}", (long long)row->lost_in);
    }
    return text_kept(text_of(lost));
}

static struct answer count(const struct database *db)
{
    struct answer answer = answer_of(2);
    struct text *values = answer_row(&answer);
    values[0] = answer_int(db->kafka.rebuilds);
    values[1] = rebuild_lost(&db->kafka);
    return answer;
}

bool rebuild_run(struct database *db, const struct pg_statement *statement, const struct pg_params *params,
                 struct answer *ret_answer)
{
    if (statement == &rebuild_read) {
        *ret_answer = read_row(db, params);
    } else if (statement == &rebuild_record || statement == &rebuild_begin) {
        *ret_answer = record_or_begin(db, params, statement == &rebuild_begin);
    } else if (statement == &rebuild_step) {
        *ret_answer = step(db, params);
    } else if (statement == &rebuild_count) {
        *ret_answer = count(db);
    } else {
        return false;
    }
    return true;
}
