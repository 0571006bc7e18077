-- Messages that other services hand over by Kafka instead of HTTP.

-- Who gave the message its idempotency key: services choose theirs without knowing of each other. And what keeps
-- messages in one partition of every topic, where the caller asks for that; its bytes are the caller's.
ALTER TABLE outbound_message
    ADD COLUMN source text NOT NULL DEFAULT 'http',
    ADD COLUMN ordering_key bytea;
ALTER TABLE outbound_message_archive
    ADD COLUMN source text NOT NULL DEFAULT 'http',
    ADD COLUMN ordering_key bytea;

DROP INDEX idx_outbound_message_idempotency;
CREATE UNIQUE INDEX idx_outbound_message_idempotency ON outbound_message (org_id, source, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
