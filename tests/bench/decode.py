"""
decode: what it costs to read a record of ours, and a request of a service upstream with all its checks, each beside
avro-c's generic value of the same bytes.
"""

import json

from harness import at_most, call, result, say, settle

COUNT = 200_000


def run_once(instance):
    foreign = settle()
    measured = json.loads(call([instance.decode, str(COUNT)]))
    return {name: {"value": measured[f"{name}_ns"], "reference": measured[f"{name}_generic_ns"],
                   "foreign_load": foreign, "reference_foreign_load": foreign}
            for name in ("reference", "request")}


def run(instance, rounds):
    runs = []
    for number in range(rounds):
        one = run_once(instance)
        say(f"decode {number + 1}/{rounds}: reference {one['reference']['value']:.0f} ns, "
            f"request {one['request']['value']:.0f} ns")
        runs.append(one)
    return [result(f"decode, {name}", "ns", "avro-c, generic value", [one[name] for one in runs], at_most(limit))
            for name, limit in (("reference", 1000), ("request", 10_000))]
