"""`outbound audit` names each thing that must not be, and nothing else."""

import json
import uuid

import pytest

from support.audit import assert_clean, audit
from support.command import outbound
from support.unannounced import insert_message

M = str(uuid.UUID(int=1))
TABLES = ("outbound_message", "outbound_message_archive", "outbound_deletion", "outbound_dead_letter")
ATTEMPT = (
    "INSERT INTO outbound_attempt (outbound_message_id, attempt_no, outcome, started_at, finished_at)"
    " VALUES ('{id}', {no}, '{outcome}', now(), now())"
)
LETTER = (
    "INSERT INTO outbound_dead_letter (dlq_topic, dlq_partition, dlq_offset, written_at, message_id, fence, error_code,"
    " failed_at) VALUES ('outbound.dlq', 0, {offset}, now(), {message}, 0, 'TEMPORARY_ERROR', now())"
)
NOWHERE = str(uuid.UUID(int=2))
OUTBOX = "INSERT INTO outbound_outbox ({what}, topic, fence, due_at) VALUES ({value}, 'outbound.accepted', 0, now())"

# What breaks it -> by which statement, past the triggers as a defect or a damaged disk would.
BREAKS = {
    "conservation": ("all", f"DELETE FROM outbound_message WHERE id = '{M}'"),
    "twice": (M, f"INSERT INTO outbound_message_archive SELECT * FROM outbound_message WHERE id = '{M}'"),
    "tally": ("message EMAIL QUEUED", f"UPDATE outbound_message SET attempt_count = 1 WHERE id = '{M}'"),
    "sent": (M, f"UPDATE outbound_message SET status = 'SENT', sent_at = now(), updated_at = now() WHERE id = '{M}'"),
    "sent_unnoticed": (M, ATTEMPT.format(id=M, no=0, outcome="SENT")),
    "letter_missing": (
        M,
        f"UPDATE outbound_message SET status = 'FAILED', updated_at = now() - interval '2 hours' WHERE id = '{M}';"
        + LETTER.format(offset=7, message="NULL"),
    ),
    "lease": (
        M,
        f"UPDATE outbound_message SET status = 'SENDING', lease_until = now() - interval '61 minutes' WHERE id = '{M}'",
    ),
    "forgotten": (M, f"UPDATE outbound_message SET updated_at = now() - interval '13 hours' WHERE id = '{M}'"),
    "fence": (M, ATTEMPT.format(id=M, no=1, outcome="FAILED")),
    "attempts_of_none": (NOWHERE, ATTEMPT.format(id=NOWHERE, no=1, outcome="FAILED")),
    "letters_of_none": (NOWHERE, LETTER.format(offset=8, message=f"'{NOWHERE}'")),
    "outbox_of_none": (NOWHERE, OUTBOX.format(what="message_id", value=f"'{NOWHERE}'")),
}


@pytest.fixture
def message(db):
    db.truncate()
    insert_message(db, M)
    assert_clean()
    yield db
    db.truncate()


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_is_named(message, name):
    names, sql = BREAKS[name]
    off = "".join(f"ALTER TABLE {table} DISABLE TRIGGER USER;" for table in TABLES)
    message.execute(off + sql + ";" + off.replace("DISABLE", "ENABLE"))
    code, broken, _ = audit()
    assert code == 1
    assert names in broken[name], broken
    assert set(broken) <= {name, "tally"}, "nothing else is said to be broken"


@pytest.mark.parametrize(("status", "age", "named"), [("FAILED", 25, {M}), ("EXPIRED", 25, {M}), ("FAILED", 23, set())])
def test_where_no_letter_was_ever_stored_one_is_missing_after_a_day(message, status, age, named):
    ended = f"status = '{status}', updated_at = now() - interval '{age} hours'"
    message.execute(f"ALTER TABLE outbound_message DISABLE TRIGGER USER; UPDATE outbound_message SET {ended}")
    message.execute("ALTER TABLE outbound_message ENABLE TRIGGER USER; SELECT outbound_tally_recount()")
    broken = audit()[1]
    assert set(broken.get("letter_missing", ())) == named and set(broken) <= {"letter_missing"}, broken


def test_it_says_whose_letters_are_not_judged(message):
    for command in (["audit"], ["audit", "--help"]):
        assert "not judged are letters younger than an hour" in outbound(*command).out


def test_a_record_that_is_to_go_back_needs_its_letter(message):
    message.execute(OUTBOX.format(what="letter_id", value="12"))
    assert set(audit()[1]["outbox_of_none"]) == {"dead letter 12"}


def test_a_deletion_is_named_until_somebody_gives_a_reason(message):
    message.execute(f"SET LOCAL application_name = 'somebody''s script'; DELETE FROM outbound_message WHERE id = '{M}'")
    code, broken, counts = audit()
    assert (code, set(broken), counts["deleted"]) == (1, {"deleted"}, 1)
    assert "EMAIL QUEUED" in broken["deleted"][M] and "by outbound (somebody's script)" in broken["deleted"][M]
    message.execute("UPDATE outbound_deletion SET reason = 'asked to be forgotten'")
    assert_clean()


def test_what_a_person_may_do_breaks_nothing(message):
    """Archived as the runbook does, brought back, sent by hand, deleted and inserted again, by any isolation."""
    archive = "INSERT INTO outbound_message_archive SELECT * FROM outbound_message"
    for sql in (
        "UPDATE outbound_message SET status = 'FAILED'",
        f"{archive}; DELETE FROM outbound_message",
        "INSERT INTO outbound_message SELECT * FROM outbound_message_archive",
        "UPDATE outbound_message SET status = 'SENT'",
        "UPDATE outbound_message SET status = 'QUEUED', updated_at = now() + interval '1 hour'",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; UPDATE outbound_message SET status = 'CANCELLED'",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; DELETE FROM outbound_message RETURNING 1; ROLLBACK",
        f"DELETE FROM outbound_message WHERE status = 'SENT'; {archive}; TRUNCATE outbound_message",
        "WITH gone AS (DELETE FROM outbound_message_archive RETURNING *) INSERT INTO outbound_message SELECT * FROM gone",
    ):
        message.execute(f"BEGIN; {sql}; COMMIT")
        assert_clean()
    _, _, counts = audit()
    assert {name: count for name, count in counts.items() if count} == {"accepted": 1, "cancelled": 1}


def test_truncating_messages_is_deleting_them(message):
    message.execute("TRUNCATE outbound_message")
    assert set(audit()[1]) == {"deleted"}
    message.execute("SELECT outbound_tally_recount()")
    assert set(audit()[1]) == {"deleted"}, "they stay on record"


def test_so_many_are_named_and_all_are_counted(message):
    message.execute(
        "INSERT INTO outbound_attempt (outbound_message_id, attempt_no, outcome, started_at, finished_at)"
        " SELECT gen_random_uuid(), 1, 'FAILED', now(), now() FROM generate_series(1, 30)"
    )
    ended = outbound("audit", "--limit=5")
    assert ended.code == 1
    assert "not so for 30" in ended.out and "and 25 more" in ended.out
    assert ended.out.count("attempt 1 FAILED") == 5
    assert len(audit("--limit=30")[1]["attempts_of_none"]) == 30


@pytest.mark.parametrize("option", ["--limit=0", "--limit=x", "--limit=", "--limit=1000001", "--dry-run", "word"])
def test_a_wrong_command_line_is_named(option):
    ended = outbound("audit", option)
    assert (ended.code, ended.out) == (2, "")
    assert option.partition("=")[0] in ended.err


def test_without_postgresql_nothing_is_claimed():
    ended = outbound("audit", "--json", DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert (ended.code, ended.out) == (3, "")


def test_json_is_one_object(message):
    ended = outbound("audit", "--json")
    assert ended.out.count("\n") == 1
    assert {check["name"] for check in json.loads(ended.out)["checks"]} == {*BREAKS, "deleted"}
