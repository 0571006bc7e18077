#!/usr/bin/env python3
"""Hands one e-mail over to outbound: publishes a MessageRequest to the topic outbound.requests.

usage: publish.py BROKERS REGISTRY_URL RECIPIENT [REQUEST_ID]

Needs confluent-kafka[avro]; runs in the repository's root, where the schema is.
"""

import json
import pathlib
import sys
import uuid

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "outbound.requests"
SCHEMA = pathlib.Path("schemas/avro/MessageRequest.avsc")


def main(brokers, registry_url, recipient, request_id=None):
    request = {
        # With source it is what the request is known by: publish it again, and nothing is sent twice.
        "requestId": request_id or str(uuid.uuid4()),
        "source": "shop-python",
        "dossierId": 4711,
        "channel": "EMAIL",
        "to": recipient,
        "templateCode": "welcome_email",
        "subject": "Welcome",
        "payloadJson": json.dumps({"name": "Ada"}),
    }
    # The schema is registered already (docs/upstream.md): a service in production registers nothing by itself.
    serialize = AvroSerializer(
        SchemaRegistryClient({"url": registry_url}), SCHEMA.read_text(), conf={"auto.register.schemas": False}
    )
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,  # with acks=all: a retry inside the client neither doubles nor reorders
            "partitioner": "murmur2_random",  # the partition that Java's client and franz-go choose for this key
            "message.timeout.ms": 30000,
        }
    )
    outcome = []
    producer.produce(
        TOPIC,
        key=f"dossier-{request['dossierId']}",
        value=serialize(request, SerializationContext(TOPIC, MessageField.VALUE)),
        on_delivery=lambda error, record: outcome.append((error, record)),
    )
    producer.flush()
    error, record = outcome[0]
    if error:
        sys.exit(f"not published, or nobody knows; publish it again with the same requestId: {error}")
    print(f"published {request['requestId']} to {record.topic()}, partition {record.partition()}, offset {record.offset()}")


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
