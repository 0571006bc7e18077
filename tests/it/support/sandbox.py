"""The stand-in provider: what reached it, and how to make it fail (sandbox/README.md)."""

import json
import pathlib
from collections import Counter

import requests

from support import environment


class Sandbox:
    def __init__(self, log, port=None):
        self.url = f"http://127.0.0.1:{port or environment.SANDBOX_PORT}"
        self.log = pathlib.Path(log)
        self._session = requests.Session()
        self._session.trust_env = False

    def _call(self, method, path, expected, **more):
        answer = self._session.request(method, self.url + path, timeout=environment.PATIENCE_S, **more)
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.text else None

    def healthy(self):
        try:
            return self._session.get(f"{self.url}/sandbox/health", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stats(self):
        return self._call("GET", "/sandbox/stats", 200)

    def set_latency(self, ms):
        self._call("PUT", "/sandbox/latency", 200, json={"ms": ms})

    def fault(self, kind, **rule):
        """Adds a rule; `match` is a part of the recipient's address."""
        self._call("POST", "/sandbox/faults", 201, json={"kind": kind, **rule})

    def faults(self):
        return self._call("GET", "/sandbox/faults", 200)["faults"]

    def clear_faults(self):
        self._call("DELETE", "/sandbox/faults", 204)

    def deliveries(self, message_id=None):
        """All that was accepted, from the provider itself."""
        found, since = [], 0
        while True:
            query = {"since": since, "limit": 5000}
            if message_id:
                query["messageId"] = str(message_id)
            page = self._call("GET", "/sandbox/deliveries", 200, params=query)
            found += page["deliveries"]
            if page["count"] < query["limit"]:
                return found
            since = page["next"]

    def deliveries_to(self, recipient):
        return [delivery for delivery in self.deliveries() if delivery["to"] == recipient]

    def logged(self):
        """The same from its file, which can be read when it does not run."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines]

    def counts(self):
        """How often each message arrived: {message id: deliveries}."""
        return Counter(delivery["messageId"] for delivery in self.logged())
