"""A sender that is back before its session is over has its partitions at once: nobody waits, nothing moves."""

import time

SESSION_TIMEOUT_S = 30


def test_a_restarted_sender_has_its_partitions_at_once(new_pipeline):
    pipeline = new_pipeline("sandbox", "producer", "router")
    settings = {
        "OUTBOUND_INSTANCE_ID": "it-static",
        "OUTBOUND_KAFKA_SESSION_TIMEOUT_MS": SESSION_TIMEOUT_S * 1000,
    }
    for end in ("terminate", "kill"):
        sender = pipeline.start("sender", **settings)
        pipeline.wait_for(pipeline.api.accept(), "SENT")
        getattr(sender, end)()

        waiting = pipeline.api.accept()
        began = time.monotonic()
        sender = pipeline.start("sender", **settings)
        pipeline.wait_for(waiting, "SENT")
        assert time.monotonic() - began < SESSION_TIMEOUT_S / 2, f"after {end}() it waited for its own session to end"
        assert sender.terminate() == 0


def test_another_one_has_to_wait_for_the_session(new_pipeline):
    """So the test above shows something: a stranger does not get the partitions of one that may come back."""
    pipeline = new_pipeline("sandbox", "producer", "router")
    first = pipeline.start("sender", OUTBOUND_INSTANCE_ID="it-static-1", OUTBOUND_KAFKA_SESSION_TIMEOUT_MS=6000)
    pipeline.wait_for(pipeline.api.accept(), "SENT")
    first.terminate()
    gone_at = time.monotonic()
    waiting = [pipeline.api.accept() for _ in range(30)]
    pipeline.start("sender", OUTBOUND_INSTANCE_ID="it-static-2", OUTBOUND_KAFKA_SESSION_TIMEOUT_MS=6000)
    pipeline.wait_until_finished(len(waiting) + 1)
    assert time.monotonic() - gone_at > 3


def test_of_two_with_one_name_the_older_ends(new_pipeline):
    """Else it would stay, and never get a record again."""
    pipeline = new_pipeline("sandbox", "producer", "router")
    settings = {"OUTBOUND_INSTANCE_ID": "it-static-twice", "OUTBOUND_KAFKA_SESSION_TIMEOUT_MS": 6000}
    older = pipeline.start("sender", **settings)
    pipeline.wait_until_assigned(older)
    older.expected_exit = {1}
    pipeline.start("sender", label="younger", OUTBOUND_METRICS_PORT=0, **settings)
    older.wait()
    pipeline.wait_for(pipeline.api.accept(), "SENT")
