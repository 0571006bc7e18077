"""A replay that is killed has done whole batches; the next one goes on, and each message is delivered once."""

import signal
import subprocess
import time

import pytest

from support import environment
from support.letters import change, forget_earlier, insert_given_up, open_letters, wait_until_stored
from support.wait import until

LETTERS = 5000
STEP = 500


def replay_and_kill(pipeline, below):
    """Starts a replay and kills it as soon as less than that are open."""
    process = subprocess.Popen(
        [environment.OUTBOUND, "dlq", "replay", "--rate=4000"],
        env=environment.variables({"OUTBOUND_DLQ_BATCH_SIZE": 100}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    until(lambda: open_letters(pipeline.db) < below, "some are replayed")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    return open_letters(pipeline.db)


def test_a_replay_that_is_killed_goes_on(new_pipeline):
    pipeline = new_pipeline("sandbox", "producer", "router", "sender", "dlq")
    forget_earlier(pipeline)
    ids = insert_given_up(pipeline.db, LETTERS)
    wait_until_stored(pipeline.db, len(ids))
    left = replay_and_kill(pipeline, LETTERS - STEP)
    assert 0 < left < LETTERS - STEP
    left = replay_and_kill(pipeline, left - STEP)
    assert 0 < left < LETTERS - 2 * STEP
    counts = change("replay")
    assert counts.keys() == {"replayed"}
    assert 0 < counts["replayed"] <= left  # PostgreSQL may have finished the batch of the one that was killed
    pipeline.wait_until_finished(len(ids))
    assert pipeline.sandbox.counts() == dict.fromkeys(ids, 1)
    assert change("replay") == {}


@pytest.mark.long
def test_a_hundred_thousand_come_back_quickly(new_pipeline):
    count = 100_000
    pipeline = new_pipeline("sandbox", "producer", "router", "sender", "dlq")
    forget_earlier(pipeline)
    ids = insert_given_up(pipeline.db, count)
    wait_until_stored(pipeline.db, len(ids), 120)
    began = time.monotonic()
    for below in (count * 2 // 3, count // 3):
        process = subprocess.Popen([environment.OUTBOUND, "dlq", "replay"], env=environment.variables({}))
        until(lambda below=below: open_letters(pipeline.db) < below, "some are replayed")
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it was done before it could be killed"
    change("replay")
    rate = count / (time.monotonic() - began)
    assert open_letters(pipeline.db) == 0
    until(lambda: pipeline.db.unfinished() == 0 and pipeline.db.outbox() == 0, "all are delivered", 300)
    assert pipeline.sandbox.counts() == dict.fromkeys(ids, 1)
    assert rate > 5000, f"{rate:.0f} a second"
