"""The network between a role and what it needs: cut, slow, silent, resetting, half-open, frozen.

Each role meets each harm on each of its ways; the others' ways stay as they are.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness import scenario
from proxies import Proxies
from support import environment
from support.switch import Switch

IN_FLIGHT = 40  # what the sender has in hand at most

# A role's time-outs are a fifth of the default ones, as its leases are.
SETTINGS = {
    "OUTBOUND_DATABASE_TIMEOUT_MS": 2000,
    "OUTBOUND_SENDER_MAX_IN_FLIGHT": IN_FLIGHT,
    "OUTBOUND_MAX_ATTEMPTS": 50,
}

POSTGRES_PORT = int(os.environ.get("DEV_POSTGRES_PORT", "0"))
KAFKA_PROXIED_PORT = int(os.environ.get("DEV_KAFKA_PROXIED_PORT", "0"))
KAFKA_PROXY_PORT = int(os.environ.get("DEV_KAFKA_PROXY_PORT", "0"))


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    setting: str
    value: str  # of the setting, for the port of a proxy
    proxy_port: int = None  # where the proxy has to listen; None: anywhere


SERVERS = {
    server.name: server
    for server in (
        Server(
            "PostgreSQL",
            POSTGRES_PORT,
            "DATABASE_URL",
            environment.DATABASE_URL.replace(str(POSTGRES_PORT), "{port}"),
        ),
        Server("Kafka", KAFKA_PROXIED_PORT, "KAFKA_BROKERS", "127.0.0.1:{port}", KAFKA_PROXY_PORT),
        Server("the provider", environment.SANDBOX_PORT, "SENDGRID_BASE_URL", "http://127.0.0.1:{port}"),
    )
}

WAYS = (
    ("producer", "PostgreSQL"),
    ("producer", "Kafka"),
    ("router", "Kafka"),
    ("router", "PostgreSQL"),
    ("sender", "PostgreSQL"),
    ("sender", "Kafka"),
    ("sender", "the provider"),
    ("dlq", "Kafka"),
    ("dlq", "PostgreSQL"),
)


def cut(way):
    way.cut()


def slow(way):
    way.delay(latency_ms=200, jitter_ms=100)


def silent(way):
    way.silence()


def resetting(way):
    way.reset()


def frozen(way):
    way.proxies.stop()


def half_open(way):
    assert way.leave() > 0, "nobody uses this way"


@dataclass(frozen=True)
class Harm:
    words: str
    strike: Callable
    seconds: float  # 0: over at once, what is there is broken
    doubted: int  # how often the answers to all that a sender has in hand may be lost by it


HARMS = (
    Harm("cut off from", cut, 3, doubted=1),
    Harm("with a slow way to", slow, 4, doubted=0),
    Harm("with a silent way to", silent, 4, doubted=1),  # later requests are lost, too
    Harm("reset whenever it talks to", resetting, 3, doubted=1),  # and each answer while it lasts
    Harm("frozen on its way to", frozen, 3, doubted=2),  # later requests arrive late, those of one time-out of 2 s
    Harm("with half-open connections to", half_open, 0, doubted=1),
)

# What CI runs: one harm for each kind of way.
SHORT = {
    ("sender", "PostgreSQL", silent),
    ("router", "Kafka", half_open),
}


def explained_max(role, server, harm, taken):
    """Only a sender can cause duplicates: by answers that it could not store within the lease, or did not get.

    `taken`: how many deliveries the provider counted while the harm lasted.
    """
    if role != "sender" or server.name == "Kafka":
        return 0
    if server.name == "PostgreSQL":
        return IN_FLIGHT if harm.doubted else 0
    return harm.doubted * IN_FLIGHT + (taken if harm.strike is resetting else 0)


def lead(world, server, harm):
    """A way to the server that can be harmed."""
    if harm.strike is half_open:
        way = Switch(server.port, server.proxy_port)
        world.at_end.callback(way.close)
        return way
    proxies = Proxies(world.folder / "toxiproxy.log")
    world.at_end.callback(proxies.close)
    return proxies.lead("way", to=server.port, port=server.proxy_port)


def mend(way, harm):
    if harm.strike is frozen:
        way.proxies.go_on()
    elif harm.strike is not half_open:
        way.mend()


def harmed(world, role, server, harm):
    way = lead(world, server, harm)
    for label in ("sandbox", "producer", "router", "sender", "dlq"):
        own = {server.setting: server.value.format(port=way.port)} if label == role else {}
        world.start(label, **{**SETTINGS, **own})
    if role == "dlq":
        world.sandbox.fault("status", status=400, probability=0.3, seed=world.seed)
    # The router needs PostgreSQL only for what comes from Kafka.
    by = "kafka" if (role, server.name) == ("router", "PostgreSQL") else "http"
    with world.load(rate=150, seconds=harm.seconds + 3, by=by):
        time.sleep(1.5)
        assert harm.strike is half_open or way.proxies.in_use(), "nobody uses this way"
        before = world.sandbox.stats()["accepted"]
        harm.strike(way)
        time.sleep(harm.seconds)
        mend(way, harm)
        taken = world.sandbox.stats()["accepted"] - before
        world.mark_fault_over()
    if server.name == "Kafka":
        world.start_again_if_fenced(role)
    world.explained_max = explained_max(role, server, harm, taken)


def declare(role, server, harm):
    @scenario(f"{role} {harm.words} {server.name}", family="network", short=(role, server.name, harm.strike) in SHORT)
    def run(world):
        harmed(world, role, server, harm)


for each_role, each_server in WAYS:
    for each_harm in HARMS:
        declare(each_role, SERVERS[each_server], each_harm)
