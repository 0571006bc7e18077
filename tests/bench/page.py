#!/usr/bin/python3
"""
docs/performance.md, made from results.json, which `./dev bench --save` writes: for each benchmark what it says of itself,
the figures of its last run, and the machine.
"""

import importlib
import inspect
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
PAGE = HERE.parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- made by tests/bench/page.py -->\n", "<!-- end -->\n"
HEAD = "| figure | measured | of the rounds | beside | ratio | goal | |\n|---|--:|--:|--:|--:|--:|---|\n"
# Module by benchmark, in the order of the page.
BENCHMARKS = {"deliver": "deliver", "ingest": "ingest", "way": "whole_way", "latency": "latency", "urgent": "urgent", "routing": "routing",
              "replay": "replay", "growth": "growth", "start": "start", "decode": "decode", "record": "record",
              "tables": "tables", "traces": "traces", "exporter": "exporter"}


def run_of(name):
    return importlib.import_module(BENCHMARKS[name]).run


def read():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def row(result):
    values = [run["value"] for run in result["runs"]]
    reference, goal = result["reference"], result["goal"]
    met = "" if goal is None else "met" if result["goal_met"] else "**missed**"
    beside = ["", ""] if reference["name"] == "the goal" else [
        f"{number(reference['value'])} ({reference['name']})", f"{result['ratio']:.2f} ×"]
    cells = (result["name"], f"{number(result['value'])} {result['unit']}", f"{number(min(values))} to {number(max(values))}",
             *beside, goal or "", met)
    return f"| {' | '.join(cells)} |\n"


def section(name, run):
    said = inspect.cleandoc(importlib.import_module(BENCHMARKS[name]).__doc__).partition(": ")[2]
    machine = ", ".join(f"{key} {value}" for key, value in run["machine"].items() if key != "load before")
    return (f"\n### {name}\n\n{said[0].upper()}{said[1:]}\n\n{HEAD}{''.join(map(row, run['results']))}\n"
            f"`./dev bench {name}`, {run['date']}; {machine}.\n")


def made(page, results):
    """The page with these results."""
    before, rest = page.split(BEGIN)
    text = "".join(section(name, results[name]) for name in BENCHMARKS if name in results)
    return before + BEGIN + text + "\n" + END + rest.split(END)[1]


def save(machine, date, by_name):
    """Takes the results of benchmarks in and writes the page."""
    results = read()
    for name, lines in by_name.items():
        # What else was seen in a round is not for the page.
        kept = [{**line, "runs": [{key: run[key] for key in ("value", "reference", "ratio")} for run in line["runs"]]}
                for line in lines]
        results[name] = {"date": date, "machine": machine, "results": kept}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(made(PAGE.read_text(), results))
