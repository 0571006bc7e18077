-- The statements of the production runbook, as written there. A line `-- # name` begins each.

-- # throttled organisations
SELECT * FROM whatsapp_rate_limit WHERE throttle_until > NOW();

-- # active sessions
SELECT * FROM pg_stat_activity WHERE state = 'active';

-- # dead letters by error
SELECT
  channel,
  error_code,
  COUNT(*) as count,
  MAX(updated_at) as last_occurrence
FROM outbound_message
WHERE status = 'FAILED'
  AND attempt_count >= max_attempts
GROUP BY channel, error_code
ORDER BY count DESC
LIMIT 20;

-- # latest dead letters
SELECT
  error_code,
  error_message,
  to_recipient,
  template_code
FROM outbound_message
WHERE status = 'FAILED'
  AND attempt_count >= max_attempts
ORDER BY updated_at DESC
LIMIT 100;

-- # queue again what failed
UPDATE outbound_message
SET status = 'QUEUED',
    attempt_count = 0,
    error_code = NULL,
    error_message = NULL,
    updated_at = NOW()
WHERE status = 'FAILED'
  AND error_code = 'TEMPORARY_ERROR'
  AND updated_at > NOW() - INTERVAL '1 hour';

-- # archive what failed
-- Move to archive table for investigation
INSERT INTO outbound_message_archive
SELECT * FROM outbound_message
WHERE status = 'FAILED'
  AND updated_at < NOW() - INTERVAL '7 days';

DELETE FROM outbound_message
WHERE status = 'FAILED'
  AND updated_at < NOW() - INTERVAL '7 days';

-- # quota of an organisation
SELECT
  org_id,
  messages_sent_count,
  quota_limit,
  (quota_limit - messages_sent_count) as remaining,
  reset_at,
  throttle_until
FROM whatsapp_rate_limit
WHERE org_id = 'ORG_ID';

-- # high-volume senders
SELECT
  dossier_id,
  COUNT(*) as message_count
FROM outbound_message
WHERE channel = 'WHATSAPP'
  AND created_at > NOW() - INTERVAL '1 hour'
GROUP BY dossier_id
ORDER BY message_count DESC
LIMIT 20;

-- # reduce the quota
-- Temporarily reduce quota to slow consumption
UPDATE whatsapp_rate_limit
SET quota_limit = quota_limit * 0.5
WHERE org_id = 'ORG_ID';

-- # defer messages
-- Pause non-urgent WhatsApp messages
UPDATE outbound_message
SET status = 'QUEUED',
    updated_at = NOW() + INTERVAL '4 hours'
WHERE channel = 'WHATSAPP'
  AND status = 'QUEUED'
  AND template_code NOT IN ('urgent_alert', 'appointment_reminder');

-- # stuck messages
SELECT
  id,
  channel,
  status,
  attempt_count,
  max_attempts,
  created_at,
  updated_at,
  error_code,
  error_message
FROM outbound_message
WHERE status = 'QUEUED'
  AND attempt_count >= 3
  AND updated_at < NOW() - INTERVAL '2 hours'
ORDER BY attempt_count DESC, created_at ASC
LIMIT 100;

-- # retry schedule
SELECT
  om.id as message_id,
  om.channel,
  om.attempt_count,
  oa.attempt_no,
  oa.next_retry_at,
  oa.error_code,
  oa.error_message
FROM outbound_message om
JOIN outbound_attempt oa ON oa.outbound_message_id = om.id
WHERE om.status = 'QUEUED'
  AND om.attempt_count >= 3
ORDER BY oa.next_retry_at DESC;

-- # reset stuck messages
-- Reset messages stuck in limbo
UPDATE outbound_message
SET status = 'QUEUED',
    updated_at = NOW()
WHERE status = 'SENDING'
  AND updated_at < NOW() - INTERVAL '10 minutes';

-- # retry at once
-- Clear next_retry_at to allow immediate processing
UPDATE outbound_attempt
SET next_retry_at = NULL
WHERE outbound_message_id IN (
  SELECT id FROM outbound_message
  WHERE status = 'QUEUED'
    AND attempt_count < max_attempts
    AND updated_at < NOW() - INTERVAL '1 hour'
);

-- # slow queries
-- Check slow queries
SELECT
  query,
  mean_exec_time,
  calls
FROM pg_stat_statements
WHERE query LIKE '%outbound_message%'
ORDER BY mean_exec_time DESC
LIMIT 10;

-- # messages by status
SELECT
  status,
  COUNT(*) as count,
  MIN(created_at) as oldest,
  MAX(created_at) as newest
FROM outbound_message
GROUP BY status;

-- # channel performance
SELECT
  channel,
  status,
  COUNT(*) as count,
  AVG(attempt_count) as avg_attempts
FROM outbound_message
WHERE created_at > NOW() - INTERVAL '1 hour'
GROUP BY channel, status;

-- # error analysis
SELECT
  error_code,
  COUNT(*) as occurrences,
  COUNT(DISTINCT dossier_id) as affected_dossiers,
  MAX(updated_at) as last_seen
FROM outbound_message
WHERE status = 'FAILED'
  AND created_at > NOW() - INTERVAL '24 hours'
GROUP BY error_code
ORDER BY occurrences DESC;
