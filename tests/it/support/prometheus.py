"""Debian's Prometheus, asking the roles of the tests each second; else as `./dev up --monitoring` starts it."""

import math

import requests
import yaml

from support import environment
from support.metrics import PORTS
from support.monitor import Monitor

RULES = sorted((environment.REPOSITORY / "metrics" / "alerts").glob("*.yml"))
TEMPLATE = environment.REPOSITORY / "compose" / "prometheus" / "prometheus.yml"

# The label of that name on everything that is scraped.
ENVIRONMENT = "test"


def impatient_rules(folder, alert):
    """Copies of the rules, looked at each second, of which this alert does not wait for its `for`."""
    copies = []
    for path in RULES:
        document = yaml.safe_load(path.read_text())
        for group in document["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                if rule.get("alert") == alert:
                    rule["for"] = "1s"
        copies.append(folder / path.name)
        copies[-1].write_text(yaml.safe_dump(document))
    return copies


class Prometheus(Monitor):
    def __init__(self, folder, rules=RULES, targets=None, alertmanager=None):
        """`rules`: files. `targets`: host:port of what is asked instead of the roles."""
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "prometheus.yml"
        config.write_text(self._config(rules, targets, alertmanager))
        self._session = requests.Session()
        self._session.trust_env = False
        super().__init__(folder, "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}")

    @staticmethod
    def _config(rules, targets, alertmanager):
        text = TEMPLATE.read_text().replace("@REPOSITORY@", str(environment.REPOSITORY))
        text = text.replace("@ENVIRONMENT@", ENVIRONMENT).replace("@HTTP_PORT@", str(environment.HTTP_PORT))
        for role, distance in PORTS.items():
            text = text.replace(f"@{role.upper()}_PORT@", str(environment.METRICS_PORT + distance))
        config = yaml.safe_load(text)
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = list(map(str, rules))
        if targets:
            config["scrape_configs"][0]["static_configs"] = [{"targets": targets}]
        told = [alertmanager.url.removeprefix("http://")] if alertmanager else []
        config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": told}]
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
