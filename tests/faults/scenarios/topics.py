"""A topic takes no more: what should go there waits in PostgreSQL."""

import time

from confluent_kafka.admin import ConfigResource
from harness import scenario
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
