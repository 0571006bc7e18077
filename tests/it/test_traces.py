"""Traces: one context from the caller to the provider, and a span for each piece of work."""

import pytest

from support import kafka as topics
from support.api import message, post_many, unique
from support.collector import CLIENT, CONSUMER, PRODUCER, SERVER, Collector, new_context
from support.provider import ACCEPTED, Provider
from support.upstream import request, single_object
from support.wait import until

BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
ROLES = ("producer", "router", "sender")
INSERT, CLAIM = "INSERT outbound_message", "UPDATE outbound_message"


def busy_for(text):
    """A provider that takes what it is sent; of recipients with `text` not the first request."""
    seen = set()

    def react(asked):
        again = text not in asked.body.decode() or asked.message_id in seen
        seen.add(asked.message_id)
        return ACCEPTED if again else BUSY

    return Provider(react)


class Traced:
    def __init__(self, module_pipeline):
        self.collector = Collector()
        self.provider = busy_for("again")
        self.pipeline = module_pipeline(
            *ROLES,
            SENDGRID_BASE_URL=self.provider.url,
            OTEL_EXPORTER_OTLP_ENDPOINT=self.collector.url,
            OTEL_EXPORTER_OTLP_HEADERS="x-key=a%2Cb",
            OUTBOUND_RETRY_DELAYS="1s",
        )

    def spans(self, trace, count):
        until(lambda: len(self.collector.of(trace)) >= count, f"{count} spans of {trace}")
        return self.collector.of(trace)

    def linked(self, name, span):
        """The batches of that name that link to the span."""
        found = (batch for batch in self.collector.spans if batch.name == name)
        return [batch for batch in found if (span.trace, span.id) in batch.links]


@pytest.fixture(scope="module")
def traced(module_pipeline):
    made = Traced(module_pipeline)
    yield made
    made.provider.close()
    made.collector.close()


def only(spans, name, **attributes):
    (found,) = (
        span
        for span in spans
        if span.name == name and all(span.attributes.get(key.replace("_", ".")) == attributes[key] for key in attributes)
    )
    return found


def test_the_tree_of_a_message_that_is_tried_twice(traced):
    trace, caller, traceparent = new_context()
    state = "vendor=1, other=a b"
    since = traced.pipeline.kafka.ends(topics.SEND_EMAIL)
    recipient = f"{unique('again')}@example.com"
    answer = traced.pipeline.api.post(message(to=recipient), headers={"traceparent": traceparent, "tracestate": state})
    message_id = answer.json()["id"]
    traced.pipeline.wait_for(message_id, "SENT")
    spans = traced.spans(trace, 9)

    asked = only(spans, "POST /api/v1/outbound/messages")
    assert (asked.kind, asked.parent, asked.service) == (SERVER, caller, "outbound-producer")
    assert asked.attributes["http.response.status_code"] == 202
    assert asked.attributes["outbound.channel"] == "email"
    tier = next(span.name for span in spans if span.name.startswith("send outbound.retry.")).split()[1]
    for topic in (topics.ACCEPTED, tier):
        sent, routed = only(spans, f"send {topic}"), only(spans, f"route {topic}")
        assert (sent.kind, sent.parent) == (PRODUCER, asked.id)
        assert (routed.kind, routed.parent, routed.service) == (CONSUMER, sent.id, "outbound-router")
        assert routed.attributes["outbound.next_topic"] == topics.SEND_EMAIL
    records = traced.pipeline.kafka.records_of(topics.SEND_EMAIL, since, message_id)
    routes = [span for span in spans if span.name.startswith("route ")]
    assert {record.headers["traceparent"] for record in records} == {f"00-{trace}-{span.id}-01" for span in routes}
    assert [record.headers["tracestate"] for record in records] == [state, state]
    requests = traced.provider.requests_of(message_id)
    for number, (status, outcome) in enumerate([(503, "QUEUED"), (202, "SENT")], 1):
        attempt = only(spans, f"deliver {topics.SEND_EMAIL}", outbound_attempt=number)
        tried = only(spans, "POST", outbound_attempt=number)
        assert (attempt.kind, attempt.parent, attempt.service) == (CONSUMER, asked.id, "outbound-sender")
        assert (tried.kind, tried.parent) == (CLIENT, attempt.id)
        assert attempt.attributes["outbound.status"] == outcome
        assert tried.attributes["http.response.status_code"] == status
        assert tried.attributes["url.full"] == traced.provider.url + "/v3/mail/send"
        assert attempt.failed == tried.failed == (status != 202)
        assert ("error.type" in tried.attributes) == tried.failed
        assert attempt.start <= tried.start < tried.end <= attempt.end
        headers = requests[number - 1].headers
        assert headers["traceparent"] == f"00-{trace}-{tried.id}-01"
        assert headers["tracestate"] == state
        assert len(traced.linked(CLAIM, attempt)) == 1
    until(lambda: traced.linked(INSERT, asked), "the transaction's span")
    assert traced.linked(INSERT, asked)[0].attributes["db.operation.batch.size"] == 1

    assert len(spans) == 9 and all(span.start < span.end for span in spans)
    assert all(span.attributes["outbound.message.id"] == message_id for span in spans)
    assert {headers["x-key"] for headers in traced.collector.headers} == {"a,b"}
    assert not any(recipient.encode() in body for body in traced.collector.bodies)


def test_a_message_by_kafka_goes_on_in_its_trace(traced):
    trace, upstream, traceparent = new_context()
    wanted = request()
    traced.pipeline.kafka.produce(topics.REQUESTS, single_object(wanted), headers={"traceparent": traceparent})
    spans = traced.spans(trace, 4)
    taken = only(spans, f"process {topics.REQUESTS}")
    assert (taken.kind, taken.parent) == (CONSUMER, upstream)
    assert only(spans, f"send {topics.SEND_EMAIL}").parent == taken.id
    attempt = only(spans, f"deliver {topics.SEND_EMAIL}")
    assert attempt.parent == taken.id
    assert only(spans, "POST").parent == attempt.id
    until(lambda: traced.linked(INSERT, taken), "the transaction's span")


def test_a_batch_links_to_each_of_its_messages(traced):
    since = len(traced.collector.spans)
    ids = set(post_many([message() for _ in range(60)], callers=16))
    name = f"deliver {topics.SEND_EMAIL}"

    def seen():
        spans = traced.collector.spans[since:]
        delivered = [span for span in spans if span.attributes.get("outbound.message.id") in ids and span.name == name]
        return delivered if len(delivered) == len(ids) else None

    delivered = until(seen, "each message's attempt")
    roots = {span.trace for span in delivered}
    assert len(roots) == len(ids), "each request without a context begins a trace"
    until(lambda: all(traced.linked(CLAIM, span) for span in delivered), "the claims' spans")
    batches = {batch.id: batch for span in delivered for batch in traced.linked(CLAIM, span)}
    assert all(len(batch.links) <= batch.attributes["db.operation.batch.size"] for batch in batches.values())
    assert sum(len(batch.links) for batch in batches.values()) == len(ids)
    assert not any(batch.parent or batch.trace in roots for batch in batches.values())


def test_a_refused_request_and_a_probe(traced):
    trace, _, traceparent = new_context()
    answer = traced.pipeline.api.post(b"{}", headers={"traceparent": traceparent, "X-Correlation-ID": "c-1"})
    assert (answer.status_code, answer.headers["X-Correlation-ID"]) == (400, "c-1")
    (span,) = traced.spans(trace, 1)
    assert span.attributes["http.response.status_code"] == 400
    assert not span.failed and "outbound.message.id" not in span.attributes
    assert not any("/health" in span.name or "/metrics" in span.name for span in traced.collector.spans)
