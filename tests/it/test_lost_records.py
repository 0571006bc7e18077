"""Kafka may lose a record, by retention or a broken disk. The message is in PostgreSQL, and is announced again."""

import uuid

import pytest

from support.api import message
from support.unannounced import insert_message
from support.wait import until


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    return module_pipeline("sandbox", "producer", "router", "sender", OUTBOUND_REPUBLISH_AFTER_MS=1000)


def test_a_message_whose_record_is_lost_is_sent_all_the_same(pipeline):
    ids = [str(uuid.uuid4()) for _ in range(20)]
    for message_id in ids:
        insert_message(pipeline.db, message_id)
    for message_id in ids:
        pipeline.wait_for(message_id, "SENT")
    assert [len(pipeline.sandbox.deliveries(message_id)) for message_id in ids] == [1] * len(ids)


def test_a_message_that_waits_for_its_next_attempt_is_not_lost(pipeline):
    """Its outbox row announces it in time; nothing does so before."""
    pipeline.sandbox.fault("status", match="later", status=429, times=1, headers={"Retry-After": "4"})
    message_id = pipeline.api.accept(message(to="later@example.com"))
    state = pipeline.wait_for(message_id, "SENT")
    assert [attempt["outcome"] for attempt in state["attempts"]] == ["RETRY", "SENT"]
    assert state["attempts"][1]["startedAt"] >= state["attempts"][0]["nextRetryAt"]


def test_a_second_record_for_the_same_attempt_does_no_harm(pipeline):
    """The first one was only slow: a router that comes back finds both."""
    assert pipeline.role("router").terminate() == 0
    message_id = pipeline.api.accept()
    until(lambda: pipeline.db.outbox() == 0, "its record is before the router")
    again = "SELECT updated_at > created_at + interval '1 s' FROM outbound_message WHERE id = %s"
    until(lambda: pipeline.db.value(again, message_id), "it was announced again")
    pipeline.start("router")
    pipeline.wait_for(message_id, "SENT")
    pipeline.kafka.wait_until_all_committed()
    assert len(pipeline.sandbox.deliveries(message_id)) == 1
