-- Status events get a table of their own, and a transaction that tells of many changes writes one row for all of them: next
-- to the row of the message, its index entries and its deletion were most of what an event cost.

-- Nobody writes an event while those that wait are copied: messages cannot be stored meanwhile.
LOCK TABLE outbound_outbox IN ACCESS EXCLUSIVE MODE;

-- An event's number is its row's and its place in it, from 0. A row has as many places as the largest batch there can be.
CREATE TABLE outbound_event_outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY (INCREMENT BY 10000) PRIMARY KEY,
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    count       integer NOT NULL CHECK (count BETWEEN 1 AND 10000),
    message_ids uuid[] NOT NULL,
    events      outbound_event[] NOT NULL,      -- of these messages, in the same order
    CHECK (count = cardinality(message_ids) AND count = cardinality(events))
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
CREATE INDEX idx_outbound_outbox_due ON outbound_outbox (due_at);

-- Roles of the release before, until the last of them is replaced: what they write as an event finds its way. The column
-- and this trigger go with a later migration.
CREATE FUNCTION outbound_event_of_older_role() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbound_event_outbox (count, message_ids, events)
    VALUES (1, ARRAY[NEW.message_id], ARRAY[NEW.event]);
    RETURN NULL;
END $$;

CREATE TRIGGER event_of_older_role BEFORE INSERT ON outbound_outbox FOR EACH ROW
    WHEN (NOT (NEW.event IS NULL)) EXECUTE FUNCTION outbound_event_of_older_role();

CREATE OR REPLACE FUNCTION outbound_operator_tells() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbound_event_outbox (count, message_ids, events)
    VALUES (1, ARRAY[NEW.id],
            ARRAY[ROW(NEW.status, NEW.attempt_count, NEW.error_code, NEW.provider, NEW.provider_message_id,
                      clock_timestamp())::outbound_event]);
    RETURN NULL;
END $$;
