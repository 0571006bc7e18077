"""The provider is slow, hangs, resets, answers rubbish, is gone, is not to be trusted; for both policies for the unknown.

`resend`: a message may go out twice where its attempt is UNKNOWN, and only there. `hold`: never.
"""

import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness import scenario
from support import environment
from support.certificates import Authority
from support.switch import Switch

IN_FLIGHT = 20
SETTINGS = {"OUTBOUND_SENDER_MAX_IN_FLIGHT": IN_FLIGHT, "OUTBOUND_MAX_ATTEMPTS": 50}
SECONDS = 4


def rule(kind, **members):
    """A fault of the sandbox (sandbox/README.md)."""

    @contextlib.contextmanager
    def strike(world, _front):
        world.sandbox.fault(kind, seed=world.seed, **members)
        yield
        world.sandbox.clear_faults()

    return strike


@contextlib.contextmanager
def gone(world, _front):
    world.kill("sandbox")
    yield
    world.start_again("sandbox")


def presenting(certificate):
    """The certificate that the TLS front shows from now on; connections that were made with another end."""

    @contextlib.contextmanager
    def strike(_world, front):
        front.show(certificate)
        yield
        front.show("good")

    return strike


@contextlib.contextmanager
def outdated(_world, front):
    """Handshakes fail: it speaks nothing newer than TLS 1.1."""
    front.speak_at_most(ssl.TLSVersion.TLSv1_1)
    yield
    front.speak_at_most(ssl.TLSVersion.MAXIMUM_SUPPORTED)


class Front(Switch):
    """TLS before the sandbox, by an authority of our own."""

    def __init__(self, folder):
        ours, other = Authority(folder, "authority"), Authority(folder, "somebody")
        self.authority = ours.path
        self._certificates = {
            "good": ours.issue("good", "127.0.0.1"),
            "expired": ours.issue("expired", "127.0.0.1", days=-1),
            "of another host": ours.issue("elsewhere", "example.com"),
            "of an unknown authority": other.issue("forged", "127.0.0.1"),
        }
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.num_tickets = 0  # a session that is resumed shows no certificate
        self._context.load_cert_chain(self._certificates["good"])
        super().__init__(environment.SANDBOX_PORT, tls=self._context)

    def speak_at_most(self, version):
        self._context.maximum_version = version
        self.hang_up()

    def show(self, name):
        self._context.load_cert_chain(self._certificates[name])
        self.hang_up()


@dataclass(frozen=True)
class Harm:
    words: str
    strike: Callable
    code: str  # what attempts end with (docs/ERRORS.md); nothing when they do not mind
    ambiguous: bool = False  # whether the sender cannot know if the provider has taken it
    taken: Callable = None  # how much of that it has taken at most, so that it may go out twice
    tls: bool = False
    short: tuple = ()  # policies with which it is part of CI


def struck(world):
    """As often as the provider kept its answer back."""
    return world.sandbox.stats()["faulted"]


def in_hand(_world):
    """What was under way when the last good connections ended."""
    return IN_FLIGHT


HALF = {"probability": 0.5}
SOON = {"headers": {"Retry-After": "1"}}

HARMS = (
    Harm("slow", rule("delay", delayMs=1000), None),
    Harm("hanging", rule("hang", **HALF), "TIMEOUT", True, struck, short=("hold",)),
    Harm("too late with its answers", rule("delay", delayMs=3000, **HALF), "TIMEOUT", True, struck),
    Harm("resetting before the body", rule("reset", at="before", **HALF), "CONNECTION_LOST", True),
    Harm("resetting during the body", rule("reset", at="during", **HALF), "CONNECTION_LOST", True),
    Harm("resetting after the body", rule("reset", at="after", **HALF), "CONNECTION_LOST", True, struck),
    Harm("resetting within its answer", rule("reset", at="response", **HALF), "CONNECTION_LOST", True, struck),
    Harm("answering rubbish", rule("status", status=200, body="<html>", **HALF), "UNREADABLE_RESPONSE", True, struck),
    Harm("answering 500", rule("status", status=500, probability=0.9), "TEMPORARY_ERROR"),
    Harm("answering 503 with Retry-After", rule("status", status=503, **SOON), "TEMPORARY_ERROR"),
    Harm("answering 429", rule("status", status=429, **SOON), "RATE_LIMIT_EXCEEDED"),
    Harm("gone", gone, "CONNECTION_FAILED", True, in_hand),
    Harm("with an outdated TLS", outdated, "TLS_FAILED", True, in_hand, tls=True),
    Harm("with an expired certificate", presenting("expired"), "TLS_FAILED", True, in_hand, tls=True, short=("resend",)),
    Harm("with the certificate of another host", presenting("of another host"), "TLS_FAILED", True, in_hand, tls=True),
    Harm("with an unknown authority", presenting("of an unknown authority"), "TLS_FAILED", True, in_hand, tls=True),
)


def harmed(world, policy, harm):
    front, settings = None, {**SETTINGS, "OUTBOUND_EMAIL_UNKNOWN_POLICY": policy}
    if harm.tls:
        front = Front(world.folder)
        world.at_end.callback(front.close)
        settings["SENDGRID_BASE_URL"] = f"https://127.0.0.1:{front.port}"
        settings["OUTBOUND_SENDER_CA_FILE"] = front.authority
    world.start("sandbox", "producer", "router", "sender", "dlq", **settings)
    with world.load(rate=100, seconds=SECONDS + 3):
        time.sleep(1.5)
        with harm.strike(world, front):
            time.sleep(SECONDS)
        world.mark_fault_over()
    world.wait_until_finished()
    codes = {row["error_code"] for row in world.db.rows("SELECT DISTINCT error_code FROM outbound_attempt")}
    assert harm.code is None or harm.code in codes, f"the harm did not strike: {codes}"
    assert harm.ambiguous or not world.unknown_attempts(), "what was refused is not unknown"
    assert not world.db.count("FAILED"), "what is temporary has to be tried again"
    world.explained_max = harm.taken(world) if harm.taken else 0


def declare(policy, harm):
    @scenario(f"provider {harm.words}, {policy}", family="providers", short=policy in harm.short)
    def run(world):
        harmed(world, policy, harm)


for each_harm in HARMS:
    for each_policy in ("resend", "hold"):
        declare(each_policy, each_harm)
