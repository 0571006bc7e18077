"""What a person writes into the tables beats whoever held the message before: a sender, or a record in Kafka."""

import signal
import uuid

import psycopg2.errors
import pytest

from support import runbook
from support.provider import ACCEPTED
from support.slow import REFUSED, Slow
from support.unannounced import insert_message
from support.wait import until


def outcomes(state):
    return [(attempt["attemptNo"], attempt["outcome"], attempt["errorCode"]) for attempt in state["attempts"]]


@pytest.fixture
def held(new_pipeline):
    """held(answer…): a message that a suspended sender has had for eleven minutes; its lease is not over."""

    def make(*answers):
        slow = Slow(*answers)
        pipeline = new_pipeline(
            "producer",
            "router",
            SENDGRID_BASE_URL=slow.provider.url,
            OUTBOUND_SENDER_TIMEOUT_MS=60000,
            OUTBOUND_SENDER_LEASE_MS=62000,
        )
        sender = pipeline.start("sender", label="sender-1", OUTBOUND_INSTANCE_ID="it-held-1")
        message_id = pipeline.api.accept()
        until(lambda: slow.requests, "the first attempt is with the provider")
        sender.signal(signal.SIGSTOP)
        runbook.by_role(pipeline.db, "UPDATE outbound_message SET updated_at = now() - interval '11 minutes'")
        return pipeline, slow, sender, message_id

    return make


def test_stuck_messages_are_sent_by_another_sender(held):
    pipeline, slow, first, message_id = held(REFUSED, ACCEPTED)
    pipeline.start("sender", label="sender-2", OUTBOUND_INSTANCE_ID="it-held-2")
    pipeline.kafka.forget_static_members("it-held-1")
    runbook.run(pipeline.db, "reset stuck messages")
    until(lambda: len(slow.requests) == 2, "the second attempt is with the provider")

    first.signal(signal.SIGCONT)
    slow.may_answer[0].set()
    first.wait_until_says("attempt 1 of 5")
    slow.may_answer[1].set()
    sent = pipeline.wait_for(message_id, "SENT")
    assert outcomes(sent) == [(1, "UNKNOWN", "SET_BY_HAND"), (3, "SENT", None)]


def test_a_sender_does_not_overwrite_what_a_person_has_set_to_failed(held):
    pipeline, slow, first, message_id = held(ACCEPTED)
    since = pipeline.kafka.ends("outbound.dlq")
    pipeline.db.execute("UPDATE outbound_message SET status = 'FAILED' WHERE id = %s", message_id)
    first.signal(signal.SIGCONT)
    slow.may_answer[0].set()
    assert first.terminate() == 0  # its answer is stored, as far as it may be
    state = pipeline.api.state(message_id)
    assert (state["status"], state["errorCode"]) == ("FAILED", "SET_BY_HAND")
    assert outcomes(state) == [(1, "UNKNOWN", "SET_BY_HAND")]
    letter = until(lambda: pipeline.kafka.records_of("outbound.dlq", since, message_id), "its dead letter is there")[0]
    assert letter.headers["x-error-code"] == "SET_BY_HAND"


STATUSES = ("QUEUED", "SENDING", "SENT", "FAILED", "SCHEDULED", "UNKNOWN", "EXPIRED", "CANCELLED")


@pytest.mark.parametrize("after", STATUSES)
@pytest.mark.parametrize("before", STATUSES)
def test_each_status_that_a_person_sets_is_harmless(db, before, after):
    """Whatever it was: nobody who held the message before can change it, and what has to be announced is."""
    db.truncate()
    message_id = str(uuid.uuid4())
    insert_message(db, message_id)
    runbook.by_role(
        db,
        "UPDATE outbound_message SET status = %s, fence = 7,"
        " lease_until = CASE WHEN %s = 'SENDING' THEN now() + interval '1 hour' END",
        before,
        before,
    )
    by_hand = "UPDATE outbound_message SET status = %s, updated_at = now() WHERE id = %s"
    if after == "SENDING" and before != "SENDING":
        with pytest.raises(psycopg2.errors.CheckViolation, match="sending_has_a_lease"):
            db.execute(by_hand, after, message_id)
        assert db.message(message_id)["status"] == before
        return
    db.execute(by_hand, after, message_id)

    row = db.message(message_id)
    changed = before != after or after == "QUEUED"
    assert row["fence"] == (8 if changed else 7)
    assert (row["lease_until"] is None) == (after != "SENDING")
    topic = {"QUEUED": "outbound.accepted", "FAILED": "outbound.dlq", "EXPIRED": "outbound.dlq"}.get(after)
    announced = [(one["topic"], one["fence"]) for one in db.rows("SELECT * FROM outbound_outbox")]
    assert announced == ([(topic, 8)] if topic and changed else [])
    told = [one["status"] for one in db.rows("SELECT (unnest(events)).status FROM outbound_event_outbox")]
    assert told == ([after] if before != after else [])
    taken = [(one["attempt_no"], one["outcome"], one["error_code"]) for one in db.attempts(message_id)]
    assert taken == ([(7, "UNKNOWN", "SET_BY_HAND")] if before == "SENDING" and changed else [])


def test_other_columns_are_nobodys_business(db):
    db.truncate()
    message_id = str(uuid.uuid4())
    insert_message(db, message_id)
    db.execute("UPDATE outbound_message SET to_recipient = 'b@example.com', max_attempts = 9")
    assert (db.message(message_id)["fence"], db.outbox()) == (0, 0)


def test_a_retry_at_once_of_a_message_with_many_attempts_is_one_retry(db):
    message_id = str(uuid.uuid4())
    db.truncate()
    insert_message(db, message_id)
    runbook.by_role(db, "UPDATE outbound_message SET fence = 3, updated_at = now() - interval '2 hours'")
    for number in (1, 2, 3):
        runbook.by_role(
            db,
            "INSERT INTO outbound_attempt (outbound_message_id, attempt_no, outcome, started_at, finished_at,"
            " next_retry_at) VALUES (%s, %s, 'RETRY', now(), now(), now() + interval '1 hour')",
            message_id,
            number,
        )
    runbook.run(db, "retry at once")
    (row,) = db.rows("SELECT fence, due_at <= now() AS due FROM outbound_outbox")
    assert (row["fence"], row["due"]) == (4, True)
