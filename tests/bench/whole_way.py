"""
way: messages from the request to the provider, everything on this machine: the load driver, producer, router, sender,
Kafka, PostgreSQL and nginx. Beside it what PostgreSQL alone takes for the four statements that a message costs at least, in
batches of 500 by one connection, without anybody who asks for them.
"""

import contextlib
import tempfile
import time
import uuid

import nginx
from backlog import all_are_sent, post
from harness import TABLES, at_most, check, ratio_at_least, result, say, settle, wait_until

MESSAGES = 40000
WARM_UP = 20000
BATCH = 500
ROLES = ("producer", "router", "sender")
SERVERS = ("postgres", "kafka")
FLOOR_TABLES = """DROP TABLE IF EXISTS bench_message, bench_attempt, bench_outbox;
CREATE TABLE bench_message (LIKE outbound_message INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING STORAGE)
  WITH (fillfactor = 80);
CREATE TABLE bench_attempt (LIKE outbound_attempt INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING STORAGE);
CREATE TABLE bench_outbox (LIKE outbound_outbox INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING STORAGE)"""
INSERT = """WITH fresh AS (
  INSERT INTO bench_message (id, org_id, dossier_id, channel, to_recipient, template_code, subject, payload_json,
                             max_attempts, correlation_id)
  SELECT id, 'default', 4711, 'EMAIL', 'ada.lovelace@example.com', 'order_confirmation', 'Your order 4711', %s, 5,
         id::text
  FROM unnest(%s::uuid[]) id RETURNING id, fence)
INSERT INTO bench_outbox (id, message_id, topic, fence, due_at)
SELECT row_number() OVER () + %s, id, 'outbound.accepted', fence, clock_timestamp() FROM fresh"""
DELETE = "DELETE FROM bench_outbox WHERE id = ANY (ARRAY(SELECT generate_series(%s + 1, %s + %s)))"
CLAIM = """UPDATE bench_message SET status = 'SENDING', fence = fence + 1, attempt_count = attempt_count + 1,
  updated_at = clock_timestamp(), lease_until = clock_timestamp() + interval '60 s'
  WHERE id = ANY (%s::uuid[]) AND fence = 0 RETURNING id, to_recipient, template_code, subject, payload_json"""
FINISH = """WITH finished AS (
  UPDATE bench_message SET status = 'SENT', provider = 'sendgrid', provider_message_id = correlation_id,
    lease_until = NULL, updated_at = now(), sent_at = now()
  WHERE id = ANY (%s::uuid[]) AND fence = 1 RETURNING id, fence, provider_message_id)
INSERT INTO bench_attempt (outbound_message_id, attempt_no, outcome, provider, provider_message_id, http_status,
                           started_at, finished_at)
SELECT id, fence, 'SENT', 'sendgrid', provider_message_id, 202, now(), now() FROM finished"""
PAYLOAD = '{"name": "Ada Lovelace", "order": "4711", "total": "129.90 EUR", "delivery": "2 to 3 working days"}'


def run_floor(instance, count):
    """Messages a second of PostgreSQL alone."""
    instance.execute(FLOOR_TABLES)
    instance.execute("CHECKPOINT")
    batches = [[str(uuid.uuid4()) for _ in range(BATCH)] for _ in range(count // BATCH)]
    foreign = settle()
    cpu_s = instance.server_cpu_seconds("postgres")
    began = time.monotonic()
    with instance.database.cursor() as cursor:
        for number, ids in enumerate(batches):
            first = number * BATCH
            cursor.execute(INSERT, (PAYLOAD, ids, first))
            cursor.execute(DELETE, (first, first, BATCH))
            cursor.execute(CLAIM, (ids,))
            cursor.execute(FINISH, (ids,))
    elapsed_s = time.monotonic() - began
    cpu_s = instance.server_cpu_seconds("postgres") - cpu_s
    check(instance.scalar("SELECT count(*) FROM bench_attempt") == count // BATCH * BATCH, "not every message was finished")
    instance.execute("DROP TABLE bench_message, bench_attempt, bench_outbox")
    return {"per_second": count / elapsed_s, "total_us": cpu_s / count * 1e6, "foreign_load": foreign}


def run_way(instance, provider, roles, folder, count):
    """From the first message stored to the last answer stored, and CPU per message, by process."""
    stored = instance.count("outbound_message")
    before = provider.taken()
    foreign = settle()
    began = instance.scalar("SELECT clock_timestamp()")

    def cpu():
        return {**{name: sum(role.cpu_seconds() for role in processes) for name, processes in roles.items()},
                **{name: instance.server_cpu_seconds(name) for name in SERVERS}}
    cpu_before = cpu()
    post(instance, folder, count)
    wait_until(lambda: provider.taken() - before >= count, "all delivered", 120, every=0.1)
    wait_until(lambda: all_are_sent(instance) and instance.outbox_is_empty(), "all SENT", 60, every=0.1)
    cpu_us = {name: (seconds - cpu_before[name]) / count * 1e6 for name, seconds in cpu().items()}
    elapsed_s, = instance.row("SELECT extract(epoch FROM max(finished_at) - %s)::float FROM outbound_attempt", (began,))
    check(instance.count("outbound_message") - stored == count, "not as many messages as were posted")
    check(provider.taken() - before == count, "nginx took other than what was posted")
    return {"per_second": count / elapsed_s, "cpu_us": cpu_us, "total_us": sum(cpu_us.values()), "foreign_load": foreign}


def start_roles(instance, stack, provider, senders=1):
    """By name, each a list of processes."""
    roles = {name: [stack.enter_context(instance.role(name, SENDGRID_BASE_URL=provider.url))
                    for _ in range(senders if name == "sender" else 1)] for name in ROLES}
    instance.await_producer(roles["producer"][0])
    return roles


def pairs(rounds, key):
    return [{"value": one["way"][key], "reference": one["floor"][key], "foreign_load": one["way"]["foreign_load"],
             "reference_foreign_load": one["floor"]["foreign_load"], **one} for one in rounds]


def run(instance, rounds):
    done = []
    with tempfile.TemporaryDirectory() as folder, nginx.running(instance) as provider, contextlib.ExitStack() as stack:
        roles = start_roles(instance, stack, provider)
        say("way: warming up")
        run_way(instance, provider, roles, folder, WARM_UP)
        run_floor(instance, WARM_UP)
        for number in range(rounds):
            instance.empty(TABLES)
            one = {"way": run_way(instance, provider, roles, folder, MESSAGES), "floor": run_floor(instance, MESSAGES)}
            shares = ", ".join(f"{name} {cpu_us:.0f}" for name, cpu_us in one["way"]["cpu_us"].items())
            say(f"way {number + 1}/{rounds}: {one['way']['per_second']:,.0f}/s, {one['way']['total_us']:.0f} µs of CPU each "
                f"({shares}); PostgreSQL alone {one['floor']['per_second']:,.0f}/s, {one['floor']['total_us']:.0f} µs")
            done.append(one)
    return [
        result("way, messages", "messages/s", "PostgreSQL alone, batches of 500", pairs(done, "per_second"),
               ratio_at_least(0.5)),
        result("way, CPU of all processes", "µs/message", "PostgreSQL alone, batches of 500", pairs(done, "total_us"),
               at_most(300)),
    ]
