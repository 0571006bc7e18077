#!/usr/bin/env python3
"""Tells what becomes of a service's messages: reads the topic outbound.events.

usage: follow.py BROKERS REGISTRY_URL SOURCE [REQUEST_ID]

Ends when the message of that request has a final status; without one it goes on until it is interrupted.
Needs confluent-kafka[avro]; runs in the repository's root, where the schema is.
"""

import pathlib
import sys

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "outbound.events"
SCHEMA = pathlib.Path("schemas/avro/StatusEvent.avsc")
CONFLUENT = b"\0"  # how a record in Confluent's wire format begins
FINAL = {"SENT", "FAILED", "EXPIRED", "CANCELLED"}


def events(consumer, deserialize, goes_on):
    while True:
        record = consumer.poll(1)
        if record is None:
            continue
        if record.error():
            sys.exit(f"cannot read {TOPIC}: {record.error()}")
        if record.value()[:1] == CONFLUENT:  # others are from before there was a registry
            yield deserialize(record.value(), SerializationContext(TOPIC, MessageField.VALUE))
        # After the work on the record: it may be read a second time, but is never skipped. Who asks for one request
        # does not go on where it was, but reads them all.
        if goes_on:
            consumer.store_offsets(record)


def main(brokers, registry_url, source, request_id=None):
    # Records are resolved to this schema, whichever version wrote them.
    deserialize = AvroDeserializer(SchemaRegistryClient({"url": registry_url}), SCHEMA.read_text())
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"{source}-{request_id or 'follow'}",
            "auto.offset.reset": "earliest",
            "enable.auto.offset.store": False,
        }
    )
    consumer.subscribe([TOPIC])
    try:
        for event in events(consumer, deserialize, goes_on=not request_id):
            if event["source"] != source or request_id not in (None, event["requestId"]):
                continue
            error = f" ({event['errorCode']})" if event["errorCode"] else ""
            print(f"{event['occurredAt']:%FT%T} {event['requestId']} {event['status']}{error}", flush=True)
            if request_id and event["status"] in FINAL:
                break
    finally:
        consumer.close()


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
