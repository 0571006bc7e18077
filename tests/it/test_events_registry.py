"""Status events for those who have a schema registry, read by Confluent's own client."""

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from support import events
from support.api import message
from support.registry import Front, Registry
from support.wait import until


def test_events_wait_for_the_registry_and_nothing_else_does(new_pipeline):
    Registry()  # is there
    away = [True]
    with Front(lambda method, path: (503, b"") if away else None) as front:
        pipeline = new_pipeline("sandbox", "producer", "router", "sender", SCHEMA_REGISTRY_URL=front.url)
        since = pipeline.kafka.ends(events.TOPIC)
        message_id = pipeline.api.accept(message(dossierId=4711))
        pipeline.wait_for(message_id, "SENT")
        pipeline.role("producer").wait_until_says("status events wait in the outbox")
        assert pipeline.db.events() == 2

        away.clear()
        until(lambda: pipeline.db.events() == 0, "all events are published")
    read = AvroDeserializer(SchemaRegistryClient({"url": Registry.url}))
    records = pipeline.kafka.records_of(events.TOPIC, since, message_id)
    found = [read(record.value, SerializationContext(events.TOPIC, MessageField.VALUE)) for record in records]
    assert [event["status"] for event in found] == ["SENDING", "SENT"]
    assert {(str(event["messageId"]), event["dossierId"]) for event in found} == {(message_id, 4711)}
