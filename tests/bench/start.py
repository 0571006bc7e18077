"""start: how soon a role does its work after it was started, its servers being up; and what all roles cost while nothing comes."""

import contextlib
import tempfile
import time
import urllib.error
import urllib.request

import nginx
from backlog import TOPIC, post
from harness import MESSAGE, TABLES, at_most, result, say, settle, wait_until

IDLE_S = 20
ALL = (("producer", {}), ("router", {}), ("sender", {"OUTBOUND_SENDER_CHANNEL": "email"}),
       ("sender", {"OUTBOUND_SENDER_CHANNEL": "sms"}), ("sender", {"OUTBOUND_SENDER_CHANNEL": "whatsapp"}),
       ("dlq consume", {}), ("exporter", {}))


def accepted(instance):
    asked = urllib.request.Request(instance.messages_url, MESSAGE.encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=5) as answer:
            return answer.status == 202
    except (urllib.error.URLError, OSError):
        return False


def seconds_until(instance, role, condition, **settings):
    began = time.monotonic()
    with instance.role(role, **settings) as process:
        wait_until(lambda: process.alive() and condition(), f"the {role}'s first work", 60, every=0.005)
        return time.monotonic() - began


def run_start(instance, folder, provider):
    """Of each role: an answer, a record in the sender's topic, a request at the provider."""
    instance.empty(TABLES)
    foreign = settle()
    took = {"producer": seconds_until(instance, "producer", lambda: accepted(instance))}
    with instance.role("producer") as producer:
        instance.await_producer(producer)
        routed = instance.kafka.count(TOPIC)
        post(instance, folder, 1)
        wait_until(instance.outbox_is_empty, "a record to route")
        took["router"] = seconds_until(instance, "router", lambda: instance.kafka.count(TOPIC) > routed)
    before = provider.taken()
    took["sender"] = seconds_until(instance, "sender", lambda: provider.taken() > before, SENDGRID_BASE_URL=provider.url)
    return {role: {"value": seconds, "foreign_load": foreign} for role, seconds in took.items()}


def run_idle(instance):
    """Share of one core, all roles together."""
    instance.empty(TABLES)
    with contextlib.ExitStack() as stack:
        roles = [stack.enter_context(instance.role(name, **settings)) for name, settings in ALL]
        instance.await_producer(roles[0])
        time.sleep(5)
        foreign = settle()
        began = time.monotonic()
        before = sum(role.cpu_seconds() for role in roles)
        time.sleep(IDLE_S)
        used = sum(role.cpu_seconds() for role in roles) - before
        return {"value": 100 * used / (time.monotonic() - began), "foreign_load": foreign}


def run(instance, rounds):
    measured, idle = [], []
    with tempfile.TemporaryDirectory() as folder, nginx.running(instance) as provider:
        for number in range(rounds):
            measured.append(run_start(instance, folder, provider))
            idle.append(run_idle(instance))
            say(f"start {number + 1}/{rounds}: " + ", ".join(
                f"{role} {one['value']:.2f} s" for role, one in measured[-1].items()) + f"; idle {idle[-1]['value']:.2f} %")
    return [result(f"start, {role} to its first work", "s", None, [one[role] for one in measured], at_most(2))
            for role in measured[0]] + [result("idle, CPU of all roles", "% of a core", None, idle, at_most(1))]
