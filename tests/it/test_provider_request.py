"""What the provider is asked: the request as it goes over the wire."""

import json

import pytest

from support.api import message, unique
from support.provider import Provider

TEMPLATE = "d-0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def provider():
    made = Provider()
    yield made
    made.close()


@pytest.fixture(scope="module")
def pipeline(module_pipeline, provider):
    running = module_pipeline(
        "producer",
        "router",
        SENDGRID_BASE_URL=provider.url,
        SENDGRID_API_KEY="SG.secret-key",
        SENDGRID_TEMPLATES=f"welcome_email={TEMPLATE}",
        OUTBOUND_EMAIL_FROM="us@example.com",
        OUTBOUND_EMAIL_FROM_NAME='The "Team" é',
    )
    running.start("sender")
    return running


def request_for(pipeline, provider, body):
    message_id = pipeline.api.accept(body)
    pipeline.wait_for(message_id, "SENT")
    (request,) = provider.requests_of(message_id)
    return request


def test_a_template_gets_the_payload_as_its_data(pipeline, provider):
    body = message(payloadJson={"name": "Ada", "list": [1, {"deep": None}]})
    request = request_for(pipeline, provider, body)
    assert request.line == "POST /v3/mail/send HTTP/1.1"
    assert request.mail == {
        "personalizations": [
            {
                "to": [{"email": body["to"]}],
                "custom_args": {"message_id": request.message_id, "attempt": "1"},
                "dynamic_template_data": body["payloadJson"],
            }
        ],
        "from": {"email": "us@example.com", "name": 'The "Team" é'},
        "subject": "Welcome",
        "template_id": TEMPLATE,
    }


def test_the_payload_goes_out_as_it_came_in(pipeline, provider):
    payload = b'{"price":1.10, "big":9007199254740993,  "text":"\\u00e9 \\/", "\xc3\xa9": 1.50E-300}'
    raw = json.dumps(message(payloadJson="@")).encode().replace(b'"@"', payload)
    assert payload in request_for(pipeline, provider, raw).body


def test_headers_are_those_that_the_provider_needs(pipeline, provider):
    headers = request_for(pipeline, provider, message()).headers
    assert headers["authorization"] == "Bearer SG.secret-key"
    assert headers["content-type"] == "application/json"
    assert "content-length" in headers
    assert "expect" not in headers and "transfer-encoding" not in headers


@pytest.mark.parametrize(
    ("payload", "content"),
    [
        ({"text": "Hello\nyou"}, [("text/plain", "Hello\nyou")]),
        ({"html": "<p>é</p>"}, [("text/html", "<p>é</p>")]),
        ({"html": "<p>é</p>", "text": "é", "other": 1}, [("text/plain", "é"), ("text/html", "<p>é</p>")]),
    ],
    ids=["text", "html", "both"],
)
def test_a_code_without_a_template_sends_the_payloads_text(pipeline, provider, payload, content):
    mail = request_for(pipeline, provider, message(templateCode="none", payloadJson=payload)).mail
    assert [(part["type"], part["value"]) for part in mail["content"]] == content
    assert "template_id" not in mail and "dynamic_template_data" not in mail["personalizations"][0]


def test_a_code_without_a_template_and_without_text_fails(pipeline, provider):
    asked_before = len(provider.requests)
    message_id = pipeline.api.accept(message(templateCode="none"))
    state = pipeline.wait_for(message_id, "FAILED")
    assert state["errorCode"] == "TEMPLATE_NOT_FOUND"
    assert "none" in state["errorMessage"]
    assert len(provider.requests) == asked_before


def test_a_large_message_goes_out_whole(pipeline, provider):
    text = unique("start") + "x" * 250000 + "end"
    assert request_for(pipeline, provider, message(payloadJson={"text": text})).mail["personalizations"][0][
        "dynamic_template_data"
    ] == {"text": text}


def test_connections_are_kept(pipeline, provider):
    first = request_for(pipeline, provider, message())
    second = request_for(pipeline, provider, message())
    assert second.connection == first.connection
    assert second.on_connection == first.on_connection + 1
