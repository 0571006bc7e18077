"""`outbound load` and `outbound check` as a program reads them."""

import json

from support.command import outbound


def load(journal, *options, **settings):
    """Asks for messages until it is over; returns the summary."""
    ended = outbound("load", f"--journal={journal}", "--json", *options, **settings)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def check(journals, deliveries, *options, **settings):
    """(exit code, what is not 0, the ids of that)."""
    words = [f"--journal={journal}" for journal in journals]
    ended = outbound("check", *words, f"--deliveries={deliveries}", "--json", *options, **settings)
    assert ended.code in (0, 1), ended.err
    answer = json.loads(ended.out)
    ids = answer.pop("ids")
    counted = ("asked", "accepted", "refused", "unanswered", "delivered", "cutDeliveries")
    found = {kind: number for kind, number in answer.items() if kind not in counted and number}
    assert ended.code == (1 if set(found) - {"duplicatesExplained"} else 0)
    return ended.code, found, {kind: ids[kind] for kind in found}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_lines(path, objects):
    path.write_text("".join(json.dumps(one) + "\n" for one in objects))
