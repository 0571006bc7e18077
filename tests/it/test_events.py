"""outbound.events tells what becomes of each message, in its order, and nothing about its recipient or content."""

import uuid

import pytest

from support import events, runbook
from support.api import message, unique
from support.letters import dlq, letter_of
from support.unannounced import insert_message
from support.wait import until


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    return module_pipeline(
        "sandbox", "producer", "router", "sender", "dlq", OUTBOUND_EMAIL_UNKNOWN_POLICY="hold", OUTBOUND_MAX_ATTEMPTS=2
    )


@pytest.fixture
def since(pipeline):
    return pipeline.kafka.ends(events.TOPIC)


def reasons(found):
    return [event["errorCode"] for event in found]


def test_a_message_that_is_sent(pipeline, since):
    key = unique("key")
    message_id = pipeline.api.accept(message(dossierId=4711), X_Org_ID="acme", Idempotency_Key=key)
    state = pipeline.wait_for(message_id, "SENT")
    sending, sent = events.wait_for(pipeline, since, message_id, ["SENDING", "SENT"])
    assert sending == {
        "eventId": sending["eventId"],
        "messageId": message_id,
        "orgId": "acme",
        "source": "http",
        "requestId": key,
        "dossierId": 4711,
        "channel": "EMAIL",
        "correlationId": state["correlationId"],
        "status": "SENDING",
        "attemptCount": 1,
        "errorCode": None,
        "provider": None,
        "providerMessageId": None,
        "occurredAt": sending["occurredAt"],
    }
    assert (sent["provider"], sent["providerMessageId"]) == ("sendgrid", state["providerMessageId"])
    assert sent["occurredAt"].strftime("%Y-%m-%dT%H:%M:%S.%fZ") == state["updatedAt"]


def test_a_retry_and_the_end_of_all_attempts(pipeline, since):
    pipeline.sandbox.fault("status", status=500, match="never")
    message_id = pipeline.api.accept(message(to="never@example.com"))
    pipeline.wait_for(message_id, "FAILED")
    found = events.wait_for(pipeline, since, message_id, ["SENDING", "QUEUED", "SENDING", "FAILED"])
    again, failed = found[1], found[3]
    assert (again["attemptCount"], failed["attemptCount"]) == (1, 2)
    assert again["errorCode"] == failed["errorCode"] == "TEMPORARY_ERROR"


def test_a_replay_and_nothing_personal(pipeline, since):
    secret = unique("personal")
    pipeline.sandbox.fault(
        "status", status=400, match=secret, times=1, body={"errors": [{"message": f"{secret} is bad"}]}
    )
    message_id = pipeline.api.accept(
        message(to=f"{secret}@example.com", subject=secret, payloadJson={"name": secret}, templateCode="welcome")
    )
    pipeline.wait_for(message_id, "FAILED")
    letter_of(message_id)
    dlq("replay", "--id", message_id)
    pipeline.wait_for(message_id, "SENT")
    found = events.wait_for(
        pipeline, since, message_id, ["SENDING", "FAILED", "QUEUED", "SENDING", "SENT"]
    )
    assert reasons(found[2:]) == [None] * 3
    for record in pipeline.kafka.records(events.TOPIC, since):
        assert secret.encode() not in record.key + record.value + repr(record.headers).encode()


def test_an_expired_message(pipeline, since):
    pipeline.sandbox.fault("status", status=500, match="too-late", times=1)
    message_id = pipeline.api.accept(message(to="too-late@example.com"))
    runbook.by_role(pipeline.db, "UPDATE outbound_message SET expires_at = now() WHERE id = %s", message_id)
    pipeline.wait_for(message_id, "EXPIRED")
    until(lambda: pipeline.db.events() == 0, "all events are published")
    found = events.of(pipeline, since, message_id)
    assert found[-1]["status"] == found[-1]["errorCode"] == "EXPIRED"


def test_an_unknown_end_and_what_a_person_makes_of_it(pipeline, since):
    pipeline.sandbox.fault("reset", match="unclear", times=1)
    message_id = pipeline.api.accept(message(to="unclear@example.com"))
    pipeline.wait_for(message_id, "UNKNOWN")
    change = "UPDATE outbound_message SET status = %s WHERE id = %s"
    pipeline.db.execute(change, "FAILED", message_id)
    pipeline.db.execute("UPDATE outbound_message SET to_recipient = 'b@example.com' WHERE id = %s", message_id)
    pipeline.db.execute(change, "QUEUED", message_id)
    pipeline.wait_for(message_id, "SENT")
    found = events.wait_for(
        pipeline, since, message_id, ["SENDING", "UNKNOWN", "FAILED", "QUEUED", "SENDING", "SENT"]
    )
    assert found[1]["errorCode"] == "CONNECTION_LOST"


def test_an_expired_lease(pipeline, since):
    message_id = str(uuid.uuid4())
    insert_message(pipeline.db, message_id)  # as a role: nothing is told
    runbook.by_role(
        pipeline.db,
        "UPDATE outbound_message SET status = 'SENDING', fence = 1, lease_until = now() - interval '1 s' WHERE id = %s",
        message_id,
    )
    pipeline.wait_for(message_id, "SENT")
    found = events.wait_for(pipeline, since, message_id, ["QUEUED", "SENDING", "SENT"])
    assert found[0]["errorCode"] == "LEASE_EXPIRED"
