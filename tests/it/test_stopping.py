"""SIGTERM: what is in hand is finished, the rest is left to whoever comes next, and the exit code is 0."""

import signal
import socket
import time

import pytest

from support import environment
from support.api import Crowd, message, post_many, unique
from support.command import dev
from support.role import children_of, process_exists
from support.wait import until

MESSAGES = 600
LEFT_AT_ONCE = 128 + signal.SIGTERM
LATER_S = 0.7  # within half a second a signal counts as the same one, from the terminal and from the supervisor

# For a role that is cut short. It cannot leave its groups, and without a name it would keep its partitions from the
# next test until its session is over.
NAMED = {"OUTBOUND_INSTANCE_ID": "it-cut-short"}


@pytest.fixture
def pipeline(new_pipeline):
    """A sender that needs a few seconds for all messages."""
    return new_pipeline(
        "sandbox",
        OUTBOUND_SANDBOX_LATENCY_MS=120,
        OUTBOUND_SENDER_MAX_IN_FLIGHT=16,
        OUTBOUND_SENDER_TIMEOUT_MS=5000,
    )


def under_load(pipeline):
    """Callers are posting, and messages are at every place."""
    crowd = Crowd([message() for _ in range(MESSAGES)], callers=2, up_to=MESSAGES // 2).start()
    until(lambda: crowd.accepted > MESSAGES // 10 and pipeline.db.count("SENDING") > 0, "messages are on their way")
    return crowd


def finish(pipeline, crowd):
    ids = crowd.join()
    assert len(set(ids)) == MESSAGES
    pipeline.wait_until_finished(MESSAGES)
    pipeline.kafka.wait_until_all_committed()
    return ids


@pytest.mark.parametrize("name", ["producer", "router", "sender"])
def test_a_role_that_stops_loses_and_doubles_nothing(pipeline, name):
    pipeline.start_all("producer", "router", "sender")
    crowd = under_load(pipeline)
    assert pipeline.role(name).terminate() == 0
    assert pipeline.db.unfinished() > 0, f"{name} stopped when all was done"
    if name == "sender":
        assert pipeline.db.count("SENDING") == 0, "requests in hand were not finished"
    pipeline.start(name)
    pipeline.assert_each_sent_once(finish(pipeline, crowd))


def test_a_provider_that_stops_under_load(pipeline):
    """Its open requests are answered; those that find nobody are tried again."""
    pipeline.start_all("producer", "router", "sender")
    crowd = under_load(pipeline)
    assert pipeline.role("sandbox").terminate() == 0
    pipeline.start("sandbox")
    pipeline.assert_no_unexplained_duplicate(finish(pipeline, crowd))


def test_a_producer_that_stops_answers_what_it_has_taken(pipeline):
    """No 202 is lost on its way out: what was stored was answered, and the other way round."""
    pipeline.start_all("producer", "router", "sender")
    crowd = Crowd([message() for _ in range(MESSAGES)], callers=16).start()
    until(lambda: crowd.accepted > MESSAGES // 10, "callers are at work")
    assert pipeline.role("producer").terminate() == 0
    assert pipeline.db.count() == crowd.accepted
    pipeline.start("producer")
    finish(pipeline, crowd)


@pytest.mark.parametrize("name", ["producer", "router", "sender", "sandbox", "all"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_role_stops_at_once(pipeline, name, number):
    role = pipeline.role("sandbox") if name == "sandbox" else pipeline.start(name)
    began = time.monotonic()
    role.signal(number)
    assert role.wait() == 0
    assert time.monotonic() - began < 5 * environment.AT_ONCE_S


def test_a_sender_waits_for_the_provider_to_answer(pipeline):
    pipeline.start_all("producer", "router", "sender")
    who = unique("slow")
    pipeline.sandbox.fault("delay", match=who, delayMs=1500)
    message_id = pipeline.api.accept(message(to=f"{who}@example.com"))
    until(lambda: pipeline.sandbox.deliveries(message_id), "the request is at the provider")
    assert pipeline.role("sender").terminate() == 0
    assert pipeline.api.state(message_id)["status"] == "SENT"


def test_a_second_signal_ends_at_once(pipeline):
    pipeline.start_all("producer", "router")
    sender = pipeline.start("sender", **NAMED)
    pipeline.sandbox.fault("hang")
    message_id = pipeline.api.accept()
    until(lambda: pipeline.sandbox.deliveries(message_id), "the request is at the provider")
    sender.signal(signal.SIGTERM)
    sender.wait_until_says("finishing what is in hand")
    assert sender.running, "it does not wait for the provider"
    sender.expected_exit = {LEFT_AT_ONCE}
    time.sleep(LATER_S)
    began = time.monotonic()
    sender.signal(signal.SIGTERM)
    assert sender.wait() == LEFT_AT_ONCE
    assert time.monotonic() - began < environment.AT_ONCE_S


def test_a_stop_has_an_end(pipeline):
    """What is not finished within OUTBOUND_STOP_TIMEOUT_MS is left to its lease, and the exit code says so."""
    pipeline.start_all("producer", "router")
    sender = pipeline.start("sender", OUTBOUND_STOP_TIMEOUT_MS=500, **NAMED)
    pipeline.sandbox.fault("hang")
    message_id = pipeline.api.accept()
    until(lambda: pipeline.sandbox.deliveries(message_id), "the request is at the provider")
    sender.expected_exit = {1}
    assert sender.terminate() == 1
    assert sender.says("not finished within 500 ms")


def test_roles_stop_without_their_servers(pipeline):
    """Nobody answers on these ports."""
    away = {"DATABASE_URL": "postgresql://outbound@127.0.0.1:1/outbound", "KAFKA_BROKERS": "127.0.0.1:1"}
    pipeline.launch("producer", **away).wait_until_says("listening")
    pipeline.launch("router", **away).wait_until_says("routing")
    pipeline.launch("sender", **away).wait_until_says("sending email")
    for name in ("producer", "router", "sender"):
        assert pipeline.role(name).terminate() == 0


def test_roles_stop_while_kafka_is_away(pipeline):
    """Their offsets cannot be committed: that is tried for two seconds for each consumer, and no longer."""
    pipeline.start_all("producer", "router", "sender")
    pipeline.wait_for(pipeline.api.accept(), "SENT")
    dev("down", "kafka")
    try:
        for name, consumers in (("router", 2), ("sender", 2)):
            began = time.monotonic()
            assert pipeline.role(name).terminate() == 0
            assert time.monotonic() - began < 2 * consumers + 3
    finally:
        dev("up", "kafka")


def test_all_stops_its_children(pipeline):
    supervisor = pipeline.start("all")
    crowd = under_load(pipeline)
    children = children_of(supervisor.pid)
    assert set(children) == {"producer", "router", "dlq", "exporter", "sender"}
    assert supervisor.terminate() == 0
    assert not any(process_exists(pid) for pid in children.values())
    assert pipeline.db.unfinished() > 0, "it stopped when all was done"
    pipeline.start("all")
    pipeline.assert_each_sent_once(finish(pipeline, crowd))


def test_children_do_not_outlive_all(pipeline):
    supervisor = pipeline.start("all")
    children = children_of(supervisor.pid)
    crowd = under_load(pipeline)
    supervisor.kill()
    until(lambda: not any(process_exists(pid) for pid in children.values()), "its children are gone", seconds=30)
    pipeline.start("all")
    pipeline.assert_each_sent_once(finish(pipeline, crowd))


def test_a_second_signal_ends_all_at_once(pipeline):
    supervisor = pipeline.start("all", **NAMED)
    children = children_of(supervisor.pid)
    pipeline.sandbox.fault("hang")
    message_id = pipeline.api.accept()
    until(lambda: pipeline.sandbox.deliveries(message_id), "the request is at the provider")
    supervisor.signal(signal.SIGTERM)
    until(lambda: supervisor.says("finishing what is in hand", times=4), "all of them are stopping")
    time.sleep(LATER_S)
    began = time.monotonic()
    supervisor.expected_exit = {LEFT_AT_ONCE}
    supervisor.signal(signal.SIGTERM)
    assert supervisor.wait() == LEFT_AT_ONCE
    assert time.monotonic() - began < environment.AT_ONCE_S
    until(lambda: not any(process_exists(pid) for pid in children.values()), "its children are gone", seconds=30)


@pytest.mark.parametrize("name", ["producer", "router", "sender"])
def test_a_child_that_dies_is_started_again(pipeline, name):
    supervisor = pipeline.start("all", **NAMED)
    before = children_of(supervisor.pid)
    pipeline.kill_child(supervisor, before[name])
    until(lambda: name in children_of(supervisor.pid), f"{name} runs again")
    until(pipeline.api.ready, "the API answers")
    pipeline.wait_for(pipeline.api.accept(), "SENT")
    after = children_of(supervisor.pid)
    assert after[name] != before[name]
    assert {other: pid for other, pid in after.items() if other != name} == {
        other: pid for other, pid in before.items() if other != name
    }


def test_a_child_that_cannot_start_is_tried_again_ever_more_slowly(pipeline):
    with socket.create_server(("127.0.0.1", environment.HTTP_PORT)):
        supervisor = pipeline.launch("all")
        for pause_ms in (100, 200, 400):
            supervisor.wait_until_says(f"starting it again in {pause_ms} ms")
    pipeline.wait_until_ready(supervisor)
    pipeline.wait_for(pipeline.api.accept(), "SENT")


def test_nothing_is_taken_while_the_worker_is_disabled(pipeline):
    pipeline.start_all("producer", "router")
    idle = pipeline.start("sender", OUTBOUND_WORKER_ENABLED="false")
    ids = post_many([message() for _ in range(20)])
    pipeline.kafka.wait_until_all_committed(["outbound-router"])
    assert pipeline.db.statuses() == {"QUEUED": 20}
    assert idle.terminate() == 0
    assert pipeline.db.statuses() == {"QUEUED": 20}
    pipeline.start("sender")
    pipeline.wait_until_finished(20)
    pipeline.assert_each_sent_once(ids)
