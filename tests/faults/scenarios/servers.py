"""PostgreSQL and Kafka go away, come back, are full, are slow."""

import contextlib
import os
import signal
import time

import psycopg2
from harness import AS_SHIPPED, scenario
from small_disk import SmallDisk
from support import environment
from support.wait import until

ALL = ("sandbox", "producer", "router", "sender", "dlq")
IN_FLIGHT = 40
SETTINGS = {
    "OUTBOUND_DATABASE_TIMEOUT_MS": 2000,
    "OUTBOUND_SENDER_MAX_IN_FLIGHT": IN_FLIGHT,
    "OUTBOUND_MAX_ATTEMPTS": 50,
}

BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'outbound %'"


@contextlib.contextmanager
def harm(world, seconds=4, **settings):
    """Load before, during and for `seconds` after the block, which is the harm."""
    world.start(*ALL, **{**SETTINGS, **settings})
    with world.load(rate=150, seconds=60) as load:
        time.sleep(2)
        yield
        world.mark_fault_over()
        time.sleep(seconds)
        load.signal(signal.SIGTERM)
    world.start_again_if_fenced("router", "sender", "dlq")


# --- away


@scenario("Kafka restarted", family="servers")
def kafka_restarted(world):
    with harm(world):
        world.kafka.restart()


@scenario("Kafka killed", family="servers", short=True)
def kafka_killed(world):
    with harm(world):
        world.kafka.kill()
        world.kafka.start()


@scenario("Kafka away for 20 s, default settings", family="servers", limit_s=60)
def kafka_away(world):
    """Longer than a record is tried and than its outbox row is leased."""
    with harm(world, **AS_SHIPPED):
        world.kafka.kill()
        time.sleep(20)
        world.kafka.start()


@scenario("Kafka frozen for longer than sessions last", family="servers")
def kafka_frozen(world):
    with harm(world):
        world.kafka.freeze()
        time.sleep(8)
        world.kafka.thaw()


@scenario("PostgreSQL restarted", family="servers")
def postgres_restarted(world):
    with harm(world):
        world.postgres.restart()


@scenario("PostgreSQL stopped without a checkpoint", family="servers")
def postgres_stopped_at_once(world):
    with harm(world):
        os.kill(world.postgres.pid, signal.SIGQUIT)
        until(lambda: not world.postgres.running, "PostgreSQL is gone", 30)
        world.postgres.start()


@scenario("PostgreSQL killed", family="servers", short=True)
def postgres_killed(world):
    with harm(world):
        world.postgres.kill()
        world.postgres.start()


@scenario("a backend of PostgreSQL killed", family="servers")
def backend_killed(world):
    """All others go, too: the server no longer trusts its shared memory."""
    with harm(world):
        os.kill(world.db.rows(BACKENDS)[0]["pid"], signal.SIGKILL)


@scenario("PostgreSQL and Kafka killed together", family="servers")
def both_killed(world):
    with harm(world):
        world.kafka.kill()
        world.postgres.kill()
        world.postgres.start()
        world.kafka.start()


# --- there, but of little help


@scenario("PostgreSQL frozen for longer than a lease", family="servers")
def postgres_frozen(world):
    world.explained_max = IN_FLIGHT  # answers that could not be stored in time
    with harm(world):
        world.postgres.freeze()
        time.sleep(7)
        world.postgres.thaw()


@scenario("backends of PostgreSQL stopped and continued", family="servers")
def backends_slow(world):
    with harm(world):
        for _ in range(8):
            pids = [row["pid"] for row in world.db.rows(BACKENDS)]
            chosen = world.random.sample(pids, len(pids) // 2)
            signal_all(chosen, signal.SIGSTOP)
            time.sleep(world.random.uniform(0.2, 0.8))
            signal_all(chosen, signal.SIGCONT)


def signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@scenario("no connection to PostgreSQL left", family="servers", short=True)
def no_connection_left(world):
    """Others hold all of them, and what the roles had is ended."""
    with harm(world):
        with all_connections(world):
            time.sleep(3)


@contextlib.contextmanager
def all_connections(world):
    held = []

    def take():
        try:
            while True:
                held.append(psycopg2.connect(environment.DATABASE_URL))
        except psycopg2.OperationalError as refused:
            assert "connection slots" in str(refused) or "too many clients" in str(refused), refused

    try:
        world.db.execute(f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS}) AS roles")
        give_up = time.monotonic() + 10
        while True:
            take()
            left = world.db.rows(BACKENDS)
            if not left:
                break
            assert time.monotonic() < give_up, "the roles keep some of their connections"
            world.db.execute(f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS}) AS roles")
        yield
    finally:
        for connection in held:
            connection.close()


# --- full


@scenario("PostgreSQL's disk full", family="servers")
def postgres_full(world):
    """Whatever needs room for rows fails."""
    disk = SmallDisk(world, world.postgres, spare_mb=64)
    with harm(world):
        disk.fill()
        time.sleep(6)
        disk.free()


MUCH = "INSERT INTO much SELECT repeat(md5(number::text), 60) FROM generate_series(1, 40000) AS number"
LOG_MAX_MB = 512


@scenario("the disk of PostgreSQL's log full", family="servers")
def postgres_log_full(world):
    """The server crashes, and again when it recovers, until there is room."""
    log = environment.STATE / "log" / "postgres.log"
    panics = log.read_text().count("PANIC: ")
    disk = SmallDisk(world, world.postgres, spare_mb=16, part="pg_wal")
    with harm(world):
        disk.fill()
        with contextlib.suppress(psycopg2.OperationalError):
            world.db.execute("DROP TABLE IF EXISTS much; CREATE TABLE much (words text)")
            for _ in range(0, LOG_MAX_MB, 75):  # what the server has set aside for its log is used first
                world.db.execute(MUCH)
        until(lambda: log.read_text().count("PANIC: ") > panics, "PostgreSQL has crashed", 30)
        time.sleep(3)
        disk.free()
        world.postgres.start()
    world.db.execute("DROP TABLE IF EXISTS much")


@scenario("Kafka's disk full", family="servers")
def kafka_full(world):
    """Kafka ends when it cannot write."""
    disk = SmallDisk(world, world.kafka, spare_mb=64)
    with harm(world):
        disk.fill()
        until(lambda: not world.kafka.running, "Kafka has ended", 30)
        disk.free()
        world.kafka.start()
