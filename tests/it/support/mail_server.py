"""A real mail server (aiosmtpd) with a certificate of its own, made for the test."""

import email
import email.policy
import re
import ssl
import subprocess
from dataclasses import dataclass

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from support.role import free_port

USERNAME = "outbound"
PASSWORD = 'p@ss word "é"'
QUEUED = "250 2.0.0 Ok: queued as 4F2A"


def make_certificate(folder):
    """(certificate, key) for 127.0.0.1, signed by itself."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key


@dataclass
class Mail:
    """What the server has read, whether it took it or not."""

    sender: str
    to: list
    raw: bytes
    tls: bool
    username: str  # None: nobody logged in
    connection: int

    @property
    def parsed(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def message_id(self):
        return re.fullmatch(r"<([0-9a-f-]{36})\.(\d+)@example\.com>", self.parsed["Message-ID"])[1]

    @property
    def attempt(self):
        return int(self.parsed["Message-ID"].split(".")[1].split("@")[0])


class MailServer:
    """`react(command, mail)` is asked at RCPT (with the address) and DATA (with the Mail): a reply, or None for yes.

    A reply that is a function gets the connection and ends it.
    """

    def __init__(self, certificate=None, react=None, implicit_tls=False, **options):
        self.mails = []
        self.logins = []  # (mechanism, username, password) as they came
        self.recipients = []
        self.client_names = set()  # of EHLO
        self._transports = []
        self._react = react or (lambda command, what: None)
        context = None
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
        if certificate and not implicit_tls:
            options["tls_context"] = context
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=self._authenticate,
            ssl_context=context if implicit_tls else None,
            **options,
        )
        self._controller.start()
        self.port = self._controller.port
        self.url = f"{'smtps' if implicit_tls else 'smtp'}://127.0.0.1:{self.port}"

    def close(self):
        self._controller.stop()

    def mails_of(self, message_id):
        return [mail for mail in self.mails if mail.message_id == message_id]

    def _authenticate(self, server, session, envelope, mechanism, data):
        login = (mechanism, data.login.decode(), data.password.decode())
        self.logins.append(login)
        return AuthResult(success=login[1:] == (USERNAME, PASSWORD), handled=False, auth_data=login[1])

    @property
    def open_connections(self):
        return [transport for transport in self._transports if not transport.is_closing()]

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        self.client_names.add(hostname)
        self._transports.append(server.transport)
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.recipients.append(address)
        reply = self._react("RCPT", address)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        mail = Mail(
            envelope.mail_from,
            envelope.rcpt_tos,
            envelope.original_content,
            session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            session.auth_data,
            session.peer[1],
        )
        self.mails.append(mail)
        reply = self._react("DATA", mail)
        if callable(reply):
            reply(server.transport)
            return QUEUED  # nobody gets to read it
        return reply or QUEUED
