-- Messages, their attempts, and the outbox that hands them to Kafka. Names are the production runbook's; what
-- the delivery protocol needs beside them is explained where it stands.

CREATE TABLE outbound_message (
    id                  uuid PRIMARY KEY,
    org_id              text NOT NULL,
    dossier_id          bigint NOT NULL,
    channel             text NOT NULL,
    priority            text NOT NULL DEFAULT 'normal' CHECK (priority IN ('normal', 'urgent')),
    to_recipient        text NOT NULL,
    template_code       text NOT NULL,
    subject             text,
    payload_json        json NOT NULL,          -- json, not jsonb: kept byte for byte
    status              text NOT NULL DEFAULT 'QUEUED' CHECK (status IN (
                            'QUEUED', 'SENDING', 'SENT', 'FAILED', 'SCHEDULED', 'UNKNOWN', 'EXPIRED', 'CANCELLED')),
    attempt_count       integer NOT NULL DEFAULT 0,  -- since it was last queued afresh; max_attempts bounds it
    max_attempts        integer NOT NULL,
    fence               integer NOT NULL DEFAULT 0,  -- attempts begun over its whole life, never set back:
                                                     -- whoever holds an older one may no longer change the row
    generation          integer NOT NULL DEFAULT 0,  -- raised when Kafka lost its topics and all is published anew
    lease_until         timestamptz,                 -- while SENDING: then the claim is over
    error_code          text,
    error_message       text,
    provider            text,
    provider_message_id text,
    correlation_id      text NOT NULL,
    idempotency_key     text,
    request_hash        bytea,                       -- SHA-256; to tell a repeated request from another one
    expires_at          timestamptz,
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at             timestamptz
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- Nearly all rows are SENT, and nobody looks for those by status: leaving them out keeps the indexes small and
-- saves two index entries for each message that is sent.
CREATE INDEX idx_outbound_message_status_created ON outbound_message (status, created_at) WHERE status <> 'SENT';
CREATE INDEX idx_outbound_message_channel_status ON outbound_message (channel, status) WHERE status <> 'SENT';
CREATE UNIQUE INDEX idx_outbound_message_idempotency ON outbound_message (org_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

-- One row per attempt. No foreign key: archiving a message (a plain DELETE in the runbook) keeps its history.
CREATE TABLE outbound_attempt (
    outbound_message_id uuid NOT NULL,
    attempt_no          integer NOT NULL,       -- the message's fence during the attempt
    outcome             text NOT NULL CHECK (outcome IN ('SENT', 'RETRY', 'FAILED', 'UNKNOWN')),
    provider            text,
    provider_message_id text,
    http_status         integer,
    error_code          text,
    error_message       text,
    started_at          timestamptz NOT NULL,
    finished_at         timestamptz NOT NULL,
    next_retry_at       timestamptz,
    PRIMARY KEY (outbound_message_id, attempt_no)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.2);

CREATE INDEX idx_outbound_attempt_retry_at ON outbound_attempt (next_retry_at) WHERE next_retry_at IS NOT NULL;

-- What Kafka has to be told. A row goes away when the broker has acknowledged its record. Until due_at it is
-- nobody's (a retry that waits) or belongs to the process that took it last.
CREATE TABLE outbound_outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id  uuid NOT NULL,
    topic       text NOT NULL,
    fence       integer NOT NULL,               -- the message's when the row was made: its record is good for the
                                                -- attempt after it and for no other
    due_at      timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

CREATE INDEX idx_outbound_outbox_due ON outbound_outbox (due_at);

CREATE TABLE outbound_message_archive (LIKE outbound_message INCLUDING DEFAULTS);
CREATE INDEX idx_outbound_message_archive_id ON outbound_message_archive (id);

-- WhatsApp's quota per organisation (production runbook, section 4).
CREATE TABLE whatsapp_rate_limit (
    org_id              text PRIMARY KEY,
    messages_sent_count integer NOT NULL DEFAULT 0,
    quota_limit         integer NOT NULL,
    reset_at            timestamptz NOT NULL,
    throttle_until      timestamptz
);
