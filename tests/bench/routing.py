"""
routing: how many records a second one `outbound router` moves: from the accepted topic to the senders', and from a retry
tier once they are due. The records are real ones, many times over. Beside it the bare loop of the same library, a consumer and a
producer that copy the same records from topic to topic (bare_copy.c).
"""

import json
import tempfile
import time

import confluent_kafka

from backlog import TOPIC, post
from harness import Failed, at_least, call, check, result, say, settle, wait_until

REAL = 10_000
RECORDS = 1_000_000  # many times what is prefetched
ACCEPTED = "outbound.accepted"
TIER = "outbound.retry.30s"
COPY = "bench.copy"
PARTITIONS = 12
GROUP = {ACCEPTED: "outbound-router", TIER: "outbound-router-retry"}


def real_records(instance):
    """Keys and values as the producer has written them."""
    start = instance.kafka.count(ACCEPTED)
    with tempfile.TemporaryDirectory() as folder, instance.role("producer") as producer:
        instance.await_producer(producer)
        post(instance, folder, REAL)
        wait_until(lambda: instance.kafka.count(ACCEPTED) >= start + REAL and instance.outbox_is_empty(), "real records")
    consumer = confluent_kafka.Consumer({"bootstrap.servers": instance.kafka.brokers, "group.id": "bench-real",
                                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([ACCEPTED])
    records = []
    try:
        give_up = time.monotonic() + 60
        while len(records) < REAL and time.monotonic() < give_up:
            records += [(record.key(), record.value()) for record in consumer.consume(1000, 1) if not record.error()]
    finally:
        consumer.close()
    check(len(records) >= REAL, f"only {len(records)} real records")
    return records[:REAL]


def fill(instance, topic, records, headers):
    producer = confluent_kafka.Producer({"bootstrap.servers": instance.kafka.brokers, "linger.ms": 20,
                                         "queue.buffering.max.messages": 2 * RECORDS})
    for number in range(RECORDS):
        key, value = records[number % len(records)]
        producer.produce(topic, value, key, headers=headers)
        if number % 1000 == 0:
            producer.poll(0)
    check(producer.flush(120) == 0, "records could not be written")


class Growth:
    """How a topic grows, by the clock."""

    def __init__(self, instance, topic):
        self._consumer = confluent_kafka.Consumer({"bootstrap.servers": instance.kafka.brokers, "group.id": "bench"})
        self._partitions = [confluent_kafka.TopicPartition(topic, number) for number in
                            self._consumer.list_topics(topic, timeout=10).topics[topic].partitions]
        self._start = self._end()

    def _end(self):
        return sum(self._consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in self._partitions)

    def per_second(self, alive, records):
        """From the first that is seen until all are there."""
        first = None
        give_up = time.monotonic() + 120
        while time.monotonic() < give_up:
            count, now = self._end() - self._start, time.monotonic()
            if first is None and count > 0:
                first = (count, now)
            if count >= records:
                return (records - first[0]) / (now - first[1]) if first[0] < records else 0.0
            alive()
            time.sleep(0.02)
        raise Failed("the records were not moved within 120 s")

    def close(self):
        self._consumer.close()


def run_router(instance, topic):
    growth = Growth(instance, TOPIC)
    foreign = settle()
    try:
        with instance.role("router") as router:
            per_second = growth.per_second(router.alive, RECORDS)
            cpu_s = router.cpu_seconds()
            memory_mb = router.memory_mb()
        return {"value": per_second, "cpu_us": cpu_s / RECORDS * 1e6, "memory_mb": memory_mb, "foreign_load": foreign}
    finally:
        growth.close()


def run_copy(instance, topic):
    foreign = settle()
    done = json.loads(call([instance.bare_copy, instance.kafka.brokers, topic, COPY, str(RECORDS)]))
    return {"value": RECORDS / done["seconds"], "cpu_us": done["cpu_seconds"] / RECORDS * 1e6, "foreign_load": foreign}


def run_topic(instance, topic, records, headers, rounds):
    measured = []
    for number in range(rounds + 1):  # the first one warms up
        instance.kafka.skip_to_end(GROUP[topic], topic)
        fill(instance, topic, records, headers)
        one, copied = run_router(instance, topic), run_copy(instance, topic)
        say(f"routing {number}/{rounds}, {topic}: {one['value']:,.0f}/s, {one['cpu_us']:.1f} µs of CPU each, "
            f"{one['memory_mb']:.0f} MB; bare copy {copied['value']:,.0f}/s, {copied['cpu_us']:.1f} µs")
        if number > 0:
            measured.append({**one, "reference": copied["value"], "reference_foreign_load": copied["foreign_load"],
                             "copy": copied})
    return measured


def run(instance, rounds):
    instance.kafka.create(COPY, PARTITIONS)
    records = real_records(instance)
    due = [("x-due-at", str(int(time.time() * 1000)).encode())]
    return [result(name, "records/s", "bare librdkafka copy", run_topic(instance, topic, records, headers, rounds), goal)
            for name, topic, headers, goal in (("routing, records of one process", ACCEPTED, None, at_least(60_000)),
                                               ("routing, due records of a tier", TIER, due, at_least(20_000)))]
