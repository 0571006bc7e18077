"""Records between the roles are Avro with a self-describing header, readable by any Avro library."""

import pytest

from support import kafka as topics
from support.api import message
from support.avro_record import decode, decode_reference, rabin_fingerprint, reference_header
from support.wait import until


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    return module_pipeline("sandbox", "producer", "router", "sender")


def the_record(pipeline, topic, since, message_id):
    until(lambda: pipeline.kafka.records_of(topic, since, message_id), f"{topic} has a record of {message_id}")
    (record,) = pipeline.kafka.records_of(topic, since, message_id)
    return record


def test_the_fingerprint_is_that_of_the_specification():
    # Test vectors of Avro's own implementations: "null" and "int" as schemas.
    assert rabin_fingerprint(b'"null"') == 0x63DD24E7CC258F8A
    assert rabin_fingerprint(b'"int"') == 0x7275D51A3F395C8F


def test_an_accepted_message_is_a_reference(pipeline):
    since = pipeline.kafka.ends(topics.ACCEPTED)
    message_id = pipeline.api.accept(message(priority="urgent"), X_Org_ID="acme")
    record = the_record(pipeline, topics.ACCEPTED, since, message_id)

    assert record.value[:10] == reference_header()
    assert decode_reference(record.value) == {
        "id": message_id,
        "generation": 0,
        "fence": 0,
        "orgId": "acme",
        "channel": "EMAIL",
        "priority": "urgent",
        "expiresAt": None,
    }


def test_an_expiry_is_a_timestamp_in_milliseconds(pipeline):
    since = pipeline.kafka.ends(topics.ACCEPTED)
    message_id = pipeline.api.accept(message(expiresAt="2099-01-02T03:04:05.678999Z"))
    expiry = decode_reference(the_record(pipeline, topics.ACCEPTED, since, message_id).value)["expiresAt"]
    assert expiry.isoformat() == "2099-01-02T03:04:05.678000+00:00"


def test_the_router_passes_a_record_on_unchanged(pipeline):
    before = {topic: pipeline.kafka.ends(topic) for topic in (topics.ACCEPTED, topics.SEND_EMAIL)}
    message_id = pipeline.api.accept()
    accepted, routed = (the_record(pipeline, topic, since, message_id) for topic, since in before.items())
    assert (routed.key, routed.value, routed.headers) == (accepted.key, accepted.value, accepted.headers)


def test_a_message_that_was_given_up_is_a_dead_letter(pipeline):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    pipeline.sandbox.fault("status", status=400, match="given-up", times=1)
    message_id = pipeline.api.accept(message(to="given-up@example.com"), X_Org_ID="acme")
    state = pipeline.wait_for(message_id, "FAILED")
    letter = decode("DeadLetter", the_record(pipeline, topics.DEAD_LETTERS, since, message_id).value)
    assert letter.pop("failedAt").strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] == state["updatedAt"][:-4]
    assert letter.pop("reason")
    assert letter == {
        "id": message_id,
        "generation": 0,
        "fence": 1,
        "orgId": "acme",
        "channel": "EMAIL",
        "priority": "normal",
        "expiresAt": None,
        "errorCode": "INVALID_REQUEST",
        "attempts": 1,
        "failedBy": "sender",
        "originalTopic": topics.SEND_EMAIL,
    }


def test_a_dead_letter_among_the_messages_is_one_more_reference(pipeline):
    """Copied back by hand, it finds its message given up, as a reference would: no letter about the letter."""
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    pipeline.sandbox.fault("status", status=400, match="copied", times=1)
    message_id = pipeline.api.accept(message(to="copied@example.com"))
    pipeline.wait_for(message_id, "FAILED")
    letter = the_record(pipeline, topics.DEAD_LETTERS, since, message_id)
    after = pipeline.kafka.ends(topics.DEAD_LETTERS)
    pipeline.kafka.produce(topics.ACCEPTED, letter.value, key=letter.key)
    pipeline.kafka.wait_until_all_committed()
    assert pipeline.kafka.ends(topics.DEAD_LETTERS) == after
    assert not pipeline.sandbox.deliveries(message_id), "the provider would have taken it"


def test_no_record_holds_recipient_or_content(pipeline):
    watched = (topics.ACCEPTED, topics.SEND_EMAIL, topics.DEAD_LETTERS)
    before = {topic: pipeline.kafka.ends(topic) for topic in watched}
    secret = "very-personal-4711"
    body = message(to=f"{secret}@example.com", subject=secret, payloadJson={"name": secret})
    pipeline.sandbox.fault("status", status=400, match=secret, body={"errors": [{"message": f"{secret} is bad"}]})
    pipeline.wait_for(pipeline.api.accept(body), "FAILED")
    until(lambda: pipeline.kafka.records(topics.DEAD_LETTERS, before[topics.DEAD_LETTERS]), "the dead letter is there")
    for topic, since in before.items():
        for record in pipeline.kafka.records(topic, since):
            assert secret.encode() not in record.value
