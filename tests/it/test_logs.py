"""Log lines for machines carry the ids that matter, and no log line carries a secret."""

import json

from support.api import message, unique

SECRETS = ["SG.top-secret", "outbound:outbound"]  # the key, user and password of the database


def test_json_lines_have_the_guides_members(new_pipeline):
    pipeline = new_pipeline(
        "sandbox", "producer", "router", "sender", OUTBOUND_LOG_FORMAT="json", OUTBOUND_ENVIRONMENT="it"
    )
    correlation_id = unique("corr")
    pipeline.sandbox.fault("status", status=400, match="bad")
    message_id = pipeline.api.accept(message(to="bad@example.com"), X_Correlation_ID=correlation_id, X_Org_ID="acme")
    pipeline.wait_for(message_id, "FAILED")
    for name in ("producer", "router", "sender", "sandbox"):
        pipeline.role(name).terminate()

    lines = [json.loads(line) for role in pipeline.started for line in role.log().splitlines()]
    for line in lines:
        assert {"@timestamp", "level", "logger", "message", "service", "env"} <= set(line)
        assert (line["service"], line["env"]) == ("outbound", "it")
        assert line["level"] in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
    assert {line["logger"] for line in lines} == {"producer", "router", "sender", "sandbox"}
    (about_it,) = [line for line in lines if line.get("messageId") == message_id]
    assert about_it["correlationId"] == correlation_id
    assert about_it["orgId"] == "acme"
    assert about_it["channel"] == "EMAIL"
    assert "INVALID_REQUEST" in about_it["message"]


def test_the_log_level_is_obeyed(new_pipeline):
    quiet = new_pipeline("sandbox", "producer", OUTBOUND_LOG_LEVEL="error")
    quiet.api.accept()
    for role in quiet.started:
        role.terminate()
        assert role.log() == ""


def test_a_log_tells_no_secret(new_pipeline):
    pipeline = new_pipeline(
        "sandbox", "producer", "router", "sender", OUTBOUND_LOG_LEVEL="trace", SENDGRID_API_KEY=SECRETS[0]
    )
    pipeline.sandbox.fault("status", status=401, match="refused", times=1)
    pipeline.wait_for(pipeline.api.accept(message(to="refused@example.com")), "SENT")
    for role in pipeline.started:
        assert role.terminate() == 0
        assert not [secret for secret in SECRETS if secret in role.log()]
