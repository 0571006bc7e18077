"""A provider that answers each attempt as told, but only when it may."""

import threading

from support.provider import Provider

REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


class Slow:
    def __init__(self, *answers):
        self.answers = answers
        self.may_answer = [threading.Event() for _ in answers]
        self.provider = Provider(self._react)

    @property
    def requests(self):
        return self.provider.requests

    def _react(self, request):
        number = len(self.provider.requests) - 1
        return lambda connection: self._answer(connection, number)

    def _answer(self, connection, number):
        self.may_answer[number].wait(60)
        connection.sendall(self.answers[number])
