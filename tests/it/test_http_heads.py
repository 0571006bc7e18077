"""How long the head of a request may be: whoever gets no 202 can rely on it that nothing was stored, however long it was."""

import json
import socket
import uuid

import pytest

from support import environment
from support.api import PATH, message

BODY = json.dumps(message()).encode()


@pytest.fixture(scope="module")
def api(module_pipeline):
    return module_pipeline("producer").api


def posted(port, key, size, more_headers, cookie):
    """The status of the answer to a request whose head has `size` bytes; None when the connection was cut."""
    head = (f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
            f"Content-Length: {len(BODY)}\r\n" + "".join(f"X-{number}: 1\r\n" for number in range(more_headers)))
    name = "Cookie: a=" if cookie else "X-Long: "
    head += name + "x" * (size - len(head) - len(name) - 4) + "\r\n\r\n"
    assert len(head) == size
    with socket.create_connection(("127.0.0.1", port), timeout=environment.PATIENCE_S) as connection:
        try:
            connection.sendall(head.encode() + BODY)
            answer = connection.recv(4096)
        except ConnectionError:
            return None
    return int(answer.split()[1]) if answer else None


@pytest.mark.parametrize("more_headers, cookie", [(0, False), (30, False), (0, True)], ids=["plain", "many headers", "cookie"])
def test_a_head_without_an_answer_stores_nothing(api, db, more_headers, cookie):
    statuses = set()
    for size in range(1000, 7000, 48):
        key = str(uuid.uuid4())
        status = posted(api.port, key, size, more_headers, cookie)
        stored = db.value("SELECT count(*) FROM outbound_message WHERE idempotency_key = %s", key)
        assert status in (202, 431, None)
        assert stored == (status == 202), f"{stored} stored of a request with {size} bytes of head, answered {status}"
        statuses.add(status)
    assert {202, 431} <= statuses


def test_what_proxies_usually_send_is_taken(api):
    assert posted(api.port, str(uuid.uuid4()), 4096, 4, False) == 202
    assert posted(api.port, str(uuid.uuid4()), 2560, 30, False) == 202
