"""A claim ends: within 10 s of its lease, also when no sender of its channel is left; and what was not begun does not count."""

import time

import pytest

from support.api import message
from support.database_lock import no_change_of_messages
from support.wait import until

SETTINGS = {
    "OUTBOUND_SENDER_TIMEOUT_MS": 1000,
    "OUTBOUND_SENDER_LEASE_MS": 3000,
    "OUTBOUND_WORKER_POLL_INTERVAL_MS": None,  # what it is without the tests
    "OUTBOUND_RETRY_DELAYS": "1h",
}


@pytest.mark.parametrize(("policy", "status"), [("resend", "QUEUED"), ("hold", "UNKNOWN")])
def test_without_a_sender_the_producer_notices(new_pipeline, policy, status):
    """And does as the sender was told, which the producer was not."""
    pipeline = new_pipeline("sandbox", "producer", "router", **SETTINGS)
    sender = pipeline.start("sender", OUTBOUND_EMAIL_UNKNOWN_POLICY=policy, OUTBOUND_INSTANCE_ID="it-leases")
    pipeline.sandbox.fault("hang", match="left-alone")
    message_id = pipeline.api.accept(message(to="left-alone@example.com"))
    until(lambda: pipeline.sandbox.deliveries(message_id), "the request is at the provider")
    lease_until = pipeline.db.message(message_id)["lease_until"]
    sender.kill()
    state = pipeline.wait_for(message_id, status)
    assert [(one["outcome"], one["errorCode"]) for one in state["attempts"]] == [("UNKNOWN", "LEASE_EXPIRED")]
    noticed_s = (pipeline.db.message(message_id)["updated_at"] - lease_until).total_seconds()
    assert 0 <= noticed_s < 10


@pytest.mark.parametrize(("policy", "status"), [("resend", "QUEUED"), ("hold", "UNKNOWN")])
def test_a_sender_settles_what_the_one_of_its_name_left(new_pipeline, policy, status):
    """At its start, and nothing that another one has in its hands."""
    settings = {"OUTBOUND_SENDER_TIMEOUT_MS": None, "OUTBOUND_SENDER_LEASE_MS": None}  # 30 s, looked at every 5 s
    pipeline = new_pipeline("sandbox", "producer", "router", **{**SETTINGS, **settings})
    own = {"OUTBOUND_EMAIL_UNKNOWN_POLICY": policy, "OUTBOUND_METRICS_PORT": 0}
    pipeline.sandbox.fault("hang", match="in-hand")
    held = {}
    for name in ("it-leases-a", "it-leases-b"):  # one after the other, so that it is known who has what
        sender = pipeline.start("sender", label=name, OUTBOUND_INSTANCE_ID=name, **own)
        pipeline.wait_until_assigned(sender)
        held[name] = pipeline.api.accept(message(to="in-hand@example.com"))
        until(lambda: pipeline.sandbox.deliveries(held[name]), "the request is at the provider")
        sender.kill()
    assert pipeline.db.count("SENDING") == 2
    began = time.monotonic()
    again = pipeline.launch("sender", label="again", OUTBOUND_INSTANCE_ID="it-leases-a", **own)
    state = pipeline.wait_for(held["it-leases-a"], status)
    assert time.monotonic() - began < 2
    assert [(one["outcome"], one["errorCode"]) for one in state["attempts"]] == [("UNKNOWN", "LEASE_EXPIRED")]
    pipeline.wait_until_assigned(again)
    other = pipeline.db.message(held["it-leases-b"])
    assert (other["status"], other["claimed_by"]) == ("SENDING", "it-leases-b")
    assert other["lease_until"] > other["updated_at"]


def test_an_attempt_that_was_not_started_does_not_count(new_pipeline):
    """The claim took so long that its lease would not last for the request."""
    pipeline = new_pipeline(
        "sandbox",
        "producer",
        "router",
        OUTBOUND_SENDER_TIMEOUT_MS=1000,
        OUTBOUND_SENDER_LEASE_MS=3000,
        OUTBOUND_MAX_ATTEMPTS=1,
    )
    first = pipeline.start("sender")
    pipeline.kafka.wait_until_all_committed()  # nothing of other tests is left to be claimed before it
    assert first.terminate() == 0
    message_id = pipeline.api.accept()
    until(lambda: pipeline.db.outbox() == 0, "its record is in Kafka")
    with no_change_of_messages():
        pipeline.start("sender")
        too_late = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'outbound sender email claim'"
            " AND wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '1500 ms'"
        )
        until(lambda: pipeline.db.value(too_late), "too little is left of its lease")
    state = pipeline.wait_for(message_id, "SENT")
    assert [(one["attemptNo"], one["outcome"], one["errorCode"]) for one in state["attempts"]] == [
        (1, "RETRY", "NOT_STARTED"),
        (2, "SENT", None),
    ]
    assert state["attemptCount"] == 1
    assert len(pipeline.sandbox.deliveries(message_id)) == 1
