"""Requests to a broker that no client at hand can make, written here (https://kafka.apache.org/protocol)."""

import struct


def string(text):
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded


def _read(connection, size):
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        assert part, "the broker closed the connection"
        received += part
    return received


def ask(connection, api_key, version, body):
    """The answer's body; of a version without tagged fields."""
    request = struct.pack(">hhi", api_key, version, 1) + string("outbound-tests") + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", _read(connection, 4))
    return _read(connection, size)[4:]  # behind the correlation id
