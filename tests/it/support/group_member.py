"""Takes a static member out of a consumer group, as an operator does with a machine that will not come back.

A static member keeps its partitions until its session is over. Tests that use one clear it away at their end, or
whoever comes next would wait for that. The clients at hand cannot do it, so the request is written here
(LeaveGroup version 3, https://kafka.apache.org/protocol).
"""

import socket
import struct

from support import environment

LEAVE_GROUP = 13
VERSION = 3
UNKNOWN_MEMBER = 25  # is gone already


def _string(text):
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded


def _read(connection, size):
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        assert part, "the broker closed the connection"
        received += part
    return received


def forget(group, instance_id):
    host, port = environment.KAFKA_BROKERS.split(",")[0].rsplit(":", 1)
    members = struct.pack(">i", 1) + _string("") + _string(instance_id)
    request = struct.pack(">hhi", LEAVE_GROUP, VERSION, 1) + _string("outbound-tests") + _string(group) + members
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", _read(connection, 4))
        answer = _read(connection, size)
    (error,) = struct.unpack_from(">h", answer, 8)
    (member_error,) = struct.unpack(">h", answer[-2:])
    assert error == 0 and member_error in (0, UNKNOWN_MEMBER), f"{group}: errors {error}, {member_error}"
