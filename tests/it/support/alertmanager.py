"""Debian's Alertmanager with the project's own routing, but each second instead of each minute."""

import http.server
import json
import threading

import yaml

from support import environment
from support.monitor import Monitor

ROUTING = environment.REPOSITORY / "metrics" / "alertmanager.yml"


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
    return Monitor(folder, "prometheus-alertmanager", *options)
