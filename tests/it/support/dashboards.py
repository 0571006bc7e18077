"""The dashboards' JSON: panels, and queries with their variables expanded as Grafana does it."""

import json
import re

from support import environment

FOLDER = environment.REPOSITORY / "metrics" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))

# Of Prometheus itself.
BUILT_IN = {"up", "ALERTS"}

_WORDS = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_FAMILY = re.compile(r'__name__=~"([^"]*)"')


def load(path):
    return json.loads(path.read_text())


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expanded(expr, environment_chosen, interval="15s", window="1m"):
    """With this environment, and All chosen in each other variable."""
    expr = expr.replace("$__rate_interval", interval).replace("$__range", window)
    return re.sub(r"\$[a-z]+", ".*", expr.replace("$environment", environment_chosen))


def declared():
    """Every name that metrics.def yields in Prometheus."""
    names = set()
    text = (environment.REPOSITORY / "metrics" / "metrics.def").read_text()
    for kind, name in re.findall(r'^METRIC\(\w+, (\w+), "(\w+)"', text, re.M):
        names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "HISTOGRAM" else {name}
    return names


def metrics_of(expr):
    """The metrics that a query names."""
    found = set()
    for family in _FAMILY.findall(expr):
        found |= _alternatives(family)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(?:by|on|without|ignoring|group_left)\s*\([^)]*\)", " ", expr)
    for word in re.finditer(_WORDS, bare):
        if "_" in word[0] and not _calls(bare, word.end()) or word[0] in BUILT_IN:
            found.add(word[0])
    return found


def _calls(text, end):
    return text[end:].lstrip().startswith("(")


def _alternatives(family):
    """Of a pattern like a_(b|c)_d."""
    group = re.fullmatch(r"(\w*)\(([\w|]+)\)(\w*)", family)
    return {group[1] + middle + group[3] for middle in group[2].split("|")} if group else {family}
