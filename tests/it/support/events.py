"""The records of outbound.events, read by Python's Avro with the schema file of the tree."""

from support.avro_record import decode
from support.wait import until

TOPIC = "outbound.events"

REGISTRY_HEADER = 5  # a zero byte, and the schema's id in the registry


def read(value):
    """The event of a record, written with a registry or without one."""
    return decode("StatusEvent", value, header=value[:REGISTRY_HEADER] if value[0] == 0 else None)


def of(pipeline, since, message_id):
    """The events of a message that are in the topic, in its order."""
    return [read(record.value) for record in pipeline.kafka.records_of(TOPIC, since, message_id)]


def wait_for(pipeline, since, message_id, statuses):
    """The events of a message, once the outbox has no more: each status once, in the order in which it changed."""
    until(lambda: pipeline.db.events() == 0, "all events are published")
    found = of(pipeline, since, message_id)
    assert [event["status"] for event in found] == statuses
    for earlier, later in zip(found, found[1:]):
        assert earlier["eventId"] < later["eventId"] and earlier["occurredAt"] < later["occurredAt"]
    return found
