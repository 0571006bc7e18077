"""A million messages wait for their next attempt: nobody holds them in memory, nobody is busy with them."""

import time
import uuid

import pytest

from confluent_kafka import Producer

from support import environment
from support import kafka as topics
from support.api import message
from support.avro_record import encode_reference
from support.wait import until

RECORDS = 1_000_000
DUE_IN_S = 60
TIER = "outbound.retry.1h"
MEMORY_MAX_KB = 64 * 1024


def fill_tier(due_at):
    """Records of messages that do not exist: they go all the way to the sender, which finds nothing to claim."""
    producer = Producer({"bootstrap.servers": environment.KAFKA_BROKERS, "linger.ms": 50, "partitioner": "consistent"})
    template = encode_reference(id=str(uuid.UUID(int=0)))
    headers = {"x-due-at": str(int(due_at * 1000))}
    zero = str(uuid.UUID(int=0)).encode()
    for number in range(RECORDS):
        key = str(uuid.UUID(int=number + 1)).encode()
        while True:
            try:
                producer.produce(TIER, template.replace(zero, key), key=key, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0


def status_kb(role, name):
    with open(f"/proc/{role.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def cpu_s(role):
    with open(f"/proc/{role.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.long
def test_a_million_wait(new_pipeline):
    pipeline = new_pipeline("sandbox", OUTBOUND_RETRY_DELAYS="1s,1h", OUTBOUND_MAX_ATTEMPTS=2)
    due_at = time.time() + DUE_IN_S
    fill_tier(due_at)
    assert time.time() < due_at - 20, "writing them took too long: nothing is shown"
    pipeline.start_all("producer", "router", "sender", "dlq")
    router = pipeline.role("router")

    time.sleep(3)
    before = cpu_s(router)
    time.sleep(5)
    assert cpu_s(router) - before < 0.25, "the router is busy with records that are not due"

    # Others are not held up.
    pipeline.sandbox.fault("status", status=503, match="again", times=1)
    pipeline.wait_for(pipeline.api.accept(message(to="again@example.com")), "SENT")

    end = sum(pipeline.kafka.ends(topics.SEND_EMAIL).values())
    assert time.time() < due_at, "they were due before the end of the waiting was looked at"
    until(lambda: sum(pipeline.kafka.ends(topics.SEND_EMAIL).values()) > end, "the first are moved on", DUE_IN_S)
    assert time.time() >= due_at
    until(lambda: sum(pipeline.kafka.ends(topics.SEND_EMAIL).values()) == end + RECORDS, "all are moved on", 120)
    pipeline.kafka.wait_until_all_committed()
    for name in ("producer", "router", "sender", "dlq"):
        assert status_kb(pipeline.role(name), "VmHWM") < MEMORY_MAX_KB, name
