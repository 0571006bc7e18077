"""
exporter: what one look at a Kafka of 1,000 partitions costs, of which 50 groups have committed 100 each: CPU of the
exporter and of the broker, the time of a scrape, memory. While nothing moves, and while every partition gets a record
and every group moves between two looks: then the broker's share cannot be told from what it does for the load.
"""

import contextlib
import os
import threading
import time
import urllib.request

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from harness import at_most, check, result, say, settle, setting, wait_until

TOPICS = [f"bench.exporter.{number}" for number in range(10)]
PARTITIONS = 100
GROUPS = 50
RECORDS = 20
BEHIND = 10  # records, and seconds while all moves
LOOKS = 20
WARM_UP_LOOKS = 15
LIMITS = {"exporter": 15, "broker": 60, "scrape": 10, "memory": 24}


class Load:
    """Records and commits: at first a backlog, then a step each second."""

    def __init__(self, brokers):
        self._brokers = {"bootstrap.servers": brokers}
        self._producer = Producer({**self._brokers, "linger.ms": 20})
        self._members = [Consumer({**self._brokers, "group.id": f"bench-exporter-{number}", "enable.auto.commit": False})
                         for number in range(GROUPS)]
        self._committed = RECORDS - BEHIND
        self._over = threading.Event()

    def make_backlog(self):
        admin = AdminClient(self._brokers)
        for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in TOPICS]).values():
            made.result(60)
        for _ in range(RECORDS):
            self._write()
        self._commit()

    def _write(self):
        for topic in TOPICS:
            for partition in range(PARTITIONS):
                self._producer.produce(topic, b"x" * 100, partition=partition)
        check(self._producer.flush(60) == 0, "records could not be written")

    def _commit(self):
        for number, member in enumerate(self._members):
            topic = TOPICS[number % len(TOPICS)]
            member.commit(offsets=[TopicPartition(topic, partition, self._committed) for partition in range(PARTITIONS)],
                          asynchronous=False)

    def _move(self):
        while not self._over.is_set():
            began = time.monotonic()
            self._committed += 1
            self._write()
            self._commit()
            self._over.wait(max(0, 1 - (time.monotonic() - began)))

    @contextlib.contextmanager
    def moving(self):
        self._over.clear()
        thread = threading.Thread(target=self._move)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def close(self):
        for member in self._members:
            member.close()
        AdminClient(self._brokers).delete_topics(TOPICS)


def scrape(url):
    began = time.monotonic()
    with urllib.request.urlopen(url, timeout=30) as answer:
        text = answer.read().decode()
    return text, 1000 * (time.monotonic() - began)


def sample(text, start):
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(start)), 0)


def looks(url):
    return sample(scrape(url)[0], 'outbound_exporter_collections_total{source="kafka",result="success"}')


def broker_cpu_ms():
    with open(os.path.join(setting("STATE_DIR"), "run/kafka.pid"), encoding="ascii") as pid:
        path = f"/proc/{pid.read().split()[0]}/stat"
    with open(path, encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(exporter, url):
    """Milliseconds of CPU for each look, the exporter's and the broker's."""
    before, exporter_s, broker_ms = looks(url), exporter.cpu_seconds(), broker_cpu_ms()
    time.sleep(LOOKS)  # without asking: what a scrape costs is not a look's
    wait_until(lambda: looks(url) >= before + LOOKS, f"{LOOKS} looks at Kafka", every=1)
    count = looks(url) - before
    return {"exporter": 1000 * (exporter.cpu_seconds() - exporter_s) / count, "broker": (broker_cpu_ms() - broker_ms) / count}


def run_once(instance, load, port):
    url = f"http://127.0.0.1:{port}/metrics"
    foreign = settle()
    with instance.role("exporter", OUTBOUND_METRICS_PORT=str(port), OUTBOUND_METRICS_UPDATE_INTERVAL_MS="1000") as exporter:
        wait_until(lambda: exporter.alive() and scrape_works(url), "the exporter: up")
        wait_until(lambda: looks(url) >= WARM_UP_LOOKS, "it is warm", every=1)
        static = measure(exporter, url)
        with load.moving():
            time.sleep(BEHIND + 5)  # until the groups are at records that it has seen coming
            moving = measure(exporter, url)
            text, _ = scrape(url)
        scrapes = sorted(scrape(url)[1] for _ in range(21))
        memory = sample(text, "process_resident_memory_bytes") / 2**20
    shown = sum(line.startswith("kafka_consumer_group_lag_seconds{") for line in text.splitlines())
    check(shown >= GROUPS * PARTITIONS, f"{shown} of {GROUPS * PARTITIONS} lags are shown")
    measured = {"static, CPU of the exporter": ("ms", static["exporter"], "exporter"),
                "static, CPU of the broker": ("ms", static["broker"], "broker"),
                "moving, CPU of the exporter": ("ms", moving["exporter"], "exporter"),
                "scrape": ("ms", scrapes[len(scrapes) // 2], "scrape"),
                "memory": ("MB", memory, "memory")}
    return {name: {"unit": unit, "value": value, "reference": LIMITS[limit], "foreign_load": foreign,
                   "reference_foreign_load": foreign}
            for name, (unit, value, limit) in measured.items()}


def scrape_works(url):
    try:
        return scrape(url)
    except OSError:
        return None


def run(instance, rounds):
    load = Load(instance.kafka.brokers)
    port = int(setting("OUTBOUND_METRICS_PORT"))
    runs = []
    try:
        load.make_backlog()
        for number in range(rounds):
            one = run_once(instance, load, port)
            say(f"exporter {number + 1}/{rounds}: " + ", ".join(f"{name} {figure['value']:.1f} {figure['unit']}"
                                                               for name, figure in one.items()))
            runs.append(one)
    finally:
        load.close()
    return [result(f"exporter, {name}", figure["unit"], None, [one[name] for one in runs], at_most(figure["reference"]))
            for name, figure in runs[0].items()]
