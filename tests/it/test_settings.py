"""Settings: a wrong one ends a command within a second, by its name; where values come from, and who wins."""

import re
import socket

import pytest

from support import environment
from support.command import outbound

WRONG_SETTING = 2
ROLES = ["producer", "router", "sender", "dlq", "sandbox"]


def is_refused(ended, *words):
    """Exit code 2, at once, and the message names what is wrong."""
    assert ended.code == WRONG_SETTING, f"{ended.code}: {ended.err}"
    for word in words:
        assert word in ended.err
    assert ended.seconds < environment.AT_ONCE_S
    assert len(ended.err.strip().splitlines()) == 1, ended.err


WRONG = {
    "OUTBOUND_HTTP_PORT": ["x", "", "0", "65536", "-1", "80.5", "8080x", "1e3", " ", "99999999999999999999"],
    "OUTBOUND_SENDER_MAX_IN_FLIGHT": ["0", "10001"],
    "OUTBOUND_DLQ_MAX_REPLAYS": ["-1", "1001", "never"],
    "OUTBOUND_DLQ_BATCH_SIZE": ["0", "10001"],
    "OUTBOUND_DATABASE_TIMEOUT_MS": ["99", "600001"],
    "OUTBOUND_KAFKA_SESSION_TIMEOUT_MS": ["5999"],
    "OUTBOUND_METRICS_UPDATE_INTERVAL_MS": ["99", "60001"],
    "OUTBOUND_LOG_LEVEL": ["loud", "", "INFO", "info|warn"],
    "OUTBOUND_LOG_FORMAT": ["xml"],
    "OUTBOUND_EMAIL_UNKNOWN_POLICY": ["maybe"],
    "OUTBOUND_SENDER_CHANNEL": ["fax"],
    "OUTBOUND_WORKER_ENABLED": ["yes", "1", "TRUE", ""],
    "OUTBOUND_RETRY_DELAYS": ["", "5", "5s,", "5s,,1m", "5 s", "-5s", "0s", "5d", "5s;1m", ",5s", "99999999h"],
    "SENDGRID_BASE_URL": ["", "sendgrid", "ftp://example.com", "//example.com"],
    "TWILIO_BASE_URL": ["", "ftp://example.com"],
    "TWILIO_STATUS_CALLBACK_URL": ["example.com"],
    "WHATSAPP_BASE_URL": ["", "ftp://example.com"],
    "SCHEMA_REGISTRY_URL": ["registry:8081", "ftp://x", "http://", "http://a,http://b", "http://u:p@x", "http://x/?y=1"],
    "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO": ["user", ":password", "user:pass\nword"],
    "SCHEMA_REGISTRY_SSL_CA_LOCATION": ["/no/such/file"],
    "OUTBOUND_SMS_PROVIDER": ["", "sendgrid", "Twilio"],
    "OUTBOUND_WHATSAPP_PROVIDER": ["", "twilio"],
    "DATABASE_URL": ["postgresql://[", "nonsense", "host=x no_such_option=1", "postgresql://x/y?no_such_option=1"],
    "KAFKA_PROPERTIES": ["no-equals-sign", "no.such.property=1", "socket.timeout.ms=fast", "acks=0", "security.protocol=SASL_SSL,sasl.mechanism=PLAIN"],
    "OUTBOUND_ALERT_RECIPIENT": ["015112345678", "owner", "+0123456789"],
    "OUTBOUND_ALERT_TEMPLATE": ["", "two words", "x" * 129],
    "OUTBOUND_ALERT_REPEAT_MS": ["0", "never"],
    "OUTBOUND_HTTP_HOST": ["not an address", "example", "256.1.1.1"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value(name, value):
    is_refused(outbound("producer", **{name: value}), name)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_checks_all_settings(role):
    is_refused(outbound(role, OUTBOUND_LOG_LEVEL="loud"), "OUTBOUND_LOG_LEVEL", "loud")


def test_a_lease_must_outlast_the_request():
    ended = outbound("sender", OUTBOUND_SENDER_TIMEOUT_MS=10000, OUTBOUND_SENDER_LEASE_MS=11999)
    is_refused(ended, "OUTBOUND_SENDER_LEASE_MS", "OUTBOUND_SENDER_TIMEOUT_MS")


def test_an_outbox_lease_must_outlast_the_record():
    ended = outbound("producer", OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS=20000, OUTBOUND_OUTBOX_LEASE_MS=20000)
    is_refused(ended, "OUTBOUND_OUTBOX_LEASE_MS", "OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS")


def test_an_event_must_be_a_status():
    is_refused(outbound("sender", OUTBOUND_EVENTS="SENT,LOST"), "OUTBOUND_EVENTS", "LOST")


SENDER_NEEDS = {
    "SENDGRID_API_KEY": [None, "", "two words", "line\nend"],
    "OUTBOUND_SENDER_CA_FILE": ["/no/such/file.pem", "/etc/hostname"],
    "OUTBOUND_EMAIL_FROM": [None, "", "nobody"],
    "SENDGRID_TEMPLATES": ["welcome", "welcome=", "=d-1", "welcome=x-1"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in SENDER_NEEDS.items() for value in values]
)
def test_what_a_sender_needs(name, value):
    is_refused(outbound("sender", **{name: value}), name)


SMS_NEEDS = {
    "TWILIO_ACCOUNT_SID": [None, "", "AC123", "MG0123456789abcdef0123456789abcdef"],
    "TWILIO_AUTH_TOKEN": [None, "", "two words"],
    "TWILIO_FROM_NUMBER": [None, "", "+49", "A name that is long"],
    "TWILIO_MESSAGING_SERVICE_SID": ["MG123"],
}
WHATSAPP_NEEDS = {
    "WHATSAPP_PHONE_NUMBER_ID": [None, "", "+4915112345678"],
    "WHATSAPP_ACCESS_TOKEN": [None, "", "line\nend"],
    "WHATSAPP_API_VERSION": ["", "18.0", "latest"],
    "WHATSAPP_TEMPLATES": ["welcome", "welcome=welcome", "=welcome:en", "welcome=Welcome:en"],
}


@pytest.mark.parametrize(
    ("channel", "name", "value"),
    [("sms", name, value) for name, values in SMS_NEEDS.items() for value in values]
    + [("whatsapp", name, value) for name, values in WHATSAPP_NEEDS.items() for value in values],
)
def test_what_a_sender_of_another_channel_needs(channel, name, value):
    providers = {"OUTBOUND_SMS_PROVIDER": "twilio", "OUTBOUND_WHATSAPP_PROVIDER": "whatsapp"}
    is_refused(outbound("sender", f"--channel={channel}", **{**providers, name: value}), name)


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_a_channel_without_a_provider_has_no_sender(channel):
    is_refused(outbound("sender", f"--channel={channel}"), f"OUTBOUND_{channel.upper()}_PROVIDER")


def test_all_ends_when_a_role_has_a_wrong_setting():
    ended = outbound("all", SENDGRID_API_KEY=None, OUTBOUND_HTTP_PORT=environment.HTTP_PORT)
    assert ended.code == WRONG_SETTING, ended.err
    assert "SENDGRID_API_KEY" in ended.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["fly"], '"fly"'),
        ([], "usage"),
        (["producer", "--no-such-option"], "--no-such-option"),
        (["producer", "--config"], "--config"),
        (["producer", "word"], '"word"'),
        (["producer", "--set", "OUTBOUND_NO_SUCH=1"], "OUTBOUND_NO_SUCH"),
        (["producer", "--set", "OUTBOUND_HTTP_PORT"], "="),
        (["sender", "--channel=fax"], "fax"),
        (["topics"], "apply"),
        (["topics", "destroy"], "apply"),
        (["docs"], "folder"),
    ],
    ids=str,
)
def test_a_wrong_command_line(arguments, word):
    ended = outbound(*arguments)
    assert ended.code == WRONG_SETTING
    assert word in ended.err
    assert ended.seconds < environment.AT_ONCE_S


@pytest.mark.parametrize(
    ("role", "setting"), [("producer", "OUTBOUND_HTTP_PORT"), ("sandbox", "OUTBOUND_SANDBOX_PORT")]
)
def test_a_port_that_is_taken(role, setting, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = outbound(role, **{setting: port, "OUTBOUND_SANDBOX_LOG": tmp_path / "log"})
    assert ended.code == 1, ended.err
    assert str(port) in ended.err


def printed(*arguments, **settings):
    """--print-config as a dict."""
    ended = outbound("producer", *arguments, "--print-config", **settings)
    assert ended.code == 0, ended.err
    return dict(line.split("=", 1) for line in ended.out.splitlines())


def test_a_file_gives_values_and_the_environment_wins(tmp_path):
    file = tmp_path / "outbound.yaml"
    file.write_text("http:\n  port: 1234\n  host: 0.0.0.0\nsender:\n  retryDelays: 1s,2s\nworker:\n  enabled: false\n")
    config = f"--config={file}"

    from_file = printed(config, OUTBOUND_HTTP_PORT=None, OUTBOUND_RETRY_DELAYS=None)
    assert from_file["OUTBOUND_HTTP_PORT"] == "1234"
    assert from_file["OUTBOUND_HTTP_HOST"] == "0.0.0.0"
    assert from_file["OUTBOUND_RETRY_DELAYS"] == "1s,2s"
    assert from_file["OUTBOUND_WORKER_ENABLED"] == "false"
    assert from_file["OUTBOUND_LOG_FORMAT"] == "text", "what stands nowhere has its default"

    assert printed(config, OUTBOUND_HTTP_PORT=4321)["OUTBOUND_HTTP_PORT"] == "4321"
    assert printed(config, "--set", "OUTBOUND_HTTP_PORT=5678", OUTBOUND_HTTP_PORT=4321)["OUTBOUND_HTTP_PORT"] == "5678"
    assert printed("--config", file, OUTBOUND_HTTP_PORT=None)["OUTBOUND_HTTP_PORT"] == "1234"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("http:\n  prot: 1\n", "http.prot"),
        ("http:\n  port: x\n", "OUTBOUND_HTTP_PORT"),
        ("http:\n  port: [1, 2]\n", "http.port"),
        ("http: 1\n", "http"),
        ("http:\n  port: 1\n bad\n", "line"),
        ("- a\n", ""),
        ("{{{", ""),
        ("http: &a\n  port: *a\n", ""),
    ],
    ids=str,
)
def test_a_wrong_file(tmp_path, text, word):
    file = tmp_path / "outbound.yaml"
    file.write_text(text)
    is_refused(outbound("producer", f"--config={file}", OUTBOUND_HTTP_PORT=None), str(file), word)


def test_an_empty_file_is_fine(tmp_path):
    file = tmp_path / "outbound.yaml"
    file.write_text("# nothing yet\n")
    assert printed(f"--config={file}")["OUTBOUND_LOG_FORMAT"] == "text"


def test_a_file_that_is_not_there(tmp_path):
    is_refused(outbound("producer", f"--config={tmp_path}/none.yaml"), "none.yaml")


def test_secrets_are_never_printed(tmp_path):
    secrets = {
        "DATABASE_URL": "postgresql://user:hunter2@127.0.0.1/db",
        "KAFKA_PROPERTIES": "sasl.password=hunter2",
        "SENDGRID_API_KEY": "SG.hunter2",
        "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO": "user:hunter2",
    }
    ended = outbound("sender", "--print-config", **secrets)
    assert ended.code == 0
    assert "hunter2" not in ended.out + ended.err
    values = dict(line.split("=", 1) for line in ended.out.splitlines())
    assert {values[name] for name in secrets} == {"********"}


def test_a_wrong_secret_is_not_printed_either():
    for name, value in (("DATABASE_URL", "postgresql://user:hunter2@["), ("SENDGRID_API_KEY", "SG hunter2")):
        ended = outbound("sender", **{name: value})
        assert ended.code == WRONG_SETTING
        assert "hunter2" not in ended.err


def test_a_secret_can_be_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text("SG.from-a-file\n")
    # A sender checks its key before anything else: with a good one it is the next setting that is wrong.
    by_file = {"SENDGRID_API_KEY": None, "SENDGRID_API_KEY_FILE": file}
    is_refused(outbound("sender", OUTBOUND_EMAIL_FROM="", **by_file), "OUTBOUND_EMAIL_FROM")
    file.write_text("\n")
    is_refused(outbound("sender", **by_file), "SENDGRID_API_KEY")
    is_refused(
        outbound("sender", SENDGRID_API_KEY=None, SENDGRID_API_KEY_FILE=tmp_path / "none"), "SENDGRID_API_KEY_FILE"
    )
    is_refused(outbound("sender", SENDGRID_API_KEY="x", SENDGRID_API_KEY_FILE=file), "SENDGRID_API_KEY_FILE")


def table():
    """(name, key) of each row in schemas/settings.def."""
    text = (environment.REPOSITORY / "schemas" / "settings.def").read_text()
    return re.findall(r'^(?:TEXT|SECRET|PROPERTIES|INT|BOOL|CHOICE)\(\w+, "(\w+)", "([\w.]+)"', text, re.MULTILINE)


def test_help_lists_every_setting():
    ended = outbound("producer", "--help")
    assert ended.code == 0
    rows = table()
    assert len(rows) > 30
    for name, _ in rows:
        assert f"\n  {name} (" in ended.out


def test_every_setting_is_printed():
    assert set(printed()) == {name for name, _ in table()}


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"]], ids=str)
def test_help_lists_every_command(arguments):
    ended = outbound(*arguments)
    assert ended.code == 0
    for command in ("all", "producer", "router", "sender", "sandbox", "migrate", "topics", "schemas", "docs"):
        assert re.search(rf"^  {command}\b", ended.out, re.MULTILINE)


def test_the_version_is_told():
    ended = outbound("--version")
    assert ended.code == 0
    assert re.fullmatch(r"outbound \d+\.\d+\.\d+\n", ended.out)
