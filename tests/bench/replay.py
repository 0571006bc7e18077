"""replay: how many dead letters a second `outbound dlq replay` sends again: until their records are in Kafka."""

import time

from harness import TABLES, at_least, call, check, result, say, settle, wait_until

LETTERS = 50_000


def fill(instance):
    """Messages that were given up, each with its letter."""
    instance.execute("SET outbound.role = 'on'")  # as the roles do it, without what an operator's change means
    instance.empty(TABLES + ", outbound_dead_letter")
    instance.execute(
        "INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient, template_code, subject, payload_json,"
        " max_attempts, correlation_id, status, attempt_count, fence, error_code) SELECT gen_random_uuid(), 'default', i,"
        " 'EMAIL', 'ada.lovelace@example.com', 'order_confirmation', 'Your order', '{}', 5, gen_random_uuid(), 'FAILED', 5,"
        f" 5, 'PROVIDER_ERROR' FROM generate_series(1, {LETTERS}) i")
    instance.execute(
        "INSERT INTO outbound_dead_letter (dlq_topic, dlq_partition, dlq_offset, written_at, message_id, fence, org_id,"
        " channel, error_code, reason, attempts, failed_by, failed_at, original_topic) SELECT 'outbound.dlq', 0, dossier_id,"
        " now(), id, fence, org_id, channel, error_code, 'bench', 5, 'sender', now(), 'outbound.send.email'"
        " FROM outbound_message")
    instance.execute("VACUUM ANALYZE outbound_message, outbound_dead_letter")
    instance.execute("CHECKPOINT")


def run_once(instance):
    fill(instance)
    foreign = settle()
    began = time.monotonic()
    call([instance.outbound, "dlq", "replay"])
    commanded_s = time.monotonic() - began
    wait_until(instance.outbox_is_empty, "the replayed messages: announced", 120)
    elapsed_s = time.monotonic() - began
    queued = instance.scalar("SELECT count(*) FROM outbound_message WHERE status = 'QUEUED'")
    check(queued == LETTERS, f"{queued} of {LETTERS} messages are QUEUED again")
    return {"value": LETTERS / elapsed_s, "command_seconds": commanded_s, "foreign_load": foreign}


def run(instance, rounds):
    measured = []
    with instance.role("producer") as producer:
        instance.await_producer(producer)
        for number in range(rounds):
            measured.append(run_once(instance))
            say(f"replay {number + 1}/{rounds}: {measured[-1]['value']:,.0f}/s, the command took "
                f"{measured[-1]['command_seconds']:.1f} s")
    instance.empty(TABLES + ", outbound_dead_letter")
    return [result("replay, letters", "letters/s", None, measured, at_least(5000))]
