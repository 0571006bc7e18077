"""A strict reader of Prometheus' text format 0.0.4: what a scraper may be lenient about is an error here.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")
_HELP = re.compile(rf"# HELP ({_NAME}) (?:[^\\\n]|\\\\|\\n)+")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
_VALUE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|\+Inf|-Inf|NaN")


class Malformed(AssertionError):
    pass


def _check(fine, line, why):
    if not fine:
        raise Malformed(f"{why}: {line!r}")


def _family_of(name, kinds):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name[: -len(suffix)] if name.endswith(suffix) else None
        if base in kinds and kinds[base] == "histogram":
            return base
    return name


def _check_histograms(samples, kinds):
    series = {}
    for (name, labels), value in samples.items():
        if name.endswith("_bucket") and kinds.get(name[:-7]) == "histogram":
            rest = tuple(pair for pair in labels if pair[0] != "le")
            series.setdefault((name[:-7], rest), []).append((float(dict(labels)["le"]), value))
    for (name, labels), buckets in series.items():
        bounds, counts = zip(*buckets)
        _check(list(bounds) == sorted(set(bounds)), name, "the buckets are not in order")
        _check(list(counts) == sorted(counts), name, "the buckets do not add up")
        _check(buckets[-1][0] == math.inf, name, "the bucket +Inf is missing")
        _check(samples.get((f"{name}_count", labels)) == buckets[-1][1], name, "count is not the bucket +Inf")
        _check((f"{name}_sum", labels) in samples, name, "the sum is missing")


def parse(text):
    """Returns ({(name, ((label, value), …)): number}, {family: type})."""
    _check(text.endswith("\n"), text[-40:], "the last line does not end")
    samples, kinds, helped, finished, current = {}, {}, set(), set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("#"):
            found = _HELP.fullmatch(line) or _TYPE.fullmatch(line)
            _check(found, line, "neither HELP nor TYPE")
            name = found.group(1)
            if name != current:
                _check(name not in finished, line, "a family in two places")
                finished.add(current)
                current = name
            if line.startswith("# HELP"):
                _check(name not in helped, line, "a second HELP")
                helped.add(name)
            else:
                _check(name not in kinds and name in helped, line, "TYPE twice or before HELP")
                kinds[name] = found.group(2)
            continue
        found = _SAMPLE.fullmatch(line)
        _check(found and _VALUE.fullmatch(found.group(3)), line, "no sample")
        name, labels, value = found.groups()
        _check(_family_of(name, kinds) == current, line, "not below its family's TYPE")
        pairs = tuple(tuple(pair.split("=", 1)) for pair in re.findall(_LABEL, labels or ""))
        pairs = tuple((label, quoted[1:-1]) for label, quoted in pairs)
        _check(len({label for label, _ in pairs}) == len(pairs), line, "a label twice")
        _check((name, pairs) not in samples, line, "a series twice")
        samples[name, pairs] = float(value)
    _check_histograms(samples, kinds)
    for (name, _), value in samples.items():
        if kinds[_family_of(name, kinds)] in ("counter", "histogram"):
            _check(value >= 0 and math.isfinite(value), name, "a counter below zero or without bound")
    return samples, kinds
