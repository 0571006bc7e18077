"""Dead letters: taken into PostgreSQL, looked at, and brought back, by command."""

import base64
import datetime
import uuid

import pytest

from support import environment
from support import kafka as topics
from support.api import message, unique
from support.avro_record import REFERENCE, encode, encode_reference
from support.command import outbound
from support.letters import (
    change,
    dlq,
    documents,
    forget_earlier,
    insert_given_up,
    letter_of,
    open_letters,
    wait_until_stored,
)
from support.unannounced import insert_message
from support.wait import until


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    running = module_pipeline("sandbox", "producer", "router", "sender", "dlq", OUTBOUND_MAX_ATTEMPTS=2)
    forget_earlier(running)
    return running


@pytest.fixture(autouse=True)
def no_letter_is_open(pipeline):
    """Each test has the open letters for itself."""
    yield
    until(lambda: pipeline.db.outbox() == 0, "the outbox is empty")
    until(lambda: pipeline.kafka.lag(topics.DLQ_GROUP) == 0, "all dead letters are stored")
    dlq("discard", "--all")


def fail(pipeline, times=None, status=400, **changes):
    """A message that the provider refuses, for good or so many times; returns its id once it has failed."""
    word = unique("refused")
    pipeline.sandbox.fault("status", status=status, match=word, **({"times": times} if times else {}))
    message_id = pipeline.api.accept(message(to=f"{word}@example.com", **changes))
    pipeline.wait_for(message_id, "FAILED")
    return message_id


def record_letter(db, **where):
    """The first letter with these values, once it is stored."""
    condition = " AND ".join(f"{column} = %s" for column in where)
    sql = f"SELECT * FROM outbound_dead_letter WHERE {condition}"
    return until(lambda: db.rows(sql, *where.values()), f"a letter of {where} is stored")[0]


def letter_of_record(db, topic, partition, offset):
    return record_letter(db, original_topic=topic, original_partition=partition, original_offset=offset)


def test_a_failed_message_has_a_letter(pipeline):
    message_id = fail(pipeline, times=1)
    state = pipeline.api.state(message_id)
    letter = letter_of(message_id)
    assert letter["status"] == "OPEN"
    assert letter["messageStatus"] == "FAILED"
    assert letter["code"] == state["errorCode"]
    assert letter["reason"] == state["errorMessage"]
    assert letter["attempts"] == len(state["attempts"])
    assert letter["failedAt"] == state["updatedAt"]
    assert letter["failedBy"] == "sender"
    assert letter["originalTopic"] == topics.SEND_EMAIL
    assert letter["orgId"] == "default"
    assert letter["channel"] == "EMAIL"
    assert letter["correlationId"] == state["correlationId"]
    assert letter["replayCount"] == 0


def test_a_replay_delivers_once(pipeline):
    message_id = fail(pipeline, times=1)
    before = letter_of(message_id)
    assert change("replay", "--id", message_id) == {"replayed": 1}
    state = pipeline.wait_for(message_id, "SENT")
    assert (state["attemptCount"], state["errorCode"], state["errorMessage"]) == (1, None, None)
    assert [attempt["outcome"] for attempt in state["attempts"]] == ["FAILED", "SENT"]
    assert len(pipeline.sandbox.deliveries(message_id)) == 1
    after = letter_of(message_id)
    assert after["id"] == before["id"]
    assert (after["status"], after["replayCount"], after["messageStatus"]) == ("REPLAYED", 1, "SENT")
    again = outbound("dlq", "replay", "--id", message_id)
    assert again.code == 2
    assert "REPLAYED" in again.err


def test_an_unreadable_record_is_kept_and_goes_back(pipeline):
    value = bytes(range(256))
    headers = {"x-own": "kept", "x-correlation-id": "corr-1"}
    since = pipeline.kafka.ends(topics.ACCEPTED)
    partition, offset = pipeline.kafka.produce(topics.ACCEPTED, value, key=b"\xff\x00key", headers=headers)
    letter = letter_of_record(pipeline.db, topics.ACCEPTED, partition, offset)
    (shown,) = documents("show", letter["id"])
    assert base64.b64decode(shown["recordValue"]) == value
    assert base64.b64decode(shown["recordKey"]) == b"\xff\x00key"
    assert (shown["code"], shown["failedBy"], shown["messageId"]) == ("MALFORMED_RECORD", "router", None)
    assert (shown["originalTopic"], shown["originalPartition"], shown["originalOffset"]) == (
        topics.ACCEPTED,
        partition,
        offset,
    )
    assert shown["correlationId"] == "corr-1"
    assert change("replay", "--id", letter["id"]) == {"replayed": 1}

    def again():
        records = [record for record in pipeline.kafka.records(topics.ACCEPTED, since) if record.value == value]
        return [record for record in records if (record.partition, record.offset) != (partition, offset)]

    (record,) = until(again, "the record is in its topic again")
    assert record.key == b"\xff\x00key"
    assert record.headers == {**headers, "x-replays": "1"}
    second = letter_of_record(pipeline.db, topics.ACCEPTED, record.partition, record.offset)
    assert second["replay_count"] == 1
    assert bytes(second["record_value"]) == value


def test_an_unreadable_record_of_a_tier_goes_back_to_it(pipeline):
    since = pipeline.kafka.ends("outbound.retry.2s")
    partition, offset = pipeline.kafka.produce("outbound.retry.2s", b"broken")
    settings = {"OUTBOUND_RETRY_DELAYS": "1s,2s"}
    letter = letter_of_record(pipeline.db, "outbound.retry.2s", partition, offset)
    assert outbound("dlq", "replay", "--id", letter["id"], OUTBOUND_RETRY_DELAYS="1s").code == 2
    assert change("replay", "--id", letter["id"], **settings) == {"replayed": 1}
    until(lambda: len(pipeline.kafka.records("outbound.retry.2s", since)) == 2, "the record is there again")


STRANGE = {
    "no header": (b"hello", {}),
    "nothing": (b"", {}),
    "a reference without a reason": (encode_reference(id=str(uuid.uuid4())), {}),
    "headers that are no text": (b"x", {"x-error-code": b"\xff\xfe", "x-error-message": b"a\0b"}),
    "numbers that are none": (b"x", {"x-original-partition": "one", "x-original-offset": "-1", "x-attempts": "9" * 30}),
    "a time that is none": (b"x", {"x-failed-at": "yesterday", "x-replays": "-7"}),
    "a topic of somebody else": (b"x", {"x-original-topic": "somebody.elses", "x-error-code": "NEW_CODE"}),
    "a topic that would go round": (b"x", {"x-original-topic": "outbound.dlq"}),
    "a topic that others read": (b"x", {"x-original-topic": "outbound.events"}),
}


@pytest.mark.parametrize(("value", "headers"), STRANGE.values(), ids=STRANGE.keys())
def test_a_strangers_record_is_stored_and_not_replayed(pipeline, value, headers):
    partition, offset = pipeline.kafka.produce(topics.DEAD_LETTERS, value, headers=headers)
    letter = record_letter(pipeline.db, dlq_partition=partition, dlq_offset=offset)
    assert bytes(letter["record_value"] or b"") == value
    assert letter["message_id"] is None
    ended = outbound("dlq", "replay", "--id", letter["id"], "--force")
    assert ended.code == 2
    assert "no topic of ours" in ended.err
    assert change("replay", "--force") == {"unreplayable": 1}
    assert open_letters(pipeline.db) == 1


def letter_without_headers(**fields):
    """As a tool copies it that does not know of headers."""
    reasons = {"errorCode": "TIMEOUT", "reason": "no answer", "failedBy": "sender", "originalTopic": topics.SEND_EMAIL}
    failed_at = datetime.datetime.now(datetime.timezone.utc)
    return encode("DeadLetter", **{**REFERENCE, **fields}, **reasons, attempts=5, failedAt=failed_at), {}


def letter_of_an_earlier_release(**fields):
    """The reference alone."""
    headers = {
        "x-error-code": "TIMEOUT",
        "x-error-message": "no answer",
        "x-failed-by": "sender",
        "x-original-topic": topics.SEND_EMAIL,
    }
    return encode_reference(**fields), headers


@pytest.mark.parametrize("form", [letter_without_headers, letter_of_an_earlier_release])
def test_a_message_letter_in_another_form(pipeline, form):
    message_id = str(uuid.uuid4())
    value, headers = form(id=message_id, fence=5)
    pipeline.kafka.produce(topics.DEAD_LETTERS, value, headers=headers)
    letter = record_letter(pipeline.db, message_id=message_id)
    assert (letter["fence"], letter["channel"], letter["record_value"]) == (5, "EMAIL", None)
    assert (letter["error_code"], letter["reason"], letter["failed_by"]) == ("TIMEOUT", "no answer", "sender")
    assert letter["original_topic"] == topics.SEND_EMAIL
    assert change("discard", "--id", letter["id"]) == {"discarded": 1}


def test_letters_that_are_read_again_do_nothing(pipeline):
    org = unique("org")
    insert_given_up(pipeline.db, 50, org=org)
    wait_until_stored(pipeline.db, 50)
    ours = "SELECT * FROM outbound_dead_letter WHERE org_id = %s ORDER BY id"
    before = pipeline.db.rows(ours, org)
    assert pipeline.role("dlq").terminate() == 0
    pipeline.kafka.rewind(topics.DLQ_GROUP)
    pipeline.start("dlq")
    until(lambda: pipeline.kafka.lag(topics.DLQ_GROUP) == 0, "all dead letters are read again")
    assert pipeline.db.rows(ours, org) == before


def test_a_rate_is_kept(pipeline):
    insert_given_up(pipeline.db, 100)
    wait_until_stored(pipeline.db, 100)
    ended = outbound("dlq", "replay", "--rate=50")
    assert ended.code == 0
    assert 1.8 < ended.seconds < 4 + environment.AT_ONCE_S
    assert ended.out == "100 replayed\n"


def test_what_was_replayed_too_often_needs_force(pipeline):
    message_id = fail(pipeline)
    for replays in (1, 2):
        letter_of(message_id, status="OPEN", replayCount=replays - 1)
        assert change("replay", OUTBOUND_DLQ_MAX_REPLAYS=2) == {"replayed": 1}
    letter_of(message_id, status="OPEN", replayCount=2)
    assert change("replay", OUTBOUND_DLQ_MAX_REPLAYS=2) == {"looping": 1}
    refused = outbound("dlq", "replay", "--id", message_id, OUTBOUND_DLQ_MAX_REPLAYS=2)
    assert refused.code == 2
    assert "--force" in refused.err and "OUTBOUND_DLQ_MAX_REPLAYS" in refused.err
    assert pipeline.api.state(message_id)["status"] == "FAILED"
    assert change("replay", "--force", OUTBOUND_DLQ_MAX_REPLAYS=2) == {"replayed": 1}
    letter_of(message_id, status="OPEN", replayCount=3)


def test_a_record_that_goes_round_needs_force(pipeline):
    partition, offset = pipeline.kafka.produce(topics.SEND_EMAIL, b"round")
    for replays in range(3):
        letter = record_letter(pipeline.db, record_value=b"round", replay_count=replays, status="OPEN")
        assert change("replay", "--id", letter["id"]) == {"replayed": 1}
    record_letter(pipeline.db, record_value=b"round", replay_count=3, status="OPEN")
    assert change("replay") == {"looping": 1}


def test_what_is_expired_needs_force(pipeline):
    own = str(uuid.uuid4())
    insert_message(pipeline.db, own)
    pipeline.db.execute("UPDATE outbound_message SET expires_at = now() - interval '1 h' WHERE id = %s", own)
    pipeline.kafka.produce(topics.ACCEPTED, encode_reference(id=own), key=own.encode())
    assert letter_of(own)["code"] == "EXPIRED"
    assert change("replay") == {"expired": 1}
    assert outbound("dlq", "replay", "--id", own).code == 2
    assert change("replay", "--id", own, "--force") == {"replayed": 1}
    pipeline.wait_for(own, "SENT")


def test_what_may_have_been_delivered_needs_force(pipeline):
    org = unique("org")
    (own,) = insert_given_up(pipeline.db, 1, status="UNKNOWN", code="TIMEOUT", org=org)
    letter_of(own)
    assert change("replay", "--code=TIMEOUT") == {"undecided": 1}
    assert change("archive", "--until=0s", f"--org={org}") == {"undecided": 1}
    assert change("replay", "--code=TIMEOUT", "--force") == {"replayed": 1}
    pipeline.wait_for(own, "SENT")


@pytest.mark.parametrize("moved_on", ["status = 'SENT'", "fence = fence + 1"])
def test_a_letter_whose_message_has_gone_on_is_settled(pipeline, moved_on):
    (own,) = insert_given_up(pipeline.db, 1)
    letter_of(own)
    pipeline.db.execute(f"UPDATE outbound_message SET {moved_on} WHERE id = %s", own)
    before = pipeline.db.message(own)
    assert outbound("dlq", "replay", "--id", own).code == 2
    assert change("replay") == {"settled": 1}
    assert pipeline.db.message(own) == before
    assert letter_of(own)["status"] == "SETTLED"


def test_a_letter_whose_message_a_person_has_queued_is_settled(pipeline):
    (own,) = insert_given_up(pipeline.db, 1)
    letter_of(own)
    pipeline.db.execute("UPDATE outbound_message SET status = 'QUEUED', attempt_count = 0 WHERE id = %s", own)
    assert change("replay") == {"settled": 1}
    pipeline.wait_for(own, "SENT")
    assert len(pipeline.sandbox.deliveries(own)) == 1


def everything(db):
    """All that a command may change, once nothing else changes it."""
    until(lambda: db.outbox() == 0 and db.events() == 0, "the outbox is empty")
    return [db.rows(f"SELECT * FROM {table}") for table in ("outbound_message", "outbound_dead_letter", "outbound_outbox", "outbound_event_outbox")]


@pytest.mark.parametrize("command", [("replay",), ("archive", "--until=0s"), ("discard", "--all")], ids=lambda c: c[0])
def test_a_dry_run_counts_and_changes_nothing(pipeline, command):
    org = unique("org")
    insert_given_up(pipeline.db, 30, org=org)
    insert_given_up(pipeline.db, 12, code="TIMEOUT", org=org)
    wait_until_stored(pipeline.db, 42)
    before = everything(pipeline.db)
    name = {"replay": "replayed", "archive": "archived", "discard": "discarded"}[command[0]]
    dry = (*command, "--dry-run", f"--org={org}")
    assert change(*dry, OUTBOUND_DLQ_BATCH_SIZE=7) == {name: 42}
    assert change(*dry, "--code=TIMEOUT", "--since=1h", "--limit=10") == {name: 10}
    assert dlq(*dry) == f"42 would be {name}\n"
    assert everything(pipeline.db) == before


def test_filters(pipeline):
    org = unique("org")
    one, other = insert_given_up(pipeline.db, 2, org=org)
    (late,) = insert_given_up(pipeline.db, 1, org=org, code="TIMEOUT")
    wait_until_stored(pipeline.db, 3)
    pipeline.db.execute("UPDATE outbound_dead_letter SET failed_at = now() - interval '3 h' WHERE message_id = %s", one)

    def found(*filters):
        return {letter["messageId"] for letter in documents("list", f"--org={org}", *filters)}

    assert found() == {one, other, late}
    assert found("--channel=email") == {one, other, late}
    assert found("--channel=SMS") == set()
    assert found("--code=TIMEOUT") == {late}
    assert found("--since=2h") == {other, late}
    assert found("--until=2h") == {one}
    assert found("--since=4h", "--until=2h") == {one}
    assert found("--id", one, "--id", late) == {one, late}
    assert found("--id", one, "--code=TIMEOUT") == set()
    assert found("--limit=1") == {late} or found("--limit=1") == {other}
    assert found("--status=REPLAYED") == set()
    newest = max(letter["id"] for letter in documents("list", f"--org={org}"))
    assert len(found(f"--before={newest}")) == 2
    assert change("discard", f"--org={org}", "--until=2h") == {"discarded": 1}
    assert found() == {other, late}
    assert found("--status=DISCARDED") == {one}
    stats = documents("stats", f"--org={org}")
    assert sorted((row["status"], row["code"], row["channel"], row["count"]) for row in stats) == [
        ("DISCARDED", "TEMPORARY_ERROR", "EMAIL", 1),
        ("OPEN", "TEMPORARY_ERROR", "EMAIL", 1),
        ("OPEN", "TIMEOUT", "EMAIL", 1),
    ]


def test_tables_for_people(pipeline):
    (own,) = insert_given_up(pipeline.db, 1)
    letter = letter_of(own)
    heading, line = dlq("list").splitlines()
    assert heading.split()[:2] == ["ID", "FAILED"]
    assert str(letter["id"]) in line and own in line and "the provider said no" in line
    assert dlq("stats").splitlines()[1].split()[:4] == ["OPEN", "EMAIL", "TEMPORARY_ERROR", "1"]
    shown = dict(line.split(None, 1) for line in dlq("show", own).splitlines())
    assert shown["messageId"] == own
    assert shown["code"] == "TEMPORARY_ERROR"


def test_archive_moves_old_messages(pipeline):
    old, young = insert_given_up(pipeline.db, 2)
    wait_until_stored(pipeline.db, 2)
    row = pipeline.db.message(old)
    pipeline.db.execute(
        "UPDATE outbound_dead_letter SET failed_at = now() - interval '8 days' WHERE message_id = %s", old
    )
    counts = change("archive")
    assert counts == {"archived": 1}
    assert pipeline.db.rows("SELECT * FROM outbound_message_archive WHERE id = %s", old) == [row]
    assert pipeline.db.rows("SELECT * FROM outbound_message WHERE id = %s", old) == []
    assert letter_of(old)["status"] == "ARCHIVED"
    assert letter_of(young)["status"] == "OPEN"
    assert pipeline.db.message(young)["status"] == "FAILED"
    assert change("archive") == {}
    gone = outbound("dlq", "replay", "--id", old)
    assert gone.code == 2 and "ARCHIVED" in gone.err


WRONG = {
    "no command": ([], "replay"),
    "another command": (["resend"], "resend"),
    "an option that is none": (["list", "--chanel=EMAIL"], "--chanel"),
    "a channel that is none": (["replay", "--channel=FAX"], "--channel"),
    "a code that is none": (["replay", "--code=timeout"], "--code"),
    "no organisation": (["replay", "--org="], "--org"),
    "a time that is none": (["replay", "--since=yesterday"], "--since"),
    "times the wrong way round": (["replay", "--since=1h", "--until=2h"], "--since"),
    "an id that is none": (["replay", "--id=x"], "--id"),
    "a letter that is not there": (["replay", "--id=9000000000"], "9000000000"),
    "a message that is not there": (["replay", f"--id={uuid.UUID(int=1)}"], str(uuid.UUID(int=1))),
    "one of two that is not there": (["discard", "--id=@", "--id=9000000000"], "9000000000"),
    "an id that the filter leaves out": (["discard", "--id=@", "--code=TIMEOUT"], "--id"),
    "nothing to show": (["show"], "show"),
    "one to show that is not there": (["show", "9000000000"], "9000000000"),
    "a rate of nothing": (["replay", "--rate=0"], "--rate"),
    "a limit that is none": (["replay", "--limit=-1"], "--limit"),
    "an option without its value": (["replay", "--limit"], "--limit"),
    "all of them": (["discard"], "--all"),
    "an option of another command": (["discard", "--all", "--force"], "--force"),
    "a word too many": (["replay", "1"], "1"),
}


@pytest.mark.parametrize(("arguments", "named"), WRONG.values(), ids=WRONG.keys())
def test_bad_input_is_named_and_changes_nothing(pipeline, arguments, named):
    (own,) = insert_given_up(pipeline.db, 1)
    letter = letter_of(own)
    before = everything(pipeline.db)
    ended = outbound("dlq", *[word.replace("@", str(letter["id"])) for word in arguments])
    assert ended.code == 2, ended.err
    assert named in ended.err
    assert len(ended.err.splitlines()) == 1
    assert ended.out == ""
    assert everything(pipeline.db) == before


def test_without_a_database(pipeline):
    ended = outbound("dlq", "replay", DATABASE_URL="postgresql://127.0.0.1:1/nowhere")
    assert ended.code == 1
    assert "DATABASE_URL" in ended.err
