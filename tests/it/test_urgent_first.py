"""Urgent messages overtake the others, and do not stop them."""

import pytest

from support.api import message, post_many
from support.wait import until

# The fewest that a sender can have, and more.
IN_FLIGHT = [2, 10]


def backlogged(new_pipeline, in_flight):
    pipeline = new_pipeline(
        "sandbox",
        "producer",
        "router",
        OUTBOUND_SANDBOX_LATENCY_MS=5 * in_flight,
        OUTBOUND_SENDER_MAX_IN_FLIGHT=in_flight,
    )
    return pipeline


def post(pipeline, count, priority):
    """Posts and waits until their records lie before the sender."""
    ids = post_many([message(priority=priority) for _ in range(count)])
    until(lambda: pipeline.db.outbox() == 0, "all are published")
    pipeline.kafka.wait_until_all_committed(["outbound-router"])
    return ids


@pytest.mark.parametrize("in_flight", IN_FLIGHT)
def test_urgent_messages_overtake_a_backlog(new_pipeline, in_flight):
    pipeline = backlogged(new_pipeline, in_flight)
    normal = post(pipeline, 240, "normal")
    pipeline.start("sender")
    until(lambda: pipeline.db.count("SENT") > 10, "the backlog is being worked on")
    urgent = post(pipeline, 10, "urgent")
    posted_when_sent = pipeline.db.count("SENT")
    pipeline.wait_until_finished(len(normal) + len(urgent))

    overtaken = pipeline.db.value(
        "SELECT count(*) FROM outbound_message WHERE priority = 'normal' AND sent_at >"
        " (SELECT max(sent_at) FROM outbound_message WHERE priority = 'urgent')"
    )
    still_waiting = len(normal) - posted_when_sent
    assert still_waiting > 60, "the backlog was gone before the urgent ones came: nothing is shown"
    assert overtaken > still_waiting / 2


@pytest.mark.parametrize("in_flight", IN_FLIGHT)
def test_a_stream_of_urgent_messages_does_not_starve_the_others(new_pipeline, in_flight):
    pipeline = backlogged(new_pipeline, in_flight)
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
