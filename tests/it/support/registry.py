"""The schema registry of the set-up (Apicurio), and what can stand in front of one."""

import base64
import http.server
import json
import ssl
import threading

import requests

from support import environment
from support.wait import until

CONTENT_TYPE = {"Content-Type": "application/vnd.schemaregistry.v1+json"}


class Registry:
    """Its API, without any client of ours. It is empty when a test begins."""

    url = environment.REGISTRY_URL

    def __init__(self):
        until(self._answers, "the registry answers")
        self._http = requests.Session()
        self.clear()

    def _answers(self):
        try:
            return requests.get(f"{self.url}/subjects", timeout=5).ok
        except requests.RequestException:
            return False

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body)
        answer = self._http.request(method, self.url + path, data=data, headers=CONTENT_TYPE, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def clear(self):
        for subject in self.subjects():
            self.call("DELETE", f"/subjects/{subject}")
            self.call("DELETE", f"/subjects/{subject}?permanent=true")

    def subjects(self):
        return set(self.call("GET", "/subjects"))

    def schema(self, schema_id):
        return json.loads(self.call("GET", f"/schemas/ids/{schema_id}")["schema"])

    def add(self, subject, schema):
        return self.call("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(schema)})["id"]

    def refuse_what_is_incompatible(self, subject, level="FULL"):
        self.call("PUT", f"/config/{subject}", {"compatibility": level})


class Front:
    """An HTTP server before the registry: asks for a login, speaks TLS, or answers by itself.

    `react(method, path)` returns (status, body), or None to pass the request on.
    """

    def __init__(self, react=lambda method, path: None, user_info=None, certificate=None):
        front = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self._serve(None)

            def do_POST(self):
                self._serve(self.rfile.read(int(self.headers["Content-Length"])))

            def _serve(self, body):
                front.requests.append((self.command, self.path))
                expected = user_info and "Basic " + base64.b64encode(user_info.encode()).decode()
                if expected and self.headers.get("Authorization") != expected:
                    status, answer = 401, b'{"error_code":401,"message":"who are you"}'
                elif reaction := react(self.command, self.path):
                    status, answer = reaction
                else:
                    passed = requests.request(
                        self.command, environment.REGISTRY_URL + self.path, data=body, headers=CONTENT_TYPE, timeout=30
                    )
                    status, answer = passed.status_code, passed.content
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                try:
                    self.wfile.write(answer)
                except OSError:  # the other side did not want all of it
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that does not trust us hangs up
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
