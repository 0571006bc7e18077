#include "schemas/letters.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/events.h"
#include "schemas/lifecycle.h"
#include "schemas/sql_parts.h"
#include "schemas/tiers.h"
#include "schemas/topics.h"

/* clang-format off */

/*
 * $1 the topic; arrays: $2 partition, $3 offset, $4 time, $5 message id, $6 fence, $7 organisation, $8 channel,
 * $9 correlation id, $10 original topic, $11 its partition, $12 its offset, $13 code, $14 reason, $15 attempts,
 * $16 failed by, $17 failed at, $18 key, $19 value, $20 headers, $21 replays before.
 */
const struct pg_statement letters_store = {
    "store_letters",
    "INSERT INTO outbound_dead_letter (dlq_topic, dlq_partition, dlq_offset, written_at, message_id, fence, org_id,"
    "    channel, correlation_id, original_topic, original_partition, original_offset, error_code, reason,"
    "    attempts, failed_by, failed_at, record_key, record_value, record_headers, replay_count)"
    "  SELECT $1::text, t.dlq_partition, t.dlq_offset, t.written_at, t.message_id, t.fence, t.org_id, t.channel,"
    "    t.correlation_id, t.original_topic, t.original_partition, t.original_offset, t.error_code, t.reason,"
    "    t.attempts, t.failed_by, t.failed_at, t.record_key, t.record_value, t.record_headers,"
    "    greatest(t.replays, (SELECT max(l.replay_count) FROM outbound_dead_letter l"
    "                           WHERE l.message_id = t.message_id))"
    "  FROM unnest($2::int4[], $3::int8[], $4::timestamptz[], $5::uuid[], $6::int4[], $7::text[], $8::text[],"
    "    $9::text[], $10::text[], $11::int4[], $12::int8[], $13::text[], $14::text[], $15::int4[], $16::text[],"
    "    $17::timestamptz[], $18::bytea[], $19::bytea[], $20::bytea[], $21::int4[])"
    "    AS t (dlq_partition, dlq_offset, written_at, message_id, fence, org_id, channel, correlation_id,"
    "      original_topic, original_partition, original_offset, error_code, reason, attempts, failed_by,"
    "      failed_at, record_key, record_value, record_headers, replays)"
    "  ON CONFLICT DO NOTHING", "INSERT", "outbound_dead_letter"};

/* The provider's own words stand with the message alone; for a letter whose message has gone on, what the code means. */
#define LETTER_REASON "CASE WHEN m.fence = l.fence THEN coalesce(m.error_message, l.reason) ELSE l.reason END"

#define LETTER_MEMBERS \
    "'id', l.id, 'status', l.status, 'replayCount', l.replay_count, 'messageId', l.message_id," \
    "'messageStatus', m.status, 'orgId', l.org_id, 'channel', l.channel, 'correlationId', l.correlation_id," \
    "'code', l.error_code, 'reason', " LETTER_REASON ", 'attempts', l.attempts, 'failedBy', l.failed_by," \
    "'failedAt', " API_TIME("l.failed_at") ", 'originalTopic', l.original_topic," \
    "'originalPartition', l.original_partition, 'originalOffset', l.original_offset"

#define AND_ITS_MESSAGE \
    " LEFT JOIN LATERAL (SELECT * FROM outbound_message WHERE id = l.message_id OFFSET 0) m ON true"

/* $1 to $7 as in sql_parts.h, $8 only ids below this one, $9 most. */
const struct pg_statement letters_list = {
    "list_letters",
    "SELECT json_build_object(" LETTER_MEMBERS "), l.id"
    "  FROM ((SELECT * FROM outbound_dead_letter l"
    "           WHERE $7::int8[] IS NULL AND l.status = $1::text AND l.id < $8::int8 AND " LETTERS_MATCH
    "           ORDER BY l.id DESC LIMIT $9::int8)"
    "        UNION ALL"
    "        (SELECT * FROM outbound_dead_letter l"
    "           WHERE l.id = ANY ($7::int8[]) AND ($1::text IS NULL OR l.status = $1::text)"
    "             AND l.id < $8::int8 AND " LETTERS_MATCH
    "           ORDER BY l.id DESC LIMIT $9::int8)) l" AND_ITS_MESSAGE
    "  ORDER BY l.id DESC", "SELECT", "outbound_dead_letter"};

/* $1 to $7 as in sql_parts.h; a status of null means all of them. */
const struct pg_statement letters_stats = {
    "count_letters",
    "SELECT json_build_object('status', s.status, 'channel', s.channel, 'code', s.error_code, 'count', s.count,"
    "    'oldest', " API_TIME("s.oldest") ", 'newest', " API_TIME("s.newest") ")"
    "  FROM (SELECT l.status, l.channel, l.error_code, count(*), min(l.failed_at) AS oldest,"
    "          max(l.failed_at) AS newest"
    "        FROM outbound_dead_letter l"
    "        WHERE ($1::text IS NULL OR l.status = $1::text) AND " LETTERS_MATCH
    "          AND ($7::int8[] IS NULL OR l.id = ANY ($7::int8[]))"
    "        GROUP BY l.status, l.channel, l.error_code) s"
    "  ORDER BY s.status = 'OPEN' DESC, s.status, s.count DESC, s.channel, s.error_code", "SELECT", "outbound_dead_letter"};

/* $1 id. What a record holds is shown in Base64: it may be anything. */
#define BASE64(column) "translate(encode(" column ", 'base64'), E'\\n', '')"
const struct pg_statement letters_show = {
    "show_letter",
    "SELECT json_build_object(" LETTER_MEMBERS ","
    "    'topic', l.dlq_topic, 'partition', l.dlq_partition, 'offset', l.dlq_offset,"
    "    'writtenAt', " API_TIME("l.written_at") ", 'updatedAt', " API_TIME("l.updated_at") ","
    "    'recordKey', " BASE64("l.record_key") ", 'recordValue', " BASE64("l.record_value") ")"
    "  FROM outbound_dead_letter l" AND_ITS_MESSAGE
    "  WHERE l.id = $1::int8", "SELECT", "outbound_dead_letter"};

/* $1 ids of letters, $2 ids of messages (arrays). */
const struct pg_statement letters_find = {
    "find_letters",
    "SELECT g.id::text, l.id, l.status FROM unnest($1::int8[]) AS g (id)"
    "  LEFT JOIN LATERAL (SELECT * FROM outbound_dead_letter WHERE id = g.id OFFSET 0) l ON true"
    " UNION ALL "
    "SELECT g.id::text, l.id, l.status FROM unnest($2::uuid[]) AS g (id)"
    "  LEFT JOIN LATERAL (SELECT * FROM outbound_dead_letter WHERE message_id = g.id"
    "                     ORDER BY fence DESC LIMIT 1) l ON true", "SELECT", "outbound_dead_letter"};

/* $1 to $9 as in sql_parts.h. */
static const struct pg_statement discard_preview = {
    "discard_preview",
    "WITH " LETTERS_CHOSEN
    "SELECT (SELECT max(id) FROM chosen), (SELECT count(*) FROM chosen),"
    "  (SELECT count(*) FROM chosen) AS discarded", "SELECT", "outbound_dead_letter"};

static const struct pg_statement discard = {
    "discard",
    "WITH " LETTERS_CHOSEN
    ", done AS (UPDATE outbound_dead_letter SET status = 'DISCARDED', updated_at = clock_timestamp()"
    "  WHERE id = ANY (ARRAY(SELECT id FROM chosen)) AND status = $1::text"
    "  RETURNING 'discarded' AS fate)"
    LETTERS_ANSWER LETTERS_COUNT("done", "discarded"), "UPDATE", "outbound_dead_letter"};

/* clang-format on */

const struct letter_action letter_replay = {
    .name = "replay",
    .done = "replayed",
    .from = {"OPEN"},
    .is_replay = true,
    .run = &lifecycle_replay,
    .preview = &lifecycle_replay_preview,
};

const struct letter_action letter_archive = {
    .name = "archive",
    .done = "archived",
    .from = {"OPEN", "DISCARDED"},
    .run = &lifecycle_archive,
    .preview = &lifecycle_archive_preview,
};

const struct letter_action letter_discard = {
    .name = "discard",
    .done = "discarded",
    .from = {"OPEN"},
    .run = &discard,
    .preview = &discard_preview,
};

void letters_list_params(const struct letter_filter *filter, struct pg_params *params)
{
    const bool by_id = filter->letter_id_count > 0;
    letter_filter_params(filter, filter->status || by_id ? NULL : "OPEN", params);
    pg_param_int8(params, filter->before ? filter->before : INT64_MAX);
    pg_param_int8(params, filter->limit);
}

void letters_find_params(const struct letter_filter *filter, struct pg_params *params)
{
    pg_array_begin(params, PG_INT8);
    for (size_t i = 0; i < filter->letter_id_count; i++) {
        pg_array_int8(params, filter->letter_ids[i]);
    }
    pg_array_end(params);
    pg_array_begin(params, PG_UUID);
    for (size_t i = 0; i < filter->message_id_count; i++) {
        pg_array_uuid(params, &filter->message_ids[i]);
    }
    pg_array_end(params);
}

static bool applies_to(const struct letter_action *action, const char *status)
{
    for (size_t i = 0; action->from[i]; i++) {
        if (strcmp(action->from[i], status) == 0) {
            return true;
        }
    }
    return false;
}

bool letters_take_found(struct letter_filter *filter, const PGresult *found,
                        const struct letter_action *action, struct error *error)
{
    for (int row = 0; row < PQntuples(found); row++) {
        const char *given = PQgetvalue(found, row, 0);
        if (PQgetisnull(found, row, 1)) {
            return error_set(error, "there is no dead letter %s", given);
        }
        if (action && !applies_to(action, PQgetvalue(found, row, 2))) {
            return error_set(error, "dead letter %s is %s", given, PQgetvalue(found, row, 2));
        }
    }
    filter->message_id_count = 0;
    filter->letter_id_count = 0;
    for (int row = 0; row < PQntuples(found); row++) {
        filter->letter_ids[filter->letter_id_count++] = pg_int(found, row, 1);
    }
    return true;
}

/* Nothing goes back to the dead letters or the events, or where a stranger's record says that it came from.
 */
static void topics_param(const struct config *config, struct pg_params *params)
{
    pg_array_begin(params, PG_TEXT);
    for (int i = 0; i < TOPIC_COUNT; i++) {
        if (i != TOPIC_DLQ && i != TOPIC_EVENTS) {
            pg_array_text(params, topic_name((enum topic)i));
        }
    }
    struct tiers tiers;
    tiers_of(config, &tiers);
    for (size_t i = 0; i < tiers.count; i++) {
        pg_array_text(params, tiers.tier[i].topic);
    }
    pg_array_end(params);
}

void letter_action_params(const struct letter_action *action, const struct letter_filter *filter,
                          const struct letter_batch *batch, const struct config *config,
                          struct pg_params *params)
{
    letter_filter_params(filter, batch->status, params);
    pg_param_int8(params, batch->after);
    pg_param_int8(params, batch->size);
    if (action->is_replay) {
        pg_param_int4(params, (int32_t)config->dlq_max_replays);
        pg_param_int4(params, batch->force);
        topics_param(config, params);
    }
    if (action->is_replay && !batch->preview) {
        pg_param_text(params, topic_name(TOPIC_ACCEPTED));
        events_param(config, params);
    }
}
