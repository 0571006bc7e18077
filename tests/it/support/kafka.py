"""Topics and consumer groups as the tests see them."""

from dataclasses import dataclass

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from support import environment, group_member
from support.wait import until

REQUESTS = "outbound.requests"
ACCEPTED = "outbound.accepted"
SEND_EMAIL = "outbound.send.email"
SEND_EMAIL_URGENT = "outbound.send.email.urgent"
DEAD_LETTERS = "outbound.dlq"
EVENTS = "outbound.events"

REQUESTS_GROUP = "outbound-router-requests"
ROUTER_GROUP = "outbound-router"
ROUTER_RETRY_GROUP = "outbound-router-retry"
SENDER_GROUP = "outbound-sender-email"
SENDER_URGENT_GROUP = "outbound-sender-email-urgent"
DLQ_GROUP = "outbound-dlq"
GROUPS = {
    REQUESTS_GROUP: REQUESTS,
    ROUTER_GROUP: ACCEPTED,
    SENDER_GROUP: SEND_EMAIL,
    SENDER_URGENT_GROUP: SEND_EMAIL_URGENT,
    DLQ_GROUP: DEAD_LETTERS,
}
DELIVERY = (ROUTER_GROUP, SENDER_GROUP, SENDER_URGENT_GROUP)  # what messages pass on their way

END = -1


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict  # name -> text; the last of equal names


def _record(message):
    headers = {name: value.decode() for name, value in message.headers() or []}
    return Record(message.topic(), message.partition(), message.offset(), message.key(), message.value(), headers)


class Kafka:
    def __init__(self, brokers=None):
        self._brokers = brokers or environment.KAFKA_BROKERS
        # Where a broker goes away on purpose, librdkafka's words about it help nobody.
        self._admin = AdminClient({"bootstrap.servers": self._brokers, "log_level": 0})
        self._reader = None
        self._producer = None

    def close(self):
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def admin(self):
        return self._admin

    def _consumer(self):
        if self._reader is None:
            self._reader = Consumer(
                {
                    "bootstrap.servers": self._brokers,
                    "log_level": 0,
                    "group.id": "outbound-tests",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "fetch.wait.max.ms": 20,
                }
            )
        return self._reader

    def partitions(self, topic):
        found = self._admin.list_topics(topic, timeout=30).topics[topic].partitions
        return sorted(found)

    def ends(self, topic):
        """Where each partition ends: {partition: offset of the next record}."""
        asked = [TopicPartition(topic, partition, END) for partition in self.partitions(topic)]
        answers = self._consumer().offsets_for_times(asked, timeout=30)
        return {
            answer.partition: (
                answer.offset if answer.offset >= 0 else self._consumer().get_watermark_offsets(answer, timeout=30)[1]
            )
            for answer in answers
        }

    def records(self, topic, since):
        """All records from `since` (an earlier ends()) to the present end, partition by partition."""
        ends = self.ends(topic)
        starts = {partition: since.get(partition, 0) for partition in ends}
        missing = {partition for partition in ends if starts[partition] < ends[partition]}
        reader = self._consumer()
        reader.assign([TopicPartition(topic, partition, starts[partition]) for partition in missing])
        found = []

        def read():
            message = reader.poll(0.2)
            while message is not None:
                if not message.error() and message.offset() < ends[message.partition()]:
                    found.append(_record(message))
                    if message.offset() + 1 == ends[message.partition()]:
                        missing.discard(message.partition())
                message = reader.poll(0) if missing else None
            return not missing

        until(read, f"all records of {topic} are read")
        reader.unassign()
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def records_of(self, topic, since, message_id):
        return [record for record in self.records(topic, since) if record.key == str(message_id).encode()]

    def produce(self, topic, value, key=None, headers=None, partition=None):
        """Returns (partition, offset) once the broker has it."""
        if self._producer is None:
            self._producer = Producer({"bootstrap.servers": self._brokers, "acks": "all", "message.max.bytes": 1_100_000})
        written = []

        def report(error, message):
            assert error is None, error
            written.append((message.partition(), message.offset()))

        where = {} if partition is None else {"partition": partition}
        self._producer.produce(topic, value=value, key=key, headers=headers or {}, on_delivery=report, **where)
        until(lambda: self._producer.poll(0.1) >= 0 and written, f"a record is written to {topic}")
        return written[0]

    def produce_compressed(self, topic, value, partition):
        producer = Producer(
            {
                "bootstrap.servers": self._brokers,
                "compression.type": "gzip",
                "message.max.bytes": 2 * len(value),
            }
        )
        written = []
        producer.produce(topic, value, partition=partition, on_delivery=lambda *report: written.append(report))
        assert producer.flush(environment.PATIENCE_S) == 0
        ((error, message),) = written
        assert error is None, error
        return message.partition(), message.offset()

    def produce_all(self, topic, values):
        """Many records, spread over the partitions; ends when the broker has them all."""
        producer = Producer(
            {"bootstrap.servers": self._brokers, "acks": "all", "linger.ms": 5, "partitioner": "random"}
        )
        failed = []
        for number, value in enumerate(values):
            while True:
                try:
                    producer.produce(topic, value=value, on_delivery=lambda error, _: error and failed.append(error))
                    break
                except BufferError:
                    producer.poll(0.1)
            if number % 1000 == 0:
                producer.poll(0)
        assert producer.flush(environment.PATIENCE_S) == 0 and not failed, failed[:3]

    def lag(self, group):
        """Records that the group has not committed yet."""
        topic = GROUPS[group]
        ends = self.ends(topic)
        member = Consumer({"bootstrap.servers": self._brokers, "group.id": group, "enable.auto.commit": False})
        try:
            committed = member.committed([TopicPartition(topic, partition) for partition in ends], timeout=30)
        finally:
            member.close()
        return sum(ends[place.partition] - max(place.offset, 0) for place in committed)

    def rewind(self, group):
        """The group, which has no member now, reads its topic from the start."""
        self._commit(group, GROUPS[group], dict.fromkeys(self.partitions(GROUPS[group]), 0))

    def skip_to_end(self, group, topic):
        """The group, which has no member now, reads what comes from now on."""
        self._commit(group, topic, self.ends(topic))

    def commit_midway(self, group):
        """What the group, which has no member now, has committed is in the midst of its topic."""
        self._commit(group, GROUPS[group], {partition: end // 2 for partition, end in self.ends(GROUPS[group]).items()})

    def _commit(self, group, topic, offsets):
        member = Consumer({"bootstrap.servers": self._brokers, "group.id": group, "enable.auto.commit": False})
        try:
            places = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
            member.commit(offsets=places, asynchronous=False)
        finally:
            member.close()

    def members(self, group):
        """How many members have partitions or wait for some."""
        return sum(len(found.members) for found in self._admin.list_groups(group, timeout=30))

    def wait_until_all_committed(self, groups=DELIVERY):
        for group in groups:
            until(lambda group=group: self.lag(group) == 0, f"{group} has committed all of {GROUPS[group]}")

    def forget_static_members(self, *instance_ids):
        for group in (*GROUPS, ROUTER_RETRY_GROUP):
            for instance_id in instance_ids:
                group_member.forget(group, instance_id)
