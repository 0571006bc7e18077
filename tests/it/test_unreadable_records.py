"""A record that nobody here can handle goes to the dead letters, as it is, and does not stop those behind it."""

import struct
import uuid

import pytest

from support import kafka as topics
from support.api import message
from support.avro_record import MARKER, encode_reference, reference_header
from support.letters import letter_of_record
from support.unannounced import insert_message
from support.wait import until

GOOD = str(uuid.uuid4())

UNREADABLE = {
    "empty": (b"", "MALFORMED_RECORD"),
    "text": (b"hello", "MALFORMED_RECORD"),
    "JSON": (b'{"id": "x"}', "MALFORMED_RECORD"),
    "the marker alone": (MARKER, "MALFORMED_RECORD"),
    "the header alone": (reference_header(), "MALFORMED_RECORD"),
    "another schema": (MARKER + struct.pack("<Q", 4711) + encode_reference(id=GOOD)[10:], "UNKNOWN_SCHEMA"),
    "cut off": (encode_reference(id=GOOD)[:-1], "MALFORMED_RECORD"),
    "something behind": (encode_reference(id=GOOD) + b"\0", "MALFORMED_RECORD"),
    "no UUID": (encode_reference(id=GOOD).replace(GOOD.encode(), b"x" * len(GOOD)), "MALFORMED_RECORD"),
    "a length beyond the end": (reference_header() + b"\xfe\xff\xff\xff\x0f", "MALFORMED_RECORD"),
    "a negative length": (reference_header() + b"\x01", "MALFORMED_RECORD"),
    "an endless number": (reference_header() + b"\xff" * 40, "MALFORMED_RECORD"),
    "noise": (bytes(range(256)) * 40, "MALFORMED_RECORD"),
}


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    running = module_pipeline("sandbox", "producer", "router", "sender")
    for role in ("router", "sender"):
        running.wait_until_assigned(running.role(role))
    return running


def is_passed_on(pipeline, topic, role, value, code):
    """Puts the record in front of a good one in the same partition."""
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    headers = {"x-correlation-id": "corr-1", "x-own": "kept"}
    partition, offset = pipeline.kafka.produce(topic, value, key=b"a key", headers=headers, partition=3)
    letter = letter_of_record(pipeline.kafka, since, (topic, partition, offset), 5)
    assert (letter.value or b"") == value
    assert letter.key == b"a key"
    assert letter.headers["x-error-code"] == code
    assert letter.headers["x-error-message"]
    assert letter.headers["x-failed-at"]
    assert letter.headers["x-failed-by"] == role
    assert {name: letter.headers[name] for name in headers} == headers


@pytest.mark.parametrize(("value", "code"), UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize(
    ("topic", "role"), [(topics.ACCEPTED, "router"), (topics.SEND_EMAIL, "sender")], ids=["router", "sender"]
)
def test_an_unreadable_record(pipeline, topic, role, value, code):
    is_passed_on(pipeline, topic, role, value, code)


def test_a_channel_that_does_not_exist(pipeline):
    is_passed_on(pipeline, topics.ACCEPTED, "router", encode_reference(id=GOOD, channel="PIGEON"), "UNKNOWN_CHANNEL")


@pytest.mark.parametrize("topic", [topics.ACCEPTED, topics.SEND_EMAIL, topics.SEND_EMAIL_URGENT])
def test_those_behind_it_go_on(pipeline, topic):
    """In the same partition, and their offsets are committed."""
    ids = []
    for _ in range(5):
        pipeline.kafka.produce(topic, b"broken", partition=0)
        own = str(uuid.uuid4())
        ids.append(own)
        insert_message(pipeline.db, own)
        pipeline.kafka.produce(topic, encode_reference(id=own), key=own.encode(), partition=0)
    for own in ids:
        pipeline.wait_for(own, "SENT")
    pipeline.kafka.wait_until_all_committed()


def test_many_at_once(pipeline):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    for number in range(300):
        pipeline.kafka.produce(topics.SEND_EMAIL, b"broken %d" % number, partition=number % 12)
    until(lambda: len(pipeline.kafka.records(topics.DEAD_LETTERS, since)) == 300, "all of them are dead letters")
    pipeline.wait_for(pipeline.api.accept(), "SENT")
    pipeline.kafka.wait_until_all_committed()


def test_a_record_of_a_message_that_is_gone_is_skipped(pipeline):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    pipeline.kafka.produce(topics.ACCEPTED, encode_reference(id=str(uuid.uuid4())))
    pipeline.wait_for(pipeline.api.accept(), "SENT")
    pipeline.kafka.wait_until_all_committed()
    assert pipeline.kafka.records(topics.DEAD_LETTERS, since) == []


def test_a_record_that_comes_again_is_delivered_once(pipeline):
    """Before the delivery and after it, on both sides of the router."""
    message_id = pipeline.api.accept(message())
    copy = encode_reference(id=message_id)
    for _ in range(5):
        pipeline.kafka.produce(topics.ACCEPTED, copy, key=message_id.encode())
    pipeline.wait_for(message_id, "SENT")
    for topic in (topics.ACCEPTED, topics.SEND_EMAIL, topics.SEND_EMAIL_URGENT):
        pipeline.kafka.produce(topic, copy, key=message_id.encode())
    pipeline.wait_for(pipeline.api.accept(), "SENT")
    pipeline.kafka.wait_until_all_committed()
    assert len(pipeline.sandbox.deliveries(message_id)) == 1
    assert len(pipeline.api.state(message_id)["attempts"]) == 1


def test_a_record_of_another_generation_or_fence_counts_no_more(pipeline):
    own = str(uuid.uuid4())
    insert_message(pipeline.db, own)
    for stale in ({"generation": -1}, {"generation": 1}, {"fence": 1}, {"fence": -1}):
        pipeline.kafka.produce(topics.ACCEPTED, encode_reference(id=own, **stale), key=own.encode())
    pipeline.kafka.wait_until_all_committed()
    assert pipeline.api.state(own)["status"] == "QUEUED"
    pipeline.kafka.produce(topics.ACCEPTED, encode_reference(id=own), key=own.encode())
    pipeline.wait_for(own, "SENT")
