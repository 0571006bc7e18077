"""Our own processes are frozen for longer than what they hold is theirs, and go on then as if nothing had been."""

import signal
import time

from harness import FAIL_POINT, scenario

LEASE_S = 5
SLOW = {"OUTBOUND_SANDBOX_LATENCY_MS": 150}  # so that a sender always has messages in hand


def freeze(world, label, seconds):
    world.roles[label].signal(signal.SIGSTOP)
    world.expect_duplicates(label)
    time.sleep(seconds)
    world.mark_fault_over()
    world.roles[label].signal(signal.SIGCONT)


@scenario("one of two senders frozen beyond its lease", family="processes", short=True, runs=5)
def sender_frozen(world):
    world.start("sandbox", **SLOW)
    world.start("producer", "router", "sender", "sender-2", "dlq")
    with world.load(rate=150, seconds=LEASE_S + 4):
        time.sleep(world.random.uniform(0.5, 1.5))
        freeze(world, "sender-2", LEASE_S + 2)


@scenario("one of two senders frozen before its first byte, beyond its lease", family="processes", runs=5)
def sender_frozen_before_its_first_byte(world):
    point = {FAIL_POINT: f"sender.begins@{world.random.randint(20, 60)}=stop"}
    world.start("sandbox", **SLOW)
    world.start("producer", "router", "sender", "dlq")
    world.start("sender-2", **point)
    with world.load(rate=150, seconds=LEASE_S + 4):
        world.wait_until_stopped("sender-2")
        world.expect_duplicates("sender-2")
        time.sleep(LEASE_S + 2)
        world.mark_fault_over()
        world.roles["sender-2"].signal(signal.SIGCONT)


@scenario("the router frozen while another takes over", family="processes", runs=3)
def router_frozen(world):
    world.start("sandbox", "producer", "router", "router-2", "sender", "dlq")
    with world.load(rate=150, seconds=10):
        time.sleep(world.random.uniform(0.5, 1.5))
        freeze(world, "router-2", 8)


@scenario("the producer frozen while another takes its outbox over", family="processes", runs=3)
def producer_frozen(world):
    world.start("sandbox", "producer", "producer-2", "router", "sender", "dlq")
    with world.load(rate=100, seconds=10), world.load(rate=100, seconds=10, url=world.url("producer-2")):
        time.sleep(world.random.uniform(0.5, 1.5))
        freeze(world, "producer-2", 8)
