"""Kafka loses everything. What was not finished is published again from PostgreSQL, once, and what was sent is not."""

import contextlib
import os
import signal
import time

import pytest
from confluent_kafka.admin import AdminClient

from support.api import message
from support.command import outbound
from support.kafka import ACCEPTED, ROUTER_GROUP, Kafka
from support.own_kafka import OwnKafka
from support.wait import until

ROLES = ("sandbox", "producer", "router", "sender", "dlq")
BACK_WITHIN_S = 30
RETRY_DELAY = "12s"


@pytest.fixture
def kafka(prepared, tmp_path):
    broker = OwnKafka(tmp_path / "kafka", group_initial_rebalance_delay_ms=3000).start()  # as Kafka has it
    assert outbound("topics", "apply", KAFKA_BROKERS=broker.brokers, OUTBOUND_RETRY_DELAYS=RETRY_DELAY).code == 0
    yield broker
    broker.kill()


@pytest.fixture
def pipeline(kafka, new_pipeline):
    """Slow enough that messages are everywhere: in every topic, with a sender, in a retry tier, given up."""
    return new_pipeline(
        KAFKA_BROKERS=kafka.brokers,
        OUTBOUND_RETRY_DELAYS=RETRY_DELAY,
        OUTBOUND_SENDER_MAX_IN_FLIGHT=10,
        OUTBOUND_EMAIL_UNKNOWN_POLICY="hold",  # no second request may be excused by the first
        OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS=4000,
        OUTBOUND_OUTBOX_LEASE_MS=5000,
    )


def recorded(pipeline):
    """Whether what Kafka has now is known, so that its loss can be noticed."""
    row = pipeline.db.rows("SELECT cluster_id, ends FROM outbound_kafka")[0]
    return row["cluster_id"] and sum(map(sum, row["ends"].values())) > 0 and row


def rebuilds(pipeline):
    return pipeline.db.value("SELECT rebuilds FROM outbound_kafka")


def is_over(pipeline):
    return pipeline.db.value("SELECT walk_status IS NULL FROM outbound_kafka")


def fill(pipeline, count):
    """Some are sent, most are not; one waits for its next attempt, one was given up. Returns their ids."""
    pipeline.sandbox.fault("status", match="later", status=503, times=1)
    pipeline.sandbox.fault("status", match="never", status=400, times=1)
    later = pipeline.api.accept(message(to="later@example.com"))
    never = pipeline.api.accept(message(to="never@example.com"))
    ids = [pipeline.api.accept(message()) for _ in range(count // 5)]
    until(lambda: pipeline.db.statuses() == {"QUEUED": 1, "FAILED": 1, "SENT": len(ids)}, "these have been tried")
    assert pipeline.db.attempts(later)[0]["outcome"] == "RETRY"
    pipeline.sandbox.set_latency(4000)
    ids += [pipeline.api.accept(message()) for _ in range(count - len(ids))]
    until(lambda: pipeline.db.outbox() == 0 and recorded(pipeline), "all is in Kafka, and only there")
    return later, never, ids


def letters(pipeline, message_id):
    return pipeline.db.value("SELECT count(*) FROM outbound_dead_letter WHERE message_id = %s", message_id)


def assert_all_arrive_once(pipeline, later, never, ids, since):
    until(lambda: pipeline.db.count("SENT") == len(ids) + 1, "all are sent")
    took = time.monotonic() - since
    until(lambda: letters(pipeline, never) == 1, "the dead letter arrives")
    until(lambda: is_over(pipeline), "the rebuild is over")
    pipeline.assert_no_unexplained_duplicate([later, *ids])
    first, second = pipeline.db.attempts(later)
    assert second["started_at"] >= first["next_retry_at"], "a retry was not brought forward"
    until(lambda: pipeline.db.outbox() == 0, "nothing is left to announce")
    return took


def test_it_comes_back_empty_while_everything_runs(pipeline, kafka):
    pipeline.start_all("sandbox", "producer", "router", "sender")  # nobody takes dead letters
    later, never, ids = fill(pipeline, 300)
    before = rebuilds(pipeline)
    assert pipeline.db.unfinished() > 100

    kafka.wipe()
    back = time.monotonic()
    pipeline.sandbox.set_latency(0)
    pipeline.start("dlq")
    new = pipeline.api.accept(message())
    took = assert_all_arrive_once(pipeline, later, never, [*ids, new], back)
    assert rebuilds(pipeline) == before + 1
    assert took < BACK_WITHIN_S
    print(f"all sent {took:.1f} s after Kafka was back")


@pytest.mark.release
def test_it_comes_back_empty_under_the_same_name_while_nothing_runs(pipeline, kafka):
    pipeline.start_all("sandbox", "producer", "router", "sender")
    later, never, ids = fill(pipeline, 100)
    before = rebuilds(pipeline)
    for name in ("sender", "router", "producer"):
        pipeline.role(name).terminate()
    assert pipeline.db.unfinished() > 10

    kafka.wipe(kafka.cluster_id)
    assert outbound("topics", "apply", KAFKA_BROKERS=kafka.brokers, OUTBOUND_RETRY_DELAYS=RETRY_DELAY).code == 0
    pipeline.sandbox.set_latency(0)
    back = time.monotonic()
    pipeline.start_all("producer", "router", "sender", "dlq")
    assert_all_arrive_once(pipeline, later, never, ids, back)
    assert rebuilds(pipeline) == before + 1


@contextlib.contextmanager
def no_answer_for(db, application_name):
    """PostgreSQL is silent for one connection."""
    pid = db.value("SELECT pid FROM pg_stat_activity WHERE application_name = %s", application_name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_what_a_client_of_the_old_cluster_acknowledges_does_not_count(new_pipeline):
    """Its producer does not see that a rebuild has begun. The new cluster may take its record for another's."""
    pipeline = new_pipeline("producer", OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS=1000, OUTBOUND_OUTBOX_LEASE_MS=2000)
    since = pipeline.kafka.ends(ACCEPTED)
    records = lambda: len(pipeline.kafka.records_of(ACCEPTED, since, message_id))  # noqa: E731
    with no_answer_for(pipeline.db, "outbound producer reader"):
        pipeline.db.execute("UPDATE outbound_kafka SET rebuilds = rebuilds + 1")
        message_id = pipeline.api.accept()
        until(lambda: records() > 1, "its row is taken again")
        assert pipeline.db.outbox() == 1
    until(lambda: pipeline.db.outbox() == 0, "a new client's acknowledgement counts")


def accept_and_send(pipeline, count):
    sent = pipeline.db.count("SENT")
    ids = [pipeline.api.accept(message()) for _ in range(count)]
    until(lambda: pipeline.db.count("SENT") == sent + count, "all are sent")
    return ids


@pytest.mark.release  # the way of it is in test_kafka_consumer.c, too
def test_one_topic_is_made_anew_and_what_was_committed_of_it_lies_in_the_midst_of_new_records(pipeline, kafka):
    """Its reader comes back later than that: no memory of a process helps."""
    pipeline.start_all("sandbox", "producer", "router", "sender")
    ids = accept_and_send(pipeline, 100)
    until(lambda: recorded(pipeline), "where topics end is known")
    before = rebuilds(pipeline)
    pipeline.role("router").terminate()

    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    for future in admin.delete_topics([ACCEPTED]).values():
        future.result(30)
    until(lambda: rebuilds(pipeline) == before + 1, "that it is missing is noticed")
    until(lambda: pipeline.db.value("SELECT lost FROM outbound_kafka") == {ACCEPTED: before + 1}, "which")
    until(lambda: is_over(pipeline) and pipeline.db.outbox() == 0, "the rebuild is over")
    ids += [pipeline.api.accept(message()) for _ in range(200)]  # now, or the rebuild would publish them a second time
    until(lambda: pipeline.db.outbox() == 0, "they are published")
    with contextlib.closing(Kafka(kafka.brokers)) as topics:
        topics.commit_midway(ROUTER_GROUP)  # as a reader that has not heard of it yet may do
    pipeline.start("router")
    back = time.monotonic()
    until(lambda: pipeline.db.count("SENT") == len(ids), "all are sent")
    assert time.monotonic() - back < BACK_WITHIN_S
    pipeline.assert_no_unexplained_duplicate(ids)
    assert rebuilds(pipeline) == before + 1


MANY = 100_000
MANY_A_SECOND = 10_000
SETTLED_AFTER_S = 3  # REBUILD_SETTLE_MS


def insert_queued(db, count):
    """As many messages whose records Kafka has lost."""
    db.execute("SET outbound.role = 'on'")
    db.execute(
        "INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient, template_code, payload_json,"
        " max_attempts, correlation_id)"
        " SELECT gen_random_uuid(), 'default', 1, 'EMAIL', 'to' || n || '@example.com', 'welcome_email', '{}', 5, 'c' || n"
        " FROM generate_series(1, %s) n",
        count,
    )
    db.execute("RESET outbound.role")


@pytest.mark.long
def test_many_are_in_kafka_again_at_once(new_pipeline):
    """A hundred thousand, forced by the command. The rate is that of the whole: outbox rows, records, rows deleted."""
    pipeline = new_pipeline("producer")
    insert_queued(pipeline.db, MANY)
    began = time.monotonic()
    assert outbound("ops", "rebuild").code == 0
    until(lambda: is_over(pipeline) and pipeline.db.outbox() == 0, "all are published")
    took = time.monotonic() - began
    print(f"{MANY} published again in {took:.1f} s")
    assert MANY / (took - SETTLED_AFTER_S) >= MANY_A_SECOND
