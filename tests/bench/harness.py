"""What every benchmark needs: the instance, the programs it starts, Kafka's offsets, the figures."""

import contextlib
import json
import operator
import os
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import confluent_kafka
import psycopg2
from confluent_kafka.admin import AdminClient, NewTopic

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = "outbound_message, outbound_attempt, outbound_outbox, outbound_event_outbox, outbound_tally, outbound_deletion"
QUIET = 0.1  # of the machine in use by others: little enough
QUIET_PATIENCE = 12  # half seconds
DIE_WITH_US = ["setpriv", "--pdeathsig", "TERM"]  # also when this script is killed outright

# What a client posts, and nearly what the sender posts to the provider.
MESSAGE = json.dumps({
    "dossierId": 4711, "channel": "EMAIL", "to": "ada.lovelace@example.com", "templateCode": "order_confirmation",
    "subject": "Your order 4711", "payloadJson": {
        "name": "Ada Lovelace", "order": "4711", "total": "129.90 EUR", "delivery": "2 to 3 working days",
        "address": "12 St James's Square, London SW1Y 4JH"}})


class Failed(Exception):
    """The benchmark could not be done, or what happened is not what it claims to measure."""


def say(text):
    print(f"· {text}", file=sys.stderr, flush=True)


def check(condition, text):
    if not condition:
        raise Failed(text)


def wait_until(condition, what, seconds=60, every=0.05):
    give_up = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < give_up, f"{what}: not within {seconds} s")
        time.sleep(every)


def busy_share(seconds):
    """How much of all cores' time is used, 0 to 1."""
    def times():
        with open("/proc/stat", encoding="ascii") as stat:
            fields = [int(field) for field in stat.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]  # all; idle, waiting for a disk
    all_before, idle_before = times()
    time.sleep(seconds)
    all_after, idle_after = times()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)


def settle():
    """
    Waits a while for other programs to leave the machine alone. Comes before each measurement, when nothing of ours
    works; returns the share of the machine that others still use.
    """
    for _ in range(QUIET_PATIENCE):
        share = busy_share(0.5)
        if share < QUIET:
            break
    return share


def setting(name):
    value = os.environ.get(name)
    check(value, f"{name} is not set: run it by ./dev bench")
    return value


def fetch(url, method="GET"):
    """The body of the answer, as text; None when nobody answers or the status is no success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, method=method), timeout=30) as response:
            return response.read().decode()
    except (urllib.error.URLError, OSError):
        return None


def request(method, url):
    """The same, parsed."""
    body = fetch(url, method)
    return None if body is None else json.loads(body or "{}")


def call(command, environment=None, patience_s=120):
    """Runs a program to its end and returns what it printed."""
    with subprocess.Popen(DIE_WITH_US + command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})},
                          start_new_session=True) as process:
        try:
            out, errors = process.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"{command[0]} does not end") from None
        finally:
            process.kill()
    check(process.returncode == 0, f"{' '.join(command)} ended with {process.returncode}:\n{out}{errors}")
    return out


def cpu_seconds(pid, with_children=False):
    """By the kernel's accounting: of a process and, if wanted, of its children, those that have ended included."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        ticks = sum(map(int, fields[11:15 if with_children else 13]))
        children = []
        if with_children:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                children = file.read().split()
    except FileNotFoundError:
        return 0  # it ended just now: its parent has it in its own figures
    return ticks / os.sysconf("SC_CLK_TCK") + sum(cpu_seconds(child) for child in children)


class Process:
    """A program that runs until stop(); what it prints goes to a log of the instance."""

    def __init__(self, name, command, environment, log):
        self.name = name
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(DIE_WITH_US + command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env={**os.environ, **environment}, start_new_session=True)

    def alive(self):
        check(self.popen.poll() is None, f"{self.name} ended with {self.popen.returncode}; see {self.log}")
        return True

    def cpu_seconds(self):
        """Of all its threads."""
        return cpu_seconds(self.popen.pid)

    def memory_mb(self):
        """Resident, the most so far."""
        with open(f"/proc/{self.popen.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024

    def send(self, number):
        self.popen.send_signal(number)

    def stop(self):
        for number, patience_s in ((signal.SIGTERM, 30), (signal.SIGKILL, 5)):
            if self.popen.poll() is None:
                self.popen.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.popen.wait(patience_s)


class Kafka:
    def __init__(self, brokers):
        self.brokers = brokers

    def _consumer(self, group):
        return confluent_kafka.Consumer({"bootstrap.servers": self.brokers, "group.id": group,
                                         "enable.auto.commit": False})

    @staticmethod
    def _read_end(consumer, partition):
        try:
            partition.offset = consumer.get_watermark_offsets(partition, timeout=10)[1]
        except confluent_kafka.KafkaException:
            return False
        return True

    @staticmethod
    def _ends(consumer, topic):
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = []
        for number in partitions:
            partition = confluent_kafka.TopicPartition(topic, number)
            # A partition of a topic that was made just now may still be without a leader.
            wait_until(lambda: Kafka._read_end(consumer, partition), f"a leader for {topic} [{number}]")
            ends.append(partition)
        return ends

    def count(self, topic):
        """Records written to a topic since it exists."""
        return sum(partition.offset for partition in self._all_ends(topic))

    def _all_ends(self, topic):
        consumer = self._consumer("bench")
        try:
            return self._ends(consumer, topic)
        finally:
            consumer.close()

    def create(self, topic, partitions):
        """Where it is not there yet."""
        admin = AdminClient({"bootstrap.servers": self.brokers})
        try:
            admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(30)
        except confluent_kafka.KafkaException as failure:
            check(failure.args[0].code() == confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS, f"{topic}: {failure}")

    def skip_to_end(self, group, topic):
        """What the topic holds now is no longer to be read by the group, which has no member."""
        self._commit(group, self._all_ends(topic))

    def _commit(self, group, offsets):
        consumer = self._consumer(group)
        try:
            consumer.commit(offsets=offsets, asynchronous=False)
        except confluent_kafka.KafkaException as failure:
            raise Failed(f"group {group}: {failure}") from None
        finally:
            consumer.close()


class Instance:
    """PostgreSQL and Kafka as ./dev has started them, and the roles that benchmarks start beside them."""

    def __init__(self):
        self.outbound = setting("OUTBOUND_BIN")
        programs = os.path.join(os.path.dirname(self.outbound), "tests/bench")
        self.bare_loop, self.bare_copy, self.bare_statements, self.decode, self.record = (
            os.path.join(programs, name) for name in ("bare_loop", "bare_copy", "bare_statements", "decode", "record"))
        self.database_url = setting("DATABASE_URL")
        self.api_url = setting("API_URL")
        self.messages_url = self.api_url + "/api/v1/outbound/messages"
        self.sandbox_url = setting("SANDBOX_URL")
        self.state = setting("STATE_DIR")
        self.logs = os.path.join(self.state, "log")
        self.kafka = Kafka(setting("KAFKA_BROKERS"))
        # A member without a fixed name leaves its group when it stops: the next one need not wait for its session.
        os.environ["OUTBOUND_INSTANCE_ID"] = "-"
        for url in (self.api_url, self.sandbox_url):
            with socket.socket() as probe:
                at = urllib.parse.urlsplit(url)
                check(probe.connect_ex((at.hostname, at.port)) != 0,
                      f"something listens on {url}: benchmarks need an instance of their own, as ./dev bench makes it")
        self.database = psycopg2.connect(self.database_url, application_name="bench")
        self.database.autocommit = True

    def execute(self, sql):
        with self.database.cursor() as cursor:
            cursor.execute(sql)

    def row(self, sql, parameters=None):
        with self.database.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchone()

    def scalar(self, sql):
        return self.row(sql)[0]

    def count(self, table):
        return self.scalar(f"SELECT count(*) FROM {table}")

    def outbox_is_empty(self):
        return not self.scalar("SELECT EXISTS (SELECT FROM outbound_outbox) OR EXISTS (SELECT FROM outbound_event_outbox)")

    def check_durability(self):
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            value = self.scalar(f"SHOW {name}")
            check(value == "on", f"{name} is {value}: nothing durable would be measured")

    def reset(self):
        """The schema and the topics of this version, no messages, no records that a role would still find."""
        call([self.outbound, "migrate"])
        call([self.outbound, "topics", "apply"])
        self.empty(TABLES)
        self.kafka.skip_to_end("outbound-router", "outbound.accepted")
        self.kafka.skip_to_end("outbound-sender-email", "outbound.send.email")

    def empty(self, tables):
        """So that each round begins with the same work behind it: no rows, nothing left to write."""
        self.execute(f"TRUNCATE {tables}")
        self.execute("CHECKPOINT")

    @contextlib.contextmanager
    def role(self, name, **settings):
        process = Process(name, [self.outbound, *name.split()], settings, os.path.join(self.logs, f"bench-{name.split()[0]}.log"))
        try:
            yield process
        finally:
            process.stop()

    def server_cpu_seconds(self, name):
        """Of a server that ./dev has started, with its processes."""
        with open(os.path.join(self.state, "run", name + ".pid"), encoding="ascii") as file:
            return cpu_seconds(int(file.read().split()[0]), with_children=True)

    def await_producer(self, producer):
        wait_until(lambda: producer.alive() and (request("GET", self.api_url + "/health") or {}).get("status") == "UP",
                   "the producer, PostgreSQL and Kafka: up")

    def await_sandbox(self, sandbox):
        wait_until(lambda: sandbox.alive() and request("GET", self.sandbox_url + "/sandbox/health"), "the sandbox: up")

    def machine(self):
        """What the figures depend on."""
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
        with open(os.path.join(HERE, "../../compose/kafka/pom.xml"), encoding="utf-8") as pom:
            kafka = re.search(r"<kafka.version>(.*)</kafka.version>", pom.read())
        return {
            "cpu": f"{os.cpu_count()} × {models[0] if models else platform.machine()}",
            "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB",
            "kernel": platform.release(),
            "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
            "PostgreSQL": self.scalar("SHOW server_version"),
            "Kafka": kafka[1],
            "libcurl": call(["curl", "--version"]).split()[1],
            "librdkafka": confluent_kafka.libversion()[0],
        }


RELATIONS = {"<=": operator.le, ">=": operator.ge}


def at_most(number):
    return ("value", "<=", number)


def at_least(number):
    return ("value", ">=", number)


def ratio_at_most(number):
    return ("ratio", "<=", number)


def ratio_at_least(number):
    return ("ratio", ">=", number)


def result(name, unit, reference, runs, goal=None):
    """
    One line of the report. `runs` hold value and reference of each round; where nothing was measured beside it,
    `reference` is None, and the goal's number stands for it. Goals are about the medians.
    """
    what, relation, number = goal or (None, None, None)
    for run in runs:
        if reference is None:
            run["reference"] = number
            run["reference_foreign_load"] = run["foreign_load"]
        run["ratio"] = run["value"] / run["reference"]
    value = statistics.median(run["value"] for run in runs)
    other = statistics.median(run["reference"] for run in runs)
    ratio = value / other
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "reference": {"name": reference or "the goal", "value": other},
        "ratio": ratio,
        "goal": goal and f"{relation} {number:,}" + (" ×" if what == "ratio" else f" {unit}"),
        "goal_met": goal and RELATIONS[relation](ratio if what == "ratio" else value, number),
        "runs": runs,
    }
