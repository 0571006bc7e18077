"""A router that is killed while it takes in messages from upstream: its successor leaves none out and makes none twice."""

import threading

import pytest

from support.kafka import REQUESTS, REQUESTS_GROUP
from support.upstream import request, single_object
from support.wait import until

# It gets its partitions back at once, without waiting for the session of the one that was killed.
NAMED = {"OUTBOUND_INSTANCE_ID": "ingress"}
NAME = "request-0000000"


def numbered(count):
    """As many different requests of the same form."""
    form = single_object(request(requestId=NAME, to="to-0000000@example.com"))
    for number in range(count):
        yield form.replace(b"0000000", b"%07d" % number)


def kill_while_it_takes(pipeline, count, kills, seconds):
    publisher = threading.Thread(target=lambda: pipeline.kafka.produce_all(REQUESTS, numbered(count)))
    publisher.start()
    router = pipeline.start("router", **NAMED)
    for kill in range(1, kills + 1):
        until(lambda kill=kill: pipeline.db.count() >= count * kill // (kills + 2), "some are stored", seconds)
        router.kill()
        router = pipeline.start("router", **NAMED)
    publisher.join()
    until(lambda: pipeline.db.count() >= count, "all are stored", seconds)
    until(lambda: pipeline.kafka.lag(REQUESTS_GROUP) == 0, "all are read", seconds)
    sql = "SELECT count(DISTINCT idempotency_key) FROM outbound_message"
    assert pipeline.db.value(sql) == count
    until(lambda: pipeline.db.unfinished() == 0 and pipeline.db.outbox() == 0, "all are delivered", seconds)
    counts = pipeline.sandbox.counts()
    assert len(counts) == pipeline.db.count() == count
    assert set(counts.values()) == {1}


def test_a_killed_router(new_pipeline):
    kill_while_it_takes(new_pipeline("sandbox", "producer", "sender"), 3000, kills=2, seconds=60)


@pytest.mark.long
def test_a_router_that_is_killed_five_times_in_a_hundred_thousand(new_pipeline):
    kill_while_it_takes(new_pipeline("sandbox", "producer", "sender"), 100_000, kills=5, seconds=300)
