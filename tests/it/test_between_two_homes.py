"""A message is let go by one durable home only when the next one has it.

Each test holds the next home closed, looks at the one before, kills the role in between, and opens again.
"""

import contextlib
import threading
import time

import psycopg2
import pytest
from confluent_kafka.admin import ConfigResource

from support import environment, kafka as topics
from support.api import Api, message, post_many
from support.wait import until

MESSAGES = 30

# Offsets are committed every second: one that is let go too early shows within this time.
WATCHED_S = 2


@pytest.fixture
def pipeline(new_pipeline):
    return new_pipeline(
        "sandbox",
        OUTBOUND_INSTANCE_ID="it-between",  # the successor of one that was killed has its partitions at once
        OUTBOUND_SENDER_TIMEOUT_MS=1000,
        OUTBOUND_SENDER_LEASE_MS=4000,
        OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS=5000,
        OUTBOUND_OUTBOX_LEASE_MS=6000,
    )


@contextlib.contextmanager
def no_change_of_messages():
    """PostgreSQL lets nobody insert or update a message."""
    connection = psycopg2.connect(environment.DATABASE_URL)
    try:
        connection.cursor().execute("LOCK TABLE outbound_message IN EXCLUSIVE MODE")
        yield
    finally:
        connection.close()


def waits_for_the_lock(pipeline):
    return pipeline.db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0


@contextlib.contextmanager
def no_records(admin, topic):
    """Kafka takes no record into the topic: they are all too large for it."""

    def configure(**changes):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        (now,) = admin.describe_configs([resource]).values()
        own = {entry.name: entry.value for entry in now.result().values() if not entry.is_default}
        own.pop("max.message.bytes", None)
        (done,) = admin.alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, {**own, **changes})]).values()
        done.result()

    configure(**{"max.message.bytes": "1"})
    try:
        yield
    finally:
        configure()


def stays(condition, what):
    """It holds all the time that is watched."""
    give_up = time.monotonic() + WATCHED_S
    while time.monotonic() < give_up:
        assert condition(), what
        time.sleep(0.1)


def test_a_caller_waits_for_the_commit(pipeline):
    pipeline.start("producer")
    answers = []
    caller = threading.Thread(target=lambda: answers.append(Api().post(message())))
    with no_change_of_messages():
        caller.start()
        until(lambda: waits_for_the_lock(pipeline), "the transaction waits")
        stays(lambda: not answers, "the caller has an answer, and no row is stored")
    caller.join()
    assert [answer.status_code for answer in answers] == [202]
    assert pipeline.db.count() == 1


def test_a_request_that_was_not_stored_is_not_accepted(pipeline):
    """The producer is killed before the commit: the caller gets no answer at all."""
    producer = pipeline.start("producer")
    outcomes = []

    def post():
        try:
            outcomes.append(Api().post(message()).status_code)
        except OSError:
            outcomes.append("no answer")

    caller = threading.Thread(target=post)
    with no_change_of_messages():
        caller.start()
        until(lambda: waits_for_the_lock(pipeline), "the transaction waits")
        producer.kill()
        caller.join()
    assert outcomes == ["no answer"]


def test_the_outbox_keeps_what_kafka_has_not_acknowledged(pipeline):
    producer = pipeline.start("producer")
    with no_records(pipeline.kafka.admin(), topics.ACCEPTED):
        ids = post_many([message() for _ in range(MESSAGES)])
        stays(lambda: pipeline.db.outbox() == MESSAGES, "outbox rows are gone, and Kafka has no record")
        producer.kill()
    pipeline.start_all("producer", "router", "sender")
    pipeline.wait_until_finished(MESSAGES)
    pipeline.assert_each_sent_once(ids)


def test_the_router_holds_on_to_what_is_not_acknowledged(pipeline):
    pipeline.start("producer")
    router = pipeline.start("router")
    before = pipeline.kafka.lag(topics.ROUTER_GROUP)
    with no_records(pipeline.kafka.admin(), topics.SEND_EMAIL):
        ids = post_many([message() for _ in range(MESSAGES)])
        until(lambda: pipeline.db.outbox() == 0, "all records are there")
        stays(
            lambda: pipeline.kafka.lag(topics.ROUTER_GROUP) == before + MESSAGES, "offsets went ahead of their records"
        )
        router.kill()
    pipeline.start_all("router", "sender")
    pipeline.wait_until_finished(MESSAGES)
    pipeline.assert_each_sent_once(ids)


def test_the_sender_holds_on_to_what_it_has_not_claimed(pipeline):
    pipeline.start_all("producer", "router")
    before = pipeline.kafka.lag(topics.SENDER_GROUP)
    ids = post_many([message() for _ in range(MESSAGES)])
    until(lambda: pipeline.db.outbox() == 0, "all records are there")
    pipeline.kafka.wait_until_all_committed([topics.ROUTER_GROUP])
    with no_change_of_messages():
        sender = pipeline.start("sender")
        until(lambda: waits_for_the_lock(pipeline), "the transaction waits")
        stays(
            lambda: pipeline.kafka.lag(topics.SENDER_GROUP) == before + MESSAGES, "offsets went ahead of their messages"
        )
        assert pipeline.sandbox.stats()["requests"] == 0, "something was sent before it was claimed"
        sender.kill()
    pipeline.start("sender")
    pipeline.wait_until_finished(MESSAGES)
    # The claim that was on its way may have been stored after its sender had died.
    pipeline.assert_no_unexplained_duplicate(ids)


def test_the_sender_holds_on_to_what_it_has_not_finished(pipeline):
    pipeline.start_all("producer", "router")
    pipeline.sandbox.set_latency(4000)
    sender = pipeline.start("sender")
    pipeline.kafka.wait_until_all_committed([topics.SENDER_GROUP])
    ids = post_many([message() for _ in range(MESSAGES)])
    until(lambda: pipeline.db.count("SENDING") == MESSAGES, "all are claimed")
    with no_change_of_messages():
        until(lambda: len(pipeline.sandbox.deliveries()) == MESSAGES, "all are with the provider")
        stays(lambda: pipeline.kafka.lag(topics.SENDER_GROUP) == MESSAGES, "offsets went ahead of the messages' ends")
        sender.kill()
    pipeline.start("sender")
    pipeline.wait_until_finished(MESSAGES)
    pipeline.assert_no_unexplained_duplicate(ids)
