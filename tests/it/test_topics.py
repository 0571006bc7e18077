"""`outbound topics`: the cluster comes to have what the table says, and what others have set stays.

The dead-letter topic is the one that is changed here: no other test depends on its past.
"""

import json
import re

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, NewTopic

from support import environment
from support.command import outbound
from support.kafka import DEAD_LETTERS
from support.wait import until

HOUR_MS = 3600 * 1000


def table():
    """{name: (partitions, retention in ms)} of schemas/topics.def."""
    text = (environment.REPOSITORY / "schemas" / "topics.def").read_text()
    rows = re.findall(r'^TOPIC\(\w+, "([\w.]+)", (\d+), (\d+),', text, re.MULTILINE)
    return {name: (int(partitions), int(hours) * HOUR_MS) for name, partitions, hours in rows}


@pytest.fixture
def admin(kafka):
    yield kafka.admin()
    assert outbound("topics", "apply").code == 0


def finished(futures):
    for future in futures.values():
        future.result()


def settings(admin, topic=DEAD_LETTERS):
    """What the topic itself has, beside the broker's defaults."""
    asked = ConfigResource(ConfigResource.Type.TOPIC, topic)
    (future,) = admin.describe_configs([asked]).values()
    return {entry.name: entry.value for entry in future.result().values() if not entry.is_default}


def replace_topic(kafka, partitions):
    """Makes the dead-letter topic anew."""
    admin = kafka.admin()
    finished(admin.delete_topics([DEAD_LETTERS], operation_timeout=30))

    def created():
        try:
            finished(admin.create_topics([NewTopic(DEAD_LETTERS, partitions, 1)]))
        except KafkaException:  # the old one is not quite gone
            return False
        return True

    until(created, "the topic is there again")
    until(lambda: len(kafka.partitions(DEAD_LETTERS)) == partitions, "the broker shows the new topic")


def check(*arguments):
    return outbound("topics", "check", *arguments)


def test_apply_has_created_all_of_them(kafka):
    for name, (partitions, retention_ms) in table().items():
        assert len(kafka.partitions(name)) == partitions, name
        assert settings(kafka.admin(), name)["retention.ms"] == str(retention_ms), name


def test_when_nothing_differs(admin):
    for arguments in (["check"], ["apply"]):
        ended = outbound("topics", *arguments)
        assert ended.code == 0, ended.out + ended.err
        for name in table():
            assert re.search(rf"^{re.escape(name)} +ok", ended.out, re.MULTILINE)


def test_a_missing_topic_is_created(admin, kafka):
    finished(admin.delete_topics([DEAD_LETTERS], operation_timeout=30))
    until(lambda: DEAD_LETTERS not in admin.list_topics(timeout=30).topics, "the topic is gone")
    missing = check()
    assert missing.code == 1
    assert re.search(rf"^{DEAD_LETTERS} +differs +missing", missing.out, re.MULTILINE)

    until(lambda: outbound("topics", "apply").code == 0, "it can be created")
    assert len(kafka.partitions(DEAD_LETTERS)) == table()[DEAD_LETTERS][0]
    assert check().code == 0


def test_partitions_are_added(admin, kafka):
    wanted = table()[DEAD_LETTERS][0]
    replace_topic(kafka, 2)
    too_few = check()
    assert too_few.code == 1
    assert f"has 2 partitions, wants {wanted}" in too_few.out

    assert outbound("topics", "apply").code == 0
    until(lambda: len(kafka.partitions(DEAD_LETTERS)) == wanted, "partitions were added")
    assert check().code == 0


def test_more_partitions_than_wanted_are_left_alone(admin, kafka):
    wanted = table()[DEAD_LETTERS][0]
    replace_topic(kafka, wanted + 2)
    assert outbound("topics", "apply").code == 0
    assert check().code == 0
    assert len(kafka.partitions(DEAD_LETTERS)) == wanted + 2
    replace_topic(kafka, wanted)


def test_retention_is_corrected_and_other_settings_stay(admin):
    foreign = {"max.message.bytes": "3000000", "min.cleanable.dirty.ratio": "0.75"}
    finished(
        admin.alter_configs(
            [ConfigResource(ConfigResource.Type.TOPIC, DEAD_LETTERS, {**foreign, "retention.ms": "3600000"})]
        )
    )
    wrong = check()
    assert wrong.code == 1
    assert f"has retention.ms 3600000, wants {table()[DEAD_LETTERS][1]}" in wrong.out

    assert outbound("topics", "apply").code == 0
    now = settings(admin)
    assert now["retention.ms"] == str(table()[DEAD_LETTERS][1])
    assert foreign.items() <= now.items()
    assert check().code == 0


def test_dead_letters_may_be_larger_than_what_they_are_about(admin):
    small = {"max.message.bytes": "1000000", "retention.ms": str(table()[DEAD_LETTERS][1])}
    finished(admin.alter_configs([ConfigResource(ConfigResource.Type.TOPIC, DEAD_LETTERS, small)]))
    wrong = check()
    assert wrong.code == 1
    assert "has max.message.bytes 1000000, wants 2097152 or more" in wrong.out
    assert outbound("topics", "apply").code == 0
    assert settings(admin)["max.message.bytes"] == "2097152"
    assert check().code == 0


def test_the_setting_for_partitions_counts_for_all(admin):
    ended = outbound("topics", "check", OUTBOUND_KAFKA_PARTITIONS=100)
    assert ended.code == 1
    assert ended.out.count("wants 100") == len(table())


def test_json(admin):
    fine = [json.loads(line) for line in check("--json").out.splitlines()]
    assert {entry["topic"]: (entry["result"], entry["detail"]) for entry in fine} == {
        name: ("ok", "") for name in table()
    }

    different = outbound("topics", "check", "--json", OUTBOUND_KAFKA_PARTITIONS=100)
    assert different.code == 1
    entries = [json.loads(line) for line in different.out.splitlines()]
    assert {entry["result"] for entry in entries} == {"differs"}
    assert all(set(entry) == {"topic", "result", "detail"} and "wants 100" in entry["detail"] for entry in entries)
