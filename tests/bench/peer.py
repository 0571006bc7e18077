"""The peer: what one would write instead of a sender, with Confluent's Parallel Consumer. See peer/Peer.java."""

import contextlib
import os
import signal
import urllib.parse

import confluent_kafka

from harness import HERE, Process, call, check, setting, settle, wait_until

TOPIC = "bench.peer"
PARTITIONS = 12
CONCURRENCY = 128
CONNECTIONS = 32
# As ours, without what ours needs for more than this: no triggers.
TABLES = """DROP TABLE IF EXISTS bench_message, bench_attempt;
CREATE TABLE bench_message (LIKE outbound_message INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING STORAGE, body text NOT NULL)
  WITH (fillfactor = 80);
CREATE TABLE bench_attempt (message_id uuid, attempt_no integer, outcome text NOT NULL, provider_message_id text,
  http_status integer, started_at timestamptz NOT NULL, finished_at timestamptz NOT NULL,
  PRIMARY KEY (message_id, attempt_no))"""


def classes():
    """The compiled program and what it needs, as a class path."""
    jars = setting("BENCH_PEER_JARS")
    folder = os.path.join(setting("STATE_DIR"), "peer")
    os.makedirs(folder, exist_ok=True)
    call(["javac", "-cp", f"{jars}/*", "-d", folder, os.path.join(HERE, "peer/Peer.java")])
    return f"{folder}:{jars}/*"


def jdbc(url):
    at = urllib.parse.urlsplit(url)
    return f"jdbc:postgresql://{at.hostname}:{at.port}{at.path}?user={at.username}&password={at.password}"


def fill(instance, body, count):
    """Messages in the tables, and a record of each in the topic."""
    instance.execute("TRUNCATE bench_message, bench_attempt")
    with instance.database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_message (id, org_id, dossier_id, channel, to_recipient, template_code, payload_json,"
            " max_attempts, correlation_id, body) SELECT gen_random_uuid(), 'default', 4711, 'EMAIL',"
            " 'ada.lovelace@example.com', 'order_confirmation', '{}', 5, gen_random_uuid(), %s"
            " FROM generate_series(1, %s) RETURNING id", (body, count))
        ids = [row[0] for row in cursor]
    producer = confluent_kafka.Producer({"bootstrap.servers": instance.kafka.brokers, "linger.ms": 20})
    for number, message in enumerate(ids):
        producer.produce(TOPIC, message.encode())
        if number % 10000 == 0:
            producer.poll(0)
    check(producer.flush(60) == 0, "the peer's records could not be written")
    instance.execute("VACUUM ANALYZE bench_message")
    instance.execute("CHECKPOINT")


def all_are_sent(instance):
    return not instance.scalar("SELECT EXISTS (SELECT FROM bench_message WHERE status <> 'SENT')")


@contextlib.contextmanager
def running(instance, provider):
    """The program, at first without anything to do."""
    instance.execute(TABLES)
    instance.kafka.create(TOPIC, PARTITIONS)
    process = Process("peer", ["java", "-cp", classes(), "Peer", instance.kafka.brokers, TOPIC, jdbc(instance.database_url),
                               provider + "/v3/mail/send", str(CONCURRENCY), str(CONNECTIONS)], {},
                      os.path.join(instance.logs, "bench-peer.log"))
    try:
        yield process
    finally:
        process.stop()
        instance.execute("DROP TABLE bench_message, bench_attempt")


def run(instance, process, nginx, body, count):
    """One round: as many messages as that, from the first claim to the last stored answer."""
    process.send(signal.SIGSTOP)  # like ours it finds all of them there when it begins
    fill(instance, body, count)
    foreign = settle()
    before = nginx.taken()
    cpu_s = process.cpu_seconds()
    process.send(signal.SIGCONT)
    wait_until(lambda: process.alive() and all_are_sent(instance), "the peer: all SENT", 300, every=0.1)
    attempts, elapsed_s = instance.row("SELECT count(*), extract(epoch FROM max(finished_at) - min(started_at))::float"
                                       " FROM bench_attempt WHERE outcome = 'SENT'")
    check(attempts == count and nginx.taken() - before == count, f"{count} messages of the peer, {attempts} attempts")
    return {"per_second": count / elapsed_s, "cpu_us": (process.cpu_seconds() - cpu_s) / count * 1e6,
            "memory_mb": process.memory_mb(), "foreign_load": foreign}
