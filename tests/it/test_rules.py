"""Alert rules and routing: each alert fires when it must, is silent when it must, has a page, and reaches somebody."""

import re
import subprocess

import pytest
import yaml

from support import environment
from support.prometheus import RULES

pytestmark = pytest.mark.release

TESTS = sorted((environment.REPOSITORY / "tests" / "rules").glob("*.yml"))
ALERTMANAGER = environment.REPOSITORY / "metrics" / "alertmanager.yml"

PROMETHEUS_OWN = {"up"}
# What `absent()` is about fires without any data.
FIRES_WITHOUT_DATA = {"ExporterDown", "ProducerDown", "RouterDown"}


def groups():
    return [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]


ALL = [rule for group in groups() for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in ALL if "alert" in rule}
RECORDED = {rule["record"] for rule in ALL if "record" in rule}


def run(*command):
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_rules_are_valid():
    run("promtool", "check", "rules", *RULES)
    assert len(ALERTS) == sum("alert" in rule for rule in ALL), "two alerts have one name"


@pytest.mark.parametrize("path", TESTS, ids=[path.stem for path in TESTS])
def test_they_fire_when_they_must(path):
    run("promtool", "test", "rules", path)


def checks():
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test["alert_rule_test"]:
                yield check["alertname"], bool(check["exp_alerts"]), bool(test.get("input_series"))


def test_each_alert_is_tested_both_ways_and_without_data():
    seen = set(checks())
    for name in ALERTS:
        assert (name, True, True) in seen or name in FIRES_WITHOUT_DATA, f"nothing shows that {name} fires"
        assert (name, False, True) in seen, f"nothing shows that {name} is silent"
        assert (name, name in FIRES_WITHOUT_DATA, False) in seen, f"{name} is not tried without data"


def metric_names():
    """What a sample of each metric in the table can be called."""
    table = (environment.REPOSITORY / "metrics" / "metrics.def").read_text()
    names = set()
    for kind, name in re.findall(r'^METRIC\(\w+, (\w+), "(\w+)"', table, re.M):
        names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "HISTOGRAM" else {name}
    return names


def names_in(expression):
    """The metrics that an expression selects."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|ignoring|without)\s*\([^)]*\)", "", bare)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?![\w:]*\s*\()", bare)
    return set(words) - {"and", "or", "unless", "by", "on"}


def test_no_rule_uses_a_metric_that_is_not_in_the_table():
    known = metric_names() | RECORDED | PROMETHEUS_OWN
    used = {name for rule in ALL for name in names_in(rule["expr"])}
    assert len(used) > 30
    assert used <= known, used - known


def anchors(page):
    return [heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)", page.read_text(), re.M)]


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_what_to_do(name):
    alert = ALERTS[name]
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    path, anchor = alert["annotations"]["runbook_url"].split("#")
    page = environment.REPOSITORY / path
    assert page.parent == environment.REPOSITORY / "docs" / "runbook"
    assert anchor in anchors(page)
    assert f"`{name}`" in page.read_text(), f"{page.name} does not name the alert that leads there"


def test_the_list_of_alerts_is_what_the_rules_say():
    page = (environment.REPOSITORY / "docs" / "alerts.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| \[[^]]*\]\(([^)]*)\) \| \S", page, re.M)
    assert sorted(listed) == sorted(
        (name, alert["labels"]["severity"], alert["annotations"]["runbook_url"].removeprefix("docs/"))
        for name, alert in ALERTS.items()
    )


def receivers(*labels):
    told = run("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels)
    return told.strip().split(",")


def test_alertmanagers_configuration_is_valid():
    assert "SUCCESS" in run("amtool", "check-config", ALERTMANAGER)


BY_SEVERITY = {
    "critical": ["pagerduty", "owner-whatsapp", "slack-critical"],
    "warning": ["slack-warnings"],
    "info": ["default"],
}


def test_each_alert_reaches_its_receivers():
    # One alert for each set of labels: by its name alone none is routed.
    for name, labels in {tuple(alert["labels"].items()): (name, alert["labels"]) for name, alert in ALERTS.items()}.values():
        given = [f"alertname={name}", *(f"{label}={value}" for label, value in labels.items())]
        assert receivers(*given) == BY_SEVERITY[labels["severity"]], name


def test_an_alert_without_a_severity_is_not_lost():
    assert receivers("alertname=Other") == ["default"]


def fired_labels(name):
    """The labels that the alert has when it fires, as its tests show."""
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test["alert_rule_test"]:
                if check["alertname"] == name and check["exp_alerts"]:
                    return set(check["exp_alerts"][0]["exp_labels"])
    return set()


def test_inhibit_rules_name_alerts_that_exist_and_labels_that_they_have():
    for rule in yaml.safe_load(ALERTMANAGER.read_text())["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            label, names = re.fullmatch(r'(\w+)=~?"(.*)"', matcher).groups()
            for part in re.split(r"\|(?![^(]*\))", names) if label == "alertname" else []:
                assert any(re.fullmatch(part, name) for name in ALERTS), f"there is no alert {part}"
        source = re.search(r'"(.*)"', rule["source_matchers"][0]).group(1)
        assert set(rule.get("equal", [])) <= fired_labels(source), source
