"""Takes a static member out of a consumer group, as an operator does with a machine that will not come back.

A static member keeps its partitions until its session is over. Tests that use one clear it away at their end, or
whoever comes next would wait for that. The clients at hand cannot do it.
"""

import socket
import struct

from support import broker_request, environment
from support.broker_request import string

LEAVE_GROUP = 13
VERSION = 3
UNKNOWN_MEMBER = 25  # is gone already


def forget(group, instance_id):
    host, port = environment.KAFKA_BROKERS.split(",")[0].rsplit(":", 1)
    member = string(group) + struct.pack(">i", 1) + string("") + string(instance_id)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        answer = broker_request.ask(connection, LEAVE_GROUP, VERSION, member)
    (error,) = struct.unpack_from(">h", answer, 4)
    (member_error,) = struct.unpack(">h", answer[-2:])
    assert error == 0 and member_error in (0, UNKNOWN_MEMBER), f"{group}: errors {error}, {member_error}"
