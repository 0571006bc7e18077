"""Every query that the product or its guides show, on a real Prometheus that scrapes the running product.

While messages come, are delivered, fail, are tried again and are given up, each query answers, and not with nothing.
"""

import re
import threading
from dataclasses import dataclass

import pytest

from support import environment
from support.api import Api, message, phone_number, unique
from support.dashboards import FILES, expanded, load, panels
from support.database import Database
from support.kafka import REQUESTS
from support.prometheus import ENVIRONMENT, RULES, Prometheus
from support.upstream import request, single_object
from support.wait import until

pytestmark = pytest.mark.release

# The observability guide's and the production runbook's, as they stand there.
GUIDES = """
outbound_message_queue_depth{status="queued"}
outbound_message_queue_depth{status="sending"}
outbound_message_queue_depth{status="sent"}
outbound_message_queue_depth{status="failed"}
outbound_message_queue_depth_by_channel{channel="email", status="queued"}
outbound_message_queue_depth_by_channel{channel="sms", status="queued"}
outbound_message_queue_depth_by_channel{channel="whatsapp", status="queued"}
outbound_message_dead_letter_queue_size
outbound_message_total_queued
outbound_message_delivery_latency_seconds_bucket{channel="email", le="1.0"}
outbound_message_delivery_latency_seconds_bucket{channel="email", le="5.0"}
outbound_message_delivery_latency_seconds_bucket{channel="email", le="10.0"}
outbound_message_delivery_latency_seconds_bucket{channel="email", le="+Inf"}
histogram_quantile(0.50, rate(outbound_message_delivery_latency_seconds_bucket[5m]))
histogram_quantile(0.95, rate(outbound_message_delivery_latency_seconds_bucket[5m]))
histogram_quantile(0.99, rate(outbound_message_delivery_latency_seconds_bucket[5m]))
histogram_quantile(0.95, sum by (channel, le) (rate(outbound_message_delivery_latency_seconds_bucket[5m])))
outbound_message_queued_total{channel="email"}
outbound_message_queued_total{channel="sms"}
outbound_message_queued_total{channel="whatsapp"}
outbound_message_send_success_total{channel="email"}
outbound_message_send_success_total{channel="sms"}
outbound_message_send_success_total{channel="whatsapp"}
outbound_message_send_failure_total{channel="email", error_code="INVALID_EMAIL"}
outbound_message_send_failure_total{channel="sms", error_code="INVALID_PHONE_NUMBER"}
outbound_message_send_failure_total{channel="whatsapp", error_code="TEMPLATE_NOT_APPROVED"}
outbound_message_retry_total{channel="email"}
outbound_message_retry_total{channel="sms"}
outbound_message_retry_total{channel="whatsapp"}
outbound_message_dead_letter_total{channel="email"}
whatsapp_quota_used
whatsapp_quota_limit
whatsapp_quota_remaining
(whatsapp_quota_used / whatsapp_quota_limit) * 100
whatsapp_quota_used / whatsapp_quota_limit
outbound_message_retry_count{channel="email"}
outbound_message_retry_count{channel="sms"}
outbound_message_retry_count{channel="whatsapp"}
sum by (channel) (rate(outbound_message_send_success_total[5m])) / (sum by (channel) (rate(outbound_message_send_success_total[5m])) + sum by (channel) (rate(outbound_message_send_failure_total[5m])))
sum(rate(outbound_message_send_success_total[5m])) / (sum(rate(outbound_message_send_success_total[5m])) + sum(rate(outbound_message_send_failure_total[5m])))
topk(10, sum by (error_code) (rate(outbound_message_send_failure_total[5m])))
sum by (channel) (rate(outbound_message_queued_total[1m]))
rate(outbound_message_send_success_total[5m]) + rate(outbound_message_send_failure_total[5m])
avg by (channel) (outbound_message_retry_count)
rate(outbound_message_send_success_total[5m])
rate(outbound_message_send_failure_total[5m])
sum by (channel) (rate(outbound_message_send_failure_total[5m]))
sum by (error_code) (rate(outbound_message_send_failure_total[5m]))
sum(increase(http_requests_total[24h])) by (endpoint)
""".strip().splitlines()

# What has no data while all is well here, each with its reason.
EMPTY = {
    # Its left side has one series for a channel, its right side one for each error code: nothing matches, anywhere.
    "rate(outbound_message_send_success_total[5m]) + rate(outbound_message_send_failure_total[5m])",
    # Kafka refuses nothing. The panel's other query shows the 0.
    "sum by (messaging_destination_name, error_type)"
    ' (rate(messaging_client_sent_messages_total{environment=~"test", error_type!=""}[15s]))',
}

# Likewise, of what rules look for.
UNSEEN = {
    # Only while the router does not read: a request waits for milliseconds here.
    'kafka_consumer_group_retention_margin_seconds{group=~"outbound-.*",topic="outbound.requests"}',
}

ALWAYS = """
groups:
  - name: test
    rules: [{alert: Always, expr: vector(1), labels: {severity: info}}]
"""

SELECTOR = re.compile(r"(?<![\w:])[a-z]\w*_\w+\b(?![\w:(])(?:\{[^}]*\})?")
GROUPING = re.compile(r"\b(?:by|on|without|ignoring) ?\([^)]*\)")


class Load:
    """Messages of all channels, by HTTP and by Kafka, some of which a provider refuses; until it is stopped."""

    PAUSE_S = 0.05

    def __init__(self, pipeline):
        self._pipeline = pipeline
        self._api = Api()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        number, db = 0, Database()
        while not self._stop.wait(self.PAUSE_S):
            number += 1
            self._api.accept(message())
            self._api.accept(message(channel="SMS", to=phone_number(), subject=None, payloadJson={"text": "hello"}))
            self._api.accept(message(channel="WHATSAPP", to=phone_number(), templateCode="welcome", subject=None))
            db.execute("UPDATE whatsapp_rate_limit SET messages_sent_count = messages_sent_count + 1")
            if number % 5 == 0:
                self._api.accept(message(to=f"{unique('refused')}@example.com"))
                self._api.post(message(to="nobody"))
                self._pipeline.kafka.produce(REQUESTS, single_object(request()))

        db.close()

    def stop(self):
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def prometheus(module_pipeline, tmp_path_factory):
    pipeline = module_pipeline(
        "sandbox",
        "all",
        OUTBOUND_SMS_PROVIDER="twilio",
        OUTBOUND_WHATSAPP_PROVIDER="whatsapp",
        OUTBOUND_METRICS_UPDATE_INTERVAL_MS=500,
        OUTBOUND_ENVIRONMENT=ENVIRONMENT,
        OUTBOUND_RETRY_DELAYS="1s,2s",
    )
    pipeline.db.execute(
        "INSERT INTO whatsapp_rate_limit (org_id, messages_sent_count, quota_limit, reset_at)"
        " VALUES ('one', 700, 1000, now() + interval '1 hour'), ('two', 10, 250, now() + interval '1 hour')"
    )
    pipeline.sandbox.fault("status", status=400, match="refused")
    pipeline.sandbox.fault("status", status=503, probability=0.2)
    rules = tmp_path_factory.mktemp("rules") / "always.yml"
    rules.write_text(ALWAYS)
    server = Prometheus(environment.LOGS / "test_promql" / "prometheus", [*RULES, rules])
    load = Load(pipeline)
    yield server
    load.stop()
    server.close()


@dataclass(frozen=True)
class Shown:
    board: str
    panel: str
    expr: str
    legend: str


def shown():
    """Every query of every panel, with the environment chosen."""
    return [
        Shown(path.stem, panel["title"], expanded(target["expr"], ENVIRONMENT), target["legendFormat"])
        for path in FILES
        for panel in panels(load(path))
        for target in panel["targets"]
    ]


def recipes():
    """The queries of our own pages, one a line."""
    pages = (environment.REPOSITORY / "docs").rglob("*.md")
    blocks = [block for page in pages for block in re.findall(r"^```promql\n(.*?)^```", page.read_text(), re.M | re.S)]
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def answered(prometheus, queries, empty=()):
    """Waits until each has data; those in `empty` only have to be understood."""
    for expr in empty:
        prometheus.query(expr)
    lacking = set(queries) - set(empty)

    def all_answered():
        lacking.difference_update([expr for expr in lacking if prometheus.query(expr)])
        return not lacking

    try:
        until(all_answered, "every query has data", 60)
    except AssertionError:
        raise AssertionError("no data:\n" + "\n".join(sorted(lacking))) from None


def test_every_role_is_scraped(prometheus):
    def all_up():
        return [target["health"] for target in prometheus.targets()] == ["up"] * 7

    until(all_up, "each of the seven is up")


def test_every_query_of_the_guides_and_of_docs_has_data(prometheus):
    assert len(recipes()) > 5
    answered(prometheus, GUIDES + recipes(), EMPTY)


def test_every_panel_has_data_and_its_legend_the_labels(prometheus):
    try:
        answered(prometheus, {one.expr for one in shown()}, EMPTY)
    except AssertionError as lacking:
        where = sorted(f"{one.board}: {one.panel}" for one in shown() if one.expr in str(lacking).splitlines())
        raise AssertionError("\n".join(where) + f"\n{lacking}") from None
    for one in shown():
        labels = re.findall(r"{{(\w+)}}", one.legend)
        found = [series for series, _ in prometheus.query(one.expr)] if labels else []
        assert all(set(labels) <= set(series) for series in found), one


def test_every_rule_is_understood_and_looks_at_something(prometheus):
    """Thresholds are not reached here, so what a rule compares is asked instead of the rule."""
    rules = [rule for rule in prometheus.rules() if rule["name"] != "Always"]
    assert len(rules) >= sum(path.read_text().count(" - alert: ") for path in RULES) > 0
    for rule in rules:
        prometheus.query(rule["query"])
    selectors = set().union(*(SELECTOR.findall(GROUPING.sub("", rule["query"])) for rule in rules))
    answered(prometheus, selectors, UNSEEN)
