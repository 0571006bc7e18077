"""Requests as a service upstream publishes them: Avro by an independent library, in either framing."""

import io
import struct

import avro.io
import avro.schema

from support.api import unique
from support.avro_record import schema_text, single_object_header

SCHEMA_TEXT = schema_text("MessageRequest")
SOURCE = "shop"


def request(**changes):
    """A request that is fine, under a name of its own."""
    datum = {
        "requestId": unique("request"),
        "source": SOURCE,
        "orgId": None,
        "dossierId": 7,
        "channel": "EMAIL",
        "to": f"{unique('to')}@example.com",
        "templateCode": "welcome_email",
        "subject": "Welcome",
        "payloadJson": '{"name": "Test User"}',
        "priority": None,
        "expiresAt": None,
        "correlationId": None,
    }
    datum.update(changes)
    return datum


def datum_of(record, schema=SCHEMA_TEXT):
    stream = io.BytesIO()
    avro.io.DatumWriter(avro.schema.parse(schema)).write(record, avro.io.BinaryEncoder(stream))
    return stream.getvalue()


def single_object(record):
    return single_object_header("MessageRequest") + datum_of(record)


def registered(record, schema_id, schema=SCHEMA_TEXT):
    """In Confluent's wire format."""
    return b"\0" + struct.pack(">i", schema_id) + datum_of(record, schema)
