"""All roles at once under a small load, on all ways and with all that threads take part in: for analysers that are slow.

`./dev test tsan` runs it with ThreadSanitizer, `./dev test valgrind` in valgrind. What they find is in the roles' logs,
and fails the end of the test.
"""

import signal

import pytest

from support import environment, metrics
from support.api import message, phone_number, post_many
from support.collector import Collector
from support.kafka import REQUESTS
from support.provider import ACCEPTED, Provider
from support.upstream import request, single_object
from support.wait import until

EMAILS, TEXTS, BY_KAFKA, REFUSED = 150, 30, 30, 3

CHANNELS = ("email", "sms", "whatsapp")

BAD_REQUEST = {"status": 400, "body": {"errors": [{"message": "no", "field": "from"}]}}


def bodies():
    yield from (message(priority="urgent" if n % 3 == 0 else "normal") for n in range(EMAILS))
    for channel in ("SMS", "WHATSAPP"):
        for _ in range(TEXTS):
            yield message(channel=channel, to=phone_number(), subject=None, payloadJson={"text": "Hello"})


@pytest.fixture(name="outside")
def outside_fixture():
    """Who takes traces and errors."""
    collector, sentry = Collector(), Provider(lambda asked: ACCEPTED)
    yield collector, sentry
    collector.close()
    sentry.close()


@pytest.mark.analysed
def test_all_roles_under_load(new_pipeline, outside):
    collector, sentry = outside
    pipeline = new_pipeline(
        "sandbox",
        "producer",
        "router",
        "dlq",
        "exporter",
        OUTBOUND_LOG_LEVEL="debug",
        OUTBOUND_RETRY_DELAYS="300ms,1s",
        OUTBOUND_SENDER_TIMEOUT_MS=20000,
        OUTBOUND_SENDER_LEASE_MS=60000,
        OUTBOUND_STOP_TIMEOUT_MS=60000,
        OUTBOUND_SMS_PROVIDER="twilio",
        OUTBOUND_WHATSAPP_PROVIDER="whatsapp",
        # A name is looked up on another thread.
        SENDGRID_BASE_URL=f"http://localhost:{environment.SANDBOX_PORT}",
        # A broker that is not there is complained about on librdkafka's threads.
        KAFKA_BROKERS=f"127.0.0.1:1,{environment.KAFKA_BROKERS}",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        SENTRY_ENABLED="true",
        SENTRY_DSN=sentry.url.replace("://", "://key@").rstrip("/") + "/1",
    )
    for channel in CHANNELS:
        pipeline.start("sender", f"--channel={channel}", label=f"sender-{channel}")
    pipeline.sandbox.fault("status", status=500, times=5)
    pipeline.sandbox.fault("status", status=401, times=1)  # an error for Sentry
    pipeline.sandbox.fault("reset", at="after", times=2)
    pipeline.sandbox.fault("status", match="@refused.example", **BAD_REQUEST)

    post_many(bodies(), callers=4)
    post_many([message(to=f"x{n}@refused.example") for n in range(REFUSED)], callers=2)
    pipeline.kafka.produce_all(REQUESTS, [single_object(request()) for _ in range(BY_KAFKA)])
    for role in pipeline.started:
        if role.name != "sandbox":
            role.signal(signal.SIGUSR1)  # to another log level while lines are written
            role.signal(signal.SIGUSR2)
    for role in ("producer", *metrics.PORTS):
        metrics.scrape(role)

    def ended():
        return pipeline.db.count() == EMAILS + 2 * TEXTS + BY_KAFKA + REFUSED and pipeline.db.unfinished() == 0

    until(ended, "every message has come to an end", 400)
    until(lambda: pipeline.db.value("SELECT count(*) FROM outbound_dead_letter") == REFUSED, "dead letters are kept")
    assert pipeline.db.statuses() == {"SENT": EMAILS + 2 * TEXTS + BY_KAFKA, "FAILED": REFUSED}
    until(lambda: collector.spans and sentry.requests, "traces and errors are told")
