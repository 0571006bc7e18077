"""Errors reach Sentry with all that is known of them, and are never in the way of a message."""

import json
import socket

import pytest

from support import environment, metrics
from support.api import message, unique
from support.bugsink import KEY, Bugsink
from support.command import outbound
from support.provider import Provider
from support.wait import until


@pytest.fixture
def bugsink(request):
    server = Bugsink(environment.LOGS / request.module.__name__ / "bugsink")
    yield server
    server.stop()


@pytest.fixture
def failing(new_pipeline):
    """failing(dsn): a pipeline, and a function that makes the provider refuse a message once."""

    def make(dsn, **settings):
        pipeline = new_pipeline("sandbox", "producer", "router", "sender", SENTRY_ENABLED="true", SENTRY_DSN=dsn, **settings)

        def fail(status, **headers):
            recipient = f"{unique('fail')}@example.com"
            pipeline.sandbox.fault("status", status=status, match=recipient, times=1)
            return pipeline.api.accept(message(to=recipient), **headers)

        return pipeline, fail

    return make


def reports(result):
    return metrics.value("email", "outbound_sentry_events_total", result=result)


@pytest.mark.release
def test_errors_are_issues_of_a_sentry_server(bugsink, failing):
    pipeline, fail = failing(bugsink.dsn, SENTRY_ENVIRONMENT="it")
    bugsink.wait_until_ready()
    sent = pipeline.api.accept()
    pipeline.wait_for(sent, "SENT")
    correlation_id = unique("corr")
    refused = [fail(401, X_Correlation_ID=correlation_id, X_Org_ID="acme"), fail(401)]
    for message_id in refused:
        pipeline.wait_for(message_id, "SENT")
    pipeline.wait_for(fail(403), "SENT")
    events = until(lambda: len(found := bugsink.events()) == 3 and found, "three errors are reported")

    codes = [event.tags["error_code"] for event in events]
    assert codes == ["AUTHENTICATION_FAILED", "AUTHENTICATION_FAILED", "PERMISSION_DENIED"]
    assert events[0].issue == events[1].issue != events[2].issue

    event = next(event for event in events if event.tags["message_id"] == refused[0])
    assert {name: event.tags[name] for name in ("correlation_id", "org_id", "channel", "worker_type", "provider")} == {
        "correlation_id": correlation_id,
        "org_id": "acme",
        "channel": "EMAIL",
        "worker_type": "outbound-sender",
        "provider": "sendgrid",
    }
    data = event.data
    assert (data["level"], data["environment"], data["logger"]) == ("error", "it", "sender")
    assert data["server_name"] == socket.gethostname()
    assert data["release"].startswith("outbound@")
    assert data["user"]["id"] == "acme"
    assert data["logentry"]["formatted"].startswith("attempt 1 of 5: QUEUED, AUTHENTICATION_FAILED")
    crumbs = data["breadcrumbs"]["values"]
    assert [crumb["data"]["message_id"] for crumb in crumbs if crumb["message"] == "attempt 1 of 5: SENT"][0] == sent
    assert all(crumb["level"] in ("info", "warning", "error") for crumb in crumbs)
    assert "@example.com" not in json.dumps([event.data for event in events])
    assert reports("sent") == 3

    # One that ends before it has a loop reports why, too.
    ended = outbound("migrate", SENTRY_ENABLED="true", SENTRY_DSN=bugsink.dsn, DATABASE_URL="host=127.0.0.1 port=1")
    assert ended.code == 1
    events = until(lambda: len(found := bugsink.events()) > 3 and found, "its report is stored")
    assert [event.data["logger"] for event in events][3:] == ["migrate"]


def http(status, *headers):
    return "\r\n".join((f"HTTP/1.1 {status} x", *headers, "Content-Length: 0", "", "")).encode()


@pytest.mark.parametrize(
    "answer, sent, limited",
    [
        (http(429, "Retry-After: 60"), 0, 2),
        (http(429, "X-Sentry-Rate-Limits: 60:error:organization"), 0, 2),
        (http(200, "X-Sentry-Rate-Limits: 60:default;error:key, 2700:transaction:key"), 1, 1),
        (http(200, "X-Sentry-Rate-Limits: 2700:transaction:key"), 2, 0),
    ],
)
def test_what_a_server_asks_for_is_obeyed(failing, answer, sent, limited):
    server = Provider(lambda request: answer)
    pipeline, fail = failing(f"{server.url.replace('://', '://key@')}/path/7")
    pipeline.wait_for(fail(401), "SENT")
    until(lambda: reports("sent") + reports("limited") == 1, "the first report is answered")
    pipeline.wait_for(fail(401), "SENT")
    until(lambda: reports("sent") + reports("limited") == 2, "the second error is counted")
    assert (reports("sent"), reports("limited"), reports("dropped")) == (sent, limited, 0)
    assert len(server.requests) == max(1, sent)
    request = server.requests[0]
    assert request.line == "POST /path/api/7/envelope/ HTTP/1.1"
    assert request.headers["content-type"] == "application/x-sentry-envelope"
    assert request.headers["x-sentry-auth"].startswith("Sentry sentry_version=7, sentry_client=outbound/")
    assert request.headers["x-sentry-auth"].endswith(", sentry_key=key")
    server.close()


def test_a_server_that_hangs_or_is_away_is_in_nobodys_way(failing):
    with socket.create_server(("127.0.0.1", 0)) as never_answers:
        pipeline, fail = failing(f"http://key@127.0.0.1:{never_answers.getsockname()[1]}/1")
        ids = [fail(401) for _ in range(20)]
        for message_id in ids:
            pipeline.wait_for(message_id, "SENT")
        assert (reports("sent"), reports("dropped")) == (0, 0), "it cannot have given up yet"
        assert reports("limited") == 10, "the same error is reported ten times a minute"
        assert pipeline.role("sender").terminate() == 0
    sender = pipeline.start("sender", label="sender-2")  # now nobody listens there
    pipeline.wait_for(fail(401), "SENT")
    sender.wait_until_says("errors cannot be reported to Sentry")


@pytest.mark.parametrize("dsn", ["", f"https://{KEY}@sentry.example", f"{KEY}@sentry.example/1"])
def test_a_dsn_that_is_none_is_named_and_not_shown(dsn):
    ended = outbound("sender", SENTRY_ENABLED="true", SENTRY_DSN=dsn)
    assert (ended.code, ended.out) == (2, "")
    assert "SENTRY_DSN" in ended.err
    assert KEY not in ended.err
