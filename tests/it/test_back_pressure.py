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


@contextlib.contextmanager
def connections(count):
    opened = [http.client.HTTPConnection("127.0.0.1", environment.HTTP_PORT, timeout=environment.PATIENCE_S) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


def ask(opened, body=None, **headers):
    for connection in opened:
        connection.request("POST", PATH, json.dumps(body or message()), {"Content-Type": "application/json", **headers})


def ask_and_be_read(opened):
    ask(opened)
    assert Api().get("/health/live").status_code == 200  # what came before this one has been read


def producer_without_sweeps(new_pipeline):
    """The lock stops nothing of it but new messages."""
    return new_pipeline("producer", OUTBOUND_WORKER_POLL_INTERVAL_MS=3600000)


def test_the_next_transaction_follows_before_the_first_is_answered(new_pipeline):
    """As soon as it is as large; a smaller one gathers until then."""
    pipeline = producer_without_sweeps(new_pipeline)
    with connections(10) as opened:
        with no_change_of_messages():
            ask(opened[:1])
            until(lambda: somebody_waits(pipeline.db), "the first transaction stands still")
            for group in opened[1:5], opened[5:7], opened[7:]:
                ask_and_be_read(group)
        assert [connection.getresponse().status for connection in opened] == 10 * [202]
    assert pipeline.db.count() == 10
    sizes = [metrics.value("producer", f"outbound_ingest_batch_messages_{which}") for which in ("count", "sum")]
    assert sizes == [3, 10], "one, the four that followed at once, and the rest"


def test_a_refused_transaction_does_no_harm_to_the_one_behind_it(new_pipeline):
    """A repetition has the first refused, when the second is with PostgreSQL already."""
    pipeline = producer_without_sweeps(new_pipeline)
    repeated, key = message(), {"Idempotency-Key": unique("key")}
    with connections(5) as opened:
        ask(opened[:1], repeated, **key)
        assert opened[0].getresponse().read()
        with no_change_of_messages():
            ask(opened[:1], repeated, **key)
            until(lambda: somebody_waits(pipeline.db), "the repetition stands still")
            ask_and_be_read(opened[1:])
        answers = [connection.getresponse() for connection in opened]
    assert [answer.status for answer in answers] == 5 * [202]
    assert [answer.headers["Idempotent-Replayed"] for answer in answers] == ["true"] + 4 * [None]
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
