"""What the roles serve at /metrics."""

import subprocess

import requests

from support import environment
from support.prometheus_text import parse

# By how much a role's port lies above OUTBOUND_METRICS_PORT; the producer has an API to serve it.
PORTS = {"exporter": 0, "router": 1, "dlq": 2, "email": 3, "sms": 4, "whatsapp": 5}


def url(role, path="/metrics"):
    port = environment.HTTP_PORT if role == "producer" else environment.METRICS_PORT + PORTS[role]
    return f"http://127.0.0.1:{port}{path}"


def scrape(role):
    """Returns ({(name, ((label, value), …)): number}, {family: type})."""
    answer = requests.get(url(role), timeout=10)
    answer.raise_for_status()
    return parse(answer.text)


def value(role, name, **labels):
    """The sum of a role's series that have these labels."""
    samples, _ = scrape(role)
    wanted = set(labels.items())
    return sum(number for (found, pairs), number in samples.items() if found == name and wanted <= set(pairs))


def complaints(role):
    """What promtool has to say of a role's metrics; nothing, that is."""
    text = requests.get(url(role), timeout=10).content
    ended = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
    return (ended.stdout + ended.stderr).decode() if ended.returncode else ""
