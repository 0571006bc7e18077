"""Kafka loses everything that was in it. PostgreSQL has it all, and every unfinished message is published again."""

import os
import re
import shutil
import signal
import time

from harness import FAIL_POINT, REPOSITORY, scenario
from support import environment
from support.command import outbound
from support.wait import until

ALL = ("sandbox", "producer", "router", "sender", "dlq")
SETTINGS = {
    "OUTBOUND_SENDER_MAX_IN_FLIGHT": 40,
    "OUTBOUND_EMAIL_UNKNOWN_POLICY": "hold",  # so that no duplicate is excused
    "OUTBOUND_MAX_ATTEMPTS": 50,
}


def wipe(world, same_name=False):
    """Kafka comes back empty: as another cluster, or as one that calls itself the same."""
    data = environment.STATE / "kafka"
    properties = (data / "meta.properties").read_text()
    world.kafka.kill()
    world.kafka_wiped = True
    shutil.rmtree(data)
    if same_name:
        os.environ["DEV_KAFKA_CLUSTER_ID"] = re.search(r"^cluster\.id=(.*)$", properties, re.MULTILINE)[1]
    try:
        world.kafka.start()
    finally:
        os.environ.pop("DEV_KAFKA_CLUSTER_ID", None)


def known(world):
    """What is in Kafka has been recorded: it is the rebuild that is tested, not the first second of a set-up."""
    return world.db.value("SELECT cluster_id IS NOT NULL AND ends::text <> '{}' FROM outbound_kafka")


@scenario("Kafka wiped while everything runs", family="servers", short=True, limit_s=60)
def kafka_wiped(world):
    world.start(*ALL, **SETTINGS)
    world.sandbox.fault("status", status=503, probability=0.2, seed=world.seed)  # some wait in the tiers
    with world.load(rate=150, seconds=60) as load:
        until(lambda: known(world), "Kafka is known")
        world.sandbox.set_latency(1000)  # more comes than goes: messages are everywhere
        time.sleep(3)
        world.roles["producer"].signal(signal.SIGSTOP)
        wipe(world)
        time.sleep(3)  # who reads comes back before there are topics
        world.roles["producer"].signal(signal.SIGCONT)
        world.mark_fault_over()
        world.sandbox.set_latency(50)
        time.sleep(4)
        load.signal(signal.SIGTERM)
    world.start_again_if_fenced("router", "sender", "dlq")
    world.expect_all_sent()


@scenario("Kafka wiped while nothing runs, and it calls itself the same", family="servers", limit_s=60)
def kafka_wiped_under_the_same_name(world):
    world.start(*ALL, **SETTINGS)
    with world.load(rate=150, seconds=4):
        until(lambda: known(world), "Kafka is known")
        world.sandbox.set_latency(1000)
    for label in ("producer", "router", "sender", "dlq"):
        world.roles[label].terminate()
    wipe(world, same_name=True)
    assert outbound("topics", "apply").code == 0
    world.sandbox.set_latency(50)
    world.mark_fault_over()
    for label in ("producer", "router", "sender", "dlq"):
        world.start_again(label)
    world.start_again_if_fenced("router", "sender", "dlq")
    world.expect_all_sent()


# How many messages a step of a rebuild looks at.
STEP = int(re.search(r"^#define BATCH (\d+)$", (REPOSITORY / "producer" / "rebuild.c").read_text(), re.MULTILINE)[1])


@scenario("Kafka wiped, and the producer that rebuilds it killed half-way", family="servers", limit_s=60)
def killed_while_it_rebuilds(world):
    """Another one goes on where it was: what has been published again is not published once more."""
    steps_done = 2
    world.start("sandbox", OUTBOUND_SANDBOX_LATENCY_MS=1000)
    world.start("producer", **SETTINGS, **{FAIL_POINT: f"rebuild.stepped@{steps_done}=kill"})
    world.start("router", "sender", "dlq", **SETTINGS)
    with world.load(count=100):
        until(lambda: known(world), "the producer looks at Kafka")
    world.start("producer-2", **SETTINGS)
    with world.load(rate=3000, count=(steps_done + 1) * STEP + 1000):
        pass
    unfinished = world.db.unfinished()
    wipe(world)
    world.wait_until_killed("producer")
    world.mark_fault_over()
    other = world.roles["producer-2"]
    other.wait_until_says("Kafka is rebuilt: ")
    published = int(re.search(r"Kafka is rebuilt: (\d+) messages", other.log())[1])
    assert 0 < published <= unfinished - steps_done * STEP, f"{published} of {unfinished} by the second one"
    world.sandbox.set_latency(0)
    world.start_again("producer")
    world.start_again_if_fenced("router", "sender", "dlq")
    world.expect_all_sent()
