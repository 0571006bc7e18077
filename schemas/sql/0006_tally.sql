-- How many messages are in which status, kept by whatever changes it, so that reading the numbers costs the same however
-- many rows there are; and what was deleted. `outbound audit` counts again and compares.

-- A number is the sum over all slots. A transaction writes to a slot that no other has at that time: it never waits for
-- another one because of its numbers, and they are as durable and as visible as what they count.
CREATE TABLE outbound_tally (
    slot      bigint NOT NULL,
    what      text COLLATE "C" NOT NULL,        -- message; accepted: ever stored; archived; deleted: with a reason;
                                                -- letter: a dead letter that is OPEN
    channel   text COLLATE "C" NOT NULL,        -- of messages and what was accepted, else ''
    status    text COLLATE "C" NOT NULL,        -- of messages, else ''
    attempted boolean NOT NULL,                 -- QUEUED, and has had an attempt
    n         bigint NOT NULL,
    PRIMARY KEY (slot, what, channel, status, attempted)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);

-- Messages that were deleted and not archived, or deleted from the archive. With a reason, which a person writes here,
-- they count as accounted for.
CREATE TABLE outbound_deletion (
    message_id       uuid PRIMARY KEY,
    org_id           text NOT NULL,
    channel          text NOT NULL,
    status           text NOT NULL,
    deleted_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_by       text NOT NULL DEFAULT session_user,
    application_name text DEFAULT current_setting('application_name', true),
    reason           text
);

-- The first that is free. A transaction that must not see what others have committed meanwhile (repeatable read) cannot
-- change a row of theirs: its slot is its own for good.
CREATE FUNCTION outbound_tally_slot() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    slot integer := 1 + pg_backend_pid() % 32;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN - pg_current_xact_id()::text::bigint;
    END IF;
    WHILE NOT pg_try_advisory_xact_lock('outbound_tally'::regclass::oid::integer, slot) LOOP
        slot := slot + 1;
    END LOOP;
    RETURN slot;
END $$;

CREATE FUNCTION outbound_tally_messages() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    mine bigint := outbound_tally_slot();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO outbound_tally AS t
        SELECT mine, 'message', channel, status, status = 'QUEUED' AND attempt_count > 0, count(*) FROM fresh
        GROUP BY 3, 4, 5
        UNION ALL
        SELECT mine, 'accepted', channel, '', false, count(*) FROM fresh GROUP BY 3
        ON CONFLICT (slot, what, channel, status, attempted) DO UPDATE SET n = t.n + excluded.n;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO outbound_tally AS t
        SELECT mine, 'message', channel, status, attempted, sum(n)
        FROM (SELECT channel, status, status = 'QUEUED' AND attempt_count > 0 AS attempted, 1 AS n FROM fresh
              UNION ALL
              SELECT channel, status, status = 'QUEUED' AND attempt_count > 0, -1 FROM gone) changed
        GROUP BY 3, 4, 5 HAVING sum(n) <> 0
        ON CONFLICT (slot, what, channel, status, attempted) DO UPDATE SET n = t.n + excluded.n;
    ELSE
        INSERT INTO outbound_tally AS t
        SELECT mine, 'message', channel, status, status = 'QUEUED' AND attempt_count > 0, -count(*) FROM gone
        GROUP BY 3, 4, 5
        ON CONFLICT (slot, what, channel, status, attempted) DO UPDATE SET n = t.n + excluded.n;
        INSERT INTO outbound_deletion (message_id, org_id, channel, status)
        SELECT id, org_id, channel, status FROM gone
        WHERE NOT EXISTS (SELECT FROM outbound_message_archive a WHERE a.id = gone.id OFFSET 0)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_inserted AFTER INSERT ON outbound_message REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_messages();
CREATE TRIGGER tally_updated AFTER UPDATE ON outbound_message REFERENCING OLD TABLE AS gone NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_messages();
CREATE TRIGGER tally_deleted AFTER DELETE ON outbound_message REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_messages();

-- What a person inserts may be a message that was there before: then it leaves the archive, or is on record as deleted. It
-- is so no longer, and was accepted only once.
CREATE FUNCTION outbound_operator_brings_back() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM outbound_message_archive WHERE id = ANY (ARRAY(SELECT id FROM fresh));
    WITH back AS (
        DELETE FROM outbound_deletion WHERE message_id = ANY (ARRAY(SELECT id FROM fresh)) RETURNING message_id
    )
    INSERT INTO outbound_tally AS t
    SELECT outbound_tally_slot(), 'accepted', channel, '', false, -count(*) FROM fresh
    WHERE id IN (SELECT message_id FROM back) GROUP BY 3
    ON CONFLICT (slot, what, channel, status, attempted) DO UPDATE SET n = t.n + excluded.n;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_operator_inserted AFTER INSERT ON outbound_message REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT WHEN (current_setting('outbound.role', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION outbound_operator_brings_back();

CREATE FUNCTION outbound_tally_archive() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    mine bigint := outbound_tally_slot();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO outbound_tally AS t SELECT mine, 'archived', '', '', false, count(*) FROM fresh
        ON CONFLICT (slot, what, channel, status, attempted) DO UPDATE SET n = t.n + excluded.n;
        DELETE FROM outbound_deletion WHERE message_id = ANY (ARRAY(SELECT id FROM fresh));
    ELSE
        INSERT INTO outbound_tally AS t SELECT mine, 'archived', '', '', false, -count(*) FROM gone
        ON CONFLICT (slot, what, channel, status, attempted) DO UPDATE SET n = t.n + excluded.n;
        INSERT INTO outbound_deletion (message_id, org_id, channel, status)
        SELECT id, org_id, channel, status FROM gone
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_inserted AFTER INSERT ON outbound_message_archive REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_archive();
CREATE TRIGGER tally_deleted AFTER DELETE ON outbound_message_archive REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_archive();

CREATE FUNCTION outbound_tally_deletions() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    change bigint := 0;
BEGIN
    IF TG_OP <> 'DELETE' THEN
        change := change + (SELECT count(*) FROM fresh WHERE reason IS NOT NULL);
    END IF;
    IF TG_OP <> 'INSERT' THEN
        change := change - (SELECT count(*) FROM gone WHERE reason IS NOT NULL);
    END IF;
    IF change <> 0 THEN
        INSERT INTO outbound_tally AS t VALUES (outbound_tally_slot(), 'deleted', '', '', false, change)
        ON CONFLICT (slot, what, channel, status, attempted) DO UPDATE SET n = t.n + excluded.n;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_inserted AFTER INSERT ON outbound_deletion REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_deletions();
CREATE TRIGGER tally_updated AFTER UPDATE ON outbound_deletion REFERENCING OLD TABLE AS gone NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_deletions();
CREATE TRIGGER tally_deleted AFTER DELETE ON outbound_deletion REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_deletions();

CREATE FUNCTION outbound_tally_letters() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    change bigint := 0;
BEGIN
    IF TG_OP <> 'DELETE' THEN
        change := change + (SELECT count(*) FROM fresh WHERE status = 'OPEN');
    END IF;
    IF TG_OP <> 'INSERT' THEN
        change := change - (SELECT count(*) FROM gone WHERE status = 'OPEN');
    END IF;
    IF change <> 0 THEN
        INSERT INTO outbound_tally AS t VALUES (outbound_tally_slot(), 'letter', '', '', false, change)
        ON CONFLICT (slot, what, channel, status, attempted) DO UPDATE SET n = t.n + excluded.n;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_inserted AFTER INSERT ON outbound_dead_letter REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_letters();
CREATE TRIGGER tally_updated AFTER UPDATE ON outbound_dead_letter REFERENCING OLD TABLE AS gone NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_letters();
CREATE TRIGGER tally_deleted AFTER DELETE ON outbound_dead_letter REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_letters();

-- TRUNCATE is a DELETE of all. Who starts anew truncates outbound_tally and outbound_deletion by the same statement.
CREATE FUNCTION outbound_tally_truncated() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    EXECUTE format('DELETE FROM %I', TG_TABLE_NAME);
    RETURN NULL;
END $$;

CREATE TRIGGER tally_truncated BEFORE TRUNCATE ON outbound_message
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_truncated();
CREATE TRIGGER tally_truncated BEFORE TRUNCATE ON outbound_message_archive
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_truncated();
CREATE TRIGGER tally_truncated BEFORE TRUNCATE ON outbound_deletion
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_truncated();
CREATE TRIGGER tally_truncated BEFORE TRUNCATE ON outbound_dead_letter
    FOR EACH STATEMENT EXECUTE FUNCTION outbound_tally_truncated();

-- For what is there already; and for a person, after rows came in past the triggers (pg_restore --data-only). Nobody
-- changes anything meanwhile.
CREATE FUNCTION outbound_tally_recount() RETURNS void LANGUAGE sql SET search_path FROM CURRENT AS $$
    LOCK TABLE outbound_message, outbound_message_archive, outbound_deletion, outbound_dead_letter
        IN SHARE ROW EXCLUSIVE MODE;
    TRUNCATE outbound_tally;
    INSERT INTO outbound_tally
    SELECT 0, 'message', channel, status, status = 'QUEUED' AND attempt_count > 0, count(*) FROM outbound_message
    GROUP BY 3, 4, 5
    UNION ALL
    SELECT 0, 'accepted', channel, '', false, count(*)
    FROM (SELECT id, channel FROM outbound_message
          UNION SELECT id, channel FROM outbound_message_archive
          UNION SELECT message_id, channel FROM outbound_deletion) known GROUP BY 3
    UNION ALL
    SELECT 0, 'archived', '', '', false, count(*) FROM outbound_message_archive
    UNION ALL
    SELECT 0, 'deleted', '', '', false, count(*) FROM outbound_deletion WHERE reason IS NOT NULL
    UNION ALL
    SELECT 0, 'letter', '', '', false, count(*) FROM outbound_dead_letter WHERE status = 'OPEN';
$$;

SELECT outbound_tally_recount();
