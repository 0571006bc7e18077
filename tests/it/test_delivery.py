"""A message is posted, accepted, sent through Kafka to the provider, and every step can be read back."""

import datetime
import json
import re
import uuid

import pytest

from support import kafka as topics
from support.api import PATHS, message, unique
from support.wait import until

UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    return module_pipeline("sandbox", "producer", "router", "sender")


@pytest.fixture(scope="module")
def api(pipeline):
    return pipeline.api


def instant(text):
    assert UTC_TIME.fullmatch(text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.mark.parametrize("path", PATHS)
def test_the_guides_example_is_accepted_and_sent(pipeline, api, path):
    body = message()
    answer = api.post(body, path)

    assert answer.status_code == 202
    assert answer.headers["Content-Type"] == "application/json"
    accepted = answer.json()
    assert set(accepted) == {"id", "status", "correlationId"}
    assert accepted["status"] == "QUEUED"
    assert answer.headers["Location"] == f"/api/v1/outbound/messages/{accepted['id']}"
    assert "Idempotent-Replayed" not in answer.headers

    state = pipeline.wait_for(accepted["id"], "SENT")
    for name, value in body.items():
        assert state[name] == value
    assert state["orgId"] == "default"
    assert state["priority"] == "normal"
    assert (state["errorCode"], state["errorMessage"], state["expiresAt"]) == (None, None, None)
    assert (state["attemptCount"], state["maxAttempts"]) == (1, 5)
    assert state["provider"] == "sendgrid"
    assert api.get(f"{path}/{accepted['id']}").json() == state

    (delivery,) = pipeline.sandbox.deliveries(accepted["id"])
    assert delivery["to"] == body["to"]
    assert delivery["subject"] == "Welcome"
    assert delivery["attempt"] == "1"
    assert delivery["providerMessageId"] == state["providerMessageId"]


def test_the_attempt_is_recorded_with_its_times(pipeline, api):
    message_id = api.accept()
    state = pipeline.wait_for(message_id, "SENT")

    (attempt,) = state["attempts"]
    assert attempt["attemptNo"] == 1
    assert attempt["outcome"] == "SENT"
    assert attempt["provider"] == "sendgrid"
    assert attempt["providerMessageId"] == state["providerMessageId"]
    assert attempt["httpStatus"] == 202
    assert (attempt["errorCode"], attempt["errorMessage"], attempt["nextRetryAt"]) == (None, None, None)
    assert attempt["durationMs"] > 0
    created, started, finished = (instant(t) for t in (state["createdAt"], attempt["startedAt"], attempt["finishedAt"]))
    assert created < started < finished
    # Set by one statement, from a clock that goes on while it runs.
    for same in (state["sentAt"], state["updatedAt"]):
        assert abs((instant(same) - finished).total_seconds()) < 1


def test_a_given_correlation_id_goes_all_the_way(pipeline, api):
    given = unique("corr")
    before = {topic: pipeline.kafka.ends(topic) for topic in (topics.ACCEPTED, topics.SEND_EMAIL)}
    answer = api.post(message(), headers={"X-Correlation-ID": given})
    message_id = answer.json()["id"]

    assert answer.headers["X-Correlation-ID"] == given
    assert answer.json()["correlationId"] == given
    assert pipeline.wait_for(message_id, "SENT")["correlationId"] == given
    for topic, since in before.items():
        (record,) = pipeline.kafka.records_of(topic, since, message_id)
        assert record.headers["x-correlation-id"] == given


def test_a_correlation_id_is_made_when_none_is_given(pipeline, api):
    since = pipeline.kafka.ends(topics.ACCEPTED)
    first, second = api.post(message()), api.post(message())

    made = first.json()["correlationId"]
    assert uuid.UUID(made).version == 4
    assert first.headers["X-Correlation-ID"] == made
    assert made != second.json()["correlationId"]
    until(lambda: pipeline.kafka.records_of(topics.ACCEPTED, since, first.json()["id"]), "the record is there")
    (record,) = pipeline.kafka.records_of(topics.ACCEPTED, since, first.json()["id"])
    assert record.headers["x-correlation-id"] == made


def test_ids_are_uuids_in_the_order_of_time(pipeline, api):
    ids = [uuid.UUID(api.accept()) for _ in range(20)]
    assert {(made.version, made.variant) for made in ids} == {(7, uuid.RFC_4122)}
    assert ids == sorted(ids)
    for made in ids:
        created = pipeline.db.message(str(made))["created_at"].timestamp()
        assert abs((made.int >> 80) / 1000 - created) < 30


def test_an_id_of_the_callers_own_is_kept(pipeline, api):
    own = str(uuid.uuid4())
    assert api.accept(message(id=own)) == own
    assert pipeline.wait_for(own, "SENT")["id"] == own


def test_urgent_messages_have_a_topic_of_their_own(pipeline, api):
    normal_before = pipeline.kafka.ends(topics.SEND_EMAIL)
    urgent_before = pipeline.kafka.ends(topics.SEND_EMAIL_URGENT)
    urgent = api.accept(message(priority="urgent"))
    normal = api.accept(message(priority="normal"))
    assert pipeline.wait_for(urgent, "SENT")["priority"] == "urgent"
    assert pipeline.wait_for(normal, "SENT")["priority"] == "normal"

    sent_urgent = [record.key.decode() for record in pipeline.kafka.records(topics.SEND_EMAIL_URGENT, urgent_before)]
    sent_normal = [record.key.decode() for record in pipeline.kafka.records(topics.SEND_EMAIL, normal_before)]
    assert sent_urgent == [urgent]
    assert normal in sent_normal and urgent not in sent_normal


def test_an_expiry_in_the_future_does_not_hinder(pipeline, api):
    message_id = api.accept(message(expiresAt="2099-12-31T23:59:59.5+02:00"))
    assert pipeline.wait_for(message_id, "SENT")["expiresAt"] == "2099-12-31T21:59:59.500000Z"


def test_members_that_may_be_null_count_as_not_given(pipeline, api):
    body = {**message(), "id": None, "expiresAt": None, "priority": None}
    answer = api.post(body)
    assert answer.status_code == 202
    assert pipeline.wait_for(answer.json()["id"], "SENT")["priority"] == "normal"


def test_the_payload_is_kept_as_it_was_written(pipeline, api):
    payload = '{"price": 1.10, "big": 9007199254740993, "tiny": 1.50E-300, "text": "\\u00e9\\ud83d\\ude00 é"}'
    answer = api.post(json.dumps(message(payloadJson="@")).replace('"@"', payload).encode())
    assert answer.status_code == 202
    assert payload in api.get(answer.headers["Location"]).text


def test_text_of_any_language_arrives(pipeline, api):
    subject = "Grüße, 世界 🎉 \\ \" '; DROP TABLE outbound_message; --"
    message_id = api.accept(message(subject=subject))
    assert pipeline.wait_for(message_id, "SENT")["subject"] == subject
    (delivery,) = pipeline.sandbox.deliveries(message_id)
    assert delivery["subject"] == subject


def test_the_organisation_comes_from_a_header(pipeline, api):
    message_id = api.accept(message(), X_Org_ID="acme")
    assert pipeline.wait_for(message_id, "SENT")["orgId"] == "acme"


def test_the_longest_values_are_accepted(pipeline, api):
    domain = ".".join(["d" * 63, "e" * 63, "f" * 57, "com"])
    body = message(
        to="l" * 64 + "@" + domain,
        subject="s" * 998,
        templateCode="t" * 128,
        dossierId=2**63 - 1,
    )
    assert len(body["to"]) == 254
    headers = {"X-Org-ID": "o" * 64, "X-Correlation-ID": "c" * 128, "Idempotency-Key": "k" * 255}
    answer = api.post(body, headers=headers)
    assert answer.status_code == 202, answer.text
    assert pipeline.wait_for(answer.json()["id"], "SENT")["dossierId"] == 2**63 - 1


def test_an_unknown_message_is_not_found(api):
    answer = api.get(f"/api/v1/outbound/messages/{uuid.uuid4()}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_malformed_id_is_refused(api):
    for wrong in ("1", "not-a-uuid", f"{uuid.uuid4()}0", str(uuid.uuid4()).replace("-", "")):
        answer = api.get(f"/api/v1/outbound/messages/{wrong}")
        assert answer.status_code == 400, wrong
        assert [error["field"] for error in answer.json()["errors"]] == ["id"]


def test_head_is_get_without_the_body(api):
    location = f"/api/v1/outbound/messages/{api.accept()}"
    for path in (location, "/health/live", "/metrics"):
        answer = api.request("HEAD", path)
        assert answer.status_code == 200
        assert answer.content == b""
        assert answer.headers["Content-Type"] == api.get(path).headers["Content-Type"]
