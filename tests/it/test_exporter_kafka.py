"""What the exporter says of Kafka, against a truth that the test has made: each offset, each record's age, each commit."""

import time

import pytest
import requests
from confluent_kafka import Consumer

from support import environment
from support.command import outbound
from support.exporter import Exporter, Truth, value
from support.role import free_port
from support.wait import until

HOUR_S = 3600
WEEK_S = 7 * 24 * HOUR_S
AGES = [HOUR_S - 100 * number for number in range(10)]  # each is told from the next by more than any slack
WATCHED = {"OUTBOUND_EXPORTER_TOPICS": r"truth\..*|outbound\.retry\..*"}


@pytest.fixture(scope="module")
def folder(prepared):
    return environment.LOGS / "test_exporter_kafka"


@pytest.fixture(scope="module")
def compacting(prepared):
    """Ten records of one key in a segment of their own, made first: brokers compact only now and then."""
    truth = Truth("truth.compacted", cleanup_policy="compact", segment_ms=100, min_cleanable_dirty_ratio=0.001)
    truth.times = truth.write(*AGES, key=b"a")
    time.sleep(0.2)  # the segment has its age
    truth.write(10, key=b"b")
    truth.commit(0)
    yield truth
    truth.delete()


@pytest.fixture(scope="module")
def exporter(folder, compacting):
    exporter = Exporter(folder / "exporter.log", **WATCHED)
    exporter.wait_until_collected()
    yield exporter
    exporter.stop()


@pytest.fixture
def new_truth():
    made = []

    def make(name, **config):
        made.append(Truth(f"truth.{name}", **config))
        return made[-1]

    yield make
    for truth in made:
        truth.delete()


def test_a_group_that_moves_stands_and_catches_up(exporter, new_truth):
    truth = new_truth("moving")
    times = truth.write(*AGES)
    for committed in (0, 1, 5, 9):
        truth.commit(committed)
        samples = truth.wait_until(
            exporter, since=times[committed], offset=committed, lag=10 - committed, retention_margin=committed
        )
        age = truth.shown(samples, "lag_seconds")
        assert truth.shown(samples, "retention_margin_seconds") == pytest.approx(WEEK_S - age)
    truth.commit(10)
    samples = truth.wait_until(exporter, offset=10, lag=0, records_lost_total=0)
    assert truth.shown(samples, "retention_margin_seconds") is None
    (late,) = truth.write(50)  # nobody takes it
    truth.wait_until(exporter, since=late, lag=1)
    assert value(samples, "kafka_partition_current_offset", topic=truth.topic, partition="0") == 10
    assert value(samples, "kafka_partition_oldest_offset", topic=truth.topic, partition="0") == 0
    assert value(samples, "kafka_topic_partitions", topic=truth.topic) == 1
    assert value(samples, "kafka_brokers") == 1


def test_what_a_transaction_leaves_behind_is_no_lag_in_time(exporter, new_truth):
    truth = new_truth("transactional")
    producer = truth.transaction()
    truth.commit(0)

    producer.begin_transaction()
    (written,) = truth.write(1000, producer=producer)
    truth.wait_until(exporter, since=written, lag=1)  # undecided: it waits
    producer.commit_transaction()
    truth.wait_until(exporter, since=written, lag=2)  # the record and the marker
    truth.commit(1)
    truth.wait_until(exporter, lag=1)  # the marker

    producer.begin_transaction()
    (written,) = truth.write(2000, producer=producer)
    truth.wait_until(exporter, since=written, lag=2)
    producer.abort_transaction()
    truth.wait_until(exporter, lag=3)

    producer.begin_transaction()
    (written,) = truth.write(3000, producer=producer)
    producer.commit_transaction()
    truth.wait_until(exporter, since=written, lag=5)


def test_records_that_retention_took_are_counted_once(exporter, new_truth, folder):
    truth = new_truth("lost")
    times = truth.write(*AGES)
    truth.commit(3)
    truth.wait_until(exporter, since=times[3], records_lost_total=0)
    truth.delete_records(5)
    truth.wait_until(exporter, since=times[5], lag=7, records_lost_total=2, retention_margin=0)
    truth.commit(7)
    truth.wait_until(exporter, since=times[7], records_lost_total=2, retention_margin=2)
    truth.commit(4)  # somebody goes back: those below 5 were counted
    truth.wait_until(exporter, since=times[5], records_lost_total=2)
    truth.delete_records(9)
    truth.wait_until(exporter, since=times[9], lag=6, records_lost_total=6)

    # One that starts now finds the backlog, and what is lost for this commit.
    late = Exporter(folder / "late.log", **WATCHED)
    late.wait_until_collected()
    truth.wait_until(late, since=times[9], lag=6, records_lost_total=5)
    late.stop()


def test_a_topic_that_is_made_anew_begins_anew(exporter, new_truth):
    truth = new_truth("anew")
    times = truth.write(*AGES)
    truth.commit(5)
    truth.wait_until(exporter, since=times[5], lag=5)
    truth.delete()
    until(lambda: truth.shown(exporter.samples(), "lag") is None, "a topic that is gone is not shown")
    assert value(exporter.samples(), "kafka_topic_partitions", topic=truth.topic) is None
    truth = Truth(truth.topic)
    (written,) = truth.write(500)
    truth.commit(0)
    truth.wait_until(exporter, since=written, lag=1, records_lost_total=0)


def test_what_was_committed_before_a_topic_was_lost_counts_for_nothing(exporter, new_truth, db):
    """As for our consumers (base/kafka_lost.h). Of somebody else's group nobody can tell."""
    truth = new_truth("lost-since")
    times = truth.write(*AGES)
    truth.commit(10)
    theirs, truth.group = truth.group, "outbound-it-lost-since"
    truth.commit(10)
    truth.wait_until(exporter, offset=10, lag=0)

    def lose(number):
        db.execute("UPDATE outbound_kafka SET lost = jsonb_build_object(%s::text, %s::int)", truth.topic, number)

    try:
        lose(7)
        samples = truth.wait_until(exporter, since=times[0], offset=10, lag=10, retention_margin=0, records_lost_total=0)
        assert value(samples, "kafka_consumer_group_lag", group=theirs, topic=truth.topic, partition="0") == 0
        truth.commit_knowing(7, 4)
        truth.wait_until(exporter, since=times[4], lag=6, retention_margin=4)
        lose(8)
        truth.wait_until(exporter, since=times[0], lag=10)
    finally:
        db.execute("UPDATE outbound_kafka SET lost = DEFAULT")


def test_members_and_states(exporter, new_truth):
    truth = new_truth("members")
    truth.commit(0)

    def is_shown(members, state):
        samples = exporter.samples()
        ones = [
            dict(labels)["state"]
            for (name, labels), number in samples.items()
            if name == "kafka_consumer_group_state" and dict(labels)["group"] == truth.group and number == 1
        ]
        return ones == [state] and value(samples, "kafka_consumer_group_members", group=truth.group) == members

    until(lambda: is_shown(0, "Empty"), "a group without members")
    member = Consumer({"bootstrap.servers": environment.KAFKA_BROKERS, "group.id": truth.group})
    member.subscribe([truth.topic])
    until(lambda: member.poll(0.05) is not None or is_shown(1, "Stable"), "a group with a member")
    member.close()
    until(lambda: is_shown(0, "Empty"), "the member has left")
    truth.delete_group()
    until(
        lambda: all(dict(labels).get("group") != truth.group for _, labels in exporter.samples()),
        "a group that is gone is not shown",
    )


def test_retry_tiers_wait_by_design_or_are_overdue(exporter, kafka):
    tier = Truth("outbound.retry.7h")

    def shown(name):
        return value(exporter.samples(), f"outbound_retry_{name}", topic=tier.topic)

    def are(waiting, overdue):
        return (shown("waiting_records"), shown("overdue_records")) == (waiting, overdue)

    try:
        tier.group = "outbound-router-retry"
        tier.write(6 * HOUR_S, HOUR_S)
        until(lambda: are(2, 0), "both wait by design")
        assert shown("overdue_seconds") == 0
        tier.delete()
        until(lambda: shown("waiting_records") is None, "the tier is gone")
        tier = Truth(tier.topic)
        tier.group = "outbound-router-retry"
        tier.commit(0)
        tier.write(10 * HOUR_S, 8 * HOUR_S, 6 * HOUR_S)
        until(lambda: are(1, 2), "two should have been taken")
        until(lambda: abs(shown("overdue_seconds") - 3 * HOUR_S) < 60, "the first was due three hours ago")
        tier.commit(2)
        until(lambda: are(1, 0) and shown("overdue_seconds") == 0, "they were taken")
    finally:
        tier.delete()


def test_compaction_makes_the_oldest_record_younger(exporter, compacting):
    def first_record():
        seconds = compacting.shown(exporter.samples(), "lag_seconds")
        return seconds and min(range(10), key=lambda number: abs(time.time() - compacting.times[number] - seconds))

    until(lambda: first_record() == 9, "all but the last of ten records with one key are gone")
    compacting.wait_until(exporter, since=compacting.times[9], lag=11)


def test_filters(folder, compacting):
    only = Exporter(folder / "filtered.log", OUTBOUND_EXPORTER_TOPICS="truth[.]compacted", OUTBOUND_EXPORTER_GROUPS="none|of.them")
    only.wait_until_collected()
    samples = only.samples()
    only.stop()
    assert {dict(labels)["topic"] for name, labels in samples if name == "kafka_topic_partitions"} == {compacting.topic}
    assert not [name for name, _ in samples if name.startswith("kafka_consumer_group")]


@pytest.mark.parametrize("name", ["OUTBOUND_EXPORTER_TOPICS", "OUTBOUND_EXPORTER_GROUPS"])
def test_a_pattern_that_is_none(name):
    ended = outbound("exporter", **{name: "a(b"})
    assert ended.code == 2
    assert name in ended.err


def test_without_kafka_it_answers_and_ends(folder):
    exporter = Exporter(folder / "alone.log", KAFKA_BROKERS=f"127.0.0.1:{free_port()}")

    def failed():
        try:
            samples = exporter.samples()
        except requests.ConnectionError:
            return False
        return value(samples, "outbound_exporter_collections_total", source="kafka", result="failure")

    until(failed, "a collection has failed")
    assert value(exporter.samples(), "outbound_exporter_snapshot_age_seconds", source="kafka") > 1
    assert exporter.role.says("Kafka does not tell all")
    exporter.stop()
