"""
traces: what it costs the three roles on a message's way to trace each message, or one in ten, beside no tracing at all.

The same messages go through the whole pipeline, in turns. Spans go to a collector in this process, which reads and
forgets them.
"""

import contextlib
import http.server
import os
import tempfile
import threading

from backlog import all_are_sent
from harness import MESSAGE, TABLES, call, result, say, settle, wait_until

MESSAGES = 10000
WARM_UP = 4000
CLIENTS = 64
ROLES = ("producer", "router", "sender")
SHARES = ("0.1", "1")


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def run_pipeline(instance, folder, count, settings):
    """CPU time per message of each role, from its start to its end."""
    path = os.path.join(folder, "message")
    with open(path, "w", encoding="utf-8") as file:
        file.write(MESSAGE)
    instance.empty(TABLES)
    foreign = settle()
    with contextlib.ExitStack() as stack:
        roles = {name: stack.enter_context(instance.role(name, **settings)) for name in ROLES}
        instance.await_producer(roles["producer"])
        before = {name: role.cpu_seconds() for name, role in roles.items()}
        call([instance.bare_loop, instance.messages_url, str(count), str(CLIENTS), path, "Content-Type: application/json"])
        wait_until(lambda: all_are_sent(instance) and instance.outbox_is_empty(), "all SENT", 120, every=0.2)
        cpu_us = {name: (role.cpu_seconds() - before[name]) / count * 1e6 for name, role in roles.items()}
    return {"cpu_us": cpu_us, "total_us": sum(cpu_us.values()), "foreign_load": foreign}


def run(instance, rounds):
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    tracing = {share: {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                       "OTEL_TRACES_SAMPLER_ARG": share} for share in SHARES}
    runs = {share: [] for share in SHARES}
    with tempfile.TemporaryDirectory() as folder, \
            instance.role("sandbox", OUTBOUND_SANDBOX_LATENCY_MS="0") as sandbox:
        instance.await_sandbox(sandbox)
        run_pipeline(instance, folder, WARM_UP, {})
        for number in range(rounds):
            off = run_pipeline(instance, folder, MESSAGES, {})
            for share in SHARES:
                one = run_pipeline(instance, folder, MESSAGES, tracing[share])
                runs[share].append({"value": one["total_us"], "reference": off["total_us"], "off": off, "traced": one,
                                    "foreign_load": one["foreign_load"], "reference_foreign_load": off["foreign_load"]})
                say(f"traces {number + 1}/{rounds}: {one['total_us']:.1f} µs of CPU each with a share of {share},"
                    f" {off['total_us']:.1f} µs without")
    collector.shutdown()
    collector.server_close()
    return [result(f"traces, {float(share):.0%} of the messages", "µs/message", "no tracing", runs[share])
            for share in SHARES]
