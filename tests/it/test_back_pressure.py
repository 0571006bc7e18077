"""More comes than can be handled now: it waits where it is durable, and callers are told."""

import contextlib
import http.client
import json
import threading

from support import environment, metrics
from support.api import Api, PATH, message, post_many, unique
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


REPEATED = message()


@contextlib.contextmanager
def asking(count, key=None):
    """Requests that the producer has in hand, as the connections on which it will answer. With a key it is always the same one."""
    callers = [http.client.HTTPConnection("127.0.0.1", environment.HTTP_PORT, timeout=environment.PATIENCE_S) for _ in range(count)]
    for caller in callers:
        body, headers = (REPEATED, {"Idempotency-Key": key}) if key else (message(), {})
        caller.request("POST", PATH, json.dumps(body), {"Content-Type": "application/json", **headers})
    assert Api().get("/health").status_code == 200  # what came before this one has been read
    yield callers
    for caller in callers:
        caller.close()


def answers(callers):
    return [caller.getresponse().status for caller in callers]


def test_the_next_transaction_follows_before_the_first_is_answered(new_pipeline):
    """As soon as it is as large; a smaller one gathers until then."""
    pipeline = new_pipeline("producer")
    with contextlib.ExitStack() as stack:
        with no_change_of_messages():
            callers = stack.enter_context(asking(1))
            until(lambda: somebody_waits(pipeline.db), "the first transaction stands still")
            for count in 4, 2, 3:
                callers += stack.enter_context(asking(count))
        assert answers(callers) == 10 * [202]
    assert pipeline.db.count() == 10
    sizes = [metrics.value("producer", f"outbound_ingest_batch_messages_{which}") for which in ("count", "sum")]
    assert sizes == [3, 10], "one, the four that followed at once, and the rest"


def test_a_repetition_with_a_transaction_behind_it(new_pipeline):
    """It is refused, and done again when the other one has been stored."""
    pipeline, key = new_pipeline("producer"), unique("key")
    with asking(1, key) as first:
        assert answers(first) == [202]
    with contextlib.ExitStack() as stack:
        with no_change_of_messages():
            callers = stack.enter_context(asking(1, key))
            until(lambda: somebody_waits(pipeline.db), "the repetition stands still")
            callers += stack.enter_context(asking(4))
        replies = [caller.getresponse() for caller in callers]
    assert [reply.status for reply in replies] == 5 * [202]
    assert [reply.headers["Idempotent-Replayed"] for reply in replies] == ["true"] + 4 * [None]
    assert pipeline.db.count() == 5


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
