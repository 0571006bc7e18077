"""The numbers are right at every moment: under load, while roles die, people change rows, and messages are put away."""

import threading

import psycopg2
import pytest

from support import environment, runbook
from support import kafka as topics
from support.api import Crowd, message
from support.audit import assert_clean, audit
from support.command import outbound
from support.database import Database
from support.role import children_of
from support.wait import until

MESSAGES = 600


@pytest.fixture
def people():
    """people(*statements): runs them in turn, in a thread each, until the test ends."""
    stop, threads, trouble = threading.Event(), [], []

    def work(sql):
        db = Database()
        while not stop.wait(0.02):
            try:
                db.execute(sql)
            except psycopg2.errors.SerializationFailure:
                db.execute("ROLLBACK")  # said to who asked for it
            except Exception as error:  # a deadlock, above all
                trouble.append(error)
        db.close()

    def start(*statements):
        for sql in statements:
            threads.append(threading.Thread(target=work, args=(sql,)))
            threads[-1].start()
        return end

    def end():
        stop.set()
        for thread in threads:
            thread.join()
        assert not trouble, trouble

    yield start
    stop.set()


def test_numbers_are_right_at_every_moment(new_pipeline, people):
    pipeline = new_pipeline(
        "sandbox",
        OUTBOUND_INSTANCE_ID="it-tally",
        OUTBOUND_SANDBOX_LATENCY_MS=20,
        OUTBOUND_SENDER_MAX_IN_FLIGHT=16,
        OUTBOUND_SENDER_TIMEOUT_MS=2000,
        OUTBOUND_SENDER_LEASE_MS=5000,
        OUTBOUND_MAX_ATTEMPTS=2,
    )
    for kind in ({"status": 500}, {"status": 400}):
        pipeline.sandbox.fault("status", match=f"fails-{kind['status']}", **kind)
    supervisor = pipeline.start("all")
    until(lambda: pipeline.kafka.lag(topics.DLQ_GROUP) == 0, "all dead letters of earlier tests are read")
    pipeline.db.truncate()
    bodies = [
        message(to=f"{word}-{i}@example.com")
        for i, word in zip(range(MESSAGES), ("fine", "fails-500", "fine", "fails-400") * MESSAGES)
    ]
    crowd = Crowd(bodies, callers=4).start()
    end = people(
        runbook.STATEMENTS["retry at once"],
        "UPDATE outbound_message SET status = 'QUEUED', updated_at = now() WHERE id IN"
        " (SELECT id FROM outbound_message WHERE status = 'FAILED' ORDER BY id LIMIT 3)",
        "BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE outbound_message SET status = 'CANCELLED' WHERE id IN"
        " (SELECT id FROM outbound_message WHERE status = 'FAILED' ORDER BY id DESC LIMIT 1); COMMIT",
        "WITH gone AS (DELETE FROM outbound_message WHERE id IN (SELECT id FROM outbound_message"
        " WHERE status = 'SENT' LIMIT 2) RETURNING *) INSERT INTO outbound_message_archive SELECT * FROM gone",
    )
    until(lambda: pipeline.db.count("SENDING") > 0 and crowd.accepted > MESSAGES // 4, "messages are on their way")
    for name in ("sender", "producer"):
        pipeline.kill_child(supervisor, children_of(supervisor.pid)[name])
        assert_clean()
    outbound("dlq", "replay", "--limit", "20")
    outbound("dlq", "archive", "--limit", "20", "--until", "0s")
    assert len(set(crowd.join())) == MESSAGES
    for _ in range(3):
        assert_clean()
    until(lambda: pipeline.db.value("SELECT count(*) FROM outbound_message_archive"), "something is archived")
    end()
    until(lambda: pipeline.db.unfinished() == 0, "nothing is on its way", environment.PATIENCE_S)
    code, broken, counts = audit()
    assert code == 0, broken
    assert counts["accepted"] == MESSAGES == sum(counts.values()) - MESSAGES
    assert counts["archived"] > 0 and counts["sent"] > 0 and counts["failed"] > 0, counts


def test_sessions_do_not_wait_for_each_other(db):
    """More transactions than slots to begin with, all open at once, and numbers that others change meanwhile."""
    db.truncate()
    connections = [psycopg2.connect(environment.DATABASE_URL, options="-c lock_timeout=1000") for _ in range(40)]
    insert = (
        "SET LOCAL outbound.role = 'on'; INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient,"
        " template_code, payload_json, max_attempts, correlation_id)"
        " SELECT gen_random_uuid(), 'o', 1, 'SMS', 't', 't', '{}', 5, 'c' FROM generate_series(1, 3)"
    )
    for connection in connections:
        connection.cursor().execute(insert)
    for i, connection in enumerate(connections):
        connection.rollback() if i % 4 == 0 else connection.commit()
        connection.close()
    assert audit()[2]["queued"] == 30 * 3
    assert_clean()


def test_a_change_of_very_many_rows_by_a_person_is_one_change_of_the_numbers(db):
    db.truncate()
    db.execute(
        "SET LOCAL outbound.role = 'on'; INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient,"
        " template_code, payload_json, max_attempts, correlation_id)"
        " SELECT gen_random_uuid(), 'o', 1, 'SMS', 't', 't', '{}', 5, 'c' FROM generate_series(1, 20000)"
    )
    changes = "SELECT n_tup_ins + n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'outbound_tally'"
    (row,) = db.rows(f"UPDATE outbound_message SET status = 'CANCELLED'; {changes}")
    assert 2 <= next(iter(row.values())) <= 4
    assert_clean()
    db.truncate()
