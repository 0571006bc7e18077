"""A topic takes no more, or is made anew: what should go there, or was in it, is in PostgreSQL."""

import time

from confluent_kafka.admin import ConfigResource
from harness import scenario
from support.command import outbound
from support.wait import until

ALL = ("sandbox", "producer", "router", "sender", "dlq")
SETTINGS = {"OUTBOUND_RETRY_DELAYS": "1s", "OUTBOUND_MAX_ATTEMPTS": 50}
WAITING = "SELECT count(*) FROM outbound_outbox WHERE event IS NULL"


def limit(world, topic, **settings):
    """No settings: those of the broker again."""
    chosen = {name.replace("_", "."): str(value) for name, value in settings.items()}
    resource = ConfigResource("topic", topic, set_config=chosen)
    for future in world.topics.admin().alter_configs([resource]).values():
        future.result(30)


def refusing(world, topic, strike):
    """Records for the topic are refused for a while: the broker finds each of them too large."""
    world.start(*ALL, **SETTINGS)
    world.at_end.callback(limit, world, topic)
    with world.load(rate=150, seconds=9):
        time.sleep(1.5)
        limit(world, topic, max_message_bytes=1)
        strike()
        until(lambda: world.db.value(WAITING) > 20, "what is refused waits in the outbox", 20)
        time.sleep(2)
        world.sandbox.clear_faults()
        limit(world, topic)
        world.mark_fault_over()


@scenario("retry topic full", family="servers", short=True)
def retry_topic_full(world):
    refusing(world, "outbound.retry.1s", lambda: world.sandbox.fault("status", status=503, probability=0.5))


@scenario("topic of accepted messages full", family="servers")
def accepted_topic_full(world):
    refusing(world, "outbound.accepted", lambda: None)


@scenario("topic of dead letters full", family="servers")
def dead_letter_topic_full(world):
    refusing(world, "outbound.dlq", lambda: world.sandbox.fault("status", status=400, probability=0.5))


KNOWN = "SELECT coalesce((SELECT sum(n::int) FROM json_array_elements_text(ends -> %s) n), 0) FROM outbound_kafka"


def delete(world, topic):
    """It is made anew as soon as Kafka lets somebody do it."""
    until(lambda: world.db.value(KNOWN, topic) > 50, "what is in the topic is known", 20)
    for future in world.topics.admin().delete_topics([topic]).values():
        future.result(30)
    until(lambda: outbound("topics", "apply").code == 0, "the topic can be made anew")


def made_anew(world, topic):
    world.start(*ALL, **SETTINGS)
    with world.load(rate=150, seconds=15):
        delete(world, topic)
        world.mark_fault_over()


@scenario("topic of accepted messages deleted and made anew", family="servers", limit_s=60)
def accepted_topic_made_anew(world):
    made_anew(world, "outbound.accepted")


@scenario("topic of e-mails to be sent deleted and made anew", family="servers", limit_s=60)
def lane_topic_made_anew(world):
    made_anew(world, "outbound.send.email")


@scenario("topic of dead letters deleted and made anew", family="servers", limit_s=60)
def dead_letter_topic_made_anew(world):
    world.start(*ALL, **SETTINGS)
    world.sandbox.fault("status", status=400, probability=0.5)
    with world.load(rate=150, seconds=15):
        delete(world, "outbound.dlq")
        world.mark_fault_over()
        time.sleep(4)
        world.sandbox.clear_faults()


@scenario("topic made anew while its reader is away, and full again when it is back", family="servers", limit_s=60)
def topic_made_anew_while_its_reader_is_away(world):
    """Kafka keeps what the reader had committed: a place in the midst of the new records."""
    world.start(*ALL, **SETTINGS)
    with world.load(rate=150, seconds=15):
        until(lambda: world.db.value(KNOWN, "outbound.accepted") > 50, "some are in the topic", 20)
        world.roles["router"].terminate()
        delete(world, "outbound.accepted")
        time.sleep(6)
        world.start_again("router")
        world.mark_fault_over()
