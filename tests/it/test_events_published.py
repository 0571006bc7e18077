"""Which events are told (OUTBOUND_EVENTS), and that none of them is lost."""

import pytest

from support import events
from support.api import message, post_many
from support.avro_record import decode
from support.wait import until


@pytest.mark.parametrize(("setting", "statuses"), [("off", []), ("SENT,FAILED", ["SENT"])])
def test_only_what_is_wanted_is_told(new_pipeline, setting, statuses):
    pipeline = new_pipeline("sandbox", "producer", "router", "sender", OUTBOUND_EVENTS=setting)
    since = pipeline.kafka.ends(events.TOPIC)
    written = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM outbound_outbox_id_seq"
    before = pipeline.db.value(written)
    message_id = pipeline.api.accept()
    pipeline.wait_for(message_id, "SENT")
    assert pipeline.db.value(written) - before == 1 + len(statuses), "a row for the record, and one for each event"
    pipeline.db.execute("UPDATE outbound_message SET status = 'CANCELLED' WHERE id = %s", message_id)
    events.wait_for(pipeline, since, message_id, statuses)


def test_a_killed_producer_leaves_no_event_behind(new_pipeline):
    pipeline = new_pipeline("sandbox", "router", "sender")
    since = pipeline.kafka.ends(events.TOPIC)
    first = pipeline.start("producer", OUTBOUND_OUTBOX_POLL_INTERVAL_MS=10)
    ids = post_many([message() for _ in range(300)])
    first.kill()
    pipeline.start("producer")
    pipeline.wait_until_finished(300)
    until(lambda: pipeline.db.events() == 0, "all events are published")
    found = {}
    for record in pipeline.kafka.records(events.TOPIC, since):
        event = decode("StatusEvent", record.value)
        found.setdefault(event["messageId"], {})[event["eventId"]] = event["status"]
    assert set(found) == set(ids)
    for told in found.values():
        assert [told[event_id] for event_id in sorted(told)] == ["SENDING", "SENT"]
