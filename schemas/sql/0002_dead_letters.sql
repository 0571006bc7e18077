-- Dead letters: what nothing here could deliver, as `outbound dlq consume` read it from the dead-letter topic.

CREATE TABLE outbound_dead_letter (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dlq_topic          text NOT NULL,           -- where the letter itself was read
    dlq_partition      integer NOT NULL,
    dlq_offset         bigint NOT NULL,
    written_at         timestamptz NOT NULL,    -- Kafka's time of the letter
    message_id         uuid,                    -- NULL: a record that stands for no message
    fence              integer,                 -- the message's when it was given up
    org_id             text,
    channel            text,
    correlation_id     text,
    original_topic     text,
    original_partition integer,
    original_offset    bigint,
    error_code         text NOT NULL,
    reason             text,
    attempts           integer,
    failed_by          text,
    failed_at          timestamptz NOT NULL,
    record_key         bytea,                   -- these three only where there is no message: byte for byte what
    record_value       bytea,                   -- is published again by a replay
    record_headers     bytea,
    status             text NOT NULL DEFAULT 'OPEN'
                       CHECK (status IN ('OPEN', 'REPLAYED', 'SETTLED', 'ARCHIVED', 'DISCARDED')),
    replay_count       integer NOT NULL DEFAULT 0,  -- of the message or record, over all of its letters
    updated_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A letter that is read again does nothing. A topic that was made anew counts its offsets from 0: its letters differ
-- from the old ones by their time.
CREATE UNIQUE INDEX idx_outbound_dead_letter_record
    ON outbound_dead_letter (dlq_topic, dlq_partition, dlq_offset, written_at);

-- A message is given up once by each of its attempts; a second record of the same end does nothing either.
CREATE UNIQUE INDEX idx_outbound_dead_letter_message ON outbound_dead_letter (message_id, fence)
    WHERE message_id IS NOT NULL;

CREATE INDEX idx_outbound_dead_letter_status ON outbound_dead_letter (status, id);

-- The outbox also announces records that are replayed: its row has a message or such a letter.
ALTER TABLE outbound_outbox
    ALTER COLUMN message_id DROP NOT NULL,
    ADD COLUMN letter_id bigint,
    ADD CONSTRAINT outbound_outbox_what CHECK ((message_id IS NULL) <> (letter_id IS NULL));
