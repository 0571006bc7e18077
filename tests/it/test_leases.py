"""A claim ends: within 10 s of its lease, also when no sender of its channel is left; and what was not begun does not count."""

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
