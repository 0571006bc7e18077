-- Status events: what callers are told about a change, written by the transaction that makes it.

-- What the message's row said when its status had changed; later changes do not touch it.
CREATE TYPE outbound_event AS (
    status              text,
    attempt_count       integer,
    error_code          text,
    provider            text,
    provider_message_id text,
    occurred_at         timestamptz
);

-- A row with an event is a record of outbound.events. It waits for its turn (its id), not for a time: its due_at is
-- 'infinity', and whoever looks for what is due does not meet it, however many events wait for a schema registry.
ALTER TABLE outbound_outbox ADD COLUMN event outbound_event;

DROP INDEX idx_outbound_outbox_due;
CREATE INDEX idx_outbound_outbox_due ON outbound_outbox (due_at) WHERE event IS NULL;
CREATE INDEX idx_outbound_outbox_event ON outbound_outbox (id) WHERE NOT (event IS NULL);

-- A person's changes. They do not know which ones are wanted: the producer that publishes events does.
CREATE FUNCTION outbound_operator_tells() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbound_outbox (message_id, topic, fence, due_at, event)
    VALUES (NEW.id, 'outbound.events', NEW.fence, 'infinity',
            ROW(NEW.status, NEW.attempt_count, NEW.error_code, NEW.provider, NEW.provider_message_id,
                clock_timestamp()));
    RETURN NULL;
END $$;

CREATE TRIGGER operator_tells AFTER UPDATE OF status ON outbound_message FOR EACH ROW
    WHEN (current_setting('outbound.role', true) IS DISTINCT FROM 'on' AND NEW.status <> OLD.status)
    EXECUTE FUNCTION outbound_operator_tells();

CREATE TRIGGER operator_tells_new AFTER INSERT ON outbound_message FOR EACH ROW
    WHEN (current_setting('outbound.role', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION outbound_operator_tells();
