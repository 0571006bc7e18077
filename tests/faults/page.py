#!/usr/bin/python3
"""The table of docs/reliability.md, made from results.jsonl, which holds the last long run of each scenario.

usage: tests/faults/page.py [RESULTS...]

RESULTS are files that `./dev test faults --long --json FILE` has written: their lines replace those of the same scenario.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results.jsonl"
PAGE = HERE.parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- made by tests/faults/page.py -->\n", "<!-- end -->\n"

# Families in the order of the page.
HEADINGS = {
    "processes": "Our own processes",
    "servers": "Servers",
    "network": "Network",
    "provider": "The provider",
    "clocks": "Clocks",
}
HEAD = "| fault | runs | messages | lost | phantom | unexplained | explained | recovered in | seed |\n"
RULE = "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def row(line):
    recovery = "" if line["recovery_s"] is None else f"{line['recovery_s']:.1f} s"
    counts = [f"{line[name]:,}" for name in ("runs", "messages", "lost", "phantom", "unexplained", "explained")]
    if line["explainedMax"] > 0:
        counts[-1] += f" of {line['explainedMax']:,}"
    return f"| {' | '.join((line['name'], *counts, recovery, str(line['seed'])))} |\n"


def tables(lines):
    text = ""
    for family in dict.fromkeys((*HEADINGS, *(line["family"] for line in lines))):
        own = [line for line in lines if line["family"] == family]
        if not own:
            continue
        text += f"\n### {HEADINGS.get(family, family.capitalize())}\n\n{HEAD}{RULE}{''.join(map(row, own))}"
    return text + "\n"


def made(page, lines):
    """The page with these results."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + tables(lines) + END + rest.split(END)[1]


def update(lines, names=None):
    """Takes results in and writes the page. `names`: all scenarios that there are, in their order."""
    kept = {line["name"]: line for line in read(RESULTS)}
    kept.update((line["name"], line) for line in lines)
    order = [name for name in names or kept if name in kept]
    RESULTS.write_text("".join(json.dumps(kept[name]) + "\n" for name in order))
    PAGE.write_text(made(PAGE.read_text(), read(RESULTS)))


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv):
        print(__doc__.strip())
    else:
        update([line for path in sys.argv[1:] for line in read(pathlib.Path(path))])
