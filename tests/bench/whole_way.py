"""
way: messages from the request to the provider, everything on this machine: wrk with 256 clients, producer, router, sender,
Kafka, PostgreSQL and nginx. Beside it what PostgreSQL alone takes for the four statements that each message costs (stored with its outbox row,
outbox row deleted, claimed, finished with its attempt), in batches of 500 by one connection (bare_statements.c). It tells nobody of
what becomes of the messages: so the way is measured a second time with OUTBOUND_EVENTS=off, which is like for like.
"""

import contextlib
import json

import nginx
from backlog import all_are_sent, pour
from harness import TABLES, at_most, call, check, ratio_at_least, result, say, settle, wait_until

CLIENTS = 256
SECONDS = 10
WARM_UP_S = 40  # a broker that was just started costs several times as much
FLOOR = 40_000
ROLES = ("producer", "router", "sender")
SERVERS = ("postgres", "kafka")


def run_floor(instance, count):
    """Messages a second of PostgreSQL alone."""
    instance.empty(TABLES)
    foreign = settle()
    cpu_s = instance.server_cpu_seconds("postgres")
    done = json.loads(call([instance.bare_statements, instance.database_url, str(count)]))
    cpu_s = instance.server_cpu_seconds("postgres") - cpu_s
    check(instance.count("outbound_attempt") == done["messages"] and all_are_sent(instance), "not every message was finished")
    return {"per_second": done["messages"] / done["seconds"], "total_us": cpu_s / done["messages"] * 1e6, "statements": done,
            "foreign_load": foreign}


def run_way(instance, provider, roles, seconds):
    """From the first request to the last answer stored, and CPU per message, by process."""
    stored = instance.count("outbound_message")
    before = provider.taken()
    foreign = settle()
    began = instance.scalar("SELECT clock_timestamp()")

    def cpu():
        return {**{name: sum(role.cpu_seconds() for role in processes) for name, processes in roles.items()},
                **{name: instance.server_cpu_seconds(name) for name in SERVERS}}
    cpu_before = cpu()
    answers = pour(instance, CLIENTS, seconds)["answers"]
    wait_until(lambda: all_are_sent(instance) and instance.outbox_is_empty(), "all SENT", 120, every=0.5)
    used_s = {name: spent_s - cpu_before[name] for name, spent_s in cpu().items()}
    count = instance.count("outbound_message") - stored
    elapsed_s, = instance.row("SELECT extract(epoch FROM max(finished_at) - %s)::float FROM outbound_attempt", (began,))
    check(answers <= count <= answers + CLIENTS, f"{answers} answers, but {count} messages")
    check(provider.taken() - before == count, "nginx took other than what was posted")
    cpu_us = {name: spent_s / count * 1e6 for name, spent_s in used_s.items()}
    return {"per_second": count / elapsed_s, "messages": count, "cpu_us": cpu_us, "total_us": sum(cpu_us.values()),
            "foreign_load": foreign}


def start_roles(instance, stack, provider, senders=1, **settings):
    """By name, each a list of processes."""
    roles = {name: [stack.enter_context(instance.role(name, SENDGRID_BASE_URL=provider.url, **settings))
                    for _ in range(senders if name == "sender" else 1)] for name in ROLES}
    instance.await_producer(roles["producer"][0])
    return roles


def pairs(rounds, key):
    return [{"value": one["way"][key], "reference": one["floor"][key], "foreign_load": one["way"]["foreign_load"],
             "reference_foreign_load": one["floor"]["foreign_load"], **one} for one in rounds]


def run_rounds(instance, provider, rounds, name, **settings):
    done = []
    with contextlib.ExitStack() as stack:
        roles = start_roles(instance, stack, provider, **settings)
        say(f"{name}: warming up")
        run_way(instance, provider, roles, WARM_UP_S)
        run_floor(instance, FLOOR)
        for number in range(rounds):
            one = {"floor": run_floor(instance, FLOOR)}
            instance.empty(TABLES)
            one["way"] = run_way(instance, provider, roles, SECONDS)
            shares = ", ".join(f"{role} {cpu_us:.0f}" for role, cpu_us in one["way"]["cpu_us"].items())
            say(f"{name} {number + 1}/{rounds}: {one['way']['per_second']:,.0f}/s, {one['way']['total_us']:.0f} µs of CPU each "
                f"({shares}); PostgreSQL alone {one['floor']['per_second']:,.0f}/s, {one['floor']['total_us']:.0f} µs")
            done.append(one)
    return done


def run(instance, rounds):
    with nginx.running(instance) as provider:
        done = run_rounds(instance, provider, rounds, "way")
        silent = run_rounds(instance, provider, rounds, "way without events", OUTBOUND_EVENTS="off")
    floor = "PostgreSQL alone: the same statements, 500 at a time, one connection, no events"
    return [result("way, messages", "messages/s", floor, pairs(done, "per_second"), ratio_at_least(0.5)),
            result("way, CPU of all processes", "µs/message", floor, pairs(done, "total_us"), at_most(300)),
            result("way without status events, messages", "messages/s", floor, pairs(silent, "per_second"), ratio_at_least(0.5))]
