"""What the exporter shows of PostgreSQL is what is there, costs the same however much that is, and is never old unsaid."""

import pytest

from support import environment, metrics
from support.switch import Switch
from support.wait import until

INSERT = (
    "SET LOCAL outbound.role = 'on'; INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient,"
    " template_code, payload_json, max_attempts, correlation_id, status, attempt_count, created_at, updated_at,"
    " lease_until)"
    " SELECT gen_random_uuid(), 'o', 1, '{channel}', 't', 't', '{{}}', 5, 'c', '{status}', {attempts},"
    "  now() - interval '{age} s', now() - interval '{age} s', now() FROM generate_series(1, {count})"
)
CHANNELS = ("EMAIL", "SMS", "WHATSAPP")
STATUSES = ("QUEUED", "SENDING", "SENT", "FAILED", "SCHEDULED", "UNKNOWN", "EXPIRED", "CANCELLED")


def put(db, count, channel="EMAIL", status="QUEUED", attempts=0, age=0):
    db.execute(INSERT.format(count=count, channel=channel, status=status, attempts=attempts, age=age))


def shown(name, **labels):
    return metrics.value("exporter", name, **labels)


def names():
    return {name for name, _ in metrics.scrape("exporter")[0]}


def test_every_number_is_that_of_the_tables(new_pipeline):
    pipeline = new_pipeline(OUTBOUND_METRICS_UPDATE_INTERVAL_MS=100)
    db = pipeline.db
    counts = {}
    for i, channel in enumerate(CHANNELS):
        for j, status in enumerate(STATUSES):
            if (i, j) != (1, 4):  # one that there is none of is shown, too
                counts[channel, status] = i * 10 + j + 1
                put(db, counts[channel, status], channel, status)
    put(db, 7, "SMS", attempts=2, age=500)
    put(db, 1, "SMS", "UNKNOWN", age=900)
    counts["SMS", "QUEUED"] += 7
    counts["SMS", "UNKNOWN"] += 1
    db.execute("INSERT INTO outbound_message_archive SELECT * FROM outbound_message WHERE status = 'EXPIRED'")
    db.execute("DELETE FROM outbound_message WHERE status = 'EXPIRED'")
    archived = sum(counts.pop((channel, "EXPIRED")) for channel in CHANNELS)
    db.execute("DELETE FROM outbound_message WHERE channel = 'EMAIL' AND status = 'CANCELLED'")
    deleted = counts.pop(("EMAIL", "CANCELLED"))
    db.execute(
        "INSERT INTO outbound_dead_letter (dlq_topic, dlq_partition, dlq_offset, written_at, error_code, failed_at, status)"
        " SELECT 'd', 0, i, now(), 'X', now() - interval '300 s', CASE WHEN i <= 4 THEN 'OPEN' ELSE 'DISCARDED' END"
        " FROM generate_series(1, 6) i"
    )
    db.execute(
        "INSERT INTO outbound_outbox (message_id, topic, fence, due_at) SELECT gen_random_uuid(), 't', 0,"
        " now() + CASE WHEN i <= 3 THEN interval '-100 s' ELSE interval '1 h' END FROM generate_series(1, 8) i"
    )
    db.execute(
        "INSERT INTO outbound_event_outbox (written_at, count, message_ids, events)"
        " SELECT now() + hours * interval '1 h', count, array_fill(id, ARRAY[count]),"
        " array_fill(ROW('SENT', 1, NULL, NULL, NULL, now())::outbound_event, ARRAY[count])"
        " FROM (VALUES (1, 1), (-1, 3), (-2, 2)) v (hours, count), (SELECT id FROM outbound_message LIMIT 1) m"
    )
    db.execute(
        "INSERT INTO whatsapp_rate_limit (org_id, messages_sent_count, quota_limit, reset_at)"
        " SELECT 'org-' || i, i, 100, now() + interval '1 h' FROM generate_series(1, 60) i UNION ALL"
        " SELECT 'over', 500, 100, now() - interval '1 s' UNION ALL SELECT 'much', 120, 100, now() + interval '1 h'"
    )
    pipeline.start("exporter")
    collected = {"source": "postgresql", "result": "success"}
    until(lambda: shown("outbound_exporter_collections_total", **collected) > 0, "there was a collection")

    for channel in CHANNELS:
        for status in STATUSES:
            labels = {"channel": channel.lower(), "status": status.lower()}
            series = ("outbound_message_queue_depth_by_channel", tuple(labels.items()))
            assert metrics.scrape("exporter")[0][series] == counts.get((channel, status), 0), series
    for status in STATUSES:
        expected = sum(count for (_, found), count in counts.items() if found == status)
        assert shown("outbound_message_queue_depth", status=status.lower()) == expected
    assert shown("outbound_message_total_queued") == sum(counts[channel, "QUEUED"] for channel in CHANNELS)
    assert [shown("outbound_message_retry_count", channel=name.lower()) for name in CHANNELS] == [0, 7, 0]
    assert 500 <= shown("outbound_message_oldest_queued_age_seconds") < 500 + environment.PATIENCE_S
    assert 900 <= shown("outbound_message_oldest_unknown_age_seconds") < 900 + environment.PATIENCE_S
    assert shown("outbound_message_dead_letter_queue_size") == 4
    assert 300 <= shown("outbound_dead_letter_oldest_age_seconds") < 300 + environment.PATIENCE_S
    assert shown("outbound_outbox_due_rows", kind="message") == 3
    assert 100 <= shown("outbound_outbox_oldest_due_seconds") < 100 + environment.PATIENCE_S
    assert shown("outbound_message_archived") == archived
    assert shown("outbound_message_accepted_total") == sum(counts.values()) + archived + deleted
    assert shown("outbound_message_conservation_difference") == deleted
    assert shown("outbound_outbox_due_rows", kind="event") == 5 == db.events() - 1, "one is not old enough"
    orgs = {dict(labels)["org_id"] for name, labels in metrics.scrape("exporter")[0] if name == "whatsapp_quota_used"}
    assert orgs == {"much", *(f"org-{i}" for i in range(12, 61))}, "the 50 that are closest to their limit"
    quota = [shown(f"whatsapp_quota_{part}", org_id="much") for part in ("used", "limit", "remaining")]
    assert quota == [120, 100, 0]

    db.execute("UPDATE outbound_deletion SET reason = 'a test'")
    until(lambda: shown("outbound_message_conservation_difference") == 0, "a deletion with a reason is accounted for")
    db.truncate()
    until(lambda: shown("outbound_message_accepted_total") == 0, "the numbers are fresh")
    assert "whatsapp_quota_used" not in names()
    assert shown("outbound_exporter_snapshot_age_seconds", source="postgresql") < environment.PATIENCE_S
    assert shown("outbound_exporter_collections_total", source="postgresql", result="success") >= 2


def looked_at(db):
    """Rows and index entries that statements have read so far."""
    return db.value(
        "SELECT ((SELECT sum(seq_tup_read) FROM pg_stat_user_tables)"
        "      + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes))::float8"
    )


def test_a_collection_looks_at_as_much_beside_very_many_messages(new_pipeline):
    pipeline = new_pipeline(OUTBOUND_METRICS_UPDATE_INTERVAL_MS=100)
    db = pipeline.db

    def of_each_collection():
        db.execute("VACUUM ANALYZE outbound_message, outbound_tally")
        before = looked_at(db)
        exporter = pipeline.start("exporter")
        total = ("outbound_exporter_collections_total",)
        until(lambda: shown(*total, source="postgresql", result="success") >= 20, "20 collections")
        collections = shown(*total, source="postgresql", result="success")
        assert exporter.terminate() == 0  # a connection that ends has told all its figures
        return until(lambda: (looked_at(db) - before) / collections, "what was looked at is told")

    counts = {"SENT": 500, "QUEUED": 250, "UNKNOWN": 1}
    for status, count in counts.items():
        put(db, count, status=status)
    few = of_each_collection()
    for status in ("SENT", "QUEUED"):
        put(db, counts[status] * 100, status=status)
    many = of_each_collection()
    assert many < few * 1.5 + 50, f"{few} for hundreds of messages, {many} for a hundred times as many"


@pytest.fixture
def switch():
    made = Switch(int(environment.DATABASE_URL.rpartition(":")[2].partition("/")[0]))
    yield made
    made.close()


def test_old_numbers_are_said_to_be_old(new_pipeline, switch):
    pipeline = new_pipeline(OUTBOUND_METRICS_UPDATE_INTERVAL_MS=100, OUTBOUND_DATABASE_TIMEOUT_MS=1000)
    put(pipeline.db, 5)
    there, switch.target = switch.target, 1  # nobody listens
    url = environment.DATABASE_URL.replace(f":{there}/", f":{switch.port}/")
    pipeline.start("exporter", DATABASE_URL=url)

    age = lambda: shown("outbound_exporter_snapshot_age_seconds", source="postgresql")  # noqa: E731
    until(lambda: shown("outbound_exporter_collections_total", source="postgresql", result="failure") > 0, "it fails")
    until(lambda: age() > 0.5, "that it has nothing to show is as old as it is")
    assert "outbound_message_total_queued" not in names(), "no number where there is none"
    switch.target = there
    until(lambda: shown("outbound_message_total_queued") == 5, "it is connected")

    switch.target = 1
    pipeline.db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'outbound exporter'"
    )
    put(pipeline.db, 5)
    until(lambda: age() > 1.5, "what is shown gets old")
    assert shown("outbound_message_total_queued") == 5, "it is what it was"
    switch.target = there
    until(lambda: shown("outbound_message_total_queued") == 10, "it is fresh again")
    until(lambda: age() < 1, "and young")
