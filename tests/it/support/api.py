"""The API as a caller uses it: single requests to look at, and many at once that are repeated until they are taken."""

import http.client
import json
import threading
import time
import uuid

import requests

from support import environment

PATHS = ("/api/outbound-messages", "/api/v1/outbound/messages")
PATH = PATHS[1]


def unique(word):
    return f"{word}-{uuid.uuid4().hex[:10]}"


def message(**changes):
    """The message of the observability guide to a recipient of its own; None takes a member away."""
    body = {
        "dossierId": 1,
        "channel": "EMAIL",
        "to": f"{unique('to')}@example.com",
        "templateCode": "welcome_email",
        "subject": "Welcome",
        "payloadJson": {"name": "Test User"},
    }
    body.update(changes)
    return {name: value for name, value in body.items() if value is not None}


def phone_number():
    """One that nobody else has."""
    return f"+49151{uuid.uuid4().int % 10**8:08}"


def outcomes(state):
    """Of a message's attempts, as GET shows it."""
    return [(attempt["outcome"], attempt["httpStatus"], attempt["errorCode"]) for attempt in state["attempts"]]


class Api:
    def __init__(self, port=None):
        self.port = port or environment.HTTP_PORT
        self.url = f"http://127.0.0.1:{self.port}"
        self._session = requests.Session()
        self._session.trust_env = False

    def request(self, method, path, **more):
        return self._session.request(method, self.url + path, timeout=environment.PATIENCE_S, **more)

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, body, path=PATH, headers=None):
        """`body`: an object, or the bytes themselves."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, data=raw, headers={"Content-Type": "application/json", **(headers or {})})

    def accept(self, body=None, path=PATH, **headers):
        """Posts what has to be accepted; returns its id."""
        answer = self.post(body or message(), path, {name.replace("_", "-"): value for name, value in headers.items()})
        assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
        return answer.json()["id"]

    def state(self, message_id):
        """GET of one message."""
        answer = self.get(f"{PATH}/{message_id}")
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return answer.json()

    def ready(self):
        try:
            return self.get("/health/ready").status_code == 200
        except requests.RequestException:
            return False

    def health(self):
        """The status of /health, or None when nobody answers."""
        try:
            return self.get("/health").json()["status"]
        except (requests.RequestException, ValueError):
            return None


class Crowd:
    """Callers that post at the same time, each message with a key of its own, and repeat it until it is accepted.

    That is what a caller has to do, and all it has to do: a message that was answered 202 is the pipeline's problem.
    A test that wants some of the posting to happen later says how many may go `up_to` now, and allow() says more.
    """

    PAUSE_S = 0.05  # before a repetition
    _going_on = []

    def __init__(self, bodies, port=None, callers=8, keys=None, up_to=None):
        self._bodies = list(bodies)
        self._keys = list(keys) if keys else [unique("key") for _ in self._bodies]
        self._port = port or environment.HTTP_PORT
        self._next = 0
        self._allowed = len(self._bodies) if up_to is None else up_to
        self._lock = threading.Condition()
        self._stop = threading.Event()
        self.ids = [None] * len(self._bodies)
        self.answers = {}  # HTTP status or the name of a failure -> how often
        self._errors = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(callers)]

    @classmethod
    def cancel_all(cls):
        """For the end of a test, that may have failed before it came to join()."""
        while cls._going_on:
            cls._going_on.pop().cancel()

    def start(self):
        self._going_on.append(self)
        for thread in self._threads:
            thread.start()
        return self

    @property
    def accepted(self):
        return sum(1 for found in self.ids if found)

    @property
    def going_on(self):
        return any(thread.is_alive() for thread in self._threads)

    @property
    def busy(self):
        """Whether callers still have something to post of what they may."""
        return self.accepted < self._allowed

    def allow(self, up_to):
        with self._lock:
            self._allowed = up_to
            self._lock.notify_all()

    def join(self):
        """Waits for the last one; returns the ids in the order of the bodies."""
        self.allow(len(self._bodies))
        give_up = time.monotonic() + environment.PATIENCE_S
        for thread in self._threads:
            thread.join(max(0, give_up - time.monotonic()))
        if self.going_on:
            self.cancel()
            raise AssertionError(f"{self.accepted} of {len(self.ids)} accepted in time; answers: {self.answers}")
        assert not self._errors, self._errors
        return self.ids

    def cancel(self):
        self._stop.set()
        with self._lock:
            self._lock.notify_all()
        for thread in self._threads:
            thread.join()

    def _take(self):
        """The number of the next message to post; None when there is none."""
        with self._lock:
            self._lock.wait_for(
                lambda: self._next < self._allowed or self._allowed == len(self._bodies) or self._stop.is_set()
            )
            if self._next == len(self._bodies) or self._stop.is_set():
                return None
            self._next += 1
            return self._next - 1

    def _count(self, what):
        with self._lock:
            self.answers[what] = self.answers.get(what, 0) + 1

    def _run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=environment.PATIENCE_S)
        while (index := self._take()) is not None:
            while not self._stop.is_set() and not self._post(connection, index):
                time.sleep(self.PAUSE_S)
        connection.close()

    def _post(self, connection, index):
        headers = {"Content-Type": "application/json", "Idempotency-Key": self._keys[index]}
        try:
            connection.request("POST", PATH, json.dumps(self._bodies[index]), headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as broken:
            connection.close()
            self._count(type(broken).__name__)
            return False
        self._count(answer.status)
        if answer.status == 202:
            self.ids[index] = json.loads(text)["id"]
            return True
        if answer.status != 503 or not answer.headers["Retry-After"]:
            self._errors.append(f"{answer.status} {text[:300]!r}")
            self._stop.set()
        return False


def post_many(bodies, **more):
    return Crowd(bodies, **more).start().join()
