/*
 * The commands of `outbound ops`: each is the runbook's statement with filters. Parameters are those of enum
 * ops_option: $1 channel, $2 org, $3 id, $4 since, $5 older than, $6 for, $7 attempts, $8 except templates,
 * $9 status, $10 limit, $11 percent, $12 topic.
 */
#include "schemas/ops_options.h"

#define CHANNEL_AND_ORG (OPS_BIT(OPS_CHANNEL) | OPS_BIT(OPS_ORG))
#define CHOICE (CHANNEL_AND_ORG | OPS_BIT(OPS_ID))

/* clang-format off */

#define OF_CHANNEL_AND_ORG "($1 IS NULL OR m.channel = $1) AND ($2 IS NULL OR m.org_id = $2)"
#define CHOSEN OF_CHANNEL_AND_ORG " AND ($3 IS NULL OR m.id = $3::uuid)"
#define STUCK \
    "(m.status = 'QUEUED' AND m.attempt_count >= $7::int4 AND m.updated_at < now() - $5::interval" \
    " OR m.status = 'SENDING' AND m.updated_at < now() - interval '10 minutes') AND " CHOSEN
#define LATENCY(part) \
    "round((percentile_cont(" part ") WITHIN GROUP (ORDER BY extract(epoch FROM m.sent_at - m.created_at)))::numeric, 3)"

const struct ops_command ops_commands[] = {
    {.name = "queue",
     .help = "how many messages are in which status, and since when; but those that were sent",
     .takes = CHANNEL_AND_ORG,
     .read = "SELECT m.channel, m.status, count(*) AS messages, min(m.created_at) AS oldest,"
             "  extract(epoch FROM now() - min(m.created_at))::int8 AS oldest_age_s,"
             "  count(*) FILTER (WHERE m.updated_at > now()) AS deferred"
             " FROM outbound_message m WHERE m.status <> 'SENT' AND " OF_CHANNEL_AND_ORG
             " GROUP BY m.channel, m.status ORDER BY m.channel, m.status"},
    {.name = "channels",
     .help = "what became of the messages of the last hour, by channel",
     .takes = CHANNEL_AND_ORG | OPS_BIT(OPS_SINCE),
     .initial = {[OPS_SINCE] = "1h"},
     .read = "SELECT m.channel, m.status, count(*) AS messages, round(avg(m.attempt_count), 2) AS avg_attempts"
             " FROM outbound_message m WHERE m.created_at > now() - $4::interval AND " OF_CHANNEL_AND_ORG
             " GROUP BY m.channel, m.status ORDER BY m.channel, m.status"},
    {.name = "failures",
     .help = "why messages of the last day failed",
     .takes = CHANNEL_AND_ORG | OPS_BIT(OPS_SINCE),
     .initial = {[OPS_SINCE] = "24h"},
     .read = "SELECT m.channel, m.error_code, count(*) AS messages, count(DISTINCT m.dossier_id) AS dossiers,"
             "  max(m.updated_at) AS last"
             " FROM outbound_message m"
             " WHERE m.status = 'FAILED' AND m.created_at > now() - $4::interval AND " OF_CHANNEL_AND_ORG
             " GROUP BY m.channel, m.error_code ORDER BY messages DESC, m.channel, m.error_code"},
    {.name = "latency",
     .help = "how long messages of the last hour took until a provider had them",
     .takes = CHANNEL_AND_ORG | OPS_BIT(OPS_SINCE),
     .initial = {[OPS_SINCE] = "1h"},
     .read = "SELECT m.channel, count(*) AS sent, " LATENCY("0.5") " AS p50_s, " LATENCY("0.95") " AS p95_s, "
             LATENCY("0.99") " AS p99_s"
             " FROM outbound_message m"
             " WHERE m.status = 'SENT' AND m.created_at > now() - $4::interval AND " OF_CHANNEL_AND_ORG
             " GROUP BY m.channel ORDER BY m.channel"},
    {.name = "dossiers",
     .help = "the 20 dossiers with the most messages in the last hour",
     .takes = CHANNEL_AND_ORG | OPS_BIT(OPS_SINCE),
     .initial = {[OPS_SINCE] = "1h"},
     .read = "SELECT m.org_id, m.channel, m.dossier_id, count(*) AS messages FROM outbound_message m"
             " WHERE m.created_at > now() - $4::interval AND " OF_CHANNEL_AND_ORG
             " GROUP BY m.org_id, m.channel, m.dossier_id ORDER BY messages DESC, m.dossier_id LIMIT 20"},
    {.name = "stuck",
     .help = "at most 100 messages that were tried often and wait for hours, or are with a sender for minutes",
     .takes = CHOICE | OPS_BIT(OPS_OLDER_THAN) | OPS_BIT(OPS_ATTEMPTS) | OPS_BIT(OPS_REQUEUE) | OPS_BIT(OPS_DRY_RUN),
     .changes_with = OPS_BIT(OPS_REQUEUE),
     .initial = {[OPS_OLDER_THAN] = "2h", [OPS_ATTEMPTS] = "3"},
     .read = "SELECT m.id, m.channel, m.status, m.attempt_count, m.max_attempts, m.created_at, m.updated_at,"
             "  (SELECT max(a.next_retry_at) FROM outbound_attempt a WHERE a.outbound_message_id = m.id)"
             "    AS next_retry_at, m.error_code"
             " FROM outbound_message m WHERE " STUCK
             " ORDER BY m.attempt_count DESC, m.created_at LIMIT 100",
     .change = "WITH stuck AS (SELECT m.id, m.status FROM outbound_message m WHERE " STUCK
               "  ORDER BY m.attempt_count DESC, m.created_at LIMIT 100 FOR UPDATE),"
               "changed AS (UPDATE outbound_message m SET status = 'QUEUED', updated_at = now() FROM stuck"
               "  WHERE m.id = stuck.id RETURNING m.channel, stuck.status)"
               "SELECT channel, status AS was, count(*) AS messages FROM changed GROUP BY 1, 2 ORDER BY 1, 2"},
    {.name = "retry-now",
     .help = "ends the pause before the next attempt of what has waited for an hour",
     .takes = CHOICE | OPS_BIT(OPS_OLDER_THAN) | OPS_BIT(OPS_DRY_RUN),
     .initial = {[OPS_OLDER_THAN] = "1h"},
     .change = "WITH changed AS (UPDATE outbound_attempt a SET next_retry_at = NULL FROM outbound_message m"
               "  WHERE a.outbound_message_id = m.id AND a.next_retry_at IS NOT NULL AND m.status = 'QUEUED'"
               "    AND m.attempt_count < m.max_attempts AND m.updated_at <= now() - $5::interval AND " CHOSEN
               "  RETURNING m.channel, m.id)"
               "SELECT channel, count(DISTINCT id) AS messages FROM changed GROUP BY 1 ORDER BY 1"},
    {.name = "defer",
     .help = "lets messages of a channel wait that are QUEUED",
     .takes = CHOICE | OPS_BIT(OPS_FOR) | OPS_BIT(OPS_EXCEPT_TEMPLATES) | OPS_BIT(OPS_DRY_RUN),
     .needs = OPS_BIT(OPS_CHANNEL) | OPS_BIT(OPS_FOR),
     .change = "WITH changed AS (UPDATE outbound_message m SET updated_at = now() + $6::interval"
               "  WHERE m.status = 'QUEUED' AND m.template_code <> ALL (string_to_array(coalesce($8, ''), ','))"
               "    AND " CHOSEN " RETURNING m.channel, m.template_code, m.updated_at)"
               "SELECT channel, template_code, updated_at AS until, count(*) AS messages FROM changed"
               "  GROUP BY 1, 2, 3 ORDER BY 1, 2"},
    {.name = "quota",
     .help = "WhatsApp's quota of each organisation; sets one",
     .takes = OPS_BIT(OPS_ORG) | OPS_BIT(OPS_LIMIT) | OPS_BIT(OPS_PERCENT) | OPS_BIT(OPS_DRY_RUN),
     .changes_with = OPS_BIT(OPS_LIMIT) | OPS_BIT(OPS_PERCENT),
     .change_needs = OPS_BIT(OPS_ORG),
     .read = "SELECT q.org_id, q.messages_sent_count AS used, q.quota_limit, q.quota_limit - q.messages_sent_count"
             "  AS remaining, round(100.0 * q.messages_sent_count / nullif(q.quota_limit, 0), 1) AS used_percent,"
             "  q.reset_at, q.throttle_until"
             " FROM whatsapp_rate_limit q WHERE $2 IS NULL OR q.org_id = $2"
             " ORDER BY used_percent DESC NULLS LAST, q.org_id",
     .change = "UPDATE whatsapp_rate_limit SET quota_limit = CASE WHEN $10 IS NULL"
               "  THEN quota_limit * $11::numeric / 100 ELSE $10::numeric END WHERE org_id = $2"
               " RETURNING org_id, messages_sent_count AS used, quota_limit, reset_at, throttle_until"},
    {.name = "archive",
     .help = "moves messages that ended a week ago to outbound_message_archive",
     .takes = CHOICE | OPS_BIT(OPS_OLDER_THAN) | OPS_BIT(OPS_STATUS) | OPS_BIT(OPS_DRY_RUN),
     .initial = {[OPS_OLDER_THAN] = "7d", [OPS_STATUS] = "FAILED"},
     .change = "WITH gone AS (DELETE FROM outbound_message m"
               "  WHERE m.status = $9 AND m.updated_at <= now() - $5::interval AND " CHOSEN " RETURNING m.*),"
               "kept AS (INSERT INTO outbound_message_archive SELECT * FROM gone RETURNING channel, status)"
               "SELECT channel, status, count(*) AS messages FROM kept GROUP BY 1, 2 ORDER BY 1, 2"},
    {.name = "rebuild",
     .help = "publishes every unfinished message again, as when Kafka has lost them; says how many there are",
     .takes = OPS_BIT(OPS_TOPIC) | OPS_BIT(OPS_DRY_RUN),
     .change = "WITH begun AS (UPDATE outbound_kafka SET rebuilds = rebuilds + 1, begun_at = clock_timestamp(),"
               "    lost = CASE WHEN $12 IS NULL THEN lost ELSE lost || jsonb_build_object($12, rebuilds + 1) END,"
               "    walk_status = 'QUEUED', walk_created_at = DEFAULT, walk_id = DEFAULT RETURNING rebuilds)"
               "SELECT begun.rebuilds AS rebuild, m.status, count(m.id) AS messages FROM begun"
               "  LEFT JOIN outbound_message m ON m.status IN ('QUEUED', 'FAILED', 'EXPIRED', 'UNKNOWN')"
               "    AND NOT EXISTS (SELECT FROM outbound_outbox o WHERE o.message_id = m.id)"
               "    AND NOT EXISTS (SELECT FROM outbound_dead_letter l WHERE l.message_id = m.id AND l.fence = m.fence)"
               " GROUP BY 1, 2 ORDER BY 2"},
    {.name = "activity",
     .help = "what PostgreSQL is doing",
     .read = "SELECT pid, application_name, extract(epoch FROM now() - query_start)::int8 AS running_s,"
             "  wait_event_type, wait_event, left(query, 100) AS query"
             " FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() ORDER BY query_start"},
    {.name = "slow",
     .help = "the statements on messages that take longest; needs the extension pg_stat_statements",
     .read = "SELECT round(mean_exec_time::numeric, 3) AS mean_ms, calls, left(query, 100) AS query"
             " FROM pg_stat_statements WHERE query LIKE '%outbound_message%'"
             " ORDER BY mean_exec_time DESC LIMIT 10"},
};

const size_t ops_command_count = COUNT_OF(ops_commands);
