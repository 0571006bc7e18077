/*
 * sql_parts.h - pieces of SQL that several statements have in common.
 */
#ifndef SCHEMAS_SQL_PARTS_H
#define SCHEMAS_SQL_PARTS_H

/* clang-format off */

/* A time as the API shows it. */
#define API_TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/*
 * Status events. EVENT_OF is a column for RETURNING: what is told about the row as it is now, null when its status is
 * not among the parameter `statuses`; EVENT is the same without a question. EVENTS_TOLD puts the events of such a table of changes into
 * their outbox, as one row.
 */
#define EVENT(row) \
    "ROW(" row ".status, " row ".attempt_count, " row ".error_code, " row ".provider, " row ".provider_message_id, " \
    row ".updated_at)::outbound_event"
#define EVENT_OF(row, statuses) \
    "CASE WHEN " row ".status = ANY (" statuses "::text[]) THEN " EVENT(row) " END AS event"
#define EVENTS_TOLD(changes) \
    "told AS (" \
    "  INSERT INTO outbound_event_outbox (count, message_ids, events)" \
    "  SELECT count(*), array_agg(id), array_agg(event) FROM " changes " WHERE NOT (event IS NULL) HAVING count(*) > 0)"

/* What a person asked for: $1 status, $2 channel, $3 code, $4 organisation, $5 since, $6 until, each may be null. */
#define LETTERS_MATCH \
    "($2::text IS NULL OR l.channel = $2::text) AND ($3::text IS NULL OR l.error_code = $3::text)" \
    " AND ($4::text IS NULL OR l.org_id = $4::text)" \
    " AND ($5::timestamptz IS NULL OR l.failed_at >= $5::timestamptz)" \
    " AND ($6::timestamptz IS NULL OR l.failed_at < $6::timestamptz)"

/*
 * The ids of the next letters that are meant: $7 ids or null, $8 the last id of the batch before, $9 most. One of
 * the two halves is never executed: either the ids are given and found by the primary key, or the letters of a
 * status are walked through in the order of their ids.
 */
#define LETTERS_CHOSEN \
    "chosen AS (" \
    "  (SELECT l.id FROM outbound_dead_letter l" \
    "     WHERE $7::int8[] IS NULL AND l.status = $1::text AND l.id > $8::int8 AND " LETTERS_MATCH \
    "     ORDER BY l.id LIMIT $9::int8)" \
    "  UNION ALL" \
    "  (SELECT l.id FROM outbound_dead_letter l" \
    "     WHERE l.id = ANY ($7::int8[]) AND l.status = $1::text AND l.id > $8::int8 AND " LETTERS_MATCH \
    "     ORDER BY l.id LIMIT $9::int8))"

/* The same letters as rows, read or taken; in the order of their ids, so that two of us do not lock crosswise. */
#define LETTERS_READ \
    LETTERS_CHOSEN ", letters AS (" \
    "  SELECT * FROM outbound_dead_letter" \
    "  WHERE id = ANY (ARRAY(SELECT id FROM chosen)) AND status = $1::text)"
#define LETTERS_TAKEN \
    LETTERS_CHOSEN ", letters AS (" \
    "  SELECT * FROM outbound_dead_letter" \
    "  WHERE id = ANY (ARRAY(SELECT id FROM chosen)) AND status = $1::text ORDER BY id FOR UPDATE)"

/* Each letter with what is to become of it: `fate` is an SQL expression over the letter l and its message m. */
#define LETTERS_JUDGED(fate) \
    ", judged AS (" \
    "  SELECT l.id, l.message_id, l.fence, l.original_topic, m.id AS found_id, " fate " AS fate" \
    "  FROM letters l LEFT JOIN LATERAL" \
    "    (SELECT * FROM outbound_message WHERE id = l.message_id OFFSET 0) m ON true)"

/* Whether its message has gone on since, sent after all or queued again by hand. */
#define LETTER_IS_PAST \
    "(m.fence <> l.fence OR m.status NOT IN ('FAILED', 'EXPIRED', 'UNKNOWN'))"

/*
 * The answer about a batch: (last id, letters in it, then how many of each fate, in columns of that name). `done`
 * is the table of those that were changed, which has a column `fate`, too.
 */
#define LETTERS_ANSWER "SELECT (SELECT max(id) FROM chosen), (SELECT count(*) FROM chosen)"
#define LETTERS_COUNT(table, fate) ", (SELECT count(*) FROM " table " WHERE fate = '" fate "') AS \"" fate "\""

#endif
