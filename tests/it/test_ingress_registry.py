"""Requests whose schema has an id in a registry: any version of it, one that is not there, and a registry that is away."""

import copy
import json

import pytest

from support import kafka as topics
from support.kafka import REQUESTS, REQUESTS_GROUP
from support.letters import letter_of_record
from support.registry import Front, Registry
from support.upstream import SCHEMA_TEXT, SOURCE, datum_of, registered, request
from support.wait import until

SUBJECT = "outbound.requests-value"
OURS = json.loads(SCHEMA_TEXT)


@pytest.fixture(scope="module")
def registry():
    return Registry()


@pytest.fixture(scope="module")
def answer():
    """What the registry answers for now, as far as the router can see; None: the truth."""
    return {"instead": None}


@pytest.fixture(scope="module")
def front(answer):
    with Front(lambda method, path: answer["instead"]) as running:
        yield running


@pytest.fixture(scope="module")
def pipeline(module_pipeline, registry, front):
    running = module_pipeline("sandbox", "producer", "router", "sender", SCHEMA_REGISTRY_URL=front.url)
    running.wait_until_assigned(running.role("router"))
    return running


@pytest.fixture(autouse=True)
def the_truth(answer):
    answer["instead"] = None


def changed(change):
    """Our schema with something else in it."""
    schema = copy.deepcopy(OURS)
    change({field["name"]: field for field in schema["fields"]}, schema["fields"])
    return json.dumps(schema)


def publish(pipeline, registry, record, schema=SCHEMA_TEXT, subject=SUBJECT, **how):
    """Under a subject of its own each schema is taken, whatever it has in common with the others."""
    schema_id = registry.add(subject, json.loads(schema))
    return pipeline.kafka.produce(REQUESTS, registered(record, schema_id, schema), **how)


def delivered(pipeline, request_id, source=SOURCE):
    sql = "SELECT id::text FROM outbound_message WHERE source = %s AND idempotency_key = %s"
    message_id = until(lambda: pipeline.db.rows(sql, source, request_id), "the message is stored")[0]["id"]
    return pipeline.wait_for(message_id, "SENT")


def letter_at(pipeline, since, place):
    return letter_of_record(pipeline.kafka, since, (REQUESTS, *place))


def test_our_own_schema(pipeline, registry):
    wanted = request()
    publish(pipeline, registry, wanted)
    assert delivered(pipeline, wanted["requestId"])["to"] == wanted["to"]


def added(fields, order):
    order.insert(0, {"name": "campaign", "type": ["null", "string"], "default": None})
    order.append({"name": "labels", "type": {"type": "map", "values": {"type": "array", "items": "string"}}, "default": {}})


def removed(fields, order):
    for name in ("orgId", "priority", "expiresAt", "correlationId"):
        order.remove(fields[name])


def narrowed(fields, order):
    fields["dossierId"]["type"] = "int"
    fields["templateCode"]["type"] = "bytes"


def reordered(fields, order):
    order.reverse()


VERSIONS = {
    "a newer writer has more fields": (added, {"campaign": "spring", "labels": {"a": ["b", "c"]}}),
    "an older one has less": (removed, {}),
    "a narrower type": (narrowed, {"templateCode": b"welcome_email"}),
    "another order": (reordered, {}),
}


@pytest.mark.parametrize(("change", "values"), VERSIONS.values(), ids=VERSIONS.keys())
def test_another_version_of_the_schema(pipeline, registry, change, values):
    wanted = request(**values)
    schema = changed(change)
    names = {field["name"] for field in json.loads(schema)["fields"]}
    publish(
        pipeline, registry, {name: wanted[name] for name in names}, schema, subject=f"{change.__name__}-value"
    )
    state = delivered(pipeline, wanted["requestId"])
    assert (state["dossierId"], state["templateCode"]) == (wanted["dossierId"], "welcome_email")


def without_recipient(fields, order):
    order.remove(fields["to"])


def with_a_number_for_a_text(fields, order):
    fields["to"]["type"] = "long"


@pytest.mark.parametrize(("change", "value"), [(without_recipient, {}), (with_a_number_for_a_text, {"to": 7})])
def test_a_schema_that_does_not_fit(pipeline, registry, change, value):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    schema = changed(change)
    names = {field["name"] for field in json.loads(schema)["fields"]}
    record = {name: fitting for name, fitting in request(**value).items() if name in names}
    place = publish(pipeline, registry, record, schema, subject=f"{change.__name__}-value")
    letter = letter_at(pipeline, since, place)
    assert letter.headers["x-error-code"] == "UNKNOWN_SCHEMA"
    assert "to" in letter.headers["x-error-message"].replace('"', " ").replace(":", " ").split()


def test_a_schema_of_something_else(pipeline, registry):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    other = {"type": "record", "name": "Invoice", "fields": [{"name": "number", "type": "string"}]}
    schema_id = registry.add("invoices-value", other)
    place = pipeline.kafka.produce(REQUESTS, registered({"number": "1"}, schema_id, json.dumps(other)))
    assert letter_at(pipeline, since, place).headers["x-error-code"] == "UNKNOWN_SCHEMA"


def recursive(fields, order):
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    order.append({"name": "chain", "type": ["null", node], "default": None})


def test_a_recursive_schema_ends_where_the_bound_is(pipeline, registry):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    schema = changed(recursive)
    wanted = request()
    value = registered({**wanted, "chain": None}, registry.add("recursive-value", json.loads(schema)), schema)
    deep = value[:-1] + b"\x02" * 100_000 + b"\x00"
    place = pipeline.kafka.produce(REQUESTS, deep, partition=4)
    pipeline.kafka.produce(REQUESTS, value, partition=4)
    assert letter_at(pipeline, since, place).headers["x-error-code"] == "MALFORMED_RECORD"
    delivered(pipeline, wanted["requestId"])


def test_an_id_that_the_registry_does_not_have(pipeline, registry):
    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    value = b"\0\x7f\xff\xff\xff" + datum_of(request())
    letter = letter_at(pipeline, since, pipeline.kafka.produce(REQUESTS, value))
    assert letter.headers["x-error-code"] == "UNKNOWN_SCHEMA"
    assert letter.value == value


AWAY = {
    "it has an error of its own": (503, b"{}"),
    "it does not let us in": (401, b'{"error_code":401}'),
    "it talks nonsense": (200, b"<html>"),
}


@pytest.mark.parametrize("instead", AWAY.values(), ids=AWAY.keys())
def test_while_the_registry_is_away_known_ids_go_on_and_others_wait(pipeline, registry, answer, instead):
    known = request()
    publish(pipeline, registry, known, partition=2)
    delivered(pipeline, known["requestId"])

    since = pipeline.kafka.ends(topics.DEAD_LETTERS)
    answer["instead"] = instead
    schema = changed(lambda fields, order: order[0].update(doc=str(instead)))
    unknown = request()
    publish(pipeline, registry, unknown, schema, subject="documented-value", partition=1)
    known = [request() for _ in range(5)]
    for record in known:
        publish(pipeline, registry, record, partition=2)
    for record in known:
        delivered(pipeline, record["requestId"])
    until(lambda: pipeline.kafka.lag(REQUESTS_GROUP) == 1, "only the one whose schema is unknown waits")
    assert pipeline.kafka.ends(topics.DEAD_LETTERS) == since

    answer["instead"] = None
    delivered(pipeline, unknown["requestId"])
    pipeline.kafka.wait_until_all_committed([REQUESTS_GROUP])
    assert pipeline.kafka.ends(topics.DEAD_LETTERS) == since
