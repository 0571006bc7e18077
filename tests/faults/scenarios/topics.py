"""A topic takes no more, or is made anew: what should go there, or was in it, is in PostgreSQL."""

import signal
import time

from confluent_kafka.admin import ConfigResource
from harness import scenario
from support.command import outbound
from support.kafka import ACCEPTED, DEAD_LETTERS, ROUTER_GROUP, SEND_EMAIL
from support.wait import until

ALL = ("sandbox", "producer", "router", "sender", "dlq")
SETTINGS = {"OUTBOUND_RETRY_DELAYS": "1s", "OUTBOUND_MAX_ATTEMPTS": 50}
WAITING = "SELECT count(*) FROM outbound_outbox"


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
    refusing(world, ACCEPTED, lambda: None)


@scenario("topic of dead letters full", family="servers")
def dead_letter_topic_full(world):
    refusing(world, DEAD_LETTERS, lambda: world.sandbox.fault("status", status=400, probability=0.5))


KNOWN = "SELECT coalesce((SELECT sum(n::int) FROM json_array_elements_text(ends -> %s) n), 0) FROM outbound_kafka"
REBUILDS = "SELECT rebuilds FROM outbound_kafka"


def make_anew(world, topic):
    """As soon as Kafka lets somebody do it. Returns the number of the rebuild that has to follow."""
    # More than comes until a producer looks: the new one has to end before the old one did.
    until(lambda: world.db.value(KNOWN, topic) > 400, f"what is in {topic} is known", 20)
    rebuild = world.db.value(REBUILDS) + 1
    for future in world.topics.admin().delete_topics([topic]).values():
        future.result(30)
    until(lambda: outbound("topics", "apply").code == 0, f"{topic} can be made anew")
    return rebuild


def wait_until_rebuilt(world, topic, rebuild):
    """A producer has seen that this topic was lost, and announced again what was unfinished, once."""
    until(lambda: world.db.value(REBUILDS) >= rebuild, f"that {topic} was lost is seen", 15)
    until(lambda: world.db.value("SELECT walk_status IS NULL FROM outbound_kafka"), "the rebuild is over", 15)
    (row,) = world.db.rows("SELECT rebuilds, lost FROM outbound_kafka")
    assert row == {"rebuilds": rebuild, "lost": {topic: rebuild}}


def made_anew(world, topic, strike=lambda: None):
    world.start(*ALL, **SETTINGS)
    strike()
    with world.load(rate=150, seconds=60) as load:
        rebuild = make_anew(world, topic)
        world.mark_fault_over()
        wait_until_rebuilt(world, topic, rebuild)
        world.mark_mended()
        world.sandbox.clear_faults()
        time.sleep(2)
        load.signal(signal.SIGTERM)


@scenario("topic of accepted messages deleted and made anew", family="servers", limit_s=60)
def accepted_topic_made_anew(world):
    made_anew(world, ACCEPTED)


@scenario("topic of e-mails to be sent deleted and made anew", family="servers", limit_s=60)
def lane_topic_made_anew(world):
    made_anew(world, SEND_EMAIL)


@scenario("topic of dead letters deleted and made anew", family="servers", limit_s=60)
def dead_letter_topic_made_anew(world):
    made_anew(world, DEAD_LETTERS, lambda: world.sandbox.fault("status", status=400, probability=0.5))


@scenario("topic made anew while its reader is away, and full again when it is back", family="servers", limit_s=60)
def topic_made_anew_while_its_reader_is_away(world):
    """What it had committed of the old one is a place in the midst of the new one: all before would be passed over."""
    world.start(*ALL, **SETTINGS)
    with world.load(rate=400, count=450):
        pass
    world.roles["router"].terminate()
    world.topics.forget_static_members("faults-router")
    wait_until_rebuilt(world, ACCEPTED, make_anew(world, ACCEPTED))
    with world.load(rate=400, count=200):  # later than the rebuild, which would publish them a second time
        pass
    until(lambda: world.db.outbox() == 0, "they are in the topic")
    world.topics.commit_midway(ROUTER_GROUP)
    world.start_again("router")
    world.mark_fault_over()
