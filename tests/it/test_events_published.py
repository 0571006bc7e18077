"""Which events are told (OUTBOUND_EVENTS), and that none of them is lost."""

import pytest

from support import events
from support.api import message, post_many
from support.avro_record import decode
from support.wait import until

# Rows of events that were ever written.
ROWS = "SELECT last_value / 10000 FROM outbound_event_outbox_id_seq"


@pytest.mark.parametrize(("setting", "statuses"), [("off", []), ("SENT,FAILED", ["SENT"])])
def test_only_what_is_wanted_is_told(new_pipeline, setting, statuses):
    pipeline = new_pipeline("sandbox", "producer", "router", "sender", OUTBOUND_EVENTS=setting)
    since = pipeline.kafka.ends(events.TOPIC)
    before = pipeline.db.value(ROWS)
    message_id = pipeline.api.accept()
    pipeline.wait_for(message_id, "SENT")
    assert pipeline.db.value(ROWS) - before == len(statuses), "a row for each event"
    pipeline.db.execute("UPDATE outbound_message SET status = 'CANCELLED' WHERE id = %s", message_id)
    events.wait_for(pipeline, since, message_id, statuses)


def test_a_killed_producer_leaves_no_event_behind(new_pipeline):
    pipeline = new_pipeline("sandbox", "router", "sender")
    since = pipeline.kafka.ends(events.TOPIC)
    rows = pipeline.db.value(ROWS)
    first = pipeline.start("producer", OUTBOUND_OUTBOX_POLL_INTERVAL_MS=10)
    ids = post_many([message() for _ in range(300)])
    first.kill()
    pipeline.start("producer")
    pipeline.wait_until_finished(300)
    assert 0 < pipeline.db.value(ROWS) - rows < 2 * len(ids), "those of a transaction share a row"
    until(lambda: pipeline.db.events() == 0, "all events are published")
    found = {}
    for record in pipeline.kafka.records(events.TOPIC, since):
        event = decode("StatusEvent", record.value)
        found.setdefault(event["messageId"], {})[event["eventId"]] = event["status"]
    assert set(found) == set(ids)
    assert len({event_id for told in found.values() for event_id in told}) == 2 * len(ids), "each has a number of its own"
    for told in found.values():
        assert [told[event_id] for event_id in sorted(told)] == ["SENDING", "SENT"]


def test_rows_of_many_events_are_published_whole_and_in_their_order(new_pipeline):
    """More than the relay wants at once, and more than a page of the table holds; in one of them some messages are gone."""
    pipeline = new_pipeline("producer")
    since = pipeline.kafka.ends(events.TOPIC)
    message_id = pipeline.api.accept()
    before = pipeline.db.value(ROWS)
    pipeline.db.execute(
        "INSERT INTO outbound_event_outbox (count, message_ids, events)"
        " SELECT 1500, array_agg(CASE WHEN row = 1 AND i %% 2 = 1 THEN gen_random_uuid() ELSE %s::uuid END ORDER BY i), array_agg(ROW('SENT', row * 1500 + i, NULL, NULL, NULL, now())"
        "   ::outbound_event ORDER BY i) FROM generate_series(0, 2) row, generate_series(0, 1499) i GROUP BY row ORDER BY row",
        message_id,
    )
    assert pipeline.db.value(ROWS) - before == 3
    until(lambda: pipeline.db.events() == 0, "all events are published")
    told = [decode("StatusEvent", record.value) for record in pipeline.kafka.records(events.TOPIC, since)]
    assert [event["attemptCount"] for event in told] == [i for i in range(4500) if i // 1500 != 1 or i % 2 == 0]
    numbers = [event["eventId"] for event in told]
    assert numbers == sorted(set(numbers))
