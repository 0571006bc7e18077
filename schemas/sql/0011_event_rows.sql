-- Status events get a table of their own, and a transaction that tells of many changes writes one row for all of them: next
-- to the row of the message, its index entries and its deletion were most of what an event cost.

-- An event's number is its row's and its place in it, from 0: so many places has a row.
CREATE TABLE outbound_event_outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY (INCREMENT BY 100000) PRIMARY KEY,
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    count       integer NOT NULL CHECK (count BETWEEN 1 AND 100000),
    message_ids uuid[] NOT NULL,
    events      outbound_event[] NOT NULL       -- of these messages, in the same order
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000);

-- A row lives for a second: compressing it would cost more than writing it.
ALTER TABLE outbound_event_outbox
    ALTER COLUMN message_ids SET STORAGE EXTERNAL,
    ALTER COLUMN events SET STORAGE EXTERNAL;

-- Those that wait keep their numbers, and later ones have greater ones.
INSERT INTO outbound_event_outbox (id, count, message_ids, events) OVERRIDING SYSTEM VALUE
    SELECT id, 1, ARRAY[message_id], ARRAY[event] FROM outbound_outbox WHERE NOT (event IS NULL);
SELECT setval(pg_get_serial_sequence('outbound_event_outbox', 'id'),
              (SELECT last_value FROM outbound_outbox_id_seq));

DELETE FROM outbound_outbox WHERE NOT (event IS NULL);
DROP INDEX idx_outbound_outbox_due, idx_outbound_outbox_event;
ALTER TABLE outbound_outbox DROP COLUMN event;
CREATE INDEX idx_outbound_outbox_due ON outbound_outbox (due_at);

CREATE OR REPLACE FUNCTION outbound_operator_tells() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbound_event_outbox (count, message_ids, events)
    VALUES (1, ARRAY[NEW.id],
            ARRAY[ROW(NEW.status, NEW.attempt_count, NEW.error_code, NEW.provider, NEW.provider_message_id,
                      clock_timestamp())::outbound_event]);
    RETURN NULL;
END $$;
