"""The examples of docs/upstream.md are run as a stranger would: each publishes a request in Confluent's wire format, which
is delivered once, however often it comes, and follow.py tells that it was sent."""

import io
import json
import os
import re
import struct
import subprocess
from dataclasses import dataclass

import avro.io
import avro.schema
import pytest
import requests

from support import environment
from support.api import unique
from support.command import outbound
from support.kafka import EVENTS, REQUESTS, Record
from support.upstream import SCHEMA_TEXT
from support.wait import until

pytestmark = pytest.mark.release  # test_ingress.py has what a sanitizer could see

EXAMPLES = environment.REPOSITORY / "docs" / "examples"
PYTHON = "/usr/bin/python3"
CONFLUENT_API = environment.REGISTRY_URL
APICURIO_API = CONFLUENT_API.replace("/ccompat/v7", "/registry/v2")

PUBLISH = {
    "python": (PYTHON, EXAMPLES / "python" / "publish.py", environment.KAFKA_BROKERS, CONFLUENT_API),
    "java": (
        *("java", "-cp", f"{environment.CLIENTS}/java/*", EXAMPLES / "java" / "PublishMessage.java"),
        *(environment.KAFKA_BROKERS, APICURIO_API),
    ),
    "go": (environment.CLIENTS / "go" / "publish", environment.KAFKA_BROKERS, CONFLUENT_API),
}
KEY = b"dossier-4711"
PARTITION = 1  # of twelve, by murmur2 of the key


def run(*command):
    return subprocess.run(
        [str(word) for word in command],
        cwd=environment.REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(environment.PACKAGES)},
        capture_output=True,
        text=True,
        timeout=environment.PATIENCE_S,
    )


def publish(language, recipient, request_id):
    """Where the example says that the record is: (partition, offset)."""
    ended = run(*PUBLISH[language], recipient, request_id)
    assert ended.returncode == 0, ended.stderr
    said = re.fullmatch(rf"published {request_id} to outbound.requests, partition (\d+), offset (\d+)\n", ended.stdout)
    assert said, ended.stdout
    return int(said[1]), int(said[2])


@dataclass
class Published:
    language: str
    recipient: str
    request_id: str
    record: Record


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    def registered():
        return outbound("schemas", "register", SCHEMA_REGISTRY_URL=CONFLUENT_API).code == 0

    until(registered, "the registry has the schemas")
    return module_pipeline("sandbox", "producer", "router", "sender", SCHEMA_REGISTRY_URL=CONFLUENT_API)


@pytest.fixture(scope="module", params=PUBLISH)
def published(request, pipeline):
    language, recipient, request_id = request.param, f"{unique('to')}@example.com", unique("request")
    # Events of other tests are in other encodings, or have ids that the registry has forgotten.
    pipeline.kafka.skip_to_end(f"shop-{language}-{request_id}", EVENTS)
    since = pipeline.kafka.ends(REQUESTS)
    place = publish(language, recipient, request_id)
    (record,) = pipeline.kafka.records(REQUESTS, since)
    assert (record.partition, record.offset) == place
    return Published(language, recipient, request_id, record)


def test_the_record_is_a_request_in_confluents_wire_format(published):
    record = published.record
    assert (record.key, record.partition) == (KEY, PARTITION), "all clients choose the same partition for a key"
    magic, schema_id = struct.unpack(">bi", record.value[:5])
    assert magic == 0
    schema = requests.get(f"{CONFLUENT_API}/schemas/ids/{schema_id}", timeout=30).json()["schema"]
    assert json.loads(schema) == json.loads(SCHEMA_TEXT)
    stream = io.BytesIO(record.value[5:])
    datum = avro.io.DatumReader(avro.schema.parse(schema)).read(avro.io.BinaryDecoder(stream))
    assert stream.read() == b""
    assert json.loads(datum.pop("payloadJson")) == {"name": "Ada"}
    assert datum == {
        "requestId": published.request_id,
        "source": f"shop-{published.language}",
        "orgId": None,
        "dossierId": 4711,
        "channel": "EMAIL",
        "to": published.recipient,
        "templateCode": "welcome_email",
        "subject": "Welcome",
        "priority": None,
        "expiresAt": None,
        "correlationId": None,
    }


def test_it_is_delivered_once_however_often_it_comes(pipeline, published):
    for _ in range(2):
        pipeline.kafka.produce(REQUESTS, published.record.value, KEY, partition=PARTITION)
    # What was published later in the same partition is there: then the repetitions were read before.
    later = f"{unique('to')}@example.com"
    publish("python", later, unique("request"))
    until(lambda: pipeline.sandbox.deliveries_to(later), "the request behind it is delivered")
    until(lambda: pipeline.sandbox.deliveries_to(published.recipient), "the request is delivered")
    pipeline.kafka.wait_until_all_committed()
    (delivery,) = pipeline.sandbox.deliveries_to(published.recipient)
    assert delivery["subject"] == "Welcome"


def test_follow_tells_that_it_was_sent(pipeline, published):
    ended = run(
        *(PYTHON, EXAMPLES / "python" / "follow.py", environment.KAFKA_BROKERS, CONFLUENT_API),
        *(f"shop-{published.language}", published.request_id),
    )
    assert ended.returncode == 0, ended.stderr
    told = [line.split(maxsplit=1)[1] for line in ended.stdout.splitlines()]
    assert told == [f"{published.request_id} {status}" for status in ("QUEUED", "SENDING", "SENT")]


def test_follow_tells_it_again(pipeline, published):
    test_follow_tells_that_it_was_sent(pipeline, published)


@pytest.mark.parametrize("language", PUBLISH)
def test_an_example_without_a_registry_ends_with_an_error(language):
    command = [str(word).replace("/apis/", "/nothing/") for word in PUBLISH[language]]
    ended = run(*command, "ada@example.com", unique("request"))
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr != ""
