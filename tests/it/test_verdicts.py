"""What becomes of a message when its provider does anything but accept it."""

import datetime

import pytest

from support import kafka as topics
from support.api import message, outcomes, unique
from support.wait import until

SENDER_TIMEOUT_MS = 1000
MAX_ATTEMPTS = 4


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    return module_pipeline(
        "sandbox",
        "producer",
        "router",
        "sender",
        OUTBOUND_SENDER_TIMEOUT_MS=SENDER_TIMEOUT_MS,
        OUTBOUND_SENDER_LEASE_MS=SENDER_TIMEOUT_MS + 4000,
        OUTBOUND_MAX_ATTEMPTS=MAX_ATTEMPTS,
        OUTBOUND_RETRY_DELAYS="50ms,100ms",
    )


@pytest.fixture
def post_with_fault(pipeline):
    """Posts a message that the sandbox treats by a rule of its own; returns the message's id."""

    def post(kind, times=1, **rule):
        who = unique("fault")
        pipeline.sandbox.fault(kind, match=who, times=times, **rule)
        return pipeline.api.accept(message(to=f"{who}@example.com"))

    return post


def seconds_between(earlier, later):
    parsed = [datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (earlier, later)]
    return (parsed[1] - parsed[0]).total_seconds()


def dead_letters_of(pipeline, since, message_id):
    return until(
        lambda: pipeline.kafka.records_of(topics.DEAD_LETTERS, since, message_id),
        f"a dead letter of {message_id} exists",
    )


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again(pipeline, post_with_fault, status):
    message_id = post_with_fault("status", status=status, times=2)
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("RETRY", status, "TEMPORARY_ERROR")] * 2 + [("SENT", 202, None)]
    assert state["errorCode"] is None
    assert len(pipeline.sandbox.deliveries(message_id)) == 1


def test_retries_wait_for_their_time(pipeline, post_with_fault):
    state = pipeline.wait_for(post_with_fault("status", status=500, times=2), "SENT")
    first, second, third = state["attempts"]
    assert seconds_between(first["finishedAt"], second["startedAt"]) >= 0.05
    assert seconds_between(second["finishedAt"], third["startedAt"]) >= 0.1
    assert first["nextRetryAt"] <= second["startedAt"]


def test_retry_after_is_obeyed(pipeline, post_with_fault):
    message_id = post_with_fault("status", status=429, headers={"Retry-After": "2"})
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("RETRY", 429, "RATE_LIMIT_EXCEEDED"), ("SENT", 202, None)]
    first, second = state["attempts"]
    assert seconds_between(first["finishedAt"], second["startedAt"]) >= 2


def test_sendgrids_own_rate_limit_header_is_obeyed(pipeline, post_with_fault):
    """X-RateLimit-Reset, in Unix seconds, where Retry-After is missing: that is how SendGrid answers."""
    message_id = post_with_fault("status", status=429)
    state = until(lambda: pipeline.api.state(message_id)["attempts"] and pipeline.api.state(message_id), "it was tried")
    (attempt,) = state["attempts"]
    assert attempt["errorCode"] == "RATE_LIMIT_EXCEEDED"
    # The sandbox says: in a minute. Its seconds are whole ones.
    assert 57 <= seconds_between(attempt["finishedAt"], attempt["nextRetryAt"]) <= 70
    # Nobody waits for it here.
    pipeline.db.execute("UPDATE outbound_outbox SET due_at = now() WHERE message_id = %s", message_id)
    pipeline.wait_for(message_id, "SENT")


def test_a_bad_request_fails_at_once_with_a_dead_letter(pipeline, post_with_fault):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    reason = {"errors": [{"message": "The template is odd", "field": "mail.odd"}]}
    message_id = post_with_fault("status", status=400, body=reason)
    state = pipeline.wait_for(message_id, "FAILED")
    assert outcomes(state) == [("FAILED", 400, "INVALID_REQUEST")]
    assert state["errorCode"] == "INVALID_REQUEST"
    assert "The template is odd" in state["errorMessage"]

    (letter,) = dead_letters_of(pipeline, since, message_id)
    assert letter.headers["x-error-code"] == "INVALID_REQUEST"
    assert letter.headers["x-attempts"] == "1"
    assert letter.headers["x-correlation-id"] == state["correlationId"]
    assert letter.headers["x-error-message"]
    assert "odd" not in letter.headers["x-error-message"], "the provider's words may name the recipient"
    assert letter.headers["x-failed-at"]


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (400, {"message": "Does not contain a valid address.", "field": "personalizations.0.to"}, "INVALID_EMAIL"),
        (400, {"message": "no such template", "field": "template_id"}, "TEMPLATE_NOT_FOUND"),
        (404, {"message": "not found"}, "PROVIDER_REJECTED"),
        (413, {"message": "too large"}, "MESSAGE_TOO_LARGE"),
        (302, {}, "PROVIDER_REJECTED"),
    ],
)
def test_refusals_for_good(pipeline, post_with_fault, status, reason, code):
    state = pipeline.wait_for(post_with_fault("status", status=status, body={"errors": [reason]}), "FAILED")
    assert outcomes(state) == [("FAILED", status, code)]


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (401, None, "AUTHENTICATION_FAILED"),
        (401, "Maximum credits exceeded", "QUOTA_EXCEEDED"),
        (403, None, "PERMISSION_DENIED"),
        (403, "Your account is suspended", "ACCOUNT_SUSPENDED"),
    ],
)
def test_trouble_with_our_account_is_tried_again(pipeline, post_with_fault, status, reason, code):
    rule = {"body": {"errors": [{"message": reason}]}} if reason else {}
    state = pipeline.wait_for(post_with_fault("status", status=status, **rule), "SENT")
    assert outcomes(state) == [("RETRY", status, code), ("SENT", 202, None)]


def test_an_answer_that_nobody_understands_is_unknown(pipeline, post_with_fault):
    message_id = post_with_fault("status", status=200, body="hello")
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("UNKNOWN", 200, "UNREADABLE_RESPONSE"), ("SENT", 202, None)]
    assert len(pipeline.sandbox.deliveries(message_id)) == 2


@pytest.mark.parametrize(
    "body", ["", "not JSON", '{"errors": {}}', '{"errors": [1]}', "\u001b[31m\u009b\ufffd\r\n", "x" * 100000]
)
def test_a_refusal_with_a_strange_body(pipeline, post_with_fault, body):
    state = pipeline.wait_for(post_with_fault("status", status=400, body=body), "FAILED")
    assert outcomes(state) == [("FAILED", 400, "INVALID_REQUEST")]
    assert state["errorMessage"]


def test_no_answer_is_unknown_and_sent_again(pipeline, post_with_fault):
    message_id = post_with_fault("hang")
    state = pipeline.wait_for(message_id, "SENT")
    first, second = state["attempts"]
    assert (first["outcome"], first["errorCode"]) == ("UNKNOWN", "TIMEOUT")
    assert first["durationMs"] >= SENDER_TIMEOUT_MS * 0.99
    assert (second["outcome"], second["errorCode"]) == ("SENT", None)
    assert [delivery["attempt"] for delivery in pipeline.sandbox.deliveries(message_id)] == ["1", "2"]


def test_a_slow_answer_in_time_counts(pipeline, post_with_fault):
    message_id = post_with_fault("delay", delayMs=SENDER_TIMEOUT_MS // 3)
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("SENT", 202, None)]
    assert state["attempts"][0]["durationMs"] >= SENDER_TIMEOUT_MS // 3


def test_an_accepted_message_whose_answer_is_lost_is_delivered_twice(pipeline, post_with_fault):
    message_id = post_with_fault("reset", at="after", accept=True)
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("UNKNOWN", None, "CONNECTION_LOST"), ("SENT", 202, None)]
    assert [delivery["attempt"] for delivery in pipeline.sandbox.deliveries(message_id)] == ["1", "2"]


def test_half_an_answer_is_unknown(pipeline, post_with_fault):
    message_id = post_with_fault("reset", at="response")
    state = pipeline.wait_for(message_id, "SENT")
    assert [(attempt["outcome"], attempt["errorCode"]) for attempt in state["attempts"]] == [
        ("UNKNOWN", "CONNECTION_LOST"),
        ("SENT", None),
    ]


@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_connection_that_breaks_while_the_request_goes_out_is_unknown(pipeline, moment):
    """The provider did not take it, but from here that cannot be told: some of the body had left."""
    pipeline.sandbox.fault("reset", at=moment, times=1)
    message_id = pipeline.api.accept(message(payloadJson={"text": "x" * 100000}))
    state = pipeline.wait_for(message_id, "SENT")
    possible = [[("UNKNOWN", None, "CONNECTION_LOST"), ("SENT", 202, None)]]
    if moment == "before":
        # libcurl repeats a request of which only the head has left: without a body nobody can have taken it.
        possible.append([("SENT", 202, None)])
    assert outcomes(state) in possible
    assert len(pipeline.sandbox.deliveries(message_id)) == 1


def test_attempts_come_to_an_end(pipeline, post_with_fault):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    message_id = post_with_fault("status", status=500, times=1000)
    state = pipeline.wait_for(message_id, "FAILED")
    expected = [("RETRY", 500, "TEMPORARY_ERROR")] * (MAX_ATTEMPTS - 1) + [("FAILED", 500, "TEMPORARY_ERROR")]
    assert outcomes(state) == expected
    assert state["attemptCount"] == state["maxAttempts"] == MAX_ATTEMPTS
    (letter,) = dead_letters_of(pipeline, since, message_id)
    assert letter.headers["x-error-code"] == "TEMPORARY_ERROR"
    assert letter.headers["x-attempts"] == str(MAX_ATTEMPTS)


def test_a_message_expires_while_it_waits(pipeline, post_with_fault):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    who = unique("fault")
    pipeline.sandbox.fault("status", match=who, status=429, headers={"Retry-After": "3"})
    expiry = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    message_id = pipeline.api.accept(message(to=f"{who}@example.com", expiresAt=expiry.isoformat()))
    state = pipeline.wait_for(message_id, "EXPIRED")
    assert state["errorCode"] == "EXPIRED"
    assert [attempt["outcome"] for attempt in state["attempts"]] in (["RETRY"], [])
    assert pipeline.sandbox.deliveries(message_id) == []
    (letter,) = dead_letters_of(pipeline, since, message_id)
    assert letter.headers["x-error-code"] == "EXPIRED"


def test_a_provider_that_is_away_is_tried_until_it_is_back(pipeline):
    """Nothing was sent, so nothing is unknown. Last in this file: it takes the sandbox down."""
    pipeline.role("sandbox").terminate()
    message_id = pipeline.api.accept()
    until(lambda: pipeline.api.state(message_id)["attempts"], "an attempt was made")
    pipeline.start("sandbox")
    state = pipeline.wait_for(message_id, "SENT")
    *failed, last = outcomes(state)
    assert set(failed) == {("RETRY", None, "CONNECTION_FAILED")}
    assert last == ("SENT", 202, None)
    assert len(pipeline.sandbox.deliveries(message_id)) == 1
