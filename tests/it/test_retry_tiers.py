"""What waits for its next attempt lies in the topic of its delay, and comes neither early nor much too late."""

import pytest

from support import kafka as topics
from support.api import message, post_many, unique
from support.wait import until

TIER = "outbound.retry.1s"
SECOND_TIER = "outbound.retry.2s"

# The relay looks each 250 ms, the router each 200 ms, and other tests may use the machine.
LATE_S = 3

LATENESS = """SELECT min(extract(epoch FROM second.started_at - first.next_retry_at)) AS earliest,
                     max(extract(epoch FROM second.started_at - first.next_retry_at)) AS latest, count(*)
                FROM outbound_attempt first
                JOIN outbound_attempt second USING (outbound_message_id)
               WHERE second.attempt_no = first.attempt_no + 1 AND first.next_retry_at IS NOT NULL"""


@pytest.fixture
def pipeline(new_pipeline):
    return new_pipeline("sandbox", "producer", "router", "sender", OUTBOUND_RETRY_DELAYS="1s,2s")


def assert_in_time(pipeline, count):
    found = pipeline.db.rows(LATENESS)[0]
    assert found["count"] == count
    assert 0 <= found["earliest"] and found["latest"] < LATE_S, found


def failing(pipeline, times=1, **rule):
    """Posts a message that fails so often; returns its id."""
    who = unique("fault")
    pipeline.sandbox.fault(rule.pop("kind", "status"), match=who, times=times, **{"status": 503, **rule})
    return pipeline.api.accept(message(to=f"{who}@example.com"))


def test_each_attempt_waits_in_the_tier_of_its_delay(pipeline):
    before = {tier: pipeline.kafka.ends(tier) for tier in (TIER, SECOND_TIER)}
    message_id = failing(pipeline, times=2)
    state = pipeline.wait_for(message_id, "SENT")
    for tier, attempt in zip((TIER, SECOND_TIER), state["attempts"]):
        (record,) = pipeline.kafka.records_of(tier, before[tier], message_id)
        due_ms = pipeline.db.value(
            "SELECT ceil(extract(epoch FROM next_retry_at) * 1000)::bigint FROM outbound_attempt"
            " WHERE outbound_message_id = %s AND attempt_no = %s",
            message_id,
            attempt["attemptNo"],
        )
        assert int(record.headers["x-due-at"]) == due_ms
    assert_in_time(pipeline, 2)


def test_a_pause_that_the_provider_asks_for_chooses_the_tier(pipeline):
    before = pipeline.kafka.ends(SECOND_TIER)
    message_id = failing(pipeline, status=429, headers={"Retry-After": "2"})
    pipeline.wait_for(message_id, "SENT")
    assert len(pipeline.kafka.records_of(SECOND_TIER, before, message_id)) == 1
    assert_in_time(pipeline, 1)


def test_a_wait_longer_than_all_tiers_stays_in_the_database(pipeline):
    message_id = failing(pipeline, status=429, headers={"Retry-After": "3"})
    until(lambda: pipeline.db.outbox() == 1, "it waits in the outbox")
    pipeline.wait_for(message_id, "SENT")
    assert_in_time(pipeline, 1)


def test_many_that_fail_together(pipeline):
    count = 1500
    pipeline.sandbox.fault("status", status=503, match="together", times=count)
    ids = post_many([message(to=f"together-{number}@example.com") for number in range(count)])
    pipeline.wait_until_finished(count)
    assert pipeline.db.value("SELECT count(*) FROM outbound_attempt") == 2 * count
    assert len(pipeline.sandbox.counts()) == len(ids)
    assert_in_time(pipeline, count)


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_what_waits_survives_the_router(pipeline, end):
    ids = [failing(pipeline) for _ in range(50)]
    until(lambda: pipeline.db.value("SELECT count(*) FROM outbound_attempt") == len(ids), "all wait")
    getattr(pipeline.role("router"), end)()
    pipeline.start("router")
    pipeline.wait_until_finished(len(ids))
    assert pipeline.db.value("SELECT count(*) FROM outbound_attempt") == 2 * len(ids)
    assert pipeline.db.rows(LATENESS)[0]["earliest"] >= 0


def test_an_unreadable_due_time_is_a_dead_letter_and_holds_nothing_up(pipeline):
    before = pipeline.kafka.ends(topics.DEAD_LETTERS)
    for number, due in enumerate((b"soon", b"", b"99999999999999999999", b"-1")):
        pipeline.kafka.produce(TIER, b"anything", key=b"key", headers={"x-due-at": due}, partition=number)
    letters = until(
        lambda: (found := pipeline.kafka.records(topics.DEAD_LETTERS, before)) and len(found) == 4 and found, "4 letters"
    )
    assert {letter.headers["x-error-code"] for letter in letters} == {"MALFORMED_RECORD"}
    assert {letter.headers["x-original-topic"] for letter in letters} == {TIER}
    message_id = failing(pipeline)
    pipeline.wait_for(message_id, "SENT")
