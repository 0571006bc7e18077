"""
deliver: what one `outbound sender` costs, beside a bare libcurl-multi loop that posts the same bytes to the same
sandbox.

The backlog comes in by the front door and lies in the sender's topic before the sender starts. The loop sends without
a database and without Kafka: the difference is the price of the claim, the record of the attempt, and the offset.
"""

import http.server
import json
import os
import tempfile
import threading

from harness import Failed, MESSAGE, TABLES, call, check, request, result, say, settle, wait_until

MESSAGES = 20000
WARM_UP = 2000
CLIENTS = 64  # that post the backlog
TOPIC = "outbound.send.email"
IN_FLIGHT_DEFAULT = 400


class Capture(http.server.BaseHTTPRequestHandler):
    """A provider that keeps what it got."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = [f"{name}: {value}" for name, value in self.headers.items()
                   if name in ("Authorization", "Content-Type", "Accept")]
        self.server.captured = (body, headers)
        self.send_response(202)
        self.send_header("X-Message-Id", "captured")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def capture_request(instance, folder):
    """What the sender posts for such a message: the path of the body's file and the headers."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Capture)
    server.captured = None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with instance.role("sender", SENDGRID_BASE_URL=f"http://127.0.0.1:{server.server_port}") as sender:
            fill(instance, folder, 1)
            wait_until(lambda: sender.alive() and all_are_sent(instance), "one message for a look at its request")
    finally:
        server.shutdown()
        server.server_close()
    path = os.path.join(folder, "request")
    body, headers = server.captured
    with open(path, "wb") as file:
        file.write(body)
    return path, headers


def fill(instance, folder, count):
    """Posts messages and waits until each is in the sender's topic and no longer in the outbox."""
    path = os.path.join(folder, "message")
    with open(path, "w", encoding="utf-8") as file:
        file.write(MESSAGE)
    before = instance.kafka.count(TOPIC)
    call([instance.bare_loop, instance.messages_url, str(count), str(min(count, CLIENTS)), path,
          "Content-Type: application/json"])
    wait_until(lambda: instance.kafka.count(TOPIC) >= before + count and instance.outbox_is_empty(),
               "the backlog: in the sender's topic", every=0.2)
    written = instance.kafka.count(TOPIC) - before
    if written != count:
        say(f"deliver: {written} records for {count} messages")


def all_are_sent(instance):
    return not instance.scalar("SELECT EXISTS (SELECT FROM outbound_message WHERE status <> 'SENT')")


def accepted(instance):
    stats = request("GET", instance.sandbox_url + "/sandbox/stats")
    check(stats, "the sandbox does not answer")
    return stats["accepted"]


def forget_deliveries(instance):
    check(request("DELETE", instance.sandbox_url + "/sandbox/deliveries") is not None, "the sandbox does not answer")


def check_deliveries(instance, count, distinct):
    """The sandbox's log holds `count` deliveries, of `distinct` messages."""
    answer = request("GET", f"{instance.sandbox_url}/sandbox/deliveries?limit=100000")
    check(answer, "the sandbox does not answer")
    found = len(answer["deliveries"])
    check(found == count, f"{count} messages, but {found} deliveries")
    ids = len({delivery["messageId"] for delivery in answer["deliveries"]})
    check(ids == distinct, f"deliveries of {distinct} messages expected, but there are {ids}")


def run_sender(instance, sandbox, folder, count):
    instance.empty(TABLES)
    fill(instance, folder, count)
    forget_deliveries(instance)
    before = accepted(instance)
    foreign = settle()
    sandbox_cpu_s = sandbox.cpu_seconds()
    with instance.role("sender") as sender:
        # Asked rarely while it works: the sandbox's counter costs next to nothing, the table is looked at last.
        wait_until(lambda: sender.alive() and accepted(instance) >= before + count, "all delivered", 120, every=0.1)
        wait_until(lambda: all_are_sent(instance), "all SENT", every=0.02)
        cpu_s = sender.cpu_seconds()
    sandbox_cpu_s = sandbox.cpu_seconds() - sandbox_cpu_s
    check_deliveries(instance, count, count)
    attempts, elapsed_s = instance.row("SELECT count(*), extract(epoch FROM max(finished_at) - min(started_at))::float"
                                       " FROM outbound_attempt WHERE outcome = 'SENT'")
    sent = instance.scalar("SELECT count(*) FROM outbound_message WHERE status = 'SENT'")
    check(sent == count and attempts == count, f"{count} messages, but {sent} SENT by {attempts} attempts")
    return {"per_second": count / elapsed_s, "cpu_us": cpu_s / count * 1e6, "seconds": elapsed_s,
            "sandbox_cpu_us": sandbox_cpu_s / count * 1e6, "foreign_load": foreign}


def run_loop(instance, sandbox, body, headers, count):
    forget_deliveries(instance)
    in_flight = os.environ.get("OUTBOUND_SENDER_MAX_IN_FLIGHT", str(IN_FLIGHT_DEFAULT))
    foreign = settle()
    sandbox_cpu_s = sandbox.cpu_seconds()
    done = json.loads(call([instance.bare_loop, instance.sandbox_url + "/v3/mail/send", str(count), in_flight, body,
                            *headers]))
    sandbox_cpu_s = sandbox.cpu_seconds() - sandbox_cpu_s
    check_deliveries(instance, count, 1)
    return {"per_second": count / done["seconds"], "cpu_us": done["cpu_seconds"] / count * 1e6,
            "seconds": done["seconds"], "sandbox_cpu_us": sandbox_cpu_s / count * 1e6, "foreign_load": foreign}


def pairs(rounds, key):
    return [{"value": sender[key], "reference": loop[key], "foreign_load": sender["foreign_load"],
             "reference_foreign_load": loop["foreign_load"], "sender": sender, "loop": loop}
            for sender, loop in rounds]


def run(instance, rounds):
    if not os.access(instance.bare_loop, os.X_OK):
        raise Failed(f"{instance.bare_loop} is not built: run ./dev build")
    done = []
    with tempfile.TemporaryDirectory() as folder, instance.role("producer") as producer, \
            instance.role("router"), instance.role("sandbox", OUTBOUND_SANDBOX_LATENCY_MS="0") as sandbox:
        instance.await_producer(producer)
        instance.await_sandbox(sandbox)
        body, headers = capture_request(instance, folder)
        say(f"deliver: warming up, {WARM_UP:,} messages of {os.path.getsize(body)} bytes each")
        run_sender(instance, sandbox, folder, WARM_UP)
        run_loop(instance, sandbox, body, headers, WARM_UP)
        for number in range(rounds):
            sender = run_sender(instance, sandbox, folder, MESSAGES)
            loop = run_loop(instance, sandbox, body, headers, MESSAGES)
            say(f"deliver {number + 1}/{rounds}: sender {sender['cpu_us']:.1f} µs of CPU each, "
                f"{sender['per_second']:,.0f}/s; bare loop {loop['cpu_us']:.1f} µs, {loop['per_second']:,.0f}/s")
            done.append((sender, loop))
    return [
        result("deliver, CPU of the sender", "µs/message", "bare libcurl-multi loop", pairs(done, "cpu_us"),
               ("<=", 2.0)),
        result("deliver, messages", "messages/s", "bare libcurl-multi loop", pairs(done, "per_second")),
    ]
