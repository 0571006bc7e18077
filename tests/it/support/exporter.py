"""The exporter as Prometheus sees it, and Kafka as whoever makes the truth: records of known age, commits, deletions."""

import socket
import struct
import time

import requests
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from support import broker_request, environment, prometheus_text
from support.broker_request import string
from support.role import Role, free_port
from support.wait import until

OFFSET_COMMIT = 8
DELETE_RECORDS = 21
DELETE_GROUPS = 42

# Between a collection's clock and ours; ages in the tests differ by far more.
SLACK_S = 5


class Exporter:
    def __init__(self, log, arguments=(), **settings):
        self.port = free_port()
        self.role = Role(
            "exporter",
            log,
            {"OUTBOUND_METRICS_PORT": self.port, "OUTBOUND_METRICS_UPDATE_INTERVAL_MS": 200, **settings},
            arguments,
        )

    def text(self):
        answer = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=10)
        assert answer.status_code == 200
        return answer.text

    def samples(self):
        return prometheus_text.parse(self.text())[0]

    def wait_until_collected(self):
        until(self._collected, "Kafka was asked")

    def _collected(self):
        try:
            return ("outbound_exporter_collections_total", (("source", "kafka"), ("result", "success"))) in self.samples()
        except requests.ConnectionError:
            assert self.role.running, self.role.tail()
            return False

    def stop(self):
        assert self.role.terminate() == 0, self.role.tail()
        assert not self.role.judge_end()


def value(samples, name, **labels):
    """None when there is no such series."""
    return samples.get((name, tuple(labels.items())))


class Truth:
    """A topic of one partition and a group without members, whose every offset and time the test decides."""

    def __init__(self, name, **config):
        self.topic = name
        self.group = f"{name}-group"
        self._brokers = {"bootstrap.servers": environment.KAFKA_BROKERS}
        self._producer = Producer(self._brokers)
        self._admin = AdminClient(self._brokers)
        topic = NewTopic(name, 1, 1, config={key.replace("_", "."): str(text) for key, text in config.items()})
        self._admin.create_topics([topic])[name].result(30)

    def write(self, *ages_s, producer=None, key=None):
        """One record of each age; returns the times at which they say they were written."""
        times = [time.time() - age for age in ages_s]
        producer = self._producer if producer is None else producer  # one without records in hand is false
        for at in times:
            producer.produce(self.topic, b"x", key=key, partition=0, timestamp=int(at * 1000))
        assert producer.flush(environment.PATIENCE_S) == 0
        return times

    def transaction(self):
        producer = Producer({**self._brokers, "transactional.id": self.topic})
        producer.init_transactions(30)
        return producer

    def commit(self, offset):
        member = Consumer({**self._brokers, "group.id": self.group, "enable.auto.commit": False})
        member.commit(offsets=[TopicPartition(self.topic, 0, offset)], asynchronous=False)
        member.close()

    def _ask(self, api_key, body, version=1):
        host, port = environment.KAFKA_BROKERS.split(",")[0].rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            return broker_request.ask(connection, api_key, version, body)

    def commit_knowing(self, loss, offset):
        """With the metadata that our consumers write (base/kafka_lost.h)."""
        nobody = struct.pack(">i", -1) + string("")  # no generation, no member
        partition = struct.pack(">iiq", 1, 0, offset) + string(str(loss))
        body = string(self.group) + nobody + struct.pack(">qi", -1, 1) + string(self.topic) + partition
        assert self._ask(OFFSET_COMMIT, body, version=2)[-2:] == b"\0\0"

    def delete_records(self, before):
        partition = struct.pack(">iiq", 1, 0, before)
        body = struct.pack(">i", 1) + string(self.topic) + partition + struct.pack(">i", 10000)
        assert self._ask(DELETE_RECORDS, body)[-2:] == b"\0\0"

    def delete_group(self):
        assert self._ask(DELETE_GROUPS, struct.pack(">i", 1) + string(self.group))[-2:] == b"\0\0"

    def delete(self):
        self._admin.delete_topics([self.topic], operation_timeout=30)[self.topic].result(30)

    # --- what is shown

    def shown(self, samples, name):
        return value(samples, f"kafka_consumer_group_{name}", group=self.group, topic=self.topic, partition="0")

    def wait_until(self, exporter, since=None, **wanted):
        """
        Until the figures of the group are these; `since`: the time of the oldest record that is not committed, None when
        there is none.
        """

        def fits():
            samples = exporter.samples()
            seen = {name: self.shown(samples, name) for name in wanted}
            seconds = self.shown(samples, "lag_seconds")
            then = time.time() - value(samples, "outbound_exporter_snapshot_age_seconds", source="kafka")
            truth = 0 if since is None else then - since
            right = seconds is not None and abs(seconds - truth) <= (SLACK_S if since is not None else 0)
            last.append((seen, seconds, truth))
            return samples if seen == wanted and right else None

        last = []
        try:
            return until(fits, f"{self.group}: {wanted}")
        except AssertionError as late:
            raise AssertionError(f"{late}; shown: {last[-1]}") from None
