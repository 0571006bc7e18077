"""Dead letters as the tests see them: through the commands, and made in number."""

import json

from support.command import outbound
from support.kafka import DEAD_LETTERS, DLQ_GROUP
from support.wait import until


def dlq(*arguments, **settings):
    """`outbound dlq …`, which has to work."""
    ended = outbound("dlq", *arguments, **settings)
    assert ended.code == 0, ended.err
    return ended.out


def documents(*arguments, **settings):
    """What it prints with --json."""
    return [json.loads(line) for line in dlq(*arguments, "--json", **settings).splitlines()]


def change(*arguments, **settings):
    """The counts of replay, archive or discard: those that are not 0."""
    (counts,) = documents(*arguments, **settings)
    return {name: count for name, count in counts.items() if count and name != "dryRun"}


def letter_of(message_id, **expected):
    """The latest letter of a message, once there is one that looks like that."""

    def found():
        ended = outbound("dlq", "list", "--id", message_id, "--json")
        letter = json.loads(ended.out) if ended.code == 0 and ended.out else None
        return letter if letter and expected.items() <= letter.items() else None

    return until(found, f"there is a dead letter of {message_id} with {expected}")


def insert_given_up(db, count, status="FAILED", code="TEMPORARY_ERROR", org="default"):
    """Messages that have been given up in this moment: their letters are in the outbox. Returns their ids."""
    rows = db.rows(
        "WITH given_up AS (INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient, template_code,"
        "    subject, payload_json, max_attempts, correlation_id, status, error_code, error_message, attempt_count,"
        "    fence)"
        "  SELECT gen_random_uuid(), %s, 1, 'EMAIL', 'a@example.com', 't', 's', '{}', 5, 'by hand', %s, %s,"
        "    'the provider said no', 5, 7 FROM generate_series(1, %s)"
        "  RETURNING id, fence),"
        "announced AS (INSERT INTO outbound_outbox (message_id, topic, fence, due_at)"
        "  SELECT id, 'outbound.dlq', fence, now() FROM given_up)"
        " SELECT id::text FROM given_up",
        org,
        status,
        code,
        count,
    )
    return [row["id"] for row in rows]


def forget_earlier(pipeline):
    """What other tests have left in the topic is none of ours."""
    pipeline.wait_until_assigned(pipeline.role("dlq"))
    until(lambda: pipeline.kafka.lag(DLQ_GROUP) == 0, "all dead letters of earlier tests are read")
    dlq("discard", "--all")


def wait_until_stored(db, count, seconds=None):
    """So many letters are open."""
    until(lambda: open_letters(db) == count, f"{count} dead letters are stored", seconds)


def open_letters(db):
    return db.value("SELECT count(*) FROM outbound_dead_letter WHERE status = 'OPEN'")


def letter_of_record(kafka, since, origin, seconds=None):
    """The dead letter in its topic of the record at `origin`: (topic, partition, offset)."""

    def found():
        for letter in kafka.records(DEAD_LETTERS, since):
            names = ("x-original-topic", "x-original-partition", "x-original-offset")
            if tuple(letter.headers.get(name) for name in names) == tuple(map(str, origin)):
                return letter
        return None

    return until(found, f"the dead letter of {origin} exists", seconds)
