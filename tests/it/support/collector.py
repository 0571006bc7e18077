"""A collector of traces: OTLP over HTTP in JSON, read by OpenTelemetry's own schema, which refuses what it does not know."""

import base64
import json
import os
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = ("traceId", "spanId", "parentSpanId")
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
ERROR = 2


def new_context(flags="01"):
    """A caller's: (trace id, span id, traceparent)."""
    trace, span = os.urandom(16).hex(), os.urandom(8).hex()
    return trace, span, f"00-{trace}-{span}-{flags}"


@dataclass
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    start: int  # ns
    end: int
    failed: bool
    links: list  # (trace id, span id)
    attributes: dict = field(default_factory=dict)


def _protobuf_ids(value):
    """OTLP has hexadecimal ids in JSON, where protobuf would have base64."""
    if isinstance(value, list):
        return [_protobuf_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(bytes.fromhex(item)).decode() if name in IDS else _protobuf_ids(item)
        for name, item in value.items()
    }


def _attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def _spans(body):
    request = json_format.ParseDict(_protobuf_ids(json.loads(body)), ExportTraceServiceRequest())
    for resource in request.resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.kind,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    span.status.code == ERROR,
                    [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                    _attributes(span.attributes),
                )


class Collector:
    def __init__(self):
        self.bodies = []
        self.spans = []
        self.headers = []
        self.problems = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector._take(self.path, self.headers, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, path, headers, body):
        try:
            assert path == "/v1/traces" and headers["Content-Type"] == "application/json", (path, headers)
            self.spans += list(_spans(body))
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(f"{problem}: {body[:2000]}")
        self.headers.append(headers)
        self.bodies.append(body)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        assert not self.problems, self.problems[:3]

    def of(self, trace):
        """The spans of a trace, in the order in which they began."""
        return sorted((span for span in self.spans if span.trace == trace), key=lambda span: span.start)
