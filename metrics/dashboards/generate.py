#!/usr/bin/python3
"""Writes the dashboards: one JSON file each, beside this program, for Grafana's import. A test holds them against it.

usage: generate.py [FOLDER]
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True

import business
import kafka_lag
import messaging
import overview
import performance
import system

FILES = {
    "grafana-dashboard-outbound-messaging.json": messaging,
    "grafana-dashboard-outbound-overview.json": overview,
    "grafana-dashboard-kafka-lag.json": kafka_lag,
    "grafana-dashboard-system.json": system,
    "grafana-dashboard-business.json": business,
    "grafana-dashboard-performance.json": performance,
}


def main(folder):
    for name, module in FILES.items():
        text = json.dumps(module.DASHBOARD, indent=1, ensure_ascii=False)
        (folder / name).write_text(text + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
