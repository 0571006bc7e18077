"""
urgent: from the request to the provider's door for urgent messages of one client, up to 50 a second, while some 1,000,000 others
wait in the sender's topic and the sender works through them as fast as it can. By PostgreSQL's clock, from the beginning of the
transaction that stored the message to that of its attempt.
"""

import contextlib
import http.client
import json
import time
import urllib.parse

import nginx
from backlog import TOPIC, pour
from harness import MESSAGE, TABLES, at_most, check, result, say, settle, wait_until
from whole_way import CLIENTS

WAITING = 1_000_000
POUR_S = 20
RATE = 50
SECONDS = 15
URGENT = json.dumps({**json.loads(MESSAGE), "priority": "urgent"})


def fill(instance):
    """Through the front door, while no sender runs."""
    before = instance.kafka.count(TOPIC)
    while instance.kafka.count(TOPIC) - before < WAITING:
        pour(instance, CLIENTS, POUR_S)
        say(f"urgent: {instance.kafka.count(TOPIC) - before:,} messages wait")
    wait_until(instance.outbox_is_empty, "the waiting messages: in Kafka", 120)


def post_urgent(instance):
    """Each at its time, or when the one before it was answered."""
    at = urllib.parse.urlsplit(instance.messages_url)
    client = http.client.HTTPConnection(at.hostname, at.port, timeout=30)
    began = time.monotonic()
    for number in range(RATE * SECONDS):
        time.sleep(max(0, began + number / RATE - time.monotonic()))
        client.request("POST", at.path, URGENT, {"Content-Type": "application/json"})
        answer = client.getresponse()
        answer.read()
        check(answer.status == 202, f"an urgent message was answered {answer.status}")
    client.close()


def run_once(instance, sender, foreign):
    first = instance.scalar("SELECT clock_timestamp()")
    post_urgent(instance)

    def sent():
        return instance.row("SELECT count(*) FROM outbound_message WHERE priority = 'urgent' AND status = 'SENT'"
                            " AND created_at > %s", (first,))[0]
    wait_until(lambda: sender.alive() and sent() == RATE * SECONDS, "the urgent messages: SENT")
    p50, p99 = instance.row(
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY took), percentile_disc(0.99) WITHIN GROUP (ORDER BY took) FROM ("
        " SELECT extract(epoch FROM a.started_at - m.created_at)::float * 1000 AS took FROM outbound_message m"
        " JOIN outbound_attempt a ON a.outbound_message_id = m.id WHERE m.priority = 'urgent' AND m.created_at > %s) urgent", (first,))
    waiting = instance.scalar("SELECT count(*) FROM outbound_message WHERE status = 'QUEUED'")
    check(waiting > WAITING / 2, "too few wait: the sender was too fast for this benchmark")
    return {"value": p99, "p50": p50, "waiting": waiting, "foreign_load": foreign}


def run(instance, rounds):
    instance.empty(TABLES)
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(nginx.running(instance))
        instance.await_producer(stack.enter_context(instance.role("producer")))
        stack.enter_context(instance.role("router"))
        fill(instance)
        foreign = settle()
        sender = stack.enter_context(instance.role("sender", SENDGRID_BASE_URL=provider.url))
        before = provider.taken()
        wait_until(lambda: provider.taken() > before, "the sender: at work")
        run_once(instance, sender, foreign)
        measured = []
        for number in range(rounds):
            measured.append(run_once(instance, sender, foreign))
            say(f"urgent {number + 1}/{rounds}: p50 {measured[-1]['p50']:.0f} ms, p99 {measured[-1]['value']:.0f} ms while "
                f"{measured[-1]['waiting']:,} others wait")
    instance.empty(TABLES)
    return [result("urgent, p99 while 1,000,000 others wait", "ms", None, measured, at_most(1000))]
