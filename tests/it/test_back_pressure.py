"""More comes than can be handled now: it waits where it is durable, and callers are told."""

import threading

from support.api import Api, message, post_many
from support.database_lock import no_change_of_messages, somebody_waits
from support.wait import until


def test_callers_are_turned_away_when_too_many_wait(new_pipeline):
    pipeline = new_pipeline("producer", OUTBOUND_INGEST_QUEUE_SIZE=5, OUTBOUND_INGEST_BATCH_SIZE=5)
    answers = []

    def post():
        answers.append(Api().post(message()))

    callers = [threading.Thread(target=post) for _ in range(60)]
    with no_change_of_messages():
        for caller in callers:
            caller.start()
        until(lambda: somebody_waits(pipeline.db) and answers, "some are answered while the database stands still")
        assert {answer.status_code for answer in answers} == {503}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        assert "wait" in answers[0].json()["detail"]
    for caller in callers:
        caller.join()
    stored = sum(answer.status_code == 202 for answer in answers)
    assert 0 < stored == pipeline.db.count()
    assert {answer.status_code for answer in answers} == {202, 503}


def test_a_sender_without_room_pauses_and_goes_on_where_it_was(new_pipeline):
    """Each record is taken once, though its partition was paused and resumed several times."""
    count = 150
    pipeline = new_pipeline("sandbox", "producer", "router", OUTBOUND_SENDER_MAX_IN_FLIGHT=4)
    sender = pipeline.start("sender", KAFKA_PROPERTIES="debug=topic", OUTBOUND_LOG_LEVEL="debug")
    # All places are taken for longer than the second after which partitions are paused, even if not at once.
    pipeline.sandbox.fault("delay", match="slow", delayMs=4000, times=4)
    ids = post_many([message(to=f"slow-{n}@example.com") for n in range(count)])
    pipeline.wait_until_finished(count)
    assert sender.says("Application pausing"), "librdkafka was not asked to pause: nothing is shown"
    assert sender.says("Application resuming")
    pipeline.assert_each_sent_once(ids)
    pipeline.kafka.wait_until_all_committed()
