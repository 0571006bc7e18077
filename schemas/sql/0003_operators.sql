-- What a person writes into the tables takes effect, as the production runbook has it: a row set to QUEUED is
-- announced, and whoever held it before (a sender, a record in Kafka) finds the fence raised.
--
-- Sessions of the roles have outbound.role = on (base/pg.c). For them each WHEN below is false, so that they pay
-- neither a function call nor a second announcement.

-- What becomes of a claim that nobody finishes: true holds the message as UNKNOWN, false tries again. The sender
-- that claims it says so, because whoever finds the lease expired may have other settings, or be no sender at all.
ALTER TABLE outbound_message ADD COLUMN hold_unknown boolean NOT NULL DEFAULT false;
ALTER TABLE outbound_message_archive ADD COLUMN hold_unknown boolean NOT NULL DEFAULT false;

-- A claim without an end would stay forever. NOT VALID: rows that are there need not be looked at.
ALTER TABLE outbound_message ADD CONSTRAINT sending_has_a_lease
    CHECK (status <> 'SENDING' OR lease_until IS NOT NULL) NOT VALID;

CREATE FUNCTION outbound_operator_takes_over() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.fence := OLD.fence + 1;
    IF NEW.status <> 'SENDING' THEN
        NEW.lease_until := NULL;
    END IF;
    IF NEW.status IN ('FAILED', 'EXPIRED') THEN
        NEW.error_code := coalesce(NEW.error_code, 'SET_BY_HAND');
    END IF;
    RETURN NEW;
END $$;

-- A row that is QUEUED is due at its updated_at, if that lies ahead. One that was QUEUED before also keeps the pause
-- before its next attempt: outbound_attempt.next_retry_at is where a person ends that.
CREATE FUNCTION outbound_operator_announces() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    next_retry_at timestamptz;
BEGIN
    IF OLD.status = 'SENDING' THEN
        INSERT INTO outbound_attempt (outbound_message_id, attempt_no, outcome, error_code, error_message,
                                      started_at, finished_at)
        VALUES (NEW.id, OLD.fence, 'UNKNOWN', 'SET_BY_HAND', 'set to ' || NEW.status || ' while a sender had it',
                OLD.updated_at, clock_timestamp())
        ON CONFLICT DO NOTHING;
    END IF;
    IF NEW.status = 'QUEUED' THEN
        IF OLD.status = 'QUEUED' THEN
            SELECT max(a.next_retry_at) INTO next_retry_at FROM outbound_attempt a
            WHERE a.outbound_message_id = NEW.id;
        END IF;
        INSERT INTO outbound_outbox (message_id, topic, fence, due_at)
        VALUES (NEW.id, 'outbound.accepted', NEW.fence, greatest(NEW.updated_at, next_retry_at, clock_timestamp()));
    ELSIF NEW.status IN ('FAILED', 'EXPIRED') THEN
        INSERT INTO outbound_outbox (message_id, topic, fence, due_at)
        VALUES (NEW.id, 'outbound.dlq', NEW.fence, clock_timestamp());
    END IF;
    RETURN NULL;
END $$;

-- The last attempt's pause is changed: the message is announced for the new time, at once for NULL.
CREATE FUNCTION outbound_operator_ends_pause() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE outbound_message SET updated_at = clock_timestamp()
    WHERE id = NEW.outbound_message_id AND status = 'QUEUED'
      AND NOT EXISTS (SELECT FROM outbound_attempt later
                      WHERE later.outbound_message_id = NEW.outbound_message_id
                        AND later.attempt_no > NEW.attempt_no);
    RETURN NULL;
END $$;

CREATE TRIGGER operator_takes_over BEFORE UPDATE OF status, updated_at ON outbound_message FOR EACH ROW
    WHEN (current_setting('outbound.role', true) IS DISTINCT FROM 'on'
          AND (NEW.status = 'QUEUED' OR NEW.status <> OLD.status))
    EXECUTE FUNCTION outbound_operator_takes_over();

CREATE TRIGGER operator_announces AFTER UPDATE OF status, updated_at ON outbound_message FOR EACH ROW
    WHEN (current_setting('outbound.role', true) IS DISTINCT FROM 'on'
          AND (NEW.status = 'QUEUED' OR NEW.status <> OLD.status))
    EXECUTE FUNCTION outbound_operator_announces();

CREATE TRIGGER operator_inserts AFTER INSERT ON outbound_message FOR EACH ROW
    WHEN (current_setting('outbound.role', true) IS DISTINCT FROM 'on' AND NEW.status = 'QUEUED')
    EXECUTE FUNCTION outbound_operator_announces();

CREATE TRIGGER operator_ends_pause AFTER UPDATE OF next_retry_at ON outbound_attempt FOR EACH ROW
    WHEN (current_setting('outbound.role', true) IS DISTINCT FROM 'on'
          AND NEW.next_retry_at IS DISTINCT FROM OLD.next_retry_at)
    EXECUTE FUNCTION outbound_operator_ends_pause();
