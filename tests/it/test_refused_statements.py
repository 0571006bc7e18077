"""A PostgreSQL that has no room is asked again, but not as fast as it can say so."""

import contextlib
import time

import pytest

from support.api import message
from support.wait import until

WATCHED_S = 3
A_SECOND = 12  # claims at most: one each 100 ms


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    return module_pipeline("sandbox", "producer", "router", "sender")


@contextlib.contextmanager
def refused(db, status, sqlstate, condition="true"):
    """Changes to that status."""
    db.execute(
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}'; END $$")
    db.execute("CREATE TRIGGER a_refuses BEFORE UPDATE ON outbound_message FOR EACH ROW"
               f" WHEN (NEW.status = '{status}' AND {condition}) EXECUTE FUNCTION refuse()")
    try:
        yield
    finally:
        db.execute("DROP FUNCTION refuse() CASCADE")


@pytest.mark.parametrize("count", [1, 30])
def test_claims_that_are_refused_are_not_repeated_at_once(pipeline, count):
    sender = pipeline.role("sender")
    with refused(pipeline.db, "SENDING", "53100"):
        before = sender.log().count("messages cannot be claimed")
        sent = [pipeline.api.accept(message()) for _ in range(count)]
        until(lambda: sender.log().count("messages cannot be claimed") > before, "a claim is refused")
        since = sender.log().count("messages cannot be claimed")
        time.sleep(WATCHED_S)
        assert 1 <= sender.log().count("messages cannot be claimed") - since <= A_SECOND * WATCHED_S
    for message_id in sent:
        pipeline.wait_for(message_id, "SENT")


def test_one_end_that_is_refused_does_not_hold_up_the_others(pipeline):
    """They are stored one by one, each at once: with a pause between them, the leases of the last would be over."""
    with refused(pipeline.db, "SENT", "22000", "NEW.to_recipient = 'bad@example.com'"):
        good = [pipeline.api.accept(message()) for _ in range(40)]
        bad = pipeline.api.accept(message(to="bad@example.com"))
        began = time.monotonic()
        for message_id in good:
            pipeline.wait_for(message_id, "SENT")
        assert time.monotonic() - began < 8
        assert pipeline.db.message(bad)["status"] == "SENDING"  # until its lease is over
