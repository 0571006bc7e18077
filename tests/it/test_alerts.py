"""An alert reaches the owner's phone: from Prometheus by Alertmanager and our own pipeline to WhatsApp, once."""

import contextlib
import time
import uuid

import pytest
import requests

from support.alertmanager import Receivers, start_alertmanager
from support.api import Api, message
from support.prometheus import Prometheus, impatient_rules
from support.role import free_port
from support.wait import until

OWNER = "+4915170000001"
PATH = "/api/v1/alerts"


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    running = module_pipeline(
        "sandbox",
        "producer",
        "router",
        OUTBOUND_WHATSAPP_PROVIDER="whatsapp",
        OUTBOUND_ALERT_RECIPIENT=OWNER,
        OUTBOUND_ALERT_REPEAT_MS=3600000,
        WHATSAPP_TEMPLATES="alert=outbound_alert:en",
    )
    running.start("sender", "--channel=whatsapp")
    return running


def producer_beside(pipeline, label, **settings):
    """Another one, with settings of its own."""
    port = free_port()
    pipeline.start("producer", label=label, OUTBOUND_HTTP_PORT=port, **settings)
    return Api(port)


@pytest.fixture(scope="module")
def broken(pipeline):
    """A producer that never reaches its database."""
    port = free_port()
    settings = {"OUTBOUND_HTTP_PORT": port, "DATABASE_URL": "postgresql://outbound@127.0.0.1:1/outbound"}
    pipeline.launch("producer", label="broken", **settings).wait_until_says("listening")
    return Api(port)


def alert(name, status="firing", **changes):
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", "component": "outbound-messaging"},
        "annotations": {"summary": "It is late", "description": "3 messages\nwait"},
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime()),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": uuid.uuid4().hex[:16],
        **changes,
    }


def notification(*alerts, **changes):
    """As Alertmanager 0.25 writes it."""
    return {
        "receiver": "owner-whatsapp",
        "status": "firing",
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "version": "4",
        "groupKey": '{}:{alertname="x"}',
        "truncatedAlerts": 0,
        **changes,
    }


def variables(delivery):
    """Of the template: severity, name, description."""
    (body,) = delivery["content"]["components"]
    return [parameter["text"] for parameter in body["parameters"]]


def delivered(pipeline, name):
    """What the owner has read about the alert."""
    found = [delivery["content"] for delivery in pipeline.sandbox.deliveries_to(OWNER)]
    return [content for content in found if name in str(content)]


def settled(pipeline):
    """All that was stored has been delivered."""
    until(lambda: set(pipeline.db.statuses()) == {"SENT"} and pipeline.db.outbox() == 0, "all messages are SENT")


def test_from_prometheus_to_the_phone(pipeline, broken):
    folder = pipeline.folder
    with contextlib.ExitStack() as running:
        receivers = running.enter_context(contextlib.closing(Receivers()))
        alertmanager = running.enter_context(contextlib.closing(start_alertmanager(folder, receivers, pipeline.api)))
        targets = [f"127.0.0.1:{api.port}" for api in (pipeline.api, broken)]
        rules = impatient_rules(folder, "HighErrorRate")
        running.enter_context(contextlib.closing(Prometheus(folder / "prometheus", rules, targets, alertmanager)))

        def told():
            return [found for found in pipeline.sandbox.deliveries_to(OWNER) if "HighErrorRate" in variables(found)]

        def fails_and_is_told():
            assert broken.post(message()).status_code == 503
            return told()

        (first,) = until(fails_and_is_told, "the owner is told that callers get errors")
        severity, name, description = variables(first)
        assert (severity, name) == ("CRITICAL", "HighErrorRate")
        assert description.startswith("Error rate is ") and description.endswith("% for the past 5 minutes")
        assert (first["content"]["name"], first["content"]["language"]) == ("outbound_alert", {"code": "en"})

        def paths():
            return {path for path, document in receivers.posted if "High error rate detected" in str(document)}

        until(lambda: paths() == {"/slack", "/pagerduty"}, "Slack and PagerDuty are told, too")
        assert {document.get("channel") for _, document in receivers.posted} == {"#incidents", None}

        def recovers_and_is_told():
            for _ in range(100):
                assert broken.post({}).status_code == 400
            return len(told()) > 1

        until(recovers_and_is_told, "the owner is told that it is over")
        settled(pipeline)
        assert [variables(found)[:2] for found in told()] == [
            ["CRITICAL", "HighErrorRate"],
            ["RESOLVED", "HighErrorRate"],
        ]


def test_a_notification_that_comes_again_is_not_told_again(pipeline):
    first, second = alert("Repeated"), alert("Added")
    answer = pipeline.api.post(notification(first), PATH)
    assert (answer.status_code, answer.json()) == (202, {"queued": 1, "repeated": 0})
    # Its group has grown meanwhile, and its value has changed.
    first["annotations"] = {"description": "4 messages wait"}
    answer = pipeline.api.post(notification(first, second), PATH)
    assert (answer.status_code, answer.json()) == (202, {"queued": 1, "repeated": 1})
    over = {**first, "status": "resolved", "endsAt": first["startsAt"]}
    for queued in (1, 0):
        assert pipeline.api.post(notification(over), PATH).json() == {"queued": queued, "repeated": 1 - queued}
    settled(pipeline)
    assert [content["components"][0]["parameters"][0]["text"] for content in delivered(pipeline, "Repeated")] == [
        "CRITICAL",
        "RESOLVED",
    ]
    assert len(delivered(pipeline, "Added")) == 1


def test_a_reminder_is_told(pipeline):
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 59 * 60))
    old = alert("Reminded", startsAt=began)
    assert pipeline.api.post(notification(old), PATH).json()["queued"] == 1
    impatient = producer_beside(pipeline, "impatient", OUTBOUND_ALERT_REPEAT_MS=60000)
    assert impatient.post(notification(old), PATH).json()["queued"] == 1
    settled(pipeline)
    assert len(delivered(pipeline, "Reminded")) == 2


def test_without_a_template_it_is_a_text(pipeline):
    plain = producer_beside(pipeline, "plain", OUTBOUND_ALERT_TEMPLATE="plain")
    assert plain.post(notification(alert("Plain")), PATH).status_code == 202
    settled(pipeline)
    assert delivered(pipeline, "Plain") == [{"body": "🔔 *CRITICAL ALERT*: Plain\n\n3 messages wait"}]


def test_it_is_urgent_and_expires(pipeline):
    pipeline.api.post(notification(alert("Urgent")), PATH)
    (row,) = pipeline.db.rows(
        "SELECT priority, channel, expires_at - created_at < interval '4 hours 1 minute' AS soon FROM outbound_message"
        " WHERE payload_json::text LIKE '%Urgent%'"
    )
    assert row == {"priority": "urgent", "channel": "WHATSAPP", "soon": True}


def test_alertmanager_comes_again_when_it_could_not_be_stored(broken):
    answer = broken.post(notification(alert("Lost")), PATH)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_without_a_recipient_none_are_taken(pipeline):
    api = producer_beside(pipeline, "silent", OUTBOUND_ALERT_RECIPIENT="")
    answer = api.post(notification(alert("Nobody")), PATH)
    assert answer.status_code == 404
    assert "OUTBOUND_ALERT_RECIPIENT" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"\xff", "body"),
        (b"[" * 100, "body"),
        ({}, "version"),
        (notification(version="5"), "version"),
        (notification(alerts=None), "alerts"),
        (notification(*[{}] * 101), "alerts"),
        (notification(alert("x"), 7), "alerts[1].status"),
        (notification(alert("x", status="pending")), "alerts[0].status"),
        (notification(alert("x", startsAt="now")), "alerts[0].startsAt"),
        (notification(alert("x", fingerprint="x" * 65)), "alerts[0].fingerprint"),
    ],
)
def test_what_is_wrong_with_a_notification_is_named(pipeline, body, field):
    answer = pipeline.api.post(body, PATH)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["errors"][0]["field"] == field


def test_a_bad_alert_stores_none_of_its_notification(pipeline):
    assert pipeline.api.post(notification(alert("Beside"), alert("Bad", startsAt=None)), PATH).status_code == 400
    assert not pipeline.db.rows("SELECT 1 FROM outbound_message WHERE payload_json::text LIKE '%Beside%'")


def test_alerts_are_counted(pipeline):
    before = counted(pipeline)
    again = notification(alert("Counted"))
    pipeline.api.post(again, PATH)
    pipeline.api.post(again, PATH)
    after = counted(pipeline)
    assert {result: after[result] - before[result] for result in after} == {"queued": 1, "repeated": 1, "failed": 0}


def counted(pipeline):
    lines = pipeline.api.get("/metrics").text.splitlines()
    name = 'outbound_alert_notifications_total{status="firing",result="%s"} '
    results = ("queued", "repeated", "failed")
    return {result: float(line.split()[-1]) for result in results for line in lines if line.startswith(name % result)}


def told_beside(alertmanager, *labels):
    """Which of these alerts are told when all of them fire."""
    alerts = [{"labels": one} for one in labels]
    assert requests.post(f"{alertmanager.url}/api/v2/alerts", json=alerts, timeout=10).ok

    def all_there():
        found = requests.get(f"{alertmanager.url}/api/v2/alerts", timeout=10).json()
        found = [one for one in found if one["labels"] in labels]
        settled = len(found) == len(labels) and all(one["status"]["state"] != "unprocessed" for one in found)
        return found if settled else None

    found = until(all_there, "Alertmanager has decided about all of them")
    return {one["labels"]["alertname"] for one in found if not one["status"]["inhibitedBy"]}


def test_what_follows_from_a_cause_is_not_told_beside_it(tmp_path, pipeline):
    def fires(name, **more):
        return {"alertname": name, "severity": "none", **more}

    with contextlib.closing(Receivers()) as receivers, contextlib.closing(
        start_alertmanager(tmp_path, receivers, pipeline.api)
    ) as alertmanager:
        assert told_beside(
            alertmanager,
            fires("RouterDown"),
            fires("StuckMessages"),
            fires("SenderNotWorking", channel="sms"),
            fires("DeliverySLOFastBurn", channel="sms"),
            fires("ConsumerStalled", group="outbound-router"),
            fires("ConsumerStalled", group="outbound-sender-sms"),
            fires("ConsumerLag", group="outbound-sender-sms"),
            fires("TargetDown", job="outbound"),
            fires("ConservationBroken"),
        ) == {"RouterDown", "ConsumerStalled", "ConservationBroken"}
        assert told_beside(
            alertmanager,
            fires("WhatsAppQuotaExceeded", org_id="a"),
            fires("WhatsAppQuota95Percent", org_id="a"),
            fires("WhatsAppQuotaNearLimit", org_id="b"),
            fires("WhatsAppQuota85Percent", org_id="b"),
            fires("WhatsAppQuota70Percent", org_id="c"),
        ) == {"WhatsAppQuotaExceeded", "WhatsAppQuotaNearLimit", "WhatsAppQuota70Percent"}
