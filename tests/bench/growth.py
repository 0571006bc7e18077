"""
growth: whether a message costs the same beside many stored ones, and with four senders instead of one: CPU of all
processes per message on the whole way.
"""

import contextlib

import nginx
from harness import TABLES, check, ratio_at_most, result, say
from whole_way import SECONDS, WARM_UP_S, run_way, start_roles

FEW, MANY = 10_000, 5_000_000
SENDERS = 4
SETTLE_S = 10  # until the senders that were just started have their partitions, and statements their plans


def store(instance, count):
    """As after a long life: all SENT, each with its attempt."""
    instance.execute("SET outbound.role = 'on'")  # as the roles do it, without what an operator's change means
    instance.execute(f"TRUNCATE {TABLES}")
    instance.execute(
        "INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient, template_code, subject, payload_json,"
        " max_attempts, correlation_id, status, attempt_count, fence, provider, provider_message_id, created_at, sent_at)"
        " SELECT gen_random_uuid(), 'default', i, 'EMAIL', 'ada.lovelace@example.com', 'order_confirmation', 'Your order', '{}',"
        f" 5, gen_random_uuid(), 'SENT', 1, 1, 'sendgrid', gen_random_uuid(), now() - interval '1 day', now() FROM generate_series(1, {count}) i")
    instance.execute(
        "INSERT INTO outbound_attempt (outbound_message_id, attempt_no, outcome, provider, http_status, started_at, finished_at)"
        " SELECT id, 1, 'SENT', 'sendgrid', 202, now(), now() FROM outbound_message")
    instance.execute("VACUUM ANALYZE outbound_message, outbound_attempt")
    instance.execute("CHECKPOINT")
    check(instance.count("outbound_message") == count, "the stored messages are not there")


def measure(instance, provider, stored, senders):
    """With roles that are started for it."""
    with contextlib.ExitStack() as stack:
        roles = start_roles(instance, stack, provider, senders)
        run_way(instance, provider, roles, SETTLE_S)
        one = run_way(instance, provider, roles, SECONDS)
    say(f"growth: {stored:,} stored messages, senders: {senders}: {one['total_us']:.0f} µs")
    return one


def line(name, reference, many, few):
    runs = [{"value": more["total_us"], "reference": less["total_us"], "foreign_load": more["foreign_load"],
             "reference_foreign_load": less["foreign_load"], "more": more, "less": less} for more, less in zip(many, few)]
    return result(name, "µs/message", reference, runs, ratio_at_most(1.2))


def run(instance, rounds):
    few = {1: [], SENDERS: []}
    with nginx.running(instance) as provider:
        say("growth: warming up")
        with contextlib.ExitStack() as stack:
            run_way(instance, provider, start_roles(instance, stack, provider), WARM_UP_S)
        for _ in range(rounds):
            for senders, measured in few.items():
                store(instance, FEW)
                measured.append(measure(instance, provider, FEW, senders))
        store(instance, MANY)  # not in turns with the others: this takes minutes
        many = [measure(instance, provider, MANY, 1) for _ in range(rounds)]
        instance.execute(f"TRUNCATE {TABLES}")
    return [line(f"growth, CPU beside {MANY:,} messages", f"beside {FEW:,}", many, few[1]),
            line(f"growth, CPU with {SENDERS} senders", "with one", few[SENDERS], few[1])]
