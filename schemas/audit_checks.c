#include "schemas/audit_checks.h"

#include "base/attributes.h"

/* clang-format off */

#define HERE(id) "EXISTS (SELECT FROM outbound_message known WHERE known.id = " id ")"
#define ARCHIVED(id) "EXISTS (SELECT FROM outbound_message_archive known WHERE known.id = " id ")"
#define DELETED(id) "EXISTS (SELECT FROM outbound_deletion known WHERE known.message_id = " id ")"
#define NOWHERE(id) "NOT " HERE(id) " AND NOT " ARCHIVED(id) " AND NOT " DELETED(id)

#define COUNT(status) "count(*) FILTER (WHERE status = '" status "')"

const char audit_counts_sql[] =
    "SELECT (SELECT coalesce(sum(n), 0) FROM outbound_tally WHERE what = 'accepted') AS accepted,"
    "  " COUNT("SENT") " AS sent, " COUNT("FAILED") " AS failed, " COUNT("EXPIRED") " AS expired,"
    "  " COUNT("CANCELLED") " AS cancelled, " COUNT("QUEUED") " AS queued, " COUNT("SENDING") " AS sending,"
    "  " COUNT("SCHEDULED") " AS scheduled, " COUNT("UNKNOWN") " AS unknown,"
    "  (SELECT count(*) FROM outbound_message_archive) AS archived,"
    "  (SELECT count(*) FROM outbound_deletion d WHERE NOT " HERE("d.message_id") ") AS deleted"
    "  FROM outbound_message";

/*
 * A letter on its way through Kafka is in no table. Letters are stored in the order of a partition, so that one which
 * has not come an hour after others of its time is not on its way any more. Where none was ever stored, a day is given
 * to `outbound dlq consume`.
 */
#define LETTERS_STORED_UNTIL \
    "(SELECT coalesce(max(written_at) - interval '1 hour', now() - interval '1 day') FROM outbound_dead_letter)"

const struct audit_check audit_checks[] = {
    {"conservation", "every message that was ever accepted is there, in the archive, or on record as deleted",
     "SELECT 'all', accepted || ' accepted, ' || known || ' known'"
     "  FROM (SELECT (SELECT coalesce(sum(n), 0) FROM outbound_tally WHERE what = 'accepted') AS accepted,"
     "               (SELECT count(*) FROM (SELECT id FROM outbound_message"
     "                                      UNION SELECT id FROM outbound_message_archive"
     "                                      UNION SELECT message_id FROM outbound_deletion) ids) AS known) counted"
     "  WHERE accepted <> known"},
    {"deleted", "no message was deleted without being archived, or a reason is given in outbound_deletion",
     "SELECT message_id::text, channel || ' ' || status || ', deleted ' || to_char(deleted_at, 'YYYY-MM-DD HH24:MI:SS')"
     "       || ' by ' || deleted_by || coalesce(' (' || nullif(application_name, '') || ')', '')"
     "  FROM outbound_deletion d WHERE reason IS NULL AND NOT " HERE("d.message_id")},
    {"twice", "no message is in outbound_message and in the archive, or twice in the archive",
     "SELECT id::text, count(*) || ' times in the archive' FROM outbound_message_archive GROUP BY id HAVING count(*) > 1"
     " UNION ALL"
     " SELECT id::text, 'also in the archive' FROM outbound_message m WHERE " ARCHIVED("m.id")},
    {"tally", "the numbers that the exporter shows are those of the tables",
     "SELECT concat_ws(' ', what, nullif(channel, ''), nullif(status, ''), CASE WHEN attempted THEN 'attempted' END),"
     "       coalesce(t.n, 0) || ' in the tally, ' || coalesce(c.n, 0) || ' counted'"
     "  FROM (SELECT what, channel, status, attempted, sum(n) AS n FROM outbound_tally"
     "        WHERE what <> 'accepted' GROUP BY 1, 2, 3, 4) t"
     "  FULL JOIN (SELECT 'message' AS what, channel, status, status = 'QUEUED' AND attempt_count > 0 AS attempted,"
     "                    count(*) AS n FROM outbound_message GROUP BY 2, 3, 4"
     "             UNION ALL SELECT 'archived', '', '', false, count(*) FROM outbound_message_archive"
     "             UNION ALL SELECT 'deleted', '', '', false, count(*) FROM outbound_deletion WHERE reason IS NOT NULL"
     "             UNION ALL SELECT 'letter', '', '', false, count(*) FROM outbound_dead_letter WHERE status = 'OPEN') c"
     "  USING (what, channel, status, attempted)"
     "  WHERE coalesce(t.n, 0) <> coalesce(c.n, 0)"},
    /* A role sets both times to the same moment; a person who writes SENT does not. */
    {"sent", "what a sender has set to SENT has an attempt that was",
     "SELECT m.id::text, m.channel || ', sent ' || to_char(m.sent_at, 'YYYY-MM-DD HH24:MI:SS') FROM outbound_message m"
     "  WHERE m.status = 'SENT' AND m.sent_at = m.updated_at"
     "    AND NOT EXISTS (SELECT FROM outbound_attempt a WHERE a.outbound_message_id = m.id AND a.outcome = 'SENT')"},
    {"sent_unnoticed", "a message whose last attempt was SENT is SENT",
     "SELECT m.id::text, m.channel || ' ' || m.status || ', attempt ' || a.attempt_no"
     "  FROM outbound_attempt a JOIN outbound_message m ON m.id = a.outbound_message_id AND m.fence = a.attempt_no"
     "  WHERE a.outcome = 'SENT' AND m.status <> 'SENT'"},
    {"letter_missing", "what FAILED or EXPIRED has a dead letter, or an outbox row that announces it; not judged are letters younger than an hour",
     "SELECT m.id::text, m.channel || ' ' || m.status || coalesce(' ' || m.error_code, '') FROM outbound_message m"
     "  WHERE m.status IN ('FAILED', 'EXPIRED') AND m.updated_at < " LETTERS_STORED_UNTIL
     "    AND NOT EXISTS (SELECT FROM outbound_dead_letter l WHERE l.message_id = m.id AND l.fence = m.fence)"
     "    AND NOT EXISTS (SELECT FROM outbound_outbox o WHERE o.message_id = m.id)"},
    {"lease", "no claim is over for an hour without senders and producers noticing",
     "SELECT id::text, channel || ', lease until ' || to_char(lease_until, 'YYYY-MM-DD HH24:MI:SS') FROM outbound_message"
     "  WHERE status = 'SENDING' AND lease_until < now() - interval '1 hour'"},
    {"forgotten", "no message is QUEUED, announced by nothing, and not announced again within OUTBOUND_REPUBLISH_AFTER_MS",
     "SELECT m.id::text, m.channel || ', accepted ' || to_char(m.created_at, 'YYYY-MM-DD HH24:MI:SS')"
     "  FROM outbound_message m"
     "  WHERE m.status = 'QUEUED' AND m.updated_at < now() - 2 * $1::int8 * interval '1 ms'"
     "    AND NOT EXISTS (SELECT FROM outbound_outbox o WHERE o.message_id = m.id)"
     "    AND NOT EXISTS (SELECT FROM outbound_attempt a WHERE a.outbound_message_id = m.id AND a.attempt_no = m.fence"
     "                    AND a.next_retry_at > now() - 2 * $1::int8 * interval '1 ms')"},
    {"fence", "no attempt has a number above its message's fence",
     "SELECT m.id::text, 'attempt ' || a.attempt_no || ', fence ' || m.fence"
     "  FROM outbound_attempt a JOIN outbound_message m ON m.id = a.outbound_message_id WHERE a.attempt_no > m.fence"},
    {"attempts_of_none", "no attempt is of a message that exists nowhere",
     "SELECT a.outbound_message_id::text, 'attempt ' || a.attempt_no || ' ' || a.outcome FROM outbound_attempt a"
     "  WHERE " NOWHERE("a.outbound_message_id")},
    {"letters_of_none", "no dead letter is of a message that exists nowhere",
     "SELECT l.message_id::text, 'dead letter ' || l.id FROM outbound_dead_letter l"
     "  WHERE l.message_id IS NOT NULL AND " NOWHERE("l.message_id")},
    {"outbox_of_none", "no outbox row announces what exists nowhere",
     "SELECT o.message_id::text, 'outbox row ' || o.id || ' for ' || o.topic FROM outbound_outbox o"
     "  WHERE o.message_id IS NOT NULL AND " NOWHERE("o.message_id")
     " UNION ALL"
     " SELECT e.message_id::text, 'a row of events ' || e.id"
     "  FROM (SELECT id, unnest(message_ids) AS message_id FROM outbound_event_outbox) e WHERE " NOWHERE("e.message_id")
     " UNION ALL"
     " SELECT 'dead letter ' || o.letter_id, 'outbox row ' || o.id || ' for ' || o.topic FROM outbound_outbox o"
     "  WHERE o.letter_id IS NOT NULL AND NOT EXISTS (SELECT FROM outbound_dead_letter l WHERE l.id = o.letter_id)"},
};

const size_t audit_check_count = COUNT_OF(audit_checks);
