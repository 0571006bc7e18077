"""What monitoring asks for: health in words, metrics in Prometheus' text format."""

import datetime

import pytest

from support import environment
from support.api import message
from support.prometheus_text import Malformed, parse
from support.wait import until


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    running = module_pipeline("producer")
    until(lambda: running.api.health() == "UP", "Kafka is connected")
    return running


@pytest.fixture(scope="module")
def api(pipeline):
    return pipeline.api


def test_health_names_each_server(api):
    answer = api.get("/health")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    health = answer.json()
    assert set(health) == {"status", "timestamp", "services"}
    assert health["status"] == "UP"
    datetime.datetime.fromisoformat(health["timestamp"].replace("Z", "+00:00"))
    assert set(health["services"]) == {"database", "kafka"}
    assert health["services"]["database"]["status"] == health["services"]["kafka"]["status"] == "UP"
    assert 0 < health["services"]["database"]["responseTime"] < 60000


def test_health_of_the_database_alone(api):
    health = api.get("/health/db").json()
    assert health["status"] == "UP"
    assert set(health["services"]) == {"database"}


def test_live_and_ready(api):
    assert api.get("/health/live").json() == {"status": "UP"}
    ready = api.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "UP")


@pytest.mark.parametrize("path", ["/metrics", "/actuator/prometheus"])
def test_metrics_are_well_formed(api, path):
    api.accept()
    answer = api.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples, kinds = parse(answer.text)
    assert samples
    assert kinds["outbound_message_queued_total"] == "counter"


def test_every_metric_is_in_the_table(api):
    table = (environment.REPOSITORY / "metrics" / "metrics.def").read_text()
    _, kinds = parse(api.get("/metrics").text)
    assert all(f'"{name}"' in table for name in kinds)


def test_accepted_messages_and_requests_are_counted(api):
    def counters():
        samples, _ = parse(api.get("/metrics").text)
        endpoint = ("endpoint", "/api/v1/outbound/messages")
        names = {
            "queued": ("outbound_message_queued_total", (("channel", "email"),)),
            "202": ("http_requests_total", (("method", "POST"), endpoint, ("status", "202"))),
            "400": ("http_requests_total", (("method", "POST"), endpoint, ("status", "400"))),
            "durations": ("http_request_duration_seconds_count", (("method", "POST"), endpoint)),
        }
        return {short: samples.get(series, 0) for short, series in names.items()}

    before = counters()
    for _ in range(3):
        api.accept()
    assert api.post(message(to="nobody")).status_code == 400
    assert {name: value - before[name] for name, value in counters().items()} == {
        "queued": 3,
        "202": 3,
        "400": 1,
        "durations": 4,
    }


def test_what_a_caller_invents_makes_no_series(api):
    def invent(first):
        for number in range(first, first + 10):
            api.get(f"/no/such/path/{number}")
            api.request(f"METHOD{number}", "/health")
            api.get(f"/api/v1/outbound/messages/{number}")
        return {series for series in parse(api.get("/metrics").text)[0] if series[0].startswith("http_")}

    once, twice = invent(0), invent(10)
    assert once == twice
    assert not any("such" in str(series) or "METHOD" in str(series) for series in once)


@pytest.mark.parametrize(
    "broken",
    [
        "a 1",
        "# HELP a x\n# TYPE a counter\na 1 \n",
        "# HELP a x\n# TYPE a counter\na{b=1} 1\n",
        "# HELP a x\n# TYPE a counter\na 1\na 2\n",
        "# HELP a x\n# TYPE a counter\nb 1\n",
        "# HELP a x\n# TYPE a counter\na one\n",
        '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1\n',
    ],
)
def test_the_reader_itself_is_strict(broken):
    with pytest.raises(Malformed):
        parse(broken)
