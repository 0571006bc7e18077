"""More senders share the work of a channel. Neither their number nor the end of one doubles a message."""

from support.api import Crowd, message, post_many
from support.wait import until

MESSAGES = 600


def two_senders(new_pipeline):
    """Slow enough that both are at work when one of them has to stop."""
    pipeline = new_pipeline(
        "sandbox", "producer", "router", OUTBOUND_SANDBOX_LATENCY_MS=50, OUTBOUND_SENDER_MAX_IN_FLIGHT=8
    )
    senders = [
        pipeline.launch("sender", label=name, OUTBOUND_INSTANCE_ID=f"it-{name}") for name in ("sender-1", "sender-2")
    ]
    for sender in senders:
        pipeline.wait_until_ready(sender)
    groups = ("outbound-sender-email", "outbound-sender-email-urgent")
    until(lambda: all(pipeline.kafka.members(group) == 2 for group in groups), "both groups have two members")
    return pipeline, senders


def open_requests(pipeline):
    return pipeline.sandbox.stats()["openNow"]


def test_both_work_and_nothing_is_doubled(new_pipeline):
    pipeline, _ = two_senders(new_pipeline)
    ids = post_many([message(priority="urgent" if n % 3 == 0 else "normal") for n in range(MESSAGES)])
    # One alone has eight open at most.
    until(lambda: open_requests(pipeline) > 8, "both have requests open")
    pipeline.wait_until_finished(MESSAGES)
    pipeline.assert_each_sent_once(ids)


def test_one_that_stops_under_load_hands_over(new_pipeline):
    pipeline, (first, _) = two_senders(new_pipeline)
    # As long as it takes: which of the two gets the first ones is Kafka's to say.
    crowd = Crowd([message() for _ in range(8 * MESSAGES)], callers=2, up_to=MESSAGES).start()

    def both_work():
        if not crowd.busy:
            crowd.allow(crowd.accepted + MESSAGES // 4)
        return open_requests(pipeline) > 8

    until(both_work, "both have requests open")
    assert first.terminate() == 0
    assert pipeline.db.unfinished() > 0
    crowd.cancel()
    ids = [found for found in crowd.ids if found]

    pipeline.kafka.forget_static_members("it-sender-1")  # as if it were never to come back
    pipeline.wait_until_finished(len(ids))
    pipeline.assert_each_sent_once(ids)


def test_one_that_joins_under_load_takes_its_share(new_pipeline):
    pipeline, (first, second) = two_senders(new_pipeline)
    assert second.terminate() == 0
    pipeline.kafka.forget_static_members("it-sender-2")
    # One after the other: so there is always something new in each partition.
    crowd = Crowd([message() for _ in range(2 * MESSAGES)], callers=1).start()
    until(lambda: pipeline.db.count("SENT") > MESSAGES // 10, "the first works")
    pipeline.start("sender", label="sender-3", OUTBOUND_INSTANCE_ID="it-sender-3")
    until(lambda: open_requests(pipeline) > 8, "both have requests open")
    ids = crowd.join()
    pipeline.wait_until_finished(len(ids))
    pipeline.assert_each_sent_once(ids)
    assert first.running
