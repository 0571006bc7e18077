"""Requests as a service upstream publishes them: Avro by an independent library, in either framing."""

import io
import json
import struct

import avro.io
import avro.schema

from support import environment
from support.api import unique
from support.avro_record import MARKER, rabin_fingerprint
from support.avro_record import canonical as canonical_form

SCHEMA_TEXT = (environment.REPOSITORY / "schemas" / "avro" / "MessageRequest.avsc").read_text()
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


def datum_of(record, schema_text=SCHEMA_TEXT):
    stream = io.BytesIO()
    avro.io.DatumWriter(avro.schema.parse(schema_text)).write(record, avro.io.BinaryEncoder(stream))
    return stream.getvalue()


def header():
    return MARKER + struct.pack("<Q", rabin_fingerprint(canonical_form(json.loads(SCHEMA_TEXT)).encode()))


def single_object(record):
    return header() + datum_of(record)


def registered(record, schema_id, schema_text=SCHEMA_TEXT):
    """In Confluent's wire format."""
    return b"\0" + struct.pack(">i", schema_id) + datum_of(record, schema_text)
