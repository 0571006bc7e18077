"""What services upstream were told in outbound.events, beside what the database says.

untold: a message has ended, and its last event does not say how. toldOtherwise: an event says an end that is not the
message's, came twice and was not the same, or is about no message.
"""

from support import events
from support.pipeline import FINAL

MESSAGES = """
    SELECT id::text AS "messageId", status, attempt_count AS "attemptCount", error_code AS "errorCode", provider,
           provider_message_id AS "providerMessageId", updated_at AS "occurredAt"
      FROM (TABLE outbound_message UNION ALL TABLE outbound_message_archive) m
"""


def events_by_message(world):
    """In the order of their ids; those with the same id that differ are there twice."""
    world.topics.close()  # the reader may be one of a Kafka that is gone
    records = world.topics.records(events.TOPIC, {} if world.kafka_wiped else world.events_since)
    found = {}
    for value in {record.value for record in records}:
        event = events.read(value)
        found.setdefault(event["messageId"], []).append(event)
    return {name: sorted(told, key=lambda event: event["eventId"]) for name, told in found.items()}


def says_otherwise(row, told):
    ends = {event["status"] for event in told} & FINAL
    return len({event["eventId"] for event in told}) < len(told) or ends - {row["status"]}


def wrong_events(world):
    """{kind: ids of messages}. What a Kafka that was wiped had told is gone with it: nothing counts as untold then."""
    told = events_by_message(world)
    rows = {row["messageId"]: row for row in world.db.rows(MESSAGES)}  # now, so that no event is newer
    ended = [name for name, row in rows.items() if row["status"] in FINAL and not world.kafka_wiped]
    return {
        "untold": [name for name in ended if name not in told or not rows[name].items() <= told[name][-1].items()],
        "toldOtherwise": [name for name in told if name not in rows or says_otherwise(rows[name], told[name])],
    }
