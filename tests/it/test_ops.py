"""`outbound ops`: the runbook's procedures as commands, with the same effect as its SQL."""

import json
import uuid

import pytest

from support import runbook
from support.api import message
from support.command import outbound
from support.unannounced import insert_message
from support.wait import until

READING = ("queue", "channels", "failures", "latency", "dossiers", "stuck", "quota", "activity", "slow")


def ops(*arguments):
    """What a command answers: its objects."""
    ended = outbound("ops", *arguments, "--json")
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


@pytest.fixture
def put(db):
    """put(status, column=value, …): a message as a role would have left it; returns its id."""
    db.truncate()

    def insert(status, **columns):
        message_id = str(uuid.uuid4())
        insert_message(db, message_id)
        columns["status"] = status
        lease = "now() + interval '1 hour'" if status == "SENDING" else "NULL"
        sets = ", ".join(f"{name} = %s" for name in columns)
        runbook.by_role(
            db,
            f"UPDATE outbound_message SET {sets}, lease_until = {lease} WHERE id = %s",
            *columns.values(),
            message_id,
        )
        return message_id

    return insert


def aged(db, message_id, age):
    runbook.by_role(
        db,
        "UPDATE outbound_message SET updated_at = now() - %s::interval, created_at = now() - %s::interval WHERE id = %s",
        age,
        age,
        message_id,
    )


@pytest.mark.parametrize("name", READING)
def test_each_one_that_reads_shows_a_table(name):
    ended = outbound("ops", name)
    assert (ended.code, ended.err) == (0, "")
    assert len(ended.out.splitlines()[0].split()) > 2


def test_the_queue_is_counted(db, put):
    for status in ("QUEUED", "QUEUED", "FAILED", "SENT"):
        oldest = put(status)
    put("QUEUED", channel="SMS", org_id="other")
    aged(db, oldest, "1 day")  # SENT: nobody waits for it
    assert [(row["channel"], row["status"], row["messages"]) for row in ops("queue")] == [
        ("EMAIL", "FAILED", 1),
        ("EMAIL", "QUEUED", 2),
        ("SMS", "QUEUED", 1),
    ]
    (row,) = ops("queue", "--channel=SMS", "--org", "other")
    assert row["messages"] == 1 and 0 <= row["oldest_age_s"] < 600 and row["oldest"].endswith("Z")
    assert ops("queue", "--org=nobody") == []
    table = outbound("ops", "queue").out.splitlines()
    assert table[0].split() == ["channel", "status", "messages", "oldest", "oldest_age_s", "deferred"]
    assert len(table) == 4


def test_failures_are_counted_by_code(db, put):
    for dossier in (1, 1, 2):
        put("FAILED", error_code="INVALID_EMAIL", dossier_id=dossier)
    put("FAILED", error_code="TIMEOUT")
    aged(db, put("FAILED", error_code="TIMEOUT"), "2 days")
    found = [(row["error_code"], row["messages"], row["dossiers"]) for row in ops("failures")]
    assert found == [("INVALID_EMAIL", 3, 2), ("TIMEOUT", 1, 1)]
    assert {row["error_code"]: row["messages"] for row in ops("failures", "--since=7d")}["TIMEOUT"] == 2


def test_latency_and_channels_and_dossiers(db, put):
    for seconds in (1, 2, 3):
        sent = put("SENT", attempt_count=seconds, dossier_id=7)
        runbook.by_role(
            db, "UPDATE outbound_message SET sent_at = created_at + %s * interval '1 s' WHERE id = %s", seconds, sent
        )
    (row,) = ops("latency")
    assert (row["channel"], row["sent"], row["p50_s"], row["p99_s"]) == ("EMAIL", 3, 2, 2.98)
    (row,) = ops("channels")
    assert (row["status"], row["messages"], row["avg_attempts"]) == ("SENT", 3, 2)
    (row,) = ops("dossiers")
    assert (row["dossier_id"], row["messages"]) == (7, 3)


def test_stuck_messages_are_shown_and_queued_again(db, put):
    often, young, seldom = put("QUEUED", attempt_count=4), put("QUEUED", attempt_count=4), put("QUEUED")
    held = put("SENDING", fence=1)
    for message_id in (often, seldom, held):
        aged(db, message_id, "3 hours")
    assert [row["id"] for row in ops("stuck")] == [often, held]
    assert [row["id"] for row in ops("stuck", "--id", held)] == [held]
    assert db.outbox() == 0

    would = ops("stuck", "--requeue", "--dry-run")
    assert (db.outbox(), db.message(held)["status"]) == (0, "SENDING")
    done = ops("stuck", "--requeue")
    assert done == would == [
        {"channel": "EMAIL", "was": "QUEUED", "messages": 1},
        {"channel": "EMAIL", "was": "SENDING", "messages": 1},
    ]
    announced = {str(row["message_id"]) for row in db.rows("SELECT message_id FROM outbound_outbox")}
    assert announced == {often, held}
    assert db.message(held)["status"] == "QUEUED"
    assert young not in announced


def test_the_quota_is_set(db):
    db.truncate()
    db.execute(
        "INSERT INTO whatsapp_rate_limit (org_id, messages_sent_count, quota_limit, reset_at)"
        " VALUES ('a', 250, 1000, now()), ('b', 900, 1000, now())"
    )
    assert [(row["org_id"], row["remaining"], row["used_percent"]) for row in ops("quota")] == [
        ("b", 100, 90.0),
        ("a", 750, 25.0),
    ]
    assert ops("quota", "--org=a", "--percent=50")[0]["quota_limit"] == 500
    assert ops("quota", "--org=a", "--limit=700", "--dry-run")[0]["quota_limit"] == 700
    assert ops("quota", "--org=a")[0]["quota_limit"] == 500
    assert ops("quota", "--org=a", "--limit=10000")[0]["quota_limit"] == 10000
    ended = outbound("ops", "quota", "--org=c", "--limit=1")
    assert (ended.code, ended.out) == (2, "") and "--org" in ended.err
    db.truncate()


def test_what_ended_long_ago_is_archived(db, put):
    old, young, sent = put("FAILED"), put("FAILED"), put("SENT")
    for message_id in (old, sent):
        aged(db, message_id, "8 days")
    one = [{"channel": "EMAIL", "status": "FAILED", "messages": 1}]
    assert ops("archive", "--dry-run") == one
    assert db.count() == 3
    before = db.message(old)
    assert ops("archive") == one
    assert db.rows("SELECT * FROM outbound_message_archive") == [before]
    assert ops("archive") == []
    assert ops("archive", "--status=SENT", "--older-than=1d") == [{"channel": "EMAIL", "status": "SENT", "messages": 1}]
    assert db.statuses() == {"FAILED": 1}
    assert str(db.rows("SELECT id FROM outbound_message")[0]["id"]) == young


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "ops --help"),
        (["que"], "que"),
        (["queue", "--channel=FAX"], "--channel"),
        (["failures", "--since=soon"], "--since"),
        (["defer", "--channel=EMAIL"], "--for"),
        (["stuck", "--requeue", "--id=1"], "--id"),
        (["stuck", "--requeue", "--id", str(uuid.uuid4())], "--id"),
        (["retry-now", "--id", str(uuid.uuid4())], "--id"),
        (["archive", "--status=QUEUED"], "--status"),
    ],
)
def test_bad_input_changes_nothing(db, put, arguments, named):
    message_id = put("QUEUED", attempt_count=3)
    aged(db, message_id, "8 days")
    before = db.message(message_id)
    ended = outbound("ops", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert named in ended.err
    assert (db.message(message_id), db.outbox()) == (before, 0)


def test_without_a_server():
    ended = outbound("ops", "queue", DATABASE_URL="postgresql://nobody:hunter2@127.0.0.1:1/none")
    assert ended.code == 1
    assert "DATABASE_URL" in ended.err and "hunter2" not in ended.err


def test_help_lists_commands_and_options():
    ended = outbound("ops", "--help")
    assert ended.code == 0
    for word in (*READING, "retry-now", "defer", "archive", "--except-templates", "--dry-run"):
        assert word in ended.out


def test_deferred_messages_wait_and_are_taken_back(new_pipeline):
    pipeline = new_pipeline("sandbox", "producer", "router", OUTBOUND_RETRY_DELAYS="1h")
    waits = pipeline.api.accept(message(templateCode="newsletter"))
    goes = pipeline.api.accept(message(templateCode="urgent_alert"))
    until(lambda: pipeline.db.outbox() == 0, "their records are in Kafka")
    (row,) = ops("defer", "--channel=EMAIL", "--for=4h", "--except-templates=urgent_alert,other")
    assert (row["template_code"], row["messages"]) == ("newsletter", 1)
    pipeline.start("sender")
    pipeline.wait_for(goes, "SENT")
    pipeline.kafka.wait_until_all_committed()
    assert pipeline.api.state(waits)["status"] == "QUEUED"
    assert ops("queue")[0]["deferred"] == 1

    ops("defer", "--channel=EMAIL", "--for=0s", f"--id={waits}")
    pipeline.wait_for(waits, "SENT")
    assert len(pipeline.sandbox.deliveries(waits)) == 1


def test_a_retry_comes_now(new_pipeline):
    pipeline = new_pipeline("sandbox", "producer", "router", "sender", OUTBOUND_RETRY_DELAYS="1h")
    pipeline.sandbox.fault("status", status=500, match="now", times=1)
    message_id = pipeline.api.accept(message(to="now@example.com"))
    until(lambda: pipeline.api.state(message_id)["attempts"], "its first attempt is over")
    assert ops("retry-now") == []  # it has not waited for an hour
    assert ops("retry-now", "--older-than=0s", "--dry-run") == [{"channel": "EMAIL", "messages": 1}]
    assert pipeline.db.attempts(message_id)[0]["next_retry_at"]
    assert ops("retry-now", "--older-than=0s", "--id", message_id) == [{"channel": "EMAIL", "messages": 1}]
    pipeline.wait_for(message_id, "SENT")
