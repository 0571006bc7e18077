"""Grafana's dashboard JSON (schemaVersion 42), from the few things in which our panels differ.

A panel is placed by its width and height, from left to right. Queries are PromQL; a label matcher may be one of the
words of SELECTORS, which stand for the dashboard's variables.
"""

import re

DATASOURCE = {"type": "prometheus", "uid": "$datasource"}
WIDTH = 24

SELECTORS = {
    "ENV": 'environment=~"$environment"',
    "CHANNEL": 'environment=~"$environment", channel=~"$channel"',
    "GROUP": 'environment=~"$environment", group=~"$group"',
    "TOPIC": 'environment=~"$environment", topic=~"$topic"',
    "GROUP_TOPIC": 'environment=~"$environment", group=~"$group", topic=~"$topic"',
}
_SELECTOR = re.compile(rf"(?<=[{{\s])({'|'.join(SELECTORS)})(?=[}},])")


def expand(expr):
    return _SELECTOR.sub(lambda word: SELECTORS[word[0]], " ".join(expr.split()))


def query(expr, legend=None):
    """`legend`: None shows all labels."""
    return {"expr": expand(expr), "legendFormat": legend or "__auto"}


# --- panels


def _panel(kind, title, description, queries, width, height, options, unit, steps, custom=None, **defaults):
    instant = kind in ("table", "bargauge", "gauge")
    targets = [
        {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "range": not instant, "instant": instant, **one}
        for number, one in enumerate(queries)
    ]
    if kind == "table":
        targets = [{**target, "format": "table"} for target in targets]
    thresholds = [{"color": color, "value": value} for value, color in steps]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"w": width, "h": height},
        "targets": targets,
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "thresholds": {"mode": "absolute", "steps": thresholds},
                **({"custom": custom} if custom else {}),
                **defaults,
            },
            "overrides": [],
        },
        "options": options,
    }


PLAIN = [(None, "green")]


def steps(*limits, colors=("green", "yellow", "red")):
    """What is below the first limit has the first color."""
    return list(zip((None, *limits), colors if len(limits) == 2 else (colors[0], colors[-1])))


def graph(
    title, description, *queries, unit="short", steps=PLAIN, width=12, height=8, symlog=False, stack=False, **defaults
):
    """A line for each series. Steps that are given are drawn as dashed lines."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if stack else 10,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if len(steps) > 1 else "off"},
        "scaleDistribution": {"type": "symlog", "log": 10, "linearThreshold": 1} if symlog else {"type": "linear"},
    }
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = {"color": {"mode": "palette-classic"}, "min": 0, **defaults}
    return _panel("timeseries", title, description, queries, width, height, options, unit, steps, custom, **defaults)


def _reduced(**more):
    return {"orientation": "auto", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, **more}


def stat(title, description, *queries, unit="short", steps=PLAIN, width=4, height=4, **defaults):
    """One number, and the color of its step."""
    options = _reduced(
        colorMode="value",
        graphMode="area",
        justifyMode="auto",
        textMode="auto",
        wideLayout=True,
        showPercentChange=False,
        percentChangeColorMode="standard",
    )
    defaults = {"color": {"mode": "thresholds"}, **defaults}
    return _panel("stat", title, description, queries, width, height, options, unit, steps, **defaults)


def gauge(title, description, *queries, unit="percent", steps=PLAIN, width=6, height=8, **defaults):
    options = _reduced(
        showThresholdLabels=False, showThresholdMarkers=True, minVizWidth=75, minVizHeight=75, sizing="auto"
    )
    defaults = {"color": {"mode": "thresholds"}, "min": 0, "max": 100, **defaults}
    return _panel("gauge", title, description, queries, width, height, options, unit, steps, **defaults)


def bars(title, description, *queries, unit="short", steps=PLAIN, width=12, height=8, **defaults):
    """A horizontal bar for each series, as things are now."""
    options = _reduced(
        displayMode="basic",
        valueMode="color",
        namePlacement="auto",
        showUnfilled=True,
        sizing="auto",
        minVizWidth=8,
        minVizHeight=16,
        maxVizHeight=300,
    )
    options["orientation"] = "horizontal"
    defaults = {"color": {"mode": "thresholds"}, "min": 0, **defaults}
    return _panel("bargauge", title, description, queries, width, height, options, unit, steps, **defaults)


def table(title, description, *queries, columns, hide=(), unit="short", steps=PLAIN, width=12, height=8, **defaults):
    """Labels, and a column for the value of each query: their names are `columns`. Largest first value on top."""
    names = [f"Value #{chr(ord('A') + number)}" for number in range(len(queries))] if len(queries) > 1 else ["Value"]
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "frameIndex": 0,
        "sortBy": [{"displayName": columns[0], "desc": True}],
    }
    panel = _panel("table", title, description, queries, width, height, options, unit, steps, **defaults)
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {name: True for name in ("Time", "__name__", *hide)},
                "indexByName": {},
                "renameByName": dict(zip(names, columns)),
            },
        },
    ]
    return panel


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "gridPos": {"w": WIDTH, "h": 1}, "panels": []}


def _placed(panels):
    x = y = line = 0
    placed = []
    for number, panel in enumerate(panels, 1):
        width, height = panel["gridPos"]["w"], panel["gridPos"]["h"]
        if x + width > WIDTH:
            x, y, line = 0, y + line, 0
        placed.append({"id": number, **panel, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
        x, line = x + width, max(line, height)
    return placed


# --- variables

_ALL = {"text": "All", "value": "$__all"}

VARIABLES = {
    "datasource": {"type": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1, "regex": ""},
    "channel": {
        "type": "custom",
        "label": "Channel",
        "query": "email,sms,whatsapp",
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": _ALL,
        "options": [],
    },
}


def _values(label, text, metric):
    """A variable with the values that a label of a metric has."""
    return {
        "type": "query",
        "label": text,
        "datasource": DATASOURCE,
        "query": {"query": f"label_values({metric}, {label})", "refId": label},
        "refresh": 2,
        "sort": 1,
        "regex": "",
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": _ALL,
        "options": [],
    }


VARIABLES["environment"] = _values("environment", "Environment", "up")
VARIABLES["group"] = _values("group", "Consumer group", expand("kafka_consumer_group_members{ENV}"))
VARIABLES["topic"] = _values("topic", "Topic", expand("kafka_topic_partitions{ENV}"))

FIRING = {
    "name": "Alerts",
    "datasource": DATASOURCE,
    "enable": True,
    "iconColor": "red",
    "target": {"refId": "Alerts", "expr": 'ALERTS{alertstate="firing"}', "interval": "", "legendFormat": ""},
    "titleFormat": "{{alertname}}",
    "textFormat": "{{severity}}",
    "tagKeys": "severity",
}

RANGES = [("15m", "15 minutes"), ("1h", "hour"), ("6h", "6 hours"), ("24h", "24 hours"), ("7d", "7 days")]


def dashboard(uid, title, description, panels, variables=()):
    """`variables`: beside datasource and environment. Firing alerts stand in every graph."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["outbound"],
        "schemaVersion": 42,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "timepicker": {
            "refresh_intervals": ["5s", "10s", "30s", "1m", "5m"],
            "quick_ranges": [
                {"display": f"Last {text}", "from": f"now-{short}", "to": "now"} for short, text in RANGES
            ],
        },
        "annotations": {"list": [FIRING]},
        "links": [
            {
                "type": "dashboards",
                "tags": ["outbound"],
                "title": "outbound",
                "asDropdown": True,
                "icon": "external link",
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "tooltip": "",
                "url": "",
            }
        ],
        "templating": {
            "list": [{"name": name, **VARIABLES[name]} for name in ("datasource", "environment", *variables)]
        },
        "panels": _placed(panels),
    }
