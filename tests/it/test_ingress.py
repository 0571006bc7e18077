"""Messages that services upstream publish to Kafka: each becomes a message once, or a dead letter with every reason."""

import datetime
import struct

import pytest

from support import kafka as topics
from support.api import message, unique
from support.avro_record import single_object_header
from support.database_lock import no_change_of_messages, somebody_waits
from support.kafka import REQUESTS
from support.letters import letter_of_record
from support.upstream import SOURCE, datum_of, request, single_object
from support.wait import until


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    running = module_pipeline("sandbox", "producer", "router", "sender")
    running.wait_until_assigned(running.role("router"))
    return running


def publish(pipeline, record, **how):
    """Returns where the record is: (partition, offset)."""
    value = single_object(record) if isinstance(record, dict) else record
    return pipeline.kafka.produce(REQUESTS, value, **how)


def stored(db, request_id, source=SOURCE):
    """The message of a request once it is there."""
    sql = "SELECT * FROM outbound_message WHERE source = %s AND idempotency_key = %s"
    return until(lambda: db.rows(sql, source, request_id), f"the message of {request_id} is stored")[0]


def letter_at(pipeline, since, place):
    return letter_of_record(pipeline.kafka, since, (REQUESTS, *place))


def test_a_request_is_delivered(pipeline):
    wanted = request(priority="urgent", correlationId="corr-7", orgId="acme", payloadJson='{"n": 1.50}')
    publish(pipeline, wanted, key=b"customer 7")
    row = stored(pipeline.db, wanted["requestId"])
    state = pipeline.wait_for(str(row["id"]), "SENT")
    assert {name: state[name] for name in ("orgId", "dossierId", "channel", "to", "subject", "priority")} == {
        name: wanted[name] for name in ("orgId", "dossierId", "channel", "to", "subject", "priority")
    }
    assert state["correlationId"] == "corr-7"
    assert bytes(row["ordering_key"]) == b"customer 7"
    assert pipeline.db.value("SELECT payload_json::text FROM outbound_message WHERE id = %s", row["id"]) == '{"n": 1.50}'
    assert len(pipeline.sandbox.deliveries(state["id"])) == 1
    until(lambda: pipeline.db.outbox() == 0, "the outbox is empty")


def test_what_may_be_left_out(pipeline):
    wanted = request(requestId=None)
    publish(pipeline, wanted, headers={"message-id": "from-the-header-1", "x-correlation-id": "corr-8"})
    row = stored(pipeline.db, "from-the-header-1")
    assert (row["org_id"], row["priority"], row["correlation_id"]) == ("default", "normal", "corr-8")
    assert row["ordering_key"] is None
    pipeline.wait_for(str(row["id"]), "SENT")


def test_its_own_name_counts_before_the_header(pipeline):
    """A framework may give each record that it publishes a new message-id."""
    wanted = request()
    for number in range(3):
        publish(pipeline, wanted, headers={"message-id": f"{wanted['requestId']}-{number}"})
    row = stored(pipeline.db, wanted["requestId"])
    pipeline.wait_for(str(row["id"]), "SENT")
    pipeline.kafka.wait_until_all_committed([topics.REQUESTS_GROUP])
    assert pipeline.db.value("SELECT count(*) FROM outbound_message WHERE to_recipient = %s", wanted["to"]) == 1


def test_the_same_request_a_hundred_times_is_one_message(pipeline):
    wanted = request()
    for number in range(100):
        publish(pipeline, wanted, partition=number % 3)
    row = stored(pipeline.db, wanted["requestId"])
    pipeline.wait_for(str(row["id"]), "SENT")
    pipeline.kafka.wait_until_all_committed([topics.REQUESTS_GROUP])
    assert pipeline.db.value("SELECT count(*) FROM outbound_message WHERE to_recipient = %s", wanted["to"]) == 1
    assert len(pipeline.sandbox.deliveries(str(row["id"]))) == 1


def test_names_of_other_sources_and_of_callers_by_http_are_their_own(pipeline):
    name = unique("name")
    publish(pipeline, request(requestId=name, source="shop"))
    publish(pipeline, request(requestId=name, source="billing"))
    pipeline.api.accept(message(), Idempotency_Key=name)
    sql = "SELECT source FROM outbound_message WHERE idempotency_key = %s"
    until(
        lambda: {row["source"] for row in pipeline.db.rows(sql, name)} == {"shop", "billing", "http"},
        "three messages have that name",
    )


def test_the_same_name_with_another_content_is_a_conflict(pipeline):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    wanted = request()
    publish(pipeline, wanted)
    stored(pipeline.db, wanted["requestId"])
    other = {**wanted, "payloadJson": "{}"}
    letter = letter_at(pipeline, since, publish(pipeline, other))
    assert letter.headers["x-error-code"] == "CONFLICTING_MESSAGE"
    assert letter.value == single_object(other)


INVALID = {
    "everything at once": (
        request(requestId="", source="", to="nobody", channel="EMAIL", templateCode="", subject="a\nb", priority="soon"),
        ["requestId", "source", "templateCode", "priority", "to", "subject"],
    ),
    "no name": (request(requestId=None), ["requestId"]),
    "the source of the other way in": (request(source="http"), ["source"]),
    "an unknown channel": (request(channel="PIGEON"), ["channel"]),
    "a wrong organisation": (request(orgId="a b"), ["orgId"]),
    "a wrong correlation id": (request(correlationId="a b"), ["correlationId"]),
    "no e-mail address": (request(to="x"), ["to"]),
    "no subject": (request(subject=None), ["subject"]),
    "a payload that is no JSON": (request(payloadJson="{"), ["payloadJson"]),
    "a payload that is no object": (request(payloadJson="[]"), ["payloadJson"]),
    "a payload with a member twice": (request(payloadJson='{"a":1,"a":2}'), ["payloadJson"]),
    "a payload with NUL": (request(payloadJson='{"a":"\\u0000"}'), ["payloadJson"]),
    "a payload that is too large": (request(payloadJson='{"a":"' + "x" * 262144 + '"}'), ["payloadJson"]),
}


@pytest.mark.parametrize(("record", "fields"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_request_goes_to_the_dead_letters_with_every_reason(pipeline, record, fields):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    letter = letter_at(pipeline, since, publish(pipeline, record, key=b"a key", headers={"x-own": "kept"}))
    assert letter.headers["x-error-code"] == "INVALID_MESSAGE"
    assert letter.headers["x-failed-by"] == "router"
    assert letter.headers["x-own"] == "kept"
    assert letter.key == b"a key"
    assert letter.value == single_object(record)
    reasons = letter.headers["x-error-message"].split("; ")
    assert [reason.split(" ")[0] for reason in reasons] == fields


HEADER = single_object_header("MessageRequest")
FINE = datum_of(request())
UNREADABLE = {
    "a tombstone": (None, "MALFORMED_RECORD"),
    "nothing": (b"", "MALFORMED_RECORD"),
    "no magic byte": (FINE, "MALFORMED_RECORD"),
    "the header alone": (HEADER, "MALFORMED_RECORD"),
    "cut off": (HEADER + FINE[:-3], "MALFORMED_RECORD"),
    "something behind": (HEADER + FINE + b"\0", "MALFORMED_RECORD"),
    "100 MB claimed": (HEADER + b"\x02\x80\x80\x80\x60", "MALFORMED_RECORD"),
    "a branch that is not there": (HEADER + b"\x06" + FINE, "MALFORMED_RECORD"),
    "invalid UTF-8": (HEADER + FINE.replace(b"shop", b"sh\xff\xfe"), "MALFORMED_RECORD"),
    "NUL in a text": (HEADER + FINE.replace(b"shop", b"sh\0p"), "MALFORMED_RECORD"),
    "an unknown fingerprint": (b"\xc3\x01" + b"12345678" + FINE, "UNKNOWN_SCHEMA"),
    "an id, but no registry": (b"\0" + struct.pack(">i", 1) + FINE, "UNKNOWN_SCHEMA"),
    "a megabyte of noise": (b"\xc3\x01" + bytes(range(256)) * 4080, "UNKNOWN_SCHEMA"),
    "a megabyte of a request": (HEADER + b"\x00" * 1_000_000, "MALFORMED_RECORD"),
}


@pytest.mark.parametrize(("value", "code"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unreadable_record_is_kept_and_the_partition_moves_on(pipeline, value, code):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    place = publish(pipeline, value, partition=5)
    behind = request()
    publish(pipeline, behind, partition=5)
    letter = letter_at(pipeline, since, place)
    assert letter.headers["x-error-code"] == code
    assert letter.headers["x-error-message"]
    assert (letter.value or None) == (value or None)
    stored(pipeline.db, behind["requestId"])


def test_a_record_that_is_larger_than_its_letter_may_be(pipeline):
    """Kafka looks at what a producer has compressed: nine million zeros are a few kilobytes."""
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    partition, offset = pipeline.kafka.produce_compressed(REQUESTS, b"\0" * 9_000_000, partition=6)
    behind = request()
    publish(pipeline, behind, partition=6)
    letter = letter_at(pipeline, since, (partition, offset))
    assert letter.headers["x-error-code"] == "UNKNOWN_SCHEMA"
    assert letter.headers["x-omitted-bytes"] == "9000000"
    assert not letter.value
    stored(pipeline.db, behind["requestId"])


def test_an_expired_request_is_a_message_that_expires(pipeline):
    """It may have waited in its topic: refusing it would make a difference between reading it once and twice."""
    wanted = request(expiresAt=datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc))
    publish(pipeline, wanted)
    pipeline.wait_for(str(stored(pipeline.db, wanted["requestId"])["id"]), "EXPIRED")


def test_one_key_one_partition(pipeline):
    """On every topic, whichever way the message came."""
    since = pipeline.kafka.ends(topics.SEND_EMAIL)
    accepted_since = pipeline.kafka.ends(topics.ACCEPTED)
    key = unique("key")
    wanted = [request() for _ in range(20)]
    for record in wanted:
        publish(pipeline, record, key=key.encode())
    for _ in range(20):
        pipeline.api.accept(message(orderingKey=key))

    def sent():
        records = [record for record in pipeline.kafka.records(topics.SEND_EMAIL, since) if record.key == key.encode()]
        return records if len(records) == 40 else None

    assert len({record.partition for record in until(sent, "40 records with the key are there")}) == 1
    accepted = pipeline.kafka.records(topics.ACCEPTED, accepted_since)
    assert len({record.partition for record in accepted if record.key == key.encode()}) == 1


def test_while_the_database_takes_nothing_records_wait(pipeline):
    wanted = [request() for _ in range(50)]
    with no_change_of_messages():
        for record in wanted:
            publish(pipeline, record)
        until(lambda: somebody_waits(pipeline.db), "the router waits for the database")
        assert pipeline.kafka.lag(topics.REQUESTS_GROUP) > 0
    for record in wanted:
        stored(pipeline.db, record["requestId"])
    pipeline.kafka.wait_until_all_committed([topics.REQUESTS_GROUP])
