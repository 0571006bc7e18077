"""
latency: from the 202 to the provider's door, while messages come at a rate that a small installation has. What
`outbound load` writes down of its answers is compared with what the sandbox writes down of what arrives, both to the millisecond.
"""

import contextlib
import datetime
import json
import os
import tempfile

from harness import TABLES, at_most, call, check, result, say, settle, wait_until

RATES = (50, 500)
SECONDS = 20
WARM_UP = (1500, 60)  # messages/s, s: as many as it takes until the broker's compiler has done its work
ROLES = ("producer", "router", "sender")


def milliseconds(at):
    return datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp() * 1000


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


class Watch:
    """One `outbound load` and the sandbox's file of deliveries."""

    def __init__(self, instance, deliveries):
        self._instance = instance
        self._deliveries = deliveries

    def _arrived(self):
        arrived = {}
        with open(self._deliveries, encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    delivery = json.loads(line)
                    arrived.setdefault(delivery["messageId"], milliseconds(delivery["at"]))
        return arrived

    def measure(self, rate, seconds):
        foreign = settle()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "journal")
            call([self._instance.outbound, "load", f"--rate={rate}", f"--for={seconds}", f"--journal={path}",
                  f"--url={self._instance.api_url}"], patience_s=seconds + 60)
            with open(path, encoding="utf-8") as lines:
                ended = [json.loads(line) for line in lines]
        answered = {line["id"]: milliseconds(line["at"]) for line in ended if line["event"] == "accepted"}
        check(len(answered) == rate * seconds, f"{len(answered)} of {rate * seconds} messages were accepted")
        wait_until(lambda: answered.keys() <= self._arrived().keys(), "all at the provider's door", 60, every=1)
        arrived = self._arrived()
        took = sorted(arrived[message] - at for message, at in answered.items())
        return {"p50": max(0, percentile(took, 0.5)), "p99": max(0, percentile(took, 0.99)), "foreign_load": foreign}


@contextlib.contextmanager
def delivering(instance):
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        deliveries = os.path.join(folder, "deliveries")
        sandbox = stack.enter_context(instance.role("sandbox", OUTBOUND_SANDBOX_LOG=deliveries))
        instance.await_sandbox(sandbox)
        started = {name: stack.enter_context(instance.role(name)) for name in ROLES}
        instance.await_producer(started["producer"])
        yield Watch(instance, deliveries)


def runs(measured, key):
    return [{"value": one[key], **one} for one in measured]


def run(instance, rounds):
    results = []
    instance.empty(TABLES)
    with delivering(instance) as watch:
        say(f"latency: warming up, {WARM_UP[1]} s")
        watch.measure(*WARM_UP)
        for rate in RATES:
            measured = [watch.measure(rate, SECONDS) for _ in range(rounds)]
            say(f"latency at {rate}/s: " + ", ".join(f"p50 {one['p50']:.0f} ms, p99 {one['p99']:.0f} ms" for one in measured))
            results += [result(f"latency at {rate}/s, p50", "ms", None, runs(measured, "p50"), at_most(6)),
                        result(f"latency at {rate}/s, p99", "ms", None, runs(measured, "p99"), at_most(25))]
    return results
