"""SMS by Twilio: what its stand-in answers decides what becomes of a message."""

import datetime

import pytest

from support import kafka as topics
from support.api import message, outcomes, phone_number
from support.wait import until


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    running = module_pipeline(
        "sandbox", "producer", "router", OUTBOUND_SMS_PROVIDER="twilio", OUTBOUND_RETRY_DELAYS="50ms,100ms"
    )
    running.start("sender", "--channel=sms")
    return running


def sms(**changes):
    body = {"channel": "SMS", "to": phone_number(), "subject": None, "payloadJson": {"text": "Hello"}}
    return message(**{**body, **changes})


def post_with_fault(pipeline, kind, **rule):
    """Posts a message that the sandbox treats by a rule of its own, once; returns its id and recipient."""
    to = phone_number()
    pipeline.sandbox.fault(kind, match=to, times=1, **rule)
    return pipeline.api.accept(sms(to=to)), to


def refusal(status, code):
    """Twilio's error document."""
    return {
        "status": status,
        "body": {
            "code": code,
            "message": "words",
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        },
    }


def test_a_message_is_delivered(pipeline):
    body = sms(payloadJson={"text": "100 % & more +\nü 🙂"})
    state = pipeline.wait_for(pipeline.api.accept(body), "SENT")
    assert outcomes(state) == [("SENT", 201, None)]
    (delivery,) = pipeline.sandbox.deliveries_to(body["to"])
    assert (delivery["channel"], delivery["provider"]) == ("SMS", "twilio")
    (attempt,) = state["attempts"]
    assert attempt["provider"] == "twilio"
    assert attempt["providerMessageId"] == delivery["providerMessageId"]
    assert delivery["providerMessageId"].startswith("SM")


def test_an_urgent_message_is_delivered(pipeline):
    body = sms(priority="urgent")
    pipeline.wait_for(pipeline.api.accept(body), "SENT")
    assert len(pipeline.sandbox.deliveries_to(body["to"])) == 1


@pytest.mark.parametrize(
    ("to", "status", "code"),
    [
        ("+15005550001", 400, "INVALID_PHONE_NUMBER"),
        ("+15005550002", 400, "RECIPIENT_UNREACHABLE"),
        ("+15005550003", 403, "REGION_NOT_ALLOWED"),
        ("+15005550004", 400, "RECIPIENT_OPTED_OUT"),
        ("+15005550009", 400, "INVALID_PHONE_NUMBER"),
    ],
)
def test_a_number_that_twilio_refuses(pipeline, to, status, code):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    message_id = pipeline.api.accept(sms(to=to))
    state = pipeline.wait_for(message_id, "FAILED")
    assert outcomes(state) == [("FAILED", status, code)]
    assert state["errorCode"] == code and state["errorMessage"]
    assert pipeline.sandbox.deliveries_to(to) == []
    (letter,) = until(
        lambda: pipeline.kafka.records_of(topics.DEAD_LETTERS, since, message_id), "there is a dead letter"
    )
    assert letter.headers["x-error-code"] == code


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"status": 429}, "RATE_LIMIT_EXCEEDED"),
        ({"status": 401}, "AUTHENTICATION_FAILED"),
        ({"status": 503}, "TEMPORARY_ERROR"),
        (refusal(400, 20429), "RATE_LIMIT_EXCEEDED"),
        (refusal(403, 20005), "ACCOUNT_SUSPENDED"),
        (refusal(400, 21606), "PERMISSION_DENIED"),
    ],
)
def test_what_may_pass_is_tried_again(pipeline, rule, code):
    message_id, to = post_with_fault(pipeline, "status", **rule)
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("RETRY", rule["status"], code), ("SENT", 201, None)]
    assert len(pipeline.sandbox.deliveries_to(to)) == 1


def test_the_limit_of_a_day_is_waited_for(pipeline):
    message_id, to = post_with_fault(pipeline, "status", **refusal(429, 63038))
    (attempt,) = until(lambda: pipeline.api.state(message_id)["attempts"], "the first attempt has ended")
    assert (attempt["outcome"], attempt["errorCode"]) == ("RETRY", "QUOTA_EXCEEDED")
    finished, due = (
        datetime.datetime.fromisoformat(attempt[name].replace("Z", "+00:00")) for name in ("finishedAt", "nextRetryAt")
    )
    assert due - finished >= datetime.timedelta(hours=23, minutes=59)
    assert pipeline.sandbox.deliveries_to(to) == []


def test_an_accepted_message_whose_answer_is_lost_is_delivered_twice(pipeline):
    message_id, to = post_with_fault(pipeline, "reset", at="after")
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("UNKNOWN", None, "CONNECTION_LOST"), ("SENT", 201, None)]
    assert [delivery["answered"] for delivery in pipeline.sandbox.deliveries_to(to)] == ["reset", "201"]


@pytest.mark.parametrize("body", ["", "<html>", '{"sid": "SM0123', {"sid": 1}])
def test_a_success_that_nobody_understands_is_unknown(pipeline, body):
    message_id, to = post_with_fault(pipeline, "status", status=200, body=body)
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("UNKNOWN", 200, "UNREADABLE_RESPONSE"), ("SENT", 201, None)]
    assert len(pipeline.sandbox.deliveries_to(to)) == 2


@pytest.mark.parametrize(
    ("payload", "code"),
    [({"name": "Ada"}, "TEMPLATE_NOT_FOUND"), ({"text": "x" * 1601}, "MESSAGE_TOO_LARGE")],
    ids=["no text", "too long"],
)
def test_what_twilio_would_not_take_is_not_sent(pipeline, payload, code):
    requests = pipeline.sandbox.stats()["requests"]
    state = pipeline.wait_for(pipeline.api.accept(sms(payloadJson=payload)), "FAILED")
    assert outcomes(state) == [("FAILED", None, code)]
    assert pipeline.sandbox.stats()["requests"] == requests
