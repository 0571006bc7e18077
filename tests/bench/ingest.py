"""
ingest: durable 202s a second of one `outbound producer`, beside the single-row commits a second of pgbench on the
same server with the same number of clients.

Kafka is up, so that the producer also publishes each message and deletes its outbox row while it is measured.
"""

import json
import os
import re
import socket
import tempfile
import urllib.parse

from backlog import pour
from harness import MESSAGE, TABLES, at_most, call, check, ratio_at_least, result, say, settle, wait_until

CLIENTS = (32, 80)  # PostgreSQL takes 100 connections here
IDLE_CLIENTS = 10_000
ROUND_S = 8
WARM_UP_S = 40  # until then a broker that was just started costs five times as much: its JVM still compiles
REFERENCE_WARM_UP_S = 3
TABLE = "bench_row"
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"


def run_wrk(instance, producer, clients, seconds):
    """Clients post as fast as they get their 202."""
    instance.empty(TABLES)
    foreign = settle()
    syncs = wal_syncs(instance)
    cpu_s = producer.cpu_seconds()
    counted = pour(instance, clients, seconds)
    cpu_s = producer.cpu_seconds() - cpu_s
    backlog = instance.count("outbound_outbox")
    wait_until(instance.outbox_is_empty, "outbox: empty again")
    rows = instance.count("outbound_message")
    # A request that wrk had open at its end was stored, but its answer not counted.
    check(counted["answers"] <= rows <= counted["answers"] + clients,
          f"{counted['answers']} answers, but {rows} rows")
    return {
        "value": counted["answers"] / counted["seconds"],
        "cpu_us": cpu_s / rows * 1e6,
        "p50_ms": counted["p50_ms"],
        "p99_ms": counted["p99_ms"],
        "rows": rows,
        "not_published_at_end": backlog,
        "wal_syncs": wal_syncs(instance) - syncs,
        "foreign_load": foreign,
    }


def run_pgbench(instance, script, clients, seconds):
    """As many connections, each one row and one commit at a time."""
    instance.empty(TABLE)
    foreign = settle()
    syncs = wal_syncs(instance)
    out = call([PGBENCH if os.path.exists(PGBENCH) else "pgbench", "-n", "-M", "prepared", "-c", str(clients),
                "-j", "1", "-T", str(seconds), "-f", script, instance.database_url],
               {"PGOPTIONS": "-c synchronous_commit=on"})
    transactions = int(re.search(r"actually processed: (\d+)", out)[1])
    rows = instance.count(TABLE)
    check(rows == transactions, f"pgbench counted {transactions} transactions, but there are {rows} rows")
    return {
        "reference": float(re.search(r"tps = ([\d.]+)", out)[1]),
        "reference_rows": rows,
        "reference_wal_syncs": wal_syncs(instance) - syncs,
        "reference_foreign_load": foreign,
    }


def wal_syncs(instance):
    """How often the server has written its log through to the disk."""
    return instance.scalar("SELECT wal_sync FROM pg_stat_wal")


def run_half(instance, rate):
    """Answers at that rate, which does not wait for them."""
    instance.empty(TABLES)
    foreign = settle()
    with tempfile.TemporaryDirectory() as folder:
        out = call([instance.outbound, "load", f"--rate={rate}", f"--for={ROUND_S}", "--json",
                    f"--journal={os.path.join(folder, 'journal')}", f"--url={instance.api_url}"])
    counted = json.loads(out)
    check(counted["accepted"] == counted["asked"] >= rate * ROUND_S, f"not every request got a 202: {counted}")
    wait_until(instance.outbox_is_empty, "outbox: empty again")
    return {"value": counted["p99Ms"], "rate": rate, "load": counted, "foreign_load": foreign}


def run_idle(instance, producer):
    """What so many clients that are connected and have been answered once cost in memory."""
    foreign = settle()
    before = producer.memory_mb()
    at = urllib.parse.urlsplit(instance.api_url)
    request = f"GET /health HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n".encode()
    clients = []
    try:
        for _ in range(IDLE_CLIENTS):
            clients.append(socket.create_connection((at.hostname, at.port), timeout=10))
            clients[-1].sendall(request)
            check(clients[-1].recv(16).startswith(b"HTTP/1.1 200"), "an idle client got no answer")
        memory_mb = producer.memory_mb() - before
    finally:
        for client in clients:
            client.close()
    return {"value": memory_mb, "foreign_load": foreign}


def run(instance, rounds):
    instance.check_durability()
    instance.execute(f"DROP TABLE IF EXISTS {TABLE}")
    instance.execute(f"CREATE TABLE {TABLE} (id uuid PRIMARY KEY, payload text NOT NULL)")
    runs, halves, idle = {clients: [] for clients in CLIENTS}, [], []
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        payload = MESSAGE.replace("'", "''")
        script.write(f"INSERT INTO {TABLE} (id, payload) VALUES (gen_random_uuid(), '{payload}');\n")
        script.flush()
        with instance.role("producer") as producer:
            instance.await_producer(producer)
            say(f"ingest: warming up, {WARM_UP_S} s")
            run_wrk(instance, producer, CLIENTS[0], WARM_UP_S)
            run_pgbench(instance, script.name, CLIENTS[0], REFERENCE_WARM_UP_S)
            for number in range(rounds):
                for clients in CLIENTS:
                    one = {**run_wrk(instance, producer, clients, ROUND_S), **run_pgbench(instance, script.name, clients, ROUND_S)}
                    say(f"ingest {number + 1}/{rounds}, {clients} clients: {one['value']:,.0f} 202s/s (p99 {one['p99_ms']:.1f} ms), "
                        f"pgbench {one['reference']:,.0f} commits/s")
                    check(one["wal_syncs"] > 0 and one["reference_wal_syncs"] > 0, "nothing was written through to the disk")
                    runs[clients].append(one)
                halves.append(run_half(instance, int(runs[CLIENTS[0]][-1]["reference"] / 2)))
                say(f"ingest {number + 1}/{rounds}: at half of pgbench's rate p99 {halves[-1]['value']:.1f} ms")
            producer.alive()
        for number in range(rounds):
            with instance.role("producer") as producer:
                instance.await_producer(producer)
                idle.append(run_idle(instance, producer))
                say(f"ingest {number + 1}/{rounds}: {IDLE_CLIENTS:,} idle connections cost {idle[-1]['value']:.1f} MB")
    instance.execute(f"DROP TABLE {TABLE}")
    return [result(f"ingest, {clients} clients", "202s/s", "pgbench, single-row commits/s", runs[clients], ratio_at_least(1.25))
            for clients in CLIENTS] + [
            result("ingest, p99 at half of pgbench's rate", "ms", None, halves, at_most(25)),
            result(f"ingest, memory of {IDLE_CLIENTS:,} idle connections", "MB", None, idle, at_most(64))]
