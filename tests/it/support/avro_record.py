"""Avro's single-object encoding, from its specification: a marker, the schema's fingerprint, the datum.

Written anew here instead of taken from the program, so that both would have to be wrong in the same way.
"""

import io
import json
import re
import struct

import avro.io
import avro.schema

from support import environment

MARKER = b"\xc3\x01"
EMPTY = 0xC15D213AA4D7A795
_SCHEMA_FILE = environment.REPOSITORY / "schemas" / "avro" / "Reference.avsc"

# What the Parsing Canonical Form keeps, in its order.
_KEPT = ("name", "type", "fields", "symbols", "items", "values", "size")
_PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}


def canonical(schema, namespace=""):
    if isinstance(schema, str):
        return json.dumps(
            schema if schema in _PRIMITIVES or "." in schema or not namespace else f"{namespace}.{schema}"
        )
    if isinstance(schema, list):
        return "[" + ",".join(canonical(branch, namespace) for branch in schema) + "]"
    if schema["type"] in _PRIMITIVES:
        return json.dumps(schema["type"])
    namespace = schema.get("namespace", namespace)
    full_name = schema["name"] if "." in schema["name"] or not namespace else f"{namespace}.{schema['name']}"
    fields = ",".join(
        '{"name":%s,"type":%s}' % (json.dumps(field["name"]), canonical(field["type"], namespace))
        for field in schema["fields"]
    )
    return '{"name":%s,"type":"record","fields":[%s]}' % (json.dumps(full_name), fields)


def _table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (EMPTY if value & 1 else 0)
        table.append(value)
    return table


def rabin_fingerprint(data):
    """CRC-64-AVRO."""
    table = _table()
    fingerprint = EMPTY
    for byte in data:
        fingerprint = (fingerprint >> 8) ^ table[(fingerprint ^ byte) & 0xFF]
    return fingerprint


def reference_fingerprint():
    text = canonical(json.loads(_SCHEMA_FILE.read_text()))
    assert not re.search(r"\s", text)
    return rabin_fingerprint(text.encode())


def reference_header():
    return MARKER + struct.pack("<Q", reference_fingerprint())


def reference_schema():
    return avro.schema.parse(_SCHEMA_FILE.read_text())


def decode_reference(record):
    """The datum of a whole record; it must fill the record to its end."""
    assert record[:10] == reference_header(), record[:10].hex()
    stream = io.BytesIO(record[10:])
    datum = avro.io.DatumReader(reference_schema()).read(avro.io.BinaryDecoder(stream))
    assert stream.read() == b""
    return datum


def encode_reference(**fields):
    datum = {
        "generation": 0,
        "fence": 0,
        "orgId": "default",
        "channel": "EMAIL",
        "priority": "normal",
        "expiresAt": None,
    }
    datum.update(fields)
    stream = io.BytesIO()
    avro.io.DatumWriter(reference_schema()).write(datum, avro.io.BinaryEncoder(stream))
    return reference_header() + stream.getvalue()
