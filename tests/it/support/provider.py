"""Providers made by hand, for what the sandbox does not show: whole requests, and connections that end."""

import json
import socket
import struct
import threading
from dataclasses import dataclass

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: by-hand\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Request:
    line: str
    headers: dict  # names in lower case
    body: bytes
    connection: int  # 1, 2, … in the order in which they were made
    on_connection: int  # 1, 2, … within it

    @property
    def mail(self):
        return json.loads(self.body)

    @property
    def message_id(self):
        return self.mail["personalizations"][0]["custom_args"]["message_id"]

    @property
    def attempt(self):
        return int(self.mail["personalizations"][0]["custom_args"]["attempt"])


def answer(request):
    """What most providers do."""
    return ACCEPTED


def close(connection):
    """Ends it in order (FIN)."""
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection):
    """Breaks it (RST)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Provider:
    """Keeps every request. `react(request)` returns the bytes of an answer, or how to end the connection instead."""

    def __init__(self, react=answer):
        self.requests = []
        self._react = react
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def requests_of(self, message_id):
        return [request for request in self.requests if request.message_id == message_id]

    def _accept(self):
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        with connection, connection.makefile("rb") as stream:
            count = 0
            while True:
                count += 1
                try:
                    request = self._read(stream, number, count)
                except OSError:
                    return
                if request is None:
                    return
                with self._lock:
                    self.requests.append(request)
                    reaction = self._react(request)
                if callable(reaction):
                    reaction(connection)
                    return
                connection.sendall(reaction)

    @staticmethod
    def _read(stream, connection, on_connection):
        line = stream.readline().decode().strip()
        if not line:
            return None
        headers = {}
        while True:
            header = stream.readline().decode().strip()
            if not header:
                break
            name, value = header.split(":", 1)
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        return Request(line, headers, body, connection, on_connection)
