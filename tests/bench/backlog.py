"""Messages that wait in the sender's topic: they come in by the front door."""

import http.server
import json
import os
import threading

from harness import HERE, MESSAGE, call, check, say, wait_until

CLIENTS = 64  # that post them
TOPIC = "outbound.send.email"


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


def post(instance, folder, count):
    """Posts messages, each as soon as another one is answered."""
    path = os.path.join(folder, "message")
    with open(path, "w", encoding="utf-8") as file:
        file.write(MESSAGE)
    call([instance.bare_loop, instance.messages_url, str(count), str(min(count, CLIENTS)), path,
          "Content-Type: application/json"], patience_s=30 + count / 1000)


def pour(instance, clients, seconds):
    """Clients post for so long, each as soon as it was answered. What wrk counted; one request of each may be stored and not counted."""
    out = call(["wrk", "-t", "1", "-c", str(clients), "-d", f"{seconds}s", "--latency", "-s", os.path.join(HERE, "message.lua"),
                instance.messages_url], {"BENCH_BODY": MESSAGE})
    counted = json.loads(out.splitlines()[-1])
    check(counted["not_2xx"] == 0 and counted["failed"] == 0, f"not every request got a 202: {counted}")
    return counted


def fill(instance, folder, count):
    """Posts messages and waits until each is in the sender's topic and no longer in the outbox."""
    before = instance.kafka.count(TOPIC)
    post(instance, folder, count)
    wait_until(lambda: instance.kafka.count(TOPIC) >= before + count and instance.outbox_is_empty(),
               "the backlog: in the sender's topic", every=0.2)
    written = instance.kafka.count(TOPIC) - before
    if written != count:
        say(f"{written} records for {count} messages")


def all_are_sent(instance):
    return not instance.scalar("SELECT EXISTS (SELECT FROM outbound_message WHERE status <> 'SENT')")
