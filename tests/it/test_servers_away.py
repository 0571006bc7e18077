"""PostgreSQL or Kafka goes away: nothing is accepted that is not durable, nothing that is durable is lost."""

import pytest

from support import environment, events
from support.api import Api, Crowd, message, unique
from support.command import dev
from support.wait import until

MESSAGES = 2000


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    """Slow enough that much is on its way when a server stops, and quick to try again."""
    return module_pipeline(
        "sandbox",
        "producer",
        "router",
        "sender",
        OUTBOUND_SANDBOX_LATENCY_MS=10,
        OUTBOUND_SENDER_MAX_IN_FLIGHT=8,
        OUTBOUND_SENDER_TIMEOUT_MS=2000,
        OUTBOUND_SENDER_LEASE_MS=5000,
        OUTBOUND_OUTBOX_LEASE_MS=6000,
        OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS=5000,
        OUTBOUND_KAFKA_SESSION_TIMEOUT_MS=30000,
    )


@pytest.fixture(autouse=True)
def servers_run_again():
    yield
    dev("up", "postgres", "kafka")


def is_unavailable(answer):
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    return True


def test_without_postgresql_nothing_is_accepted(pipeline):
    api = pipeline.api
    known = api.accept()
    pipeline.wait_for(known, "SENT")
    key, body = unique("key"), message()
    dev("down", "postgres")

    assert is_unavailable(api.post(body, headers={"Idempotency-Key": key}))
    assert all(is_unavailable(api.post(message())) for _ in range(20))
    assert is_unavailable(api.get(f"/api/v1/outbound/messages/{known}"))
    for path in ("/health", "/health/ready", "/health/db"):
        answer = api.get(path)
        assert (answer.status_code, answer.json()["status"]) == (503, "DOWN")
        assert answer.json()["services"]["database"]["status"] == "DOWN"
    assert api.get("/health/live").status_code == 200
    assert api.get("/metrics").status_code == 200
    assert api.post(message(to="nobody")).status_code == 400, "what can be said without a database is said"

    dev("up", "postgres")
    until(api.ready, "the producer has found the database again")
    message_id = until(lambda: api.post(body, headers={"Idempotency-Key": key}).json().get("id"), "it accepts again")
    pipeline.wait_for(message_id, "SENT")
    assert pipeline.db.value("SELECT count(*) FROM outbound_message WHERE idempotency_key = %s", key) == 1
    assert all(role.running for role in pipeline.started)


def test_without_kafka_messages_are_accepted_and_wait(pipeline):
    api = pipeline.api
    since = pipeline.kafka.ends(events.TOPIC)
    dev("down", "kafka")
    until(lambda: api.health() == "DEGRADED", "the producer has noticed")
    ids = [api.accept() for _ in range(50)]
    health = api.get("/health")
    assert (health.status_code, health.json()["services"]["kafka"]["status"]) == (200, "DOWN")
    assert api.get("/health/ready").status_code == 200
    assert {api.state(message_id)["status"] for message_id in ids} == {"QUEUED"}

    dev("up", "kafka")
    for message_id in ids:
        pipeline.wait_for(message_id, "SENT")
    until(lambda: api.health() == "UP", "the producer is content again")
    assert all(len(pipeline.sandbox.deliveries(message_id)) == 1 for message_id in ids)
    for message_id in ids:
        events.wait_for(pipeline, since, message_id, ["SENDING", "SENT"])
    assert all(role.running for role in pipeline.started)


@pytest.mark.parametrize("server", ["kafka", "postgres"])
def test_a_restart_under_load_loses_nothing(pipeline, server):
    until(lambda: pipeline.api.health() == "UP", "all is well before")
    before, sent_before = pipeline.db.count(), set(pipeline.sandbox.counts())
    crowd = Crowd([message() for _ in range(MESSAGES)], callers=2, up_to=MESSAGES // 2).start()
    until(lambda: crowd.accepted > MESSAGES // 5, "a part is accepted")
    assert pipeline.db.unfinished() > 0 and crowd.busy

    dev("down", server)
    crowd.allow(MESSAGES * 3 // 4)
    if server == "kafka":
        until(lambda: not crowd.busy, "a part is accepted without Kafka")
    else:
        until(lambda: crowd.answers.get(503), "callers are told to come again")
    dev("up", server)
    assert pipeline.db.unfinished() > 0, f"{server} was away when all was done"

    ids = crowd.join()
    pipeline.wait_until_finished(before + MESSAGES)
    assert len(set(ids)) == MESSAGES
    assert pipeline.db.count() == before + MESSAGES
    if server == "kafka":
        assert set(crowd.answers) == {202}, "Kafka's absence is no business of a caller"
    pipeline.assert_no_unexplained_duplicate(sent_before | set(ids))
    assert all(role.running for role in pipeline.started)


def test_a_statement_that_could_not_be_prepared_is_tried_again(new_pipeline):
    """Not on a new connection only: the one that had the trouble goes on."""
    pipeline = new_pipeline("producer", OUTBOUND_HTTP_PORT=environment.HTTP_PORT + 1)
    api = Api(environment.HTTP_PORT + 1)
    pipeline.db.execute("ALTER TABLE outbound_outbox RENAME TO outbound_elsewhere")
    try:
        assert is_unavailable(api.post(message()))
    finally:
        pipeline.db.execute("ALTER TABLE outbound_elsewhere RENAME TO outbound_outbox")
    connected = "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity WHERE application_name = 'outbound producer ingest'"
    before = pipeline.db.value(connected)
    assert api.post(message()).status_code == 202
    assert pipeline.db.value(connected) == before
