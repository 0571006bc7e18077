"""E-mail by SMTP, over a real mail server: what its reader gets, who is let in, and what becomes of refusals."""

import datetime
import email.utils

import pytest

from support import environment
from support.api import message, unique
from support.command import outbound
from support.mail_server import PASSWORD, USERNAME, MailServer, make_certificate
from support.role import free_port
from support.wait import until

TEXT = "Grüße!\n.\n..two dots\n trailing \n\ttab\t\n" + "long " * 300 + "\n" + "x" * 2000 + "\n=3D\nFrom here\n€ 😀"
HTML = "<p>Grüße &amp; 😀</p>\n" + "<b>" + "y" * 3000 + "</b>"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def mail_server(certificate):
    """mail_server(react, option=…): a server with STARTTLS, which is closed at the end."""
    servers = []

    def make(react=None, **options):
        servers.append(MailServer(options.pop("certificate", certificate), react, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def settings_of(server, certificate, **changes):
    return {
        "OUTBOUND_EMAIL_PROVIDER": "smtp",
        "OUTBOUND_EMAIL_FROM": "us@example.com",
        "OUTBOUND_SENDER_CONNECT_TIMEOUT_MS": 10000,
        "SMTP_URL": f"{server.url}/client.example.com",
        "SMTP_CA_FILE": certificate[0],
        "SMTP_USERNAME": USERNAME,
        "SMTP_PASSWORD": PASSWORD,
        **changes,
    }


@pytest.fixture
def start(new_pipeline, certificate):
    """start(server, SETTING=…): all roles, sending by this server."""

    def started(server, **changes):
        pipeline = new_pipeline("producer", "router", **settings_of(server, certificate, **changes))
        pipeline.start("sender")
        return pipeline

    return started


def post(pipeline, **changes):
    return pipeline.api.accept(message(**{"payloadJson": {"text": "Hello"}, **changes}))


def codes(state):
    return [(attempt["outcome"], attempt["httpStatus"], attempt["errorCode"]) for attempt in state["attempts"]]


def body_of(part):
    """The text as the sender had it: lines end with LF."""
    return part.get_content().replace("\r\n", "\n")


def assert_exact(mail):
    """7-bit, CRLF everywhere, no long line, and nothing that a parser stumbles over."""
    assert mail.raw.isascii()
    assert b"\n" not in mail.raw.replace(b"\r\n", b"") and b"\r" not in mail.raw.replace(b"\r\n", b"")
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 78
    for part in mail.parsed.walk():
        assert not part.defects
        assert not [defect for header in part.values() for defect in header.defects]


def test_what_the_reader_gets(start, mail_server):
    server = mail_server(require_starttls=True, auth_required=True)
    pipeline = start(server, OUTBOUND_EMAIL_FROM_NAME='The "Team" — é')
    subject = "Grüße, 😀 " + "und noch viel mehr " * 10 + "."
    body = message(subject=subject, payloadJson={"text": TEXT, "html": HTML})
    message_id = pipeline.api.accept(body)
    state = pipeline.wait_for(message_id, "SENT")

    (mail,) = server.mails
    assert (mail.sender, mail.to) == ("us@example.com", [body["to"]])
    assert mail.tls and mail.username == USERNAME
    assert server.client_names == {"client.example.com"}
    assert server.logins[-1][1:] == (USERNAME, PASSWORD)
    assert_exact(mail)
    parsed = mail.parsed
    assert parsed["Subject"] == subject
    assert parsed["To"] == body["to"]
    (sender,) = parsed["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ('The "Team" — é', "us@example.com")
    assert parsed["Message-ID"] == f"<{message_id}.1@example.com>"
    age = datetime.datetime.now(datetime.timezone.utc) - email.utils.parsedate_to_datetime(parsed["Date"])
    assert abs(age) < datetime.timedelta(seconds=environment.PATIENCE_S)
    assert parsed["MIME-Version"] == "1.0"
    assert parsed.get_content_type() == "multipart/alternative"
    plain, html = parsed.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert (body_of(plain), body_of(html)) == (TEXT, HTML)

    (attempt,) = state["attempts"]
    assert (attempt["outcome"], attempt["httpStatus"]) == ("SENT", 250)
    (row,) = pipeline.db.rows("SELECT provider_message_id FROM outbound_attempt")
    assert row["provider_message_id"] == "Ok: queued as 4F2A"


@pytest.mark.parametrize(
    ("member", "kind", "text"),
    [("text", "text/plain", TEXT + "\n"), ("html", "text/html", HTML + "\n")],
    ids=["text", "html"],
)
def test_a_mail_with_one_text_has_no_parts(start, mail_server, member, kind, text):
    server = mail_server()
    pipeline = start(server)
    pipeline.wait_for(post(pipeline, payloadJson={member: text}, subject="=?plain?="), "SENT")
    (mail,) = server.mails
    assert_exact(mail)
    assert mail.parsed["Subject"] == "=?plain?="
    assert mail.parsed.get_content_type() == kind
    assert body_of(mail.parsed) == text


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it does not see that all is TLS
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_every_login_over_tls_from_the_start(start, mail_server, mechanism):
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    server = mail_server(
        implicit_tls=True, auth_required=True, auth_require_tls=False, auth_exclude_mechanism=[other]
    )
    pipeline = start(server)
    pipeline.wait_for(post(pipeline), "SENT")
    assert [login[0] for login in server.logins] == [mechanism]
    assert server.mails[0].tls and server.mails[0].username == USERNAME


def test_without_a_login_and_without_tls_where_that_is_asked_for(start, mail_server):
    server = mail_server(certificate=None)
    pipeline = start(server, SMTP_TLS="none", SMTP_USERNAME=None, SMTP_PASSWORD=None, SMTP_CA_FILE=None)
    pipeline.wait_for(post(pipeline), "SENT")
    assert not server.mails[0].tls and not server.logins


@pytest.mark.parametrize("offered", [True, False])
def test_tls_where_the_server_offers_it(start, mail_server, offered):
    server = mail_server() if offered else mail_server(certificate=None)
    pipeline = start(server, SMTP_TLS="opportunistic", SMTP_USERNAME=None, SMTP_PASSWORD=None)
    pipeline.wait_for(post(pipeline), "SENT")
    assert server.mails[0].tls == offered


def test_many_mails_share_a_few_connections(start, mail_server):
    server = mail_server()
    pipeline = start(server, SMTP_MAX_CONNECTIONS=4)
    ids = [post(pipeline) for _ in range(100)]
    pipeline.wait_until_finished(len(ids))
    assert sorted(mail.message_id for mail in server.mails) == sorted(ids)
    assert len({mail.connection for mail in server.mails}) <= 4


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("550 5.1.1 no such user", "INVALID_EMAIL"),
        ("552 5.2.2 mailbox full", "MAILBOX_UNAVAILABLE"),
        ("554 5.7.1 relay access denied", "PROVIDER_REJECTED"),
    ],
)
def test_a_refusal_for_good(start, mail_server, reply, code):
    bad = f"{unique('bad')}@example.com"
    server = mail_server(lambda command, what: reply if what == bad else None)
    pipeline = start(server)
    state = pipeline.wait_for(post(pipeline, to=bad), "FAILED")
    assert codes(state) == [("FAILED", int(reply[:3]), code)]
    assert state["errorMessage"] == reply
    assert not server.mails
    pipeline.wait_for(post(pipeline), "SENT")


def test_a_refusal_for_now_is_tried_again(start, mail_server):
    replies = ["451 4.7.1 greylisted, come back later", None, "452 4.3.1 insufficient storage", None]
    server = mail_server(lambda command, what: replies.pop(0) if replies else None)
    pipeline = start(server)
    state = pipeline.wait_for(post(pipeline), "SENT")
    assert codes(state) == [
        ("RETRY", 451, "TEMPORARY_ERROR"),  # RCPT
        ("RETRY", 452, "TEMPORARY_ERROR"),  # after the mail itself
        ("SENT", 250, None),
    ]
    assert [mail.attempt for mail in server.mails] == [2, 3]


def abort(transport):
    transport.abort()


def test_a_connection_that_ends_after_the_mail_is_unknown(start, mail_server):
    """Also when the connection had been kept: nothing goes out a second time that no attempt explains."""
    server = mail_server(lambda command, what: abort if command == "DATA" and len(server.mails) == 2 else None)
    pipeline = start(server)
    pipeline.wait_for(post(pipeline), "SENT")
    message_id = post(pipeline)
    state = pipeline.wait_for(message_id, "SENT")
    first, second = server.mails_of(message_id)
    assert first.connection == server.mails[0].connection, "the connection was not kept: nothing is shown"
    assert (first.attempt, second.attempt) == (1, 2)
    assert codes(state) == [("UNKNOWN", None, "CONNECTION_LOST"), ("SENT", 250, None)]


def test_a_connection_that_ends_before_the_mail_is_an_ordinary_retry(start, mail_server):
    calls = []

    def react(command, what):
        """At the second RCPT the server goes away."""
        calls.append(command)
        return "421 4.3.2 shutting down" if calls.count("RCPT") == 2 and command == "RCPT" else None

    server = mail_server(react)
    pipeline = start(server, OUTBOUND_EMAIL_UNKNOWN_POLICY="hold")
    pipeline.wait_for(post(pipeline), "SENT")
    state = pipeline.wait_for(post(pipeline), "SENT")
    assert codes(state) == [("RETRY", 421, "TEMPORARY_ERROR"), ("SENT", 250, None)]


def test_a_wrong_password_sends_nothing(start, mail_server):
    server = mail_server(auth_required=True)
    pipeline = start(server, SMTP_PASSWORD="wrong", OUTBOUND_MAX_ATTEMPTS=2)
    state = pipeline.wait_for(post(pipeline), "FAILED")
    assert codes(state) == [("RETRY", None, "AUTHENTICATION_FAILED"), ("FAILED", None, "AUTHENTICATION_FAILED")]
    assert "535" in state["errorMessage"]
    assert not server.recipients


def test_a_certificate_that_is_not_trusted_gets_neither_password_nor_mail(start, mail_server, tmp_path):
    server = mail_server()
    pipeline = start(server, SMTP_CA_FILE=make_certificate(tmp_path)[0], OUTBOUND_MAX_ATTEMPTS=1)
    state = pipeline.wait_for(post(pipeline), "FAILED")
    assert codes(state) == [("FAILED", None, "TLS_FAILED")]
    assert not server.logins and not server.recipients


def test_a_server_without_starttls_gets_neither_password_nor_mail(start, mail_server):
    server = mail_server(certificate=None, auth_require_tls=False)
    pipeline = start(server, OUTBOUND_MAX_ATTEMPTS=1)
    state = pipeline.wait_for(post(pipeline), "FAILED")
    assert codes(state) == [("FAILED", None, "TLS_FAILED")]
    assert not server.logins and not server.recipients


def test_a_server_that_is_away_is_an_ordinary_retry(start, mail_server):
    server = mail_server()
    server.url = f"smtp://127.0.0.1:{free_port()}"
    pipeline = start(server, OUTBOUND_EMAIL_UNKNOWN_POLICY="hold", OUTBOUND_MAX_ATTEMPTS=2)
    state = pipeline.wait_for(post(pipeline), "FAILED")
    assert codes(state) == [("RETRY", None, "CONNECTION_FAILED"), ("FAILED", None, "CONNECTION_FAILED")]


def test_a_message_without_text_fails(start, mail_server):
    server = mail_server()
    pipeline = start(server)
    state = pipeline.wait_for(post(pipeline, payloadJson={"name": "Ada"}), "FAILED")
    assert codes(state) == [("FAILED", None, "TEMPLATE_NOT_FOUND")]
    assert not server.recipients


def test_a_sender_stops_in_order_while_connections_are_open(start, mail_server):
    server = mail_server()
    pipeline = start(server)
    pipeline.wait_for(post(pipeline), "SENT")
    sender = pipeline.role("sender")
    sender.terminate()
    assert sender.process.returncode == 0
    until(lambda: not server.open_connections, "the server sees that the client has gone")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("SMTP_URL", {"SMTP_URL": None}),
        ("SMTP_URL", {"SMTP_URL": "mail.example.com:587"}),
        ("SMTP_URL", {"SMTP_URL": "http://mail.example.com"}),
        ("SMTP_URL", {"SMTP_URL": "smtp://me:hidden@mail.example.com"}),
        ("SMTP_TLS", {"SMTP_TLS": "maybe"}),
        ("SMTP_TLS", {"SMTP_URL": "smtps://mail.example.com", "SMTP_TLS": "none"}),
        ("SMTP_TLS", {"SMTP_TLS": "opportunistic", "SMTP_USERNAME": "me", "SMTP_PASSWORD": "hidden"}),
        ("SMTP_PASSWORD", {"SMTP_USERNAME": "me"}),
        ("SMTP_USERNAME", {"SMTP_PASSWORD": "hidden"}),
        ("SMTP_CA_FILE", {"SMTP_CA_FILE": "/no/such/file.pem"}),
        ("SMTP_CA_FILE", {"SMTP_CA_FILE": "/etc/hostname"}),
        ("SMTP_MAX_CONNECTIONS", {"SMTP_MAX_CONNECTIONS": "0"}),
        ("OUTBOUND_EMAIL_FROM", {"OUTBOUND_EMAIL_FROM": "nobody"}),
        ("OUTBOUND_EMAIL_FROM_NAME", {"OUTBOUND_EMAIL_FROM_NAME": "a\nb"}),
    ],
)
def test_a_wrong_setting(name, changes):
    chosen = {"OUTBOUND_EMAIL_PROVIDER": "smtp", "SMTP_URL": "smtp://mail.example.com", **changes}
    ended = outbound("sender", **chosen)
    assert ended.code == 2, ended.err
    assert name in ended.err and "hidden" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1, ended.err
    assert ended.seconds < environment.AT_ONCE_S
