"""Debian's Prometheus, asking the roles of the tests each second; else as `./dev up --monitoring` starts it."""

import math
import subprocess

import requests
import yaml

from support import environment
from support.role import end_with_the_tests, free_port
from support.wait import until

TEMPLATE = environment.REPOSITORY / "compose" / "prometheus" / "prometheus.yml"
RULES = environment.REPOSITORY / "metrics" / "alerts"

# The label of that name on everything that is scraped.
ENVIRONMENT = "test"

# How far the ports of the roles are from the exporter's.
ROLES = {"EXPORTER": 0, "ROUTER": 1, "DLQ": 2, "EMAIL": 3, "SMS": 4, "WHATSAPP": 5}


class Prometheus:
    def __init__(self, folder, rules=()):
        """`rules`: files beside those of metrics/alerts."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        self._session.trust_env = False
        config = folder / "prometheus.yml"
        config.write_text(self._config(rules))
        with open(folder / "prometheus.log", "wb") as out:
            self._process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
                + [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_the_tests,
            )
        until(self._ready, "Prometheus is ready")

    @staticmethod
    def _config(rules):
        text = TEMPLATE.read_text().replace("@REPOSITORY@", str(environment.REPOSITORY))
        text = text.replace("@ENVIRONMENT@", ENVIRONMENT).replace("@HTTP_PORT@", str(environment.HTTP_PORT))
        for role, distance in ROLES.items():
            text = text.replace(f"@{role}_PORT@", str(environment.METRICS_PORT + distance))
        config = yaml.safe_load(text)
        del config["alerting"]
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] += map(str, rules)
        return yaml.safe_dump(config)

    def _ready(self):
        assert self._process.poll() is None, (self.folder / "prometheus.log").read_text()
        try:
            return self._session.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.RequestException:
            return False

    def close(self):
        self._process.terminate()
        self._process.wait(30)

    def _get(self, path, **parameters):
        answer = self._session.get(
            f"{self.url}/api/v1/{path}", params=parameters, timeout=environment.PATIENCE_S
        ).json()
        assert answer["status"] == "success", f"{parameters}: {answer['error']}"
        return answer["data"]

    def query(self, expr):
        """Series with a number: [(labels, value)]. A query that Prometheus does not understand fails."""
        result = self._get("query", query=expr)["result"]
        found = [(series["metric"], float(series["value"][1])) for series in result]
        return [(labels, value) for labels, value in found if not math.isnan(value)]

    def targets(self):
        return self._get("targets")["activeTargets"]

    def rules(self):
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]
