"""Debian's Prometheus and Alertmanager with the project's own rules and routing, but each second instead of each minute."""

import http.server
import json
import subprocess
import threading

import requests
import yaml

from support import environment
from support.role import end_with_the_tests, free_port
from support.wait import until

RULES = sorted((environment.REPOSITORY / "metrics" / "alerts").glob("*.yml"))
ROUTING = environment.REPOSITORY / "metrics" / "alertmanager.yml"


class Server:
    """A program of others that listens on a port of its own."""

    def __init__(self, folder, name, *options):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"{name}.log"
        with open(self._log, "wb") as out:
            self._process = subprocess.Popen(
                [name, *map(str, options), f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_the_tests,
            )
        until(self._ready, f"{name} is ready")

    def _ready(self):
        assert self._process.poll() is None, self._log.read_text()
        try:
            return requests.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.RequestException:
            return False

    def log(self):
        return self._log.read_text()

    def close(self):
        self._process.terminate()
        self._process.wait(30)


class Receivers:
    """Stands in for Slack and PagerDuty: keeps what is posted, as (path, document)."""

    def __init__(self):
        self.posted = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.posted.append((handler.path, json.loads(body)))
                handler.send_response(200)
                handler.end_headers()
                handler.wfile.write(b'{"status": "success", "message": "ok"}')

            def log_message(handler, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def start_alertmanager(folder, receivers, api):
    """With the routing of metrics/alertmanager.yml, to these receivers and this API."""
    config = yaml.safe_load(ROUTING.read_text())
    slack, pagerduty = folder / "slack_api_url", folder / "pagerduty_routing_key"
    slack.write_text(f"{receivers.url}/slack")
    pagerduty.write_text("key-of-the-test")
    config["global"]["slack_api_url_file"] = str(slack)
    config["global"]["pagerduty_url"] = f"{receivers.url}/pagerduty"
    config["route"].update(group_wait="100ms", group_interval="1s")
    by_name = {receiver["name"]: receiver for receiver in config["receivers"]}
    # A service key leads to PagerDuty's own address, whatever pagerduty_url says; a routing key does not.
    by_name["pagerduty"]["pagerduty_configs"][0]["routing_key_file"] = str(pagerduty)
    del by_name["pagerduty"]["pagerduty_configs"][0]["service_key_file"]
    webhook = by_name["owner-whatsapp"]["webhook_configs"][0]
    webhook["url"] = webhook["url"].replace("http://127.0.0.1:8080", api.url)
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config))
    options = (f"--config.file={path}", f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address=")
    return Server(folder, "prometheus-alertmanager", *options)


def start_prometheus(folder, alertmanager, targets, impatient):
    """With all rules. The alert `impatient` does not wait for its `for`; `targets` are host:port."""
    rules = []
    for path in RULES:
        document = yaml.safe_load(path.read_text())
        for group in document["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                if rule.get("alert") == impatient:
                    rule["for"] = "1s"
        rules.append(folder / path.name)
        rules[-1].write_text(yaml.safe_dump(document))
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": list(map(str, rules)),
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.url.removeprefix("http://")]}]}]},
        "scrape_configs": [{"job_name": "outbound", "static_configs": [{"targets": targets}]}],
    }
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return Server(folder, "prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'prometheus'}")
