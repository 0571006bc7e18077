"""`outbound migrate`: safe to run twice, at once, and against a database that is not what it should be."""

import threading
import urllib.parse
import uuid

import psycopg2
import pytest

from support import environment
from support.command import outbound
from support.database import Database
from support.wait import until

RUNBOOK_TABLES = {"outbound_message", "outbound_attempt", "whatsapp_rate_limit", "outbound_message_archive"}
RUNBOOK_INDEXES = {
    "idx_outbound_message_status_created": "outbound_message",
    "idx_outbound_message_channel_status": "outbound_message",
    "idx_outbound_attempt_retry_at": "outbound_attempt",
}
SCRATCH = "outbound_migrate_test"


@pytest.fixture
def scratch():
    """The URL of an empty database of our own."""
    administrator = psycopg2.connect(environment.DATABASE_URL)
    administrator.autocommit = True
    with administrator.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {SCRATCH}")
    parts = urllib.parse.urlsplit(environment.DATABASE_URL)
    yield urllib.parse.urlunsplit(parts._replace(path=f"/{SCRATCH}"))
    with administrator.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {SCRATCH} WITH (FORCE)")
    administrator.close()


def objects(url):
    """Every table, column and index with its definition."""
    db = Database(url)
    found = db.rows(
        "SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
    ) + db.rows("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname")
    db.close()
    return found


def applied(url):
    db = Database(url)
    rows = db.rows("SELECT name, checksum, applied_at FROM schema_migration ORDER BY name")
    db.close()
    return rows


def files():
    return sorted(path.stem for path in (environment.REPOSITORY / "schemas" / "sql").glob("*.sql"))


# Of files().
BEFORE_EVENT_ROWS = slice(0, 10)
EVENT_ROWS = slice(10, 11)


def apply(db, which):
    for name in files()[which]:
        db.execute((environment.REPOSITORY / "schemas" / "sql" / f"{name}.sql").read_text())


def test_twice(scratch):
    first = outbound("migrate", DATABASE_URL=scratch)
    assert first.code == 0, first.err
    before = objects(scratch), applied(scratch)
    second = outbound("migrate", DATABASE_URL=scratch)
    assert second.code == 0, second.err
    assert (objects(scratch), applied(scratch)) == before
    assert [row["name"] for row in before[1]] == files()


def test_eight_at_once(scratch):
    ended = []
    threads = [
        threading.Thread(target=lambda: ended.append(outbound("migrate", DATABASE_URL=scratch))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.code for one in ended] == [0] * 8, [one.err for one in ended]
    assert [row["name"] for row in applied(scratch)] == files()
    assert sum("applied" in one.err for one in ended) == 1, "more than one did the work"


def test_a_migration_that_was_changed_is_refused(scratch):
    assert outbound("migrate", DATABASE_URL=scratch).code == 0
    db = Database(scratch)
    db.execute("UPDATE schema_migration SET checksum = 'another'")
    for arguments in (["migrate"], ["migrate", "--check"]):
        ended = outbound(*arguments, DATABASE_URL=scratch)
        assert ended.code == 1
        assert files()[0] in ended.err
    assert db.value("SELECT checksum FROM schema_migration LIMIT 1") == "another"
    db.close()


def test_a_migration_that_fails_leaves_nothing_behind(scratch):
    db = Database(scratch)
    db.execute("CREATE TABLE outbound_outbox (in_the_way int)")
    ended = outbound("migrate", DATABASE_URL=scratch)
    assert ended.code == 1
    assert "outbound_outbox" in ended.err
    assert {row["table_name"] for row in objects(scratch) if "table_name" in row} == {
        "outbound_outbox",
        "schema_migration",
    }
    db.execute("DROP TABLE outbound_outbox")
    db.close()
    assert outbound("migrate", DATABASE_URL=scratch).code == 0


def test_check_says_what_is_missing_and_changes_nothing(scratch):
    missing = outbound("migrate", "--check", DATABASE_URL=scratch)
    assert missing.code == 1
    assert files()[0] in missing.err
    assert objects(scratch) == []
    assert outbound("migrate", DATABASE_URL=scratch).code == 0
    assert outbound("migrate", "--check", DATABASE_URL=scratch).code == 0


def test_events_that_wait_keep_their_numbers_and_later_ones_have_greater_ones(scratch):
    """Of a database of the release before 0011_event_rows."""
    db = Database(scratch)
    apply(db, BEFORE_EVENT_ROWS)
    db.execute(
        "INSERT INTO outbound_outbox (message_id, topic, fence, due_at, event)"
        " SELECT gen_random_uuid(), 'outbound.events', i, 'infinity', ROW('SENT', i, NULL, NULL, NULL, now())::outbound_event"
        " FROM generate_series(1, 3) i; INSERT INTO outbound_outbox (message_id, topic, fence, due_at)"
        " VALUES (gen_random_uuid(), 'outbound.accepted', 0, now())"
    )
    waiting = db.rows("SELECT id, message_id, (event).attempt_count FROM outbound_outbox WHERE NOT (event IS NULL) ORDER BY id")
    apply(db, EVENT_ROWS)
    kept = "SELECT id, message_ids[1] AS message_id, (events[1]).attempt_count FROM outbound_event_outbox WHERE count = 1 ORDER BY id"
    assert db.rows(kept) == waiting
    assert db.value("SELECT count(*) FROM outbound_outbox") == 1
    db.execute(
        "INSERT INTO outbound_outbox (message_id, topic, fence, due_at, event)"
        " SELECT gen_random_uuid(), 'outbound.events', 1, 'infinity', ROW('SENT', 4, NULL, NULL, NULL, now())::outbound_event"
    )
    assert db.value("SELECT count(*) FROM outbound_outbox") == 1, "what an older role writes finds its way"
    assert [row["attempt_count"] for row in db.rows(kept)] == [1, 2, 3, 4]
    db.execute(
        "INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient, template_code, payload_json,"
        " max_attempts, correlation_id) VALUES (gen_random_uuid(), 'o', 1, 'SMS', 't', 't', '{}', 5, 'c')"
    )
    numbers = [row["id"] for row in db.rows("SELECT id FROM outbound_event_outbox ORDER BY id")]
    assert len(numbers) == 5 and numbers[2] < numbers[3] < numbers[4], "a person's message is told of"
    db.close()


def test_events_that_are_written_meanwhile_are_neither_lost_nor_out_of_order(scratch):
    """Roles of the release before 0011_event_rows go on while it is applied."""
    db = Database(scratch)
    apply(db, BEFORE_EVENT_ROWS)
    migrated = threading.Event()
    written = {}

    def write(message_id):
        own = Database(scratch)
        after = 0
        while after < 50:
            after += migrated.is_set()
            written[message_id] += 1
            own.execute(
                "INSERT INTO outbound_outbox (message_id, topic, fence, due_at, event) VALUES (%s, 'outbound.events', 1,"
                " 'infinity', ROW('SENT', %s, NULL, NULL, NULL, now())::outbound_event)", message_id, written[message_id]
            )
        own.close()

    messages = [str(uuid.uuid4()) for _ in range(4)]
    written.update((message_id, 0) for message_id in messages)
    writers = [threading.Thread(target=write, args=(message_id,)) for message_id in messages]
    for writer in writers:
        writer.start()
    try:
        until(lambda: min(written.values()) > 100, "events to copy")
        apply(db, EVENT_ROWS)
    finally:
        migrated.set()
        for writer in writers:
            writer.join()
    for message_id in messages:
        told = db.rows(
            "SELECT (events[1]).attempt_count FROM outbound_event_outbox WHERE message_ids = ARRAY[%s::uuid] ORDER BY id", message_id
        )
        assert [row["attempt_count"] for row in told] == list(range(1, written[message_id] + 1))
    assert db.value("SELECT count(*) FROM outbound_outbox") == 0
    db.close()


def test_without_a_server():
    ended = outbound("migrate", DATABASE_URL="postgresql://nobody:hunter2@127.0.0.1:1/none")
    assert ended.code == 1
    assert "DATABASE_URL" in ended.err and "hunter2" not in ended.err


def test_the_runbooks_tables_and_indexes_are_there(db):
    tables = {row["tablename"] for row in db.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert RUNBOOK_TABLES <= tables
    indexes = {
        row["indexname"]: row["tablename"] for row in db.rows("SELECT * FROM pg_indexes WHERE schemaname = 'public'")
    }
    assert RUNBOOK_INDEXES.items() <= indexes.items()
