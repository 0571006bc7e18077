"""record: what it costs to record into a metric, beside adding to a number in memory."""

import json

from harness import at_most, call, result, say, settle

COUNT = 5_000_000
KINDS = ("counter", "histogram", "topic")


def run_once(instance):
    foreign = settle()
    measured = json.loads(call([instance.record, str(COUNT)]))
    return {kind: {"value": measured[f"{kind}_ns"], "reference": measured["floor_ns"],
                   "foreign_load": foreign, "reference_foreign_load": foreign} for kind in KINDS}


def run(instance, rounds):
    runs = []
    for number in range(rounds):
        one = run_once(instance)
        say(f"record {number + 1}/{rounds}: " + ", ".join(f"{kind} {one[kind]['value']:.0f} ns" for kind in KINDS))
        runs.append(one)
    return [result(f"record, {kind}", "ns", "an addition", [one[kind] for one in runs], at_most(100)) for kind in KINDS]
