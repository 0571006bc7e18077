"""Traces that nobody takes: what is not sampled keeps its context and has no span, and a collector holds nobody up."""

import socket
import time

import pytest

from support import kafka as topics
from support.api import message, post_many
from support.collector import Collector, new_context
from support.environment import AT_ONCE_S
from support.provider import Provider

ROLES = ("producer", "router", "sender")


def test_what_is_not_sampled_has_no_span_and_keeps_its_context(new_pipeline):
    collector, provider = Collector(), Provider()
    pipeline = new_pipeline(
        *ROLES,
        SENDGRID_BASE_URL=provider.url,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_TRACES_SAMPLER="parentbased_always_off",
    )
    traceparent = new_context("00")[2]
    given = {
        "kept": {"traceparent": traceparent, "tracestate": "a=1"},
        "none": {},
        "invalid": {"traceparent": traceparent[:-1] + "g", "tracestate": "a=1"},
    }
    ids = {name: pipeline.api.post(message(), headers=headers).json()["id"] for name, headers in given.items()}
    for message_id in ids.values():
        pipeline.wait_for(message_id, "SENT")
    for name, message_id in ids.items():
        (asked,) = provider.requests_of(message_id)
        found = {header: asked.headers[header] for header in ("traceparent", "tracestate") if header in asked.headers}
        assert found == (given["kept"] if name == "kept" else {})
        row = pipeline.db.message(message_id)
        assert (row["traceparent"], row["tracestate"]) == (found.get("traceparent"), found.get("tracestate"))
        (record,) = pipeline.kafka.records_of(topics.SEND_EMAIL, {}, message_id)
        assert record.headers.get("traceparent") == found.get("traceparent")
    pipeline.stop()  # now or never
    assert collector.bodies == []
    collector.close()
    provider.close()


@pytest.mark.parametrize("collector", ["silent", "gone"])
def test_nobody_waits_for_the_collector(new_pipeline, collector):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if collector == "gone":
            listener.close()
        pipeline = new_pipeline("sandbox", *ROLES, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
        ids = post_many([message() for _ in range(300)])
        pipeline.wait_until_finished(len(ids))
        pipeline.assert_each_sent_once(ids)
        for name in ROLES:
            asked = time.monotonic()
            role = pipeline.role(name)
            assert role.terminate() == 0
            assert time.monotonic() - asked < 1 + 2 * AT_ONCE_S
            role.wait_until_says("spans were not taken by the collector in time")
