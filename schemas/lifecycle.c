#include "schemas/lifecycle.h"

#include "base/attributes.h"
#include "schemas/sql_parts.h"

/*
 * How statements find their rows: by `id = ANY (array)`, which is an index's condition whatever else is
 * joined, and never by a status, except where that is the question. A condition on a status stands in a CASE
 * then: into it the planner does not look, so that it cannot choose an index by status, which is small when
 * the plan is made.
 */
/* clang-format off */

/*
 * $1 id, $2 org, $3 dossier, $4 channel, $5 priority, $6 recipient, $7 template, $8 subject, $9 payload,
 * $10 correlation id, $11 idempotency key, $12 request hash, $13 expires at, $14 source, $15 ordering key (arrays);
 * $16 max attempts, $17 topic, $18 outbox lease in ms; $19 traceparent, $20 tracestate (arrays; empty when all are null).
 *
 * The plain ones refuse all of them when one is there already (23505), `some` leave that one out. Being ready for a
 * conflict costs each row a record in the log of its own. `told` make an event of each.
 */
#define INSERT(on_conflict, event, told) \
    "WITH fresh AS (" \
    "  INSERT INTO outbound_message AS m (id, org_id, dossier_id, channel, priority, to_recipient, template_code," \
    "      subject, payload_json, correlation_id, idempotency_key, request_hash, expires_at, source, ordering_key," \
    "      traceparent, tracestate, max_attempts)" \
    "  SELECT t.*, $16::int4" \
    "  FROM unnest($1::uuid[], $2::text[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::text[]," \
    "      $8::text[], $9::json[], $10::text[], $11::text[], $12::bytea[], $13::timestamptz[], $14::text[]," \
    "      $15::bytea[], $19::text[], $20::text[]) AS t" \
    on_conflict \
    "  RETURNING m.id, m.fence" event ")" \
    told \
    "INSERT INTO outbound_outbox (message_id, topic, fence, due_at)" \
    "  SELECT id, $17::text, 0, clock_timestamp() + $18::int8 * interval '1 ms' FROM fresh" \
    "  RETURNING message_id, id"

#define SOME "  ON CONFLICT DO NOTHING"
#define EVENT_COLUMN ", " EVENT("m") " AS event"
#define TOLD ", " EVENTS_TOLD("fresh")

const struct pg_statement lifecycle_insert = {"insert", INSERT("", "", ""), "INSERT", "outbound_message"};
const struct pg_statement lifecycle_insert_some = {"insert_some", INSERT(SOME, "", ""), "INSERT", "outbound_message"};
const struct pg_statement lifecycle_insert_told = {"insert_told", INSERT("", EVENT_COLUMN, TOLD), "INSERT", "outbound_message"};
const struct pg_statement lifecycle_insert_some_told = {"insert_some_told", INSERT(SOME, EVENT_COLUMN, TOLD), "INSERT", "outbound_message"};

/* $1 id, $2 org, $3 source, $4 idempotency key or null (arrays). */
const struct pg_statement lifecycle_find_conflicts = {
    "find_conflicts",
    "SELECT t.position, found.id, found.org_id, encode(found.request_hash, 'hex'), found.status"
    "  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])"
    "         WITH ORDINALITY AS t (id, org_id, source, key, position),"
    "  LATERAL (SELECT m.id, m.org_id, m.request_hash, m.status FROM outbound_message m"
    "             WHERE m.org_id = t.org_id AND m.source = t.source AND m.idempotency_key = t.key"
    "           UNION ALL"
    "           SELECT m.id, m.org_id, m.request_hash, m.status FROM outbound_message m WHERE m.id = t.id"
    "           LIMIT 1) AS found", "SELECT", "outbound_message"};

/* $1 id. */
const struct pg_statement lifecycle_get = {
    "get",
    "SELECT json_build_object("
    "  'id', m.id, 'orgId', m.org_id, 'dossierId', m.dossier_id, 'channel', m.channel, 'priority', m.priority,"
    "  'to', m.to_recipient, 'templateCode', m.template_code, 'subject', m.subject,"
    "  'payloadJson', m.payload_json, 'status', m.status, 'attemptCount', m.attempt_count,"
    "  'maxAttempts', m.max_attempts, 'errorCode', m.error_code, 'errorMessage', m.error_message,"
    "  'provider', m.provider, 'providerMessageId', m.provider_message_id, 'correlationId', m.correlation_id,"
    "  'expiresAt', " API_TIME("m.expires_at") ","
    "  'createdAt', " API_TIME("m.created_at") ","
    "  'updatedAt', " API_TIME("m.updated_at") ","
    "  'sentAt', " API_TIME("m.sent_at") ","
    "  'attempts', coalesce((SELECT json_agg(json_build_object("
    "      'attemptNo', a.attempt_no, 'outcome', a.outcome, 'provider', a.provider,"
    "      'providerMessageId', a.provider_message_id, 'httpStatus', a.http_status,"
    "      'errorCode', a.error_code, 'errorMessage', a.error_message,"
    "      'startedAt', " API_TIME("a.started_at") ","
    "      'finishedAt', " API_TIME("a.finished_at") ","
    "      'durationMs', round(extract(epoch FROM a.finished_at - a.started_at) * 1000, 3),"
    "      'nextRetryAt', " API_TIME("a.next_retry_at") ") ORDER BY a.attempt_no)"
    "    FROM outbound_attempt a WHERE a.outbound_message_id = m.id), '[]'::json))"
    "  FROM outbound_message m WHERE m.id = $1::uuid", "SELECT", "outbound_message"};

/*
 * $1 most rows, $2 lease in ms. A row whose message or letter is gone answers with nulls. The column has_gone_on
 * says whether the message has gone on: then a dead letter about it would be wrong.
 */
const struct pg_statement lifecycle_take_outbox = {
    "take_outbox",
    "WITH taken AS ("
    "  UPDATE outbound_outbox SET due_at = now() + $2::int8 * interval '1 ms'"
    "  WHERE id = ANY (ARRAY(SELECT id FROM outbound_outbox WHERE due_at <= now()"
    "                        ORDER BY due_at"
    "                        LIMIT $1::int8 FOR UPDATE SKIP LOCKED))"
    "  RETURNING id, topic, message_id, letter_id, fence)"
    "SELECT taken.id, taken.topic, m.id, m.ordering_key, m.generation, taken.fence, m.org_id, m.channel, m.priority,"
    "       (extract(epoch FROM m.expires_at) * 1000)::int8, m.correlation_id, m.error_code,"
    "       m.attempt_count, ceil(extract(epoch FROM a.next_retry_at) * 1000)::int8, " API_TIME("m.updated_at") ","
    "       l.id, l.record_key, l.record_value, l.record_headers, l.replay_count,"
    "       (m.fence <> taken.fence OR m.status NOT IN ('FAILED', 'EXPIRED', 'UNKNOWN'))::int4 AS has_gone_on,"
    "       floor(extract(epoch FROM m.updated_at) * 1000)::int8, m.traceparent, m.tracestate"
    "  FROM taken"
    "  LEFT JOIN LATERAL (SELECT * FROM outbound_message WHERE id = taken.message_id OFFSET 0) m ON true"
    "  LEFT JOIN LATERAL (SELECT next_retry_at FROM outbound_attempt"
    "                     WHERE outbound_message_id = taken.message_id AND attempt_no = taken.fence OFFSET 0) a"
    "    ON true"
    "  LEFT JOIN LATERAL (SELECT * FROM outbound_dead_letter WHERE id = taken.letter_id OFFSET 0) l"
    "    ON true", "UPDATE", "outbound_outbox"};

/*
 * $1 so many events at least, if there are as many: rows are taken whole; $2 longest silence in ms. Answers nothing
 * while another session takes events: the lock is the session's, and one that has been silent for longer (its process
 * is frozen, its host is gone) is ended by the server. Where the message is gone, so is what could be told. The rows stay
 * as they are until they are deleted, so that nothing but the lock keeps a second producer from publishing them, too.
 */
const struct pg_statement lifecycle_take_events = {
    "take_events",
    "SELECT taken.id, taken.id + e.position - 1, m.id, m.ordering_key, m.org_id, m.source, m.idempotency_key,"
    "       m.dossier_id, m.channel, m.correlation_id, e.status, e.attempt_count, e.error_code, e.provider,"
    "       e.provider_message_id, (extract(epoch FROM e.occurred_at) * 1000000)::int8"
    "  FROM (SELECT id, message_ids, events, sum(count) OVER (ORDER BY id) - count AS before"
    "        FROM (SELECT * FROM outbound_event_outbox"
    "              WHERE (SELECT pg_try_advisory_lock('outbound_event_outbox'::regclass::oid::int8)"
    "                            AND (current_setting('idle_session_timeout', true) IS NULL" /* before PostgreSQL 14 */
    "                                 OR set_config('idle_session_timeout', $2::text, false) IS NOT NULL))"
    "              ORDER BY id LIMIT $1::int8) oldest) taken,"
    "       ROWS FROM (unnest(taken.message_ids, taken.events)) WITH ORDINALITY"
    "         AS e (message_id, status, attempt_count, error_code, provider, provider_message_id, occurred_at, position)"
    "  LEFT JOIN LATERAL (SELECT * FROM outbound_message WHERE id = e.message_id"
    "                     UNION ALL SELECT * FROM outbound_message_archive WHERE id = e.message_id LIMIT 1) m"
    "    ON true"
    "  WHERE taken.before < $1::int8"
    "  ORDER BY taken.id, e.position", "SELECT", "outbound_event_outbox"};

/* $1 outbox id (array), $2 how many rebuilds were known when the Kafka client was opened that published the records. */
#define DELETE_ACKNOWLEDGED(table) \
    "DELETE FROM " table "  WHERE id = ANY ($1::int8[]) AND (SELECT rebuilds FROM outbound_kafka) = $2::int4", \
    "DELETE", table

const struct pg_statement lifecycle_delete_outbox = {"delete_outbox", DELETE_ACKNOWLEDGED("outbound_outbox")};
const struct pg_statement lifecycle_delete_events = {"delete_events", DELETE_ACKNOWLEDGED("outbound_event_outbox")};

/*
 * $1 id, $2 generation, $3 fence (arrays, from the records); $4 lease in ms, $5 dead-letter topic, $6 what
 * becomes of a claim that nobody finishes: 'hold' or 'resend'; $7 statuses to be told (array); $8 the sender's name or
 * null.
 *
 * The fence makes a record good for one attempt: a second copy of it finds the fence raised.
 */
const struct pg_statement lifecycle_claim = {
    "claim",
    "WITH claimed AS ("
    "  UPDATE outbound_message m"
    "  SET status = CASE WHEN m.expires_at <= now() THEN 'EXPIRED' ELSE 'SENDING' END,"
    "      error_code = CASE WHEN m.expires_at <= now() THEN 'EXPIRED' ELSE m.error_code END,"
    "      attempt_count = m.attempt_count + CASE WHEN m.expires_at <= now() THEN 0 ELSE 1 END,"
    "      fence = m.fence + 1, updated_at = clock_timestamp(), hold_unknown = $6::text = 'hold',"
    "      claimed_by = $8::text,"
    "      lease_until = clock_timestamp() + $4::int8 * interval '1 ms'"
    "  FROM unnest($1::uuid[], $2::int4[], $3::int4[]) WITH ORDINALITY AS t (id, generation, fence, position)"
    "  WHERE m.id = ANY ($1::uuid[]) AND m.id = t.id AND m.generation = t.generation AND m.fence = t.fence"
    "    AND CASE m.status WHEN 'QUEUED' THEN true ELSE false END"
    "  RETURNING t.position, m.status, m.id, m.fence, m.attempt_count, m.max_attempts, m.org_id,"
    "            m.to_recipient, m.template_code, m.subject, m.payload_json, m.correlation_id, m.traceparent,"
    "            m.tracestate,"
    "            (extract(epoch FROM clock_timestamp() - m.created_at) * 1000000)::int8 AS age_us,"
    "            " EVENT_OF("m", "$7") "),"
    EVENTS_TOLD("claimed") ","
    "expired AS ("
    "  INSERT INTO outbound_outbox (message_id, topic, fence, due_at)"
    "  SELECT id, $5::text, fence, clock_timestamp() FROM claimed WHERE status = 'EXPIRED')"
    "SELECT position, fence, attempt_count, max_attempts, org_id, to_recipient, template_code, subject,"
    "       payload_json, correlation_id, age_us, traceparent, tracestate, (status = 'EXPIRED')::int4 AS expired"
    "  FROM claimed", "UPDATE", "outbound_message"};

/*
 * $1 id, $2 fence, $3 new status, $4 outcome of the attempt, $5 error code, $6 error message, $7 provider,
 * $8 provider's message id, $9 HTTP status, $10 duration in µs, $11 delay until the next attempt in ms,
 * $12 topic to be told or null, $13 how long the outbox holds that back in ms, $14 statuses to be told (arrays).
 *
 * A success that comes after its lease ran out still counts, as long as nobody has claimed the message since:
 * it settles what would otherwise be UNKNOWN or sent twice.
 */
const struct pg_statement lifecycle_finish = {
    "finish",
    "WITH finished AS ("
    "  UPDATE outbound_message m"
    "  SET status = t.status, error_code = t.error_code, error_message = t.error_message, provider = "
    "t.provider,"
    "      provider_message_id = coalesce(t.provider_message_id, m.provider_message_id), lease_until = NULL,"
    "      attempt_count = m.attempt_count - (t.error_code IS NOT DISTINCT FROM 'NOT_STARTED')::int4,"
    "      updated_at = now(), sent_at = CASE WHEN t.status = 'SENT' THEN now() ELSE m.sent_at END"
    "  FROM unnest($1::uuid[], $2::int4[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],"
    "              $8::text[], $9::int4[], $10::int8[], $11::int8[], $12::text[], $13::int8[])"
    "       WITH ORDINALITY"
    "       AS t (id, fence, status, outcome, error_code, error_message, provider, provider_message_id,"
    "             http_status, duration_us, delay_ms, topic, hold_ms, position)"
    "  WHERE m.id = ANY ($1::uuid[]) AND m.id = t.id AND m.fence = t.fence"
    "    AND CASE m.status"
    "        WHEN 'SENDING' THEN true"
    "        WHEN 'UNKNOWN' THEN t.status = 'SENT'"
    "        WHEN 'QUEUED' THEN t.status = 'SENT'"
    "        WHEN 'FAILED' THEN t.status = 'SENT' AND m.error_code = 'LEASE_EXPIRED'"
    "        ELSE false END"
    "  RETURNING t.*, now() AS at, " EVENT_OF("m", "$14") "),"
    EVENTS_TOLD("finished") ","
    "attempts AS ("
    "  INSERT INTO outbound_attempt (outbound_message_id, attempt_no, outcome, provider, provider_message_id,"
    "      http_status, error_code, error_message, started_at, finished_at, next_retry_at)"
    "  SELECT id, fence, outcome, provider, provider_message_id, http_status, error_code, error_message,"
    "      at - duration_us * interval '1 microsecond', at,"
    "      CASE WHEN status = 'QUEUED' THEN at + delay_ms * interval '1 ms' END"
    "  FROM finished"
    "  ON CONFLICT (outbound_message_id, attempt_no) DO UPDATE"
    "  SET outcome = excluded.outcome, provider = excluded.provider, next_retry_at = NULL,"
    "      provider_message_id = excluded.provider_message_id, http_status = excluded.http_status,"
    "      error_code = excluded.error_code, error_message = excluded.error_message,"
    "      started_at = excluded.started_at, finished_at = excluded.finished_at),"
    "announced AS ("
    "  INSERT INTO outbound_outbox (message_id, topic, fence, due_at)"
    "  SELECT id, topic, fence, at + hold_ms * interval '1 ms' FROM finished WHERE topic IS NOT NULL)"
    "SELECT position FROM finished ORDER BY position", "UPDATE", "outbound_message"};

/*
 * $1 channel, $2 the sender's name. Only what was claimed before this session began: should the statement be executed
 * late, when its caller has given the connection up and claims by another one, it leaves those claims alone.
 */
const struct pg_statement lifecycle_end_leases = {
    "end_leases",
    "UPDATE outbound_message SET lease_until = clock_timestamp()"
    "  WHERE channel = $1::text AND status = 'SENDING' AND claimed_by = $2::text AND lease_until > clock_timestamp()"
    "    AND updated_at < (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())",
    "UPDATE", "outbound_message"};

/*
 * $1 most rows, $2 delay until the next attempt in ms, $3 topic of retries, $4 dead-letter topic, $5 error
 * code, $6 error message, $7 statuses to be told (array).
 */
const struct pg_statement lifecycle_expire_leases = {
    "expire_leases",
    "WITH expired AS ("
    "  UPDATE outbound_message m"
    "  SET status = CASE WHEN hold_unknown THEN 'UNKNOWN'"
    "                    WHEN attempt_count >= max_attempts THEN 'FAILED' ELSE 'QUEUED' END,"
    "      error_code = $5::text, error_message = $6::text, lease_until = NULL, updated_at = now()"
    "  WHERE id = ANY (ARRAY(SELECT id FROM outbound_message"
    "                        WHERE status = 'SENDING' AND coalesce(lease_until < now(), true)"
    "                        LIMIT $1::int8 FOR UPDATE SKIP LOCKED))"
    "  RETURNING m.id, m.fence, m.status, m.channel, m.correlation_id, m.org_id, now() AS at, " EVENT_OF("m", "$7") "),"
    EVENTS_TOLD("expired") ","
    "attempts AS ("
    "  INSERT INTO outbound_attempt (outbound_message_id, attempt_no, outcome, error_code, error_message,"
    "      started_at, finished_at, next_retry_at)"
    "  SELECT id, fence, 'UNKNOWN', $5::text, $6::text, at, at,"
    "      CASE WHEN status = 'QUEUED' THEN at + $2::int8 * interval '1 ms' END"
    "  FROM expired ON CONFLICT DO NOTHING),"
    "announced AS ("
    "  INSERT INTO outbound_outbox (message_id, topic, fence, due_at)"
    "  SELECT id, CASE WHEN status = 'QUEUED' THEN $3::text ELSE $4::text END, fence,"
    "         at + CASE WHEN status = 'QUEUED' THEN $2::int8 ELSE 0 END * interval '1 ms'"
    "  FROM expired)"
    "SELECT id, status, channel, correlation_id, org_id FROM expired", "UPDATE", "outbound_message"};

/*
 * $1 channel, $2 age in ms from which on a QUEUED message that no outbox row announces counts as forgotten by
 * Kafka, $3 most rows, $4 topic. Its record may still be there: the fence makes one of the two good.
 */
const struct pg_statement lifecycle_republish = {
    "republish",
    "WITH touched AS ("
    "  UPDATE outbound_message SET updated_at = clock_timestamp()"
    "  WHERE id = ANY (ARRAY(SELECT id FROM outbound_message m"
    "      WHERE status = 'QUEUED' AND channel = $1::text"
    "        AND created_at < now() - $2::int8 * interval '1 ms'" /* for the index */
    "        AND updated_at < now() - $2::int8 * interval '1 ms'"
    "        AND NOT EXISTS (SELECT FROM outbound_outbox o WHERE o.message_id = m.id)"
    "        AND coalesce((SELECT next_retry_at FROM outbound_attempt"
    "                      WHERE outbound_message_id = m.id AND attempt_no = m.fence), '-infinity') <= now()"
    "      LIMIT $3::int8 FOR UPDATE SKIP LOCKED))"
    "  RETURNING id, fence)"
    "INSERT INTO outbound_outbox (message_id, topic, fence, due_at)"
    "  SELECT id, $4::text, fence, clock_timestamp() FROM touched", "UPDATE", "outbound_message"};

/*
 * $1 to $9 as in sql_parts.h; $10 how many replays are too many, $11 not 0: force, $12 the topics that
 * records may go back to (array).
 *
 * A letter without a message stands for a record, which is published again where it came from.
 */
#define REPLAY_FATE \
    "CASE WHEN l.message_id IS NULL AND (l.original_topic = ANY ($12::text[])) IS NOT TRUE THEN 'unreplayable'" \
    "     WHEN l.message_id IS NOT NULL AND (m.id IS NULL OR " LETTER_IS_PAST ") THEN 'settled'" \
    "     WHEN $11::int4 <> 0 THEN 'replayed'" \
    "     WHEN l.replay_count >= $10::int4 THEN 'looping'" \
    "     WHEN m.status = 'EXPIRED' OR m.expires_at <= now() THEN 'expired'" \
    "     WHEN m.status = 'UNKNOWN' OR EXISTS (SELECT FROM outbound_attempt a WHERE a.outbound_message_id = m.id" \
    "         AND a.attempt_no = m.fence AND a.outcome = 'UNKNOWN') THEN 'undecided'" \
    "     ELSE 'replayed' END"
#define REPLAY_HELD_BACK \
    LETTERS_COUNT("judged", "looping") LETTERS_COUNT("judged", "expired") LETTERS_COUNT("judged", "undecided") \
    LETTERS_COUNT("judged", "unreplayable")

const struct pg_statement lifecycle_replay_preview = {
    "replay_preview",
    "WITH " LETTERS_READ LETTERS_JUDGED(REPLAY_FATE)
    LETTERS_ANSWER LETTERS_COUNT("judged", "replayed") LETTERS_COUNT("judged", "settled") REPLAY_HELD_BACK, "SELECT", "outbound_dead_letter"};

/* The same and $13 the topic of messages, $14 statuses to be told (array). The letter stays open when its message changes in this very moment. */
const struct pg_statement lifecycle_replay = {
    "replay",
    "WITH " LETTERS_TAKEN LETTERS_JUDGED(REPLAY_FATE)
    ", queued AS ("
    "  UPDATE outbound_message m"
    "  SET status = 'QUEUED', attempt_count = 0, error_code = NULL, error_message = NULL, lease_until = NULL,"
    "      expires_at = CASE WHEN m.expires_at <= now() THEN NULL ELSE m.expires_at END,"
    "      updated_at = clock_timestamp()"
    "  FROM judged j"
    "  WHERE m.id = ANY (ARRAY(SELECT message_id FROM judged)) AND m.id = j.message_id AND m.fence = j.fence"
    "    AND j.fate = 'replayed'"
    "    AND CASE m.status"
    "        WHEN 'FAILED' THEN true"
    "        WHEN 'EXPIRED' THEN true"
    "        WHEN 'UNKNOWN' THEN true"
    "        ELSE false END"
    "  RETURNING j.id AS letter_id, m.id, m.fence, " EVENT_OF("m", "$14") "),"
    EVENTS_TOLD("queued") ","
    "done AS ("
    "  UPDATE outbound_dead_letter l"
    "  SET status = CASE WHEN j.fate = 'replayed' THEN 'REPLAYED' ELSE 'SETTLED' END,"
    "      replay_count = l.replay_count + (j.fate = 'replayed')::int4, updated_at = clock_timestamp()"
    "  FROM judged j"
    "  WHERE l.id = ANY (ARRAY(SELECT id FROM judged)) AND l.id = j.id"
    "    AND (j.fate = 'settled' OR j.fate = 'replayed'"
    "         AND (j.message_id IS NULL OR j.id IN (SELECT letter_id FROM queued)))"
    "  RETURNING l.id, l.message_id, l.original_topic, j.fate),"
    "announced AS ("
    "  INSERT INTO outbound_outbox (message_id, letter_id, topic, fence, due_at)"
    "  SELECT id, NULL, $13::text, fence, clock_timestamp() FROM queued"
    "  UNION ALL"
    "  SELECT NULL, id, original_topic, 0, clock_timestamp() FROM done"
    "    WHERE fate = 'replayed' AND message_id IS NULL)"
    LETTERS_ANSWER LETTERS_COUNT("done", "replayed") LETTERS_COUNT("done", "settled") REPLAY_HELD_BACK, "UPDATE", "outbound_dead_letter"};

/*
 * $1 to $9 as in sql_parts.h. A message whose delivery nobody has decided yet is not put away, and neither is its
 * letter. Both tables have the same columns in the same order.
 */
#define ARCHIVE_FATE \
    "CASE WHEN m.id IS NULL THEN 'archived' WHEN " LETTER_IS_PAST " THEN 'settled'" \
    "     WHEN m.status = 'UNKNOWN' THEN 'undecided' ELSE 'archived' END"

const struct pg_statement lifecycle_archive_preview = {
    "archive_preview",
    "WITH " LETTERS_READ LETTERS_JUDGED(ARCHIVE_FATE)
    LETTERS_ANSWER LETTERS_COUNT("judged", "archived") LETTERS_COUNT("judged", "settled")
    LETTERS_COUNT("judged", "undecided"), "SELECT", "outbound_dead_letter"};

const struct pg_statement lifecycle_archive = {
    "archive",
    "WITH " LETTERS_TAKEN LETTERS_JUDGED(ARCHIVE_FATE)
    ", moved AS ("
    "  DELETE FROM outbound_message m USING judged j"
    "  WHERE m.id = ANY (ARRAY(SELECT message_id FROM judged)) AND m.id = j.message_id AND m.fence = j.fence"
    "    AND j.fate = 'archived' AND CASE m.status WHEN 'FAILED' THEN true WHEN 'EXPIRED' THEN true ELSE false END"
    "  RETURNING m.*),"
    "kept AS (INSERT INTO outbound_message_archive SELECT * FROM moved),"
    "done AS ("
    "  UPDATE outbound_dead_letter l"
    "  SET status = CASE WHEN j.fate = 'archived' THEN 'ARCHIVED' ELSE 'SETTLED' END,"
    "      updated_at = clock_timestamp()"
    "  FROM judged j"
    "  WHERE l.id = ANY (ARRAY(SELECT id FROM judged)) AND l.id = j.id"
    "    AND (j.fate = 'settled' OR j.fate = 'archived'"
    "         AND (j.found_id IS NULL OR j.found_id IN (SELECT id FROM moved)))"
    "  RETURNING j.fate)"
    LETTERS_ANSWER LETTERS_COUNT("done", "archived") LETTERS_COUNT("done", "settled")
    LETTERS_COUNT("judged", "undecided"), "UPDATE", "outbound_dead_letter"};

const struct lifecycle_change lifecycle_changes[] = {
    {&lifecycle_claim, STATE_QUEUED, STATE_SENDING},
    {&lifecycle_claim, STATE_QUEUED, STATE_EXPIRED},
    {&lifecycle_finish, STATE_SENDING, STATE_SENT},
    {&lifecycle_finish, STATE_SENDING, STATE_QUEUED},
    {&lifecycle_finish, STATE_SENDING, STATE_FAILED},
    {&lifecycle_finish, STATE_SENDING, STATE_UNKNOWN},
    {&lifecycle_finish, STATE_QUEUED, STATE_SENT},
    {&lifecycle_finish, STATE_UNKNOWN, STATE_SENT},
    {&lifecycle_finish, STATE_FAILED, STATE_SENT},
    {&lifecycle_expire_leases, STATE_SENDING, STATE_UNKNOWN},
    {&lifecycle_expire_leases, STATE_SENDING, STATE_QUEUED},
    {&lifecycle_expire_leases, STATE_SENDING, STATE_FAILED},
    {&lifecycle_replay, STATE_FAILED, STATE_QUEUED},
    {&lifecycle_replay, STATE_EXPIRED, STATE_QUEUED},
    {&lifecycle_replay, STATE_UNKNOWN, STATE_QUEUED},
};

const size_t lifecycle_change_count = COUNT_OF(lifecycle_changes);
