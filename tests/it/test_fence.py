"""A sender that slept through its lease, as on a machine that was suspended, spoils nothing when it wakes up."""

import signal

import pytest

from support.provider import ACCEPTED
from support.slow import REFUSED, Slow
from support.wait import until


@pytest.fixture
def suspended(new_pipeline):
    """suspended(answers…): a message whose first attempt is with the provider, and its sender is suspended."""

    def make(*answers, **settings):
        slow = Slow(*answers)
        pipeline = new_pipeline(
            "producer",
            "router",
            SENDGRID_BASE_URL=slow.provider.url,
            OUTBOUND_SENDER_TIMEOUT_MS=60000,
            OUTBOUND_SENDER_LEASE_MS=62000,
            **settings,
        )
        first = pipeline.start("sender", label="sender-1", OUTBOUND_INSTANCE_ID="it-fence-1")
        message_id = pipeline.api.accept()
        until(lambda: slow.requests, "the first attempt is with the provider")
        first.signal(signal.SIGSTOP)
        # Its lease ends now: nobody waits a minute for that here.
        pipeline.db.execute("UPDATE outbound_message SET lease_until = now() WHERE id = %s", message_id)
        second = pipeline.start("sender", label="sender-2", OUTBOUND_INSTANCE_ID="it-fence-2")
        return pipeline, slow, first, second, message_id

    return make


def outcomes(state):
    return [(attempt["attemptNo"], attempt["outcome"], attempt["errorCode"]) for attempt in state["attempts"]]


def test_a_late_refusal_does_not_touch_the_next_attempt(suspended):
    pipeline, slow, first, _, message_id = suspended(REFUSED, ACCEPTED)
    pipeline.kafka.forget_static_members("it-fence-1")
    until(lambda: len(slow.requests) == 2, "the second attempt is with the provider")
    assert pipeline.api.state(message_id)["status"] == "SENDING"

    first.signal(signal.SIGCONT)
    slow.may_answer[0].set()
    first.wait_until_says("attempt 1 of 5")  # it thinks that it has finished the message
    state = pipeline.api.state(message_id)
    assert state["status"] == "SENDING"
    assert outcomes(state) == [(1, "UNKNOWN", "LEASE_EXPIRED")]

    slow.may_answer[1].set()
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [(1, "UNKNOWN", "LEASE_EXPIRED"), (2, "SENT", None)]
    assert pipeline.db.value("SELECT count(*) FROM outbound_outbox WHERE topic = 'outbound.dlq'") == 0


def test_a_late_success_settles_what_waits_for_another_attempt(suspended):
    """So it is not sent twice."""
    pipeline, slow, first, second, message_id = suspended(ACCEPTED, ACCEPTED, OUTBOUND_RETRY_DELAYS="1h")
    until(lambda: pipeline.api.state(message_id)["status"] == "QUEUED", "it waits for its second attempt")
    first.signal(signal.SIGCONT)
    slow.may_answer[0].set()
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [(1, "SENT", None)]

    pipeline.db.execute("UPDATE outbound_outbox SET due_at = now()")
    until(lambda: pipeline.db.outbox() == 0, "the second attempt is announced all the same")
    pipeline.kafka.wait_until_all_committed(["outbound-router"])
    assert second.terminate() == 0
    assert first.terminate() == 0
    assert len(slow.requests) == 1


def test_a_late_success_settles_what_is_held(suspended):
    pipeline, slow, first, _, message_id = suspended(ACCEPTED, OUTBOUND_EMAIL_UNKNOWN_POLICY="hold")
    until(lambda: pipeline.api.state(message_id)["status"] == "UNKNOWN", "it is held")
    first.signal(signal.SIGCONT)
    slow.may_answer[0].set()
    assert outcomes(pipeline.wait_for(message_id, "SENT")) == [(1, "SENT", None)]


def test_a_late_success_settles_what_that_lease_made_fail(suspended):
    """Its last attempt was given up, and then the answer came: it was delivered."""
    pipeline, slow, first, _, message_id = suspended(ACCEPTED, OUTBOUND_MAX_ATTEMPTS=1)
    failed = pipeline.wait_for(message_id, "FAILED")
    assert (failed["errorCode"], outcomes(failed)) == ("LEASE_EXPIRED", [(1, "UNKNOWN", "LEASE_EXPIRED")])
    first.signal(signal.SIGCONT)
    slow.may_answer[0].set()
    sent = pipeline.wait_for(message_id, "SENT")
    assert (sent["errorCode"], outcomes(sent)) == (None, [(1, "SENT", None)])


def test_a_late_refusal_leaves_what_that_lease_made_fail(suspended):
    pipeline, slow, first, _, message_id = suspended(REFUSED, OUTBOUND_MAX_ATTEMPTS=1)
    pipeline.wait_for(message_id, "FAILED")
    first.signal(signal.SIGCONT)
    slow.may_answer[0].set()
    first.wait_until_says("attempt 1 of 1")
    failed = pipeline.api.state(message_id)
    assert (failed["status"], failed["errorCode"]) == ("FAILED", "LEASE_EXPIRED")
    assert outcomes(failed) == [(1, "UNKNOWN", "LEASE_EXPIRED")]
