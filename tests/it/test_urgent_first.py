"""Urgent messages overtake the others, and do not stop them."""

import pytest

from support.api import message, post_many
from support.wait import until


def backlogged(new_pipeline, in_flight, latency_ms):
    """No sender yet: what is posted first waits for it."""
    return new_pipeline(
        "sandbox",
        "producer",
        "router",
        OUTBOUND_SANDBOX_LATENCY_MS=latency_ms,
        OUTBOUND_SENDER_MAX_IN_FLIGHT=in_flight,
    )


def post(pipeline, count, priority):
    """Posts and waits until their records lie before the sender."""
    ids = post_many([message(priority=priority) for _ in range(count)])
    until(lambda: pipeline.db.outbox() == 0, "all are published")
    pipeline.kafka.wait_until_all_committed(["outbound-router"])
    return ids


def test_urgent_messages_overtake_a_backlog(new_pipeline):
    pipeline = backlogged(new_pipeline, in_flight=10, latency_ms=200)
    normal = post(pipeline, 240, "normal")  # five seconds' work
    pipeline.start("sender")
    until(lambda: pipeline.db.count("SENT") > 10, "the backlog is being worked on")
    urgent = post_many([message(priority="urgent") for _ in range(10)])
    waiting = len(normal) - pipeline.db.count("SENT")
    pipeline.wait_until_finished(len(normal) + len(urgent))

    overtaken = pipeline.db.value(
        "SELECT count(*) FROM outbound_message WHERE priority = 'normal' AND sent_at >"
        " (SELECT max(sent_at) FROM outbound_message WHERE priority = 'urgent')"
    )
    assert waiting > 100, "the backlog was gone before the urgent ones came: nothing is shown"
    assert overtaken > waiting / 4


@pytest.mark.parametrize("in_flight", [2, 10])  # the fewest that a sender can have, and more
def test_a_stream_of_urgent_messages_does_not_starve_the_others(new_pipeline, in_flight):
    pipeline = backlogged(new_pipeline, in_flight, latency_ms=5 * in_flight)
    # Long enough that it does not matter which lane's consumer gets its partitions first.
    normal = post(pipeline, 40 * in_flight, "normal")
    urgent = post(pipeline, 80 * in_flight, "urgent")
    pipeline.start("sender")
    pipeline.wait_until_finished(len(normal) + len(urgent))

    meanwhile = pipeline.db.value(
        "SELECT count(*) FROM outbound_message, (SELECT min(sent_at) AS first, max(sent_at) AS last"
        " FROM outbound_message WHERE priority = 'urgent') AS urgent"
        " WHERE priority = 'normal' AND sent_at BETWEEN first AND last"
    )
    assert meanwhile >= len(normal) / 10, "the others had no place"
    if in_flight == 10:
        assert meanwhile <= len(normal) / 2, "the others had more than the one place that is theirs"


@pytest.mark.parametrize(("stuck", "passing"), [("normal", "urgent"), ("urgent", "normal")])
def test_one_lane_gets_through_while_the_other_is_stuck(new_pipeline, stuck, passing):
    """A place is kept free for it, however long the requests of the other one take."""
    pipeline = new_pipeline(
        "sandbox",
        "producer",
        "router",
        "sender",
        OUTBOUND_SENDER_MAX_IN_FLIGHT=4,
        OUTBOUND_SENDER_TIMEOUT_MS=60000,
        OUTBOUND_SENDER_LEASE_MS=62000,
    )
    pipeline.sandbox.fault("delay", match="stuck", delayMs=50000)
    for number in range(10):
        pipeline.api.accept(message(priority=stuck, to=f"stuck-{number}@example.com"))
    until(lambda: pipeline.db.count("SENDING") == 3, "all places but one are taken")

    message_id = pipeline.api.accept(message(priority=passing))
    pipeline.wait_for(message_id, "SENT")
    assert pipeline.db.statuses() == {"SENT": 1, "SENDING": 3, "QUEUED": 7}
    # Answers what waits, so that the sender has not to wait for it.
    assert pipeline.role("sandbox").terminate() == 0
