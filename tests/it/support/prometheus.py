"""Debian's Prometheus, asking the roles of the tests each second; else as `./dev up --monitoring` starts it."""

import math

import requests
import yaml

from support import environment
from support.alertmanager import Server
from support.metrics import PORTS

TEMPLATE = environment.REPOSITORY / "compose" / "prometheus" / "prometheus.yml"

# The label of that name on everything that is scraped.
ENVIRONMENT = "test"


class Prometheus(Server):
    def __init__(self, folder, rules=()):
        """`rules`: files beside those of metrics/alerts."""
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "prometheus.yml"
        config.write_text(self._config(rules))
        self._session = requests.Session()
        self._session.trust_env = False
        super().__init__(folder, "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}")

    @staticmethod
    def _config(rules):
        text = TEMPLATE.read_text().replace("@REPOSITORY@", str(environment.REPOSITORY))
        text = text.replace("@ENVIRONMENT@", ENVIRONMENT).replace("@HTTP_PORT@", str(environment.HTTP_PORT))
        for role, distance in PORTS.items():
            text = text.replace(f"@{role.upper()}_PORT@", str(environment.METRICS_PORT + distance))
        config = yaml.safe_load(text)
        del config["alerting"]
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] += map(str, rules)
        return yaml.safe_dump(config)

    def _get(self, path, **parameters):
        answer = self._session.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=environment.PATIENCE_S)
        document = answer.json()
        assert document["status"] == "success", f"{parameters}: {document['error']}"
        return document["data"]

    def query(self, expr):
        """Series with a number: [(labels, value)]. A query that Prometheus does not understand fails."""
        result = self._get("query", query=expr)["result"]
        found = [(series["metric"], float(series["value"][1])) for series in result]
        return [(labels, value) for labels, value in found if not math.isnan(value)]

    def targets(self):
        return self._get("targets")["activeTargets"]

    def rules(self):
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]
