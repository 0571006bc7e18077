"""Avro's single-object encoding, from its specification: a marker, the schema's fingerprint, the datum.

Written anew here instead of taken from the program, so that both would have to be wrong in the same way.
"""

import functools
import io
import json
import re
import struct

import avro.io
import avro.schema

from support import environment

MARKER = b"\xc3\x01"
EMPTY = 0xC15D213AA4D7A795

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


def schema_text(name):
    return (environment.REPOSITORY / "schemas" / "avro" / f"{name}.avsc").read_text()


@functools.cache
def _schema(name):
    return avro.schema.parse(schema_text(name))


@functools.cache
def single_object_header(name):
    text = canonical(json.loads(schema_text(name)))
    assert not re.search(r"\s", text)
    return MARKER + struct.pack("<Q", rabin_fingerprint(text.encode()))


def decode(name, record, header=None):
    """The datum of a whole record, which it must fill to its end; `header`: what stands before it, else the usual."""
    header = header or single_object_header(name)
    assert record.startswith(header), record[:10].hex()
    stream = io.BytesIO(record[len(header) :])
    datum = avro.io.DatumReader(_schema(name)).read(avro.io.BinaryDecoder(stream))
    assert stream.read() == b""
    return datum


def reference_header():
    return single_object_header("Reference")


def decode_reference(record):
    return decode("Reference", record)


def encode(name, **datum):
    stream = io.BytesIO()
    avro.io.DatumWriter(_schema(name)).write(datum, avro.io.BinaryEncoder(stream))
    return single_object_header(name) + stream.getvalue()


REFERENCE = {
    "generation": 0,
    "fence": 0,
    "orgId": "default",
    "channel": "EMAIL",
    "priority": "normal",
    "expiresAt": None,
}


def encode_reference(**fields):
    return encode("Reference", **{**REFERENCE, **fields})
