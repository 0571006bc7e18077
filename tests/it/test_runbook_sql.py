"""The production runbook's SQL runs as written, and what it changes has the effect that the runbook promises."""

import pytest

from support import runbook
from support.api import message
from support.wait import until

LONG_AGO = "UPDATE outbound_message SET updated_at = now() - %s::interval WHERE id = %s"


@pytest.mark.parametrize("name", runbook.STATEMENTS)
def test_each_statement_runs(db, name):
    runbook.run(db, name)


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    return module_pipeline("sandbox", "producer", "router", "sender", OUTBOUND_MAX_ATTEMPTS=2, OUTBOUND_RETRY_DELAYS="1h")


@pytest.fixture(autouse=True)
def no_faults(request):
    yield
    if "pipeline" in request.fixturenames:
        request.getfixturevalue("pipeline").sandbox.clear_faults()


def waiting_for_its_retry(pipeline, word):
    pipeline.sandbox.fault("status", status=500, match=word, times=1)
    message_id = pipeline.api.accept(message(to=f"{word}@example.com"))
    until(lambda: pipeline.api.state(message_id)["attempts"], "its first attempt is over")
    assert pipeline.api.state(message_id)["status"] == "QUEUED"
    return message_id


def failed(pipeline, word):
    """FAILED for a reason that the runbook would queue again."""
    message_id = waiting_for_its_retry(pipeline, word)
    runbook.by_role(pipeline.db, "UPDATE outbound_message SET max_attempts = 1 WHERE id = %s", message_id)
    pipeline.sandbox.fault("status", status=500, match=word, times=1)
    pipeline.db.execute("UPDATE outbound_attempt SET next_retry_at = NULL WHERE outbound_message_id = %s", message_id)
    return pipeline.wait_for(message_id, "FAILED")


def announced(pipeline, message_id):
    """When what the outbox says of it is due."""
    return pipeline.db.rows("SELECT due_at FROM outbound_outbox WHERE message_id = %s", message_id)


def test_what_is_queued_again_is_delivered(pipeline):
    state = failed(pipeline, "again")
    assert state["errorCode"] == "TEMPORARY_ERROR"
    runbook.run(pipeline.db, "queue again what failed")
    sent = pipeline.wait_for(state["id"], "SENT")
    assert [attempt["outcome"] for attempt in sent["attempts"]] == ["RETRY", "FAILED", "SENT"]
    assert (sent["attemptCount"], len(pipeline.sandbox.deliveries(state["id"]))) == (1, 1)


def test_a_retry_at_once_does_not_wait_for_its_time(pipeline):
    message_id = waiting_for_its_retry(pipeline, "at-once")
    runbook.by_role(pipeline.db, LONG_AGO, "2 hours", message_id)
    runbook.run(pipeline.db, "retry at once")
    sent = pipeline.wait_for(message_id, "SENT")
    assert [attempt["outcome"] for attempt in sent["attempts"]] == ["RETRY", "SENT"]

    pipeline.db.execute("UPDATE outbound_outbox SET due_at = now() WHERE message_id = %s", message_id)
    until(lambda: not announced(pipeline, message_id), "the retry that was planned is announced all the same")
    pipeline.kafka.wait_until_all_committed()
    assert len(pipeline.sandbox.deliveries(message_id)) == 1


def test_setting_what_waits_for_a_retry_to_queued_keeps_its_pause(pipeline):
    """A provider asked for it; who knows better clears next_retry_at."""
    message_id = waiting_for_its_retry(pipeline, "pause")
    pipeline.db.execute("UPDATE outbound_message SET status = 'QUEUED', updated_at = now() WHERE id = %s", message_id)
    fence = pipeline.db.message(message_id)["fence"]
    due = "SELECT due_at > now() + interval '59 minutes' FROM outbound_outbox WHERE message_id = %s AND fence = %s"
    assert pipeline.db.value(due, message_id, fence)


def test_what_is_deferred_waits_until_then(pipeline):
    """Also when its record is before a sender already."""
    assert pipeline.role("sender").terminate() == 0
    ids = [pipeline.api.accept(message(templateCode=code)) for code in ("newsletter", "urgent_alert")]
    until(lambda: not any(announced(pipeline, message_id) for message_id in ids), "their records are in Kafka")
    pipeline.kafka.wait_until_all_committed(["outbound-router"])
    runbook.run(pipeline.db, "defer messages", WHATSAPP="EMAIL", **{"4 hours": "4 seconds"})
    until_then = pipeline.db.message(ids[0])["updated_at"]
    pipeline.start("sender")
    deferred, urgent = (pipeline.wait_for(message_id, "SENT") for message_id in ids)
    started = [pipeline.db.attempts(state["id"])[0]["started_at"] for state in (deferred, urgent)]
    assert started[0] >= until_then > started[1]
    assert [len(pipeline.sandbox.deliveries(message_id)) for message_id in ids] == [1, 1]


def test_another_time_for_a_retry_counts(pipeline):
    message_id = waiting_for_its_retry(pipeline, "another-time")
    set_to = "UPDATE outbound_attempt SET next_retry_at = now() + %s::interval WHERE outbound_message_id = %s"
    pipeline.db.execute(set_to, "1 day", message_id)
    (later,) = pipeline.db.rows(
        "SELECT fence FROM outbound_outbox WHERE message_id = %s AND due_at > now() + interval '23 hours'",
        message_id,
    )
    assert later["fence"] == pipeline.db.message(message_id)["fence"]
    pipeline.db.execute(set_to, "1 second", message_id)
    pipeline.wait_for(message_id, "SENT")


def test_the_quota_is_lower(db):
    db.execute(
        "INSERT INTO whatsapp_rate_limit (org_id, quota_limit, reset_at)"
        " VALUES ('ORG_ID', 1000, now() + interval '1 day'), ('other', 1000, now() + interval '1 day')"
    )
    runbook.run(db, "reduce the quota")
    (row,) = runbook.run(db, "quota of an organisation")
    assert (row["quota_limit"], row["remaining"]) == (500, 500)
    assert db.value("SELECT quota_limit FROM whatsapp_rate_limit WHERE org_id = 'other'") == 1000
    db.execute("TRUNCATE whatsapp_rate_limit")


def test_archiving_moves_rows_and_what_is_moved_back_is_delivered(pipeline):
    old, young = failed(pipeline, "old")["id"], failed(pipeline, "young")["id"]
    runbook.by_role(pipeline.db, LONG_AGO, "8 days", old)
    before = pipeline.db.message(old)
    runbook.run(pipeline.db, "archive what failed")
    assert pipeline.db.rows("SELECT * FROM outbound_message_archive") == [before]
    assert {row["id"] for row in pipeline.db.rows("SELECT id FROM outbound_message WHERE status = 'FAILED'")} == {young}
    assert len(pipeline.db.attempts(old)) == 2

    pipeline.db.execute("UPDATE outbound_message_archive SET status = 'QUEUED', attempt_count = 0")
    pipeline.db.execute("INSERT INTO outbound_message SELECT * FROM outbound_message_archive")
    pipeline.wait_for(old, "SENT")


def test_the_archive_has_the_same_columns_at_the_same_places(db):
    columns = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
    assert db.rows(columns, "outbound_message_archive") == db.rows(columns, "outbound_message")
