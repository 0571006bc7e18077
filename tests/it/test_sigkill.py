"""Every role is killed once while 2,000 messages are on their way. None is lost, and each duplicate has its reason."""

import os
import signal
import time

import pytest

from support.api import Crowd, message
from support.role import children_of, process_exists
from support.wait import until

MESSAGES = 2000


@pytest.fixture
def pipeline(new_pipeline):
    """Leases are short, so that what a dead process held comes back soon."""
    return new_pipeline(
        "sandbox",
        OUTBOUND_INSTANCE_ID="it-killed",  # a role that starts again has its partitions at once
        OUTBOUND_SANDBOX_LATENCY_MS=30,
        OUTBOUND_SENDER_MAX_IN_FLIGHT=16,  # about 500 a second: time enough for all that happens
        OUTBOUND_SENDER_TIMEOUT_MS=2000,
        OUTBOUND_SENDER_LEASE_MS=5000,
        OUTBOUND_WORKER_POLL_INTERVAL_MS=500,
        OUTBOUND_OUTBOX_LEASE_MS=6000,
        OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS=5000,
        OUTBOUND_RETRY_DELAYS="200ms,500ms,1s",
    )


def freeze_at_work(db, sender):
    """Whether it has messages in its hands; then it is left frozen, and keeps them."""
    os.kill(sender, signal.SIGSTOP)
    time.sleep(0.1)  # what it had told PostgreSQL is done by now
    if db.count("SENDING") > 0:
        return True
    os.kill(sender, signal.SIGCONT)
    return False


def test_every_role_is_killed_under_load(pipeline):
    supervisor = pipeline.start("all")
    assert set(children_of(supervisor.pid)) == {"producer", "router", "dlq", "sender", "exporter"}
    crowd = Crowd([message() for _ in range(MESSAGES)], callers=2, up_to=MESSAGES // 2).start()

    def kill(name):
        """Kills a child while messages are unfinished; returns when it has a successor."""
        assert pipeline.db.unfinished() > 0, f"{name} would be killed when all is done"
        victim = children_of(supervisor.pid)[name]
        if name == "sender":
            until(lambda: freeze_at_work(pipeline.db, victim), "the sender has something in its hands")
        sent_before = pipeline.db.count("SENT")
        pipeline.kill_child(supervisor, victim)
        assert pipeline.db.unfinished() > 0, f"{name} was killed when all was done"
        until(lambda: children_of(supervisor.pid).get(name) not in (None, victim), f"{name} is started again")
        return sent_before

    until(lambda: crowd.accepted > MESSAGES // 10, "the first are accepted")
    assert crowd.busy, "nobody posts while the producer is killed"
    kill("producer")

    until(lambda: not crowd.busy, "callers go on with the new producer")
    crowd.allow(MESSAGES)
    until(lambda: crowd.accepted > MESSAGES * 6 // 10, "more are accepted")
    assert crowd.busy, "nothing comes while the router is killed"
    kill("router")

    until(lambda: pipeline.db.count("SENDING") > 0 and pipeline.db.count("SENT") > MESSAGES // 10, "the sender works")
    sent_at_kill = kill("sender")
    assert sent_at_kill < MESSAGES

    ids = crowd.join()
    assert len(set(ids)) == MESSAGES
    pipeline.wait_until_finished(MESSAGES)

    assert pipeline.db.count() == MESSAGES, "each accepted message is there once, and nothing else"
    pipeline.assert_no_unexplained_duplicate(ids)
    orphans = pipeline.db.value("SELECT count(*) FROM outbound_attempt WHERE error_code = 'LEASE_EXPIRED'")
    assert orphans > 0, "the sender was killed while nothing was in its hands"
    assert supervisor.running and all(process_exists(pid) for pid in children_of(supervisor.pid).values())
