"""tables: what one collection of the exporter costs PostgreSQL beside few messages and beside very many."""

import re
import statistics
import urllib.request

from harness import check, ratio_at_most, result, say, setting, wait_until

FEW, MANY = 10_000, 5_000_000
COLLECTIONS = 50
# Blocks that autovacuum reads would be counted, too.
EMPTY = """ALTER TABLE outbound_message SET (autovacuum_enabled = off), DISABLE TRIGGER tally_truncated;
TRUNCATE outbound_message, outbound_attempt, outbound_outbox, outbound_tally, outbound_deletion;
ALTER TABLE outbound_message ENABLE TRIGGER tally_truncated"""
BLOCKS = """SELECT (SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0))
  FROM pg_statio_user_tables)::int8"""


def metric(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        found = re.findall(rf"^{name}{{source=\"postgresql\".*}} (\S+)$", answer.read().decode(), re.M)
    return float(found[-1]) if found else 0.0


def fill(instance, count):
    """One in a hundred is QUEUED, the rest is SENT, as after a long life."""
    instance.execute(EMPTY)
    instance.execute(
        "INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient, template_code, payload_json,"
        " max_attempts, correlation_id, status, attempt_count)"
        " SELECT gen_random_uuid(), 'o', 1, 'EMAIL', 'a@example.com', 't', '{}', 5, 'c',"
        f" CASE WHEN i % 100 = 0 THEN 'QUEUED' ELSE 'SENT' END, 1 FROM generate_series(1, {count}) i")
    instance.execute("VACUUM ANALYZE outbound_message")
    instance.execute("CHECKPOINT")


def collections(instance):
    """Milliseconds and blocks of one; the blocks are counted when the exporter has told all its figures."""
    port = setting("OUTBOUND_METRICS_PORT")
    before = instance.scalar(BLOCKS)
    with instance.role("exporter", OUTBOUND_METRICS_UPDATE_INTERVAL_MS="100"):
        total = "outbound_exporter_collections_total"
        wait_until(lambda: instance_is_up(port), "the exporter: up")
        times = []
        while metric(port, total) < COLLECTIONS:
            times.append(metric(port, "outbound_exporter_collection_duration_seconds") * 1000)
        done = metric(port, total)
    wait_until(lambda: instance.scalar(BLOCKS) > before, "its figures")
    return statistics.median(times), (instance.scalar(BLOCKS) - before) / done


def instance_is_up(port):
    try:
        return metric(port, "outbound_exporter_collections_total") > 0
    except OSError:
        return False


def run(instance, rounds):
    instance.execute("SET outbound.role = 'on'")
    measured = []
    for count in (FEW, MANY):
        say(f"tables: {count:,} messages")
        fill(instance, count)
        check(instance.count("outbound_message") == count, "the messages are not there")
        measured.append([collections(instance) for _ in range(rounds)])
    instance.execute(EMPTY)
    instance.execute("ALTER TABLE outbound_message RESET (autovacuum_enabled)")

    def line(name, unit, part):
        runs = [{"value": many[part], "reference": few[part], "foreign_load": 0, "reference_foreign_load": 0}
                for few, many in zip(*measured)]
        return result(name, unit, f"beside {FEW:,} messages", runs, ratio_at_most(2))

    return [line(f"collection beside {MANY:,} messages", "ms", 0), line("blocks read by it", "blocks", 1)]
