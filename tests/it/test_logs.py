"""Log lines for machines carry the ids that matter, and no log line carries a secret."""

import json
import re
import signal

from support.api import message, unique
from support.provider import Provider, reset
from support.role import children_of

SECRETS = ["SG.top-secret", "outbound:outbound"]  # the key, user and password of the database
RECIPIENT = "anna.lee@example.com"
BODY = "the quick brown fox"

EVERY_LINE_HAS = {"@timestamp", "level", "thread", "logger", "message", "service", "env", "correlationId", "workerType"}


def test_json_lines_have_the_guides_members(new_pipeline):
    pipeline = new_pipeline(
        "sandbox", "producer", "router", "sender", OUTBOUND_LOG_FORMAT="json", OUTBOUND_ENVIRONMENT="it"
    )
    correlation_id = unique("corr")
    pipeline.sandbox.fault("status", status=400, match="bad")
    message_id = pipeline.api.accept(message(to="bad@example.com"), X_Correlation_ID=correlation_id, X_Org_ID="acme")
    sent_id = pipeline.api.accept()
    pipeline.wait_for(message_id, "FAILED")
    pipeline.wait_for(sent_id, "SENT")
    pids = {name: pipeline.role(name).pid for name in ("producer", "router", "sender", "sandbox")}
    for name in pids:
        pipeline.role(name).terminate()

    lines = [json.loads(line) for role in pipeline.started for line in role.log().splitlines()]
    for line in lines:
        assert EVERY_LINE_HAS <= set(line)
        assert (line["service"], line["env"]) == ("outbound", "it")
        assert line["level"] in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
        assert line["workerType"] == f"outbound-{line['logger']}"
        assert line["thread"].endswith(f"-{pids[line['logger']]}")
    assert {line["logger"] for line in lines} == set(pids)
    assert {line["thread"].rsplit("-", 1)[0] for line in lines if line["logger"] == "sender"} == {
        "outbound-sender-email"
    }

    queued, failed = [line for line in lines if line.get("messageId") == message_id]
    for line in (queued, failed):
        assert (line["correlationId"], line["orgId"], line["channel"]) == (correlation_id, "acme", "EMAIL")
    assert (queued["level"], queued["message"], queued["logger"]) == ("INFO", "queued", "producer")
    assert (failed["level"], failed["errorCode"], failed["provider"]) == ("INFO", "INVALID_REQUEST", "sendgrid")
    assert failed["message"].startswith("attempt 1 of 5: FAILED, INVALID_REQUEST")
    assert [line["message"] for line in lines if line.get("messageId") == sent_id] == ["queued", "attempt 1 of 5: SENT"]

    # Other lines belong to a process.
    others = {line["logger"]: line["correlationId"] for line in lines if "messageId" not in line}
    assert len(set(others.values())) == len(pids)
    assert all(re.fullmatch(r"worker-[0-9a-f-]{36}", made) for made in others.values()), others


def test_the_log_level_is_obeyed(new_pipeline):
    quiet = new_pipeline("sandbox", "producer", OUTBOUND_LOG_LEVEL="error")
    quiet.api.accept()
    for role in quiet.started:
        role.terminate()
        assert role.log() == ""


REPEATS_THE_RECIPIENT = json.dumps({"errors": [{"message": f"{RECIPIENT} (tel. 4915112345678) is unknown"}]}).encode()


def refuse(request):
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(REPEATS_THE_RECIPIENT)}\r\n\r\n"
    return head.encode() + REPEATS_THE_RECIPIENT if request.attempt > 1 else reset


def test_a_log_tells_no_secret_no_recipient_and_no_body(new_pipeline):
    provider = Provider(refuse)
    pipeline = new_pipeline(
        "producer",
        "router",
        "sender",
        "dlq",
        OUTBOUND_LOG_LEVEL="trace",
        SENDGRID_API_KEY=SECRETS[0],
        SENDGRID_BASE_URL=provider.url,
    )
    refused = pipeline.api.post({**message(to=RECIPIENT), "channel": "PIGEON", "payloadJson": {"text": BODY}})
    assert refused.status_code == 400
    message_id = pipeline.api.accept(message(to=RECIPIENT, subject=BODY, payloadJson={"text": BODY}))
    pipeline.wait_for(message_id, "FAILED")
    pipeline.role("dlq").wait_until_says("dead letters stored")
    for role in pipeline.started:
        assert role.terminate() == 0
        assert not [told for told in (*SECRETS, RECIPIENT, "4915112345678", BODY) if told in role.log()], role.name
    sender = next(role for role in pipeline.started if role.name == "sender")
    assert "a***@e***.com (tel. 49*********78) is unknown" in sender.log()
    assert " TRACE [" in sender.log()
    assert "next attempt in " in sender.log()


def test_signals_change_the_level_of_all_roles(new_pipeline):
    pipeline = new_pipeline("sandbox", "all")
    everyone = pipeline.role("all")
    roles = 1 + len(children_of(everyone.pid))
    everyone.signal(signal.SIGUSR1)
    everyone.wait_until_says("the log level is now DEBUG", times=roles)
    pipeline.wait_for(pipeline.api.accept(), "SENT")
    assert everyone.says("attempt 1 of 5: to sendgrid")
    everyone.signal(signal.SIGUSR2)
    everyone.wait_until_says("the log level is now INFO", times=roles)
    assert everyone.running
