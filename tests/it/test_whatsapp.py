"""WhatsApp by the Cloud API: what its stand-in answers decides what becomes of a message."""

import datetime

import pytest

from support.api import message, outcomes, phone_number
from support.wait import until

COMPONENTS = [{"type": "body", "parameters": [{"type": "text", "text": "Ada"}]}]


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    running = module_pipeline(
        "sandbox",
        "producer",
        "router",
        OUTBOUND_WHATSAPP_PROVIDER="whatsapp",
        OUTBOUND_RETRY_DELAYS="50ms,100ms",
        WHATSAPP_TEMPLATES="welcome_email=welcome:en_US",
    )
    running.start("sender", "--channel=whatsapp")
    return running


def whatsapp(**changes):
    body = {"channel": "WHATSAPP", "to": phone_number(), "subject": None, "payloadJson": {"components": COMPONENTS}}
    return message(**{**body, **changes})


def post_with_fault(pipeline, kind, **rule):
    """Posts a message that the sandbox treats by a rule of its own, once; returns its id."""
    to = phone_number()
    pipeline.sandbox.fault(kind, match=to, times=1, **rule)
    return pipeline.api.accept(whatsapp(to=to))


def refusal(status, code):
    """Meta's error document."""
    return {
        "status": status,
        "body": {
            "error": {
                "message": f"(#{code}) words",
                "type": "OAuthException",
                "code": code,
                "error_data": {"messaging_product": "whatsapp", "details": "details"},
                "fbtrace_id": "AbCdEf",
            }
        },
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"payloadJson": {}},
        {"payloadJson": {"language": "de"}},
        {"templateCode": "none", "payloadJson": {"text": "ü 🙂"}},
    ],
    ids=["template", "template without variables", "template in another language", "text"],
)
def test_a_message_is_delivered(pipeline, changes):
    body = whatsapp(**changes)
    message_id = pipeline.api.accept(body)
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("SENT", 200, None)]
    (delivery,) = pipeline.sandbox.deliveries(message_id)
    expected = {"channel": "WHATSAPP", "provider": "whatsapp", "to": body["to"], "attempt": "1"}
    assert {name: delivery[name] for name in expected} == expected
    (attempt,) = state["attempts"]
    assert attempt["provider"] == "whatsapp"
    assert attempt["providerMessageId"] == delivery["providerMessageId"]
    assert delivery["providerMessageId"].startswith("wamid.")


@pytest.mark.parametrize(
    ("status", "number", "code"),
    [
        (400, 131026, "RECIPIENT_UNREACHABLE"),
        (400, 131021, "INVALID_PHONE_NUMBER"),
        (400, 131047, "SERVICE_WINDOW_CLOSED"),
        (404, 132001, "TEMPLATE_NOT_APPROVED"),
        (400, 132000, "TEMPLATE_MISMATCH"),
        (400, 424242, "PROVIDER_REJECTED"),
    ],
)
def test_refusals_for_good(pipeline, status, number, code):
    message_id = post_with_fault(pipeline, "status", **refusal(status, number))
    state = pipeline.wait_for(message_id, "FAILED")
    assert outcomes(state) == [("FAILED", status, code)]
    assert state["errorMessage"] == f"{number}: (#{number}) words: details"
    assert pipeline.sandbox.deliveries(message_id) == []


def test_components_that_the_api_refuses(pipeline):
    """By the stand-in's own rules, in the words of the API."""
    components = [{"type": "body", "parameters": [{"type": "text"}]}]
    state = pipeline.wait_for(pipeline.api.accept(whatsapp(payloadJson={"components": components})), "FAILED")
    assert outcomes(state) == [("FAILED", 400, "INVALID_REQUEST")]
    assert "'text' is mandatory" in state["errorMessage"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"status": 429}, "RATE_LIMIT_EXCEEDED"),
        ({"status": 401}, "AUTHENTICATION_FAILED"),
        ({"status": 500}, "TEMPORARY_ERROR"),
        (refusal(400, 130429), "RATE_LIMIT_EXCEEDED"),
        (refusal(403, 368), "ACCOUNT_SUSPENDED"),
        (refusal(400, 133010), "PERMISSION_DENIED"),
    ],
)
def test_what_may_pass_is_tried_again(pipeline, rule, code):
    message_id = post_with_fault(pipeline, "status", **rule)
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("RETRY", rule["status"], code), ("SENT", 200, None)]
    assert [delivery["attempt"] for delivery in pipeline.sandbox.deliveries(message_id)] == ["2"]


def test_a_recipient_gets_no_two_messages_within_six_seconds(pipeline):
    """The limit of the pair: the message waits, others go on."""
    message_id = post_with_fault(pipeline, "status", **refusal(429, 131056))
    (attempt,) = until(lambda: pipeline.api.state(message_id)["attempts"], "the first attempt has ended")
    assert (attempt["outcome"], attempt["errorCode"]) == ("RETRY", "RECIPIENT_RATE_LIMIT_EXCEEDED")
    finished, due = (
        datetime.datetime.fromisoformat(attempt[name].replace("Z", "+00:00")) for name in ("finishedAt", "nextRetryAt")
    )
    assert due - finished >= datetime.timedelta(seconds=5.9)
    pipeline.wait_for(pipeline.api.accept(whatsapp()), "SENT")
    pipeline.wait_for(message_id, "SENT")


def test_an_accepted_message_whose_answer_is_lost_is_delivered_twice(pipeline):
    message_id = post_with_fault(pipeline, "reset", at="after")
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("UNKNOWN", None, "CONNECTION_LOST"), ("SENT", 200, None)]
    assert [delivery["attempt"] for delivery in pipeline.sandbox.deliveries(message_id)] == ["1", "2"]


def test_half_an_answer_is_unknown(pipeline):
    state = pipeline.wait_for(post_with_fault(pipeline, "reset", at="response"), "SENT")
    assert [(attempt["outcome"], attempt["errorCode"]) for attempt in state["attempts"]] == [
        ("UNKNOWN", "CONNECTION_LOST"),
        ("SENT", None),
    ]


@pytest.mark.parametrize("body", ["", "<html>", '{"messages": [{"id": "wamid.', {"messages": []}])
def test_a_success_that_nobody_understands_is_unknown(pipeline, body):
    message_id = post_with_fault(pipeline, "status", status=200, body=body)
    state = pipeline.wait_for(message_id, "SENT")
    assert outcomes(state) == [("UNKNOWN", 200, "UNREADABLE_RESPONSE"), ("SENT", 200, None)]
    assert len(pipeline.sandbox.deliveries(message_id)) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"templateCode": "none", "payloadJson": {}}, "TEMPLATE_NOT_FOUND"),
        ({"templateCode": "none", "payloadJson": {"text": "x" * 4097}}, "MESSAGE_TOO_LARGE"),
        ({"payloadJson": {"components": {}}}, "INVALID_REQUEST"),
    ],
    ids=["no text", "too long", "no list"],
)
def test_what_the_api_would_not_take_is_not_sent(pipeline, changes, code):
    requests = pipeline.sandbox.stats()["requests"]
    state = pipeline.wait_for(pipeline.api.accept(whatsapp(**changes)), "FAILED")
    assert outcomes(state) == [("FAILED", None, code)]
    assert pipeline.sandbox.stats()["requests"] == requests
