"""OUTBOUND_EMAIL_UNKNOWN_POLICY=hold: what may have been delivered is never sent a second time."""

import pytest

from support import kafka as topics
from support.api import message
from support.wait import until


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    return module_pipeline(
        "sandbox",
        "producer",
        "router",
        "sender",
        OUTBOUND_EMAIL_UNKNOWN_POLICY="hold",
        OUTBOUND_SENDER_TIMEOUT_MS=1000,
        OUTBOUND_SENDER_LEASE_MS=3000,
        OUTBOUND_INSTANCE_ID="it-held",  # the one that follows the dead one is to have its partitions
    )


@pytest.mark.parametrize(("kind", "code"), [("hang", "TIMEOUT"), ("reset", "CONNECTION_LOST")])
def test_an_ambiguous_answer_is_held(pipeline, kind, code):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    pipeline.sandbox.fault(kind, match=kind, times=1)
    message_id = pipeline.api.accept(message(to=f"{kind}@example.com"))
    state = pipeline.wait_for(message_id, "UNKNOWN")
    (attempt,) = state["attempts"]
    assert (attempt["outcome"], attempt["errorCode"], attempt["nextRetryAt"]) == ("UNKNOWN", code, None)
    until(lambda: pipeline.db.outbox() == 0, "nothing announces it again")
    (letter,) = pipeline.kafka.records_of(topics.DEAD_LETTERS, since, message_id)
    assert letter.headers["x-error-code"] == code  # where a person finds it and decides
    assert len(pipeline.sandbox.deliveries(message_id)) == 1


def test_what_was_certainly_not_delivered_is_tried_again(pipeline):
    pipeline.sandbox.fault("status", status=500, match="certain", times=1)
    message_id = pipeline.api.accept(message(to="certain@example.com"))
    state = pipeline.wait_for(message_id, "SENT")
    assert [attempt["outcome"] for attempt in state["attempts"]] == ["RETRY", "SENT"]


def test_a_sender_that_dies_leaves_its_messages_held(pipeline):
    """Last in this file: the sender is not the same afterwards."""
    pipeline.sandbox.fault("hang", match="orphan")
    message_id = pipeline.api.accept(message(to="orphan@example.com"))
    until(lambda: pipeline.sandbox.deliveries(message_id), "the request is at the provider")
    pipeline.role("sender").kill()
    pipeline.start("sender")
    state = pipeline.wait_for(message_id, "UNKNOWN")
    assert [(attempt["outcome"], attempt["errorCode"]) for attempt in state["attempts"]] == [
        ("UNKNOWN", "LEASE_EXPIRED")
    ]
    assert len(pipeline.sandbox.deliveries(message_id)) == 1
