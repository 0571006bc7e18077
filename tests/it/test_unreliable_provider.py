"""A provider that fails three times out of ten, in every way: each message comes to a right end, and none is lost."""

from collections import Counter

import pytest

from support.api import message, post_many
from support.wait import until

TIMEOUT_MS = 1000
MAX_ATTEMPTS = 4

# Of all requests; together three tenths.
SHARE = 0.075
CODES = {
    "RATE_LIMIT_EXCEEDED": ("status", {"status": 429, "headers": {"Retry-After": "2"}}),
    "TEMPORARY_ERROR": ("status", {"status": 500}),
    "CONNECTION_LOST": ("reset", {"at": "after"}),
    "TIMEOUT": ("hang", {}),
}
AMBIGUOUS = {"CONNECTION_LOST", "TIMEOUT"}

TOO_EARLY = """SELECT count(*) FROM outbound_attempt first JOIN outbound_attempt second USING (outbound_message_id)
                WHERE second.attempt_no = first.attempt_no + 1 AND second.started_at < first.next_retry_at"""


@pytest.mark.parametrize("count", [1000, pytest.param(20000, marks=pytest.mark.long)])
def test_each_message_comes_to_a_right_end(new_pipeline, count):
    pipeline = new_pipeline(
        "sandbox",
        "producer",
        "router",
        "sender",
        OUTBOUND_SENDER_TIMEOUT_MS=TIMEOUT_MS,
        OUTBOUND_SENDER_LEASE_MS=TIMEOUT_MS + 4000,
        OUTBOUND_MAX_ATTEMPTS=MAX_ATTEMPTS,
        OUTBOUND_RETRY_DELAYS="1s,2s",
    )
    for number, (kind, rule) in enumerate(CODES.values()):
        # Rules are asked one after the other: a later one sees less.
        pipeline.sandbox.fault(kind, probability=SHARE / (1 - number * SHARE), **rule)
    ids = post_many([message() for _ in range(count)], callers=8)

    def ended():
        return pipeline.db.unfinished() == 0 and pipeline.db.outbox() == 0

    until(ended, f"{count} messages have come to an end", 300)
    pipeline.kafka.wait_until_all_committed()

    assert set(pipeline.db.statuses()) <= {"SENT", "FAILED"}
    assert pipeline.db.count() == count == len(set(ids))
    attempts = pipeline.attempts()
    assert {row["error_code"] for rows in attempts.values() for row in rows.values()} == {None, *CODES}
    assert pipeline.db.value(TOO_EARLY) == 0

    deliveries = Counter(delivery["messageId"] for delivery in pipeline.sandbox.logged())
    for row in pipeline.db.rows("SELECT id, status, error_code, attempt_count FROM outbound_message"):
        ends = [attempt for _, attempt in sorted(attempts[row["id"]].items())]
        assert [end["attempt_no"] for end in ends] == list(range(1, row["attempt_count"] + 1))
        unknown = sum(end["outcome"] == "UNKNOWN" for end in ends)
        assert all((end["outcome"] == "UNKNOWN") == (end["error_code"] in AMBIGUOUS) for end in ends)
        sent = row["status"] == "SENT"
        assert [end["outcome"] for end in ends].count("SENT") == sent
        assert row["error_code"] == ends[-1]["error_code"]
        assert len(ends) == MAX_ATTEMPTS or sent
        # What was accepted in an attempt whose answer got lost is delivered, too.
        assert deliveries[row["id"]] == sent + unknown, f"{row['id']}: {[end['error_code'] for end in ends]}"
