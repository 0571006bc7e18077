"""Scenarios: load goes through running roles while harm is done to them, and afterwards every message is accounted for.

    @scenario("sender killed after the claim", family="processes", short=True)
    def sender_killed_after_the_claim(world):
        world.start("sandbox", "producer", "router", "sender", "dlq")
        with world.load(rate=300, seconds=5):
            ...
            world.mark_fault_over()

A scenario does harm and mends it; what has to be true in the end is the same for all (verdict.py). Its file lies in
scenarios/. It fails by an AssertionError, or by an end that is not clean.
"""

import random
import re
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from confluent_kafka import KafkaException
from server import Server
from support import environment
from support.kafka import EVENTS
from support.pipeline import CONSUMER_GROUPS, Pipeline
from support.role import Role, free_port
from support.wait import until

# As short as a user may reasonably set them: what a dead process held comes back after a lease.
SETTINGS = {
    "OUTBOUND_SENDER_TIMEOUT_MS": 2000,
    "OUTBOUND_SENDER_LEASE_MS": 5000,
    "OUTBOUND_WORKER_POLL_INTERVAL_MS": 500,
    "OUTBOUND_OUTBOX_LEASE_MS": 6000,
    "OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS": 5000,
    "OUTBOUND_RETRY_DELAYS": "500ms,1s,2s",
    "OUTBOUND_SANDBOX_LATENCY_MS": 50,
}

# What the product has without settings: leases of 30 s and 10 s, looked at every 5 s, and 5 s until the next attempt.
AS_SHIPPED = dict.fromkeys(
    (
        "OUTBOUND_SENDER_TIMEOUT_MS",
        "OUTBOUND_SENDER_LEASE_MS",
        "OUTBOUND_WORKER_POLL_INTERVAL_MS",
        "OUTBOUND_OUTBOX_LEASE_MS",
        "OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS",
        "OUTBOUND_KAFKA_SESSION_TIMEOUT_MS",
        "OUTBOUND_RETRY_DELAYS",
    )
)

FAIL_POINT = "OUTBOUND_FAIL_POINT"

REPOSITORY = environment.REPOSITORY

# A scenario that takes longer than this beside its own limit hangs.
PATIENCE_S = 180


@dataclass
class Scenario:
    name: str
    family: str
    run: Callable
    short: bool  # part of CI
    limit_s: float  # how long after the harm everything may take to be finished
    recover_s: float  # how long recovery may take
    runs: int  # with --long: how often, each time with another seed

    @property
    def slug(self):
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


scenarios = []

RECOVER_S = {"processes": 15}


def scenario(name, family, short=False, limit_s=30, recover_s=None, runs=1):
    def declare(function):
        recover = RECOVER_S.get(family, 30) if recover_s is None else recover_s
        scenarios.append(Scenario(name, family, function, short, limit_s, recover, runs))
        return function

    return declare


class World:
    """PostgreSQL and Kafka, roles by label, and the load. The database is empty, journals and deliveries are new."""

    def __init__(self, chosen, seed, folder):
        self.scenario = chosen
        self.seed = seed
        self.folder = folder
        self.random = random.Random(seed)
        self._pipeline = Pipeline(folder, **SETTINGS)
        self.db = self._pipeline.db
        self.kafka = Server("kafka")
        self.postgres = Server("postgres")
        self.roles = {}  # label -> support.role.Role, the latest of that label
        self.journals = []
        self.explained_max = 0  # duplicates that the scenario may cause
        self.unknown_max = None  # attempts that may end as UNKNOWN, if the scenario says how many
        self.fault_over_at = None  # seconds since 1970
        self.mended_at = None  # the same
        self.at_end = ExitStack()  # what the scenario has made and its roles need until they have stopped
        self._settings = {}  # label -> those that it was started with
        self._loads = []
        self.db.truncate()
        self.events_since = until(self._ends_of_events, f"{EVENTS} has its leaders again", 30)
        self.kafka_wiped = False

    def _ends_of_events(self):
        """None while Kafka, which the scenario before may have started again, cannot say."""
        try:
            return self.topics.ends(EVENTS)
        except KafkaException:
            return None

    @property
    def topics(self):
        """What is in Kafka."""
        return self._pipeline.kafka

    @property
    def sandbox(self):
        return self._pipeline.sandbox

    @property
    def deliveries(self):
        return self._pipeline.settings["OUTBOUND_SANDBOX_LOG"]

    # --- roles

    def start(self, *labels, **settings):
        """Starts roles and waits until they work. A label is a role's name, or one with something behind a hyphen.

        Of several processes of a role only the one without a suffix has the instance's ports.
        """
        roles = [self.launch(label, **settings) for label in labels]
        for role in roles:
            self._pipeline.wait_until_ready(role)
            if role.name in CONSUMER_GROUPS:
                self._pipeline.wait_until_assigned(role)
        return roles[0]

    def launch(self, label, **settings):
        """The same, without waiting."""
        name, _, suffix = label.partition("-")
        own = {"OUTBOUND_INSTANCE_ID": f"faults-{label}"} if name not in ("sandbox", "all") else {}
        if suffix:
            own["OUTBOUND_METRICS_PORT"] = 0
            if name == "producer":
                own["OUTBOUND_HTTP_PORT"] = free_port()
        self._settings[label] = {**own, **settings}
        self.roles[label] = self._pipeline.launch(name, label=label, **self._settings[label])
        return self.roles[label]

    def start_again(self, label):
        """With the same settings; the fail point alone is not set again."""
        settings = {name: value for name, value in self._settings[label].items() if name != FAIL_POINT}
        self.roles[label] = self._pipeline.launch(label.partition("-")[0], label=label, **settings)
        self._pipeline.wait_until_ready(self.roles[label])

    def start_again_if_fenced(self, *labels):
        """As a supervisor does. A static member whose session ended while it was cut off may be fenced by itself, which
        ends the process (https://github.com/confluentinc/librdkafka/issues/3437)."""

        def ended():
            return [label for label in labels if not self.roles[label].running]

        until(lambda: ended() or self.finished(), f"{labels} have ended, or all is finished", self.scenario.limit_s)
        for label in ended():
            assert self.roles[label].says("Static consumer fenced"), self.roles[label].tail()
            self.roles[label].expected_exit = {1}
            self.start_again(label)

    def running(self):
        """Labels of what runs."""
        return [label for label, role in self.roles.items() if role.running]

    def kill(self, label):
        self.roles[label].kill()
        self.expect_duplicates(label)

    def wait_until_killed(self, label, seconds=30):
        """By a fail point."""
        role = self.roles[label]
        role.expected_exit = {-signal.SIGKILL}
        until(lambda: not role.running, f"{label} comes to its fail point", seconds)
        self.expect_duplicates(label)

    def expect_duplicates(self, label):
        """What this process, a sender, has in its hands now may go out twice, and nothing else may."""
        self.explained_max += self.db.value(
            "SELECT count(*) FROM outbound_message WHERE status = 'SENDING' AND claimed_by = %s",
            self.roles[label].settings.get("OUTBOUND_INSTANCE_ID"),
        )

    @property
    def holds(self):
        """Whether what is unknown is held, so that nothing goes out twice."""
        return any(role.settings.get("OUTBOUND_EMAIL_UNKNOWN_POLICY") == "hold" for role in self.roles.values())

    def expect_all_sent(self):
        """None was given up, and none ended as unknown."""
        self.wait_until_finished()
        assert self.db.statuses().keys() == {"SENT"}, self.db.statuses()

    def unknown_attempts(self):
        """Each may have been a delivery, and so explains one duplicate."""
        return self.db.value("SELECT count(*) FROM outbound_attempt WHERE outcome = 'UNKNOWN'")

    def wait_until_stopped(self, label, seconds=30):
        role = self.roles[label]
        until(lambda: state_of(role.pid) == "T", f"{label} comes to its fail point", seconds)

    def url(self, label="producer"):
        return f"http://127.0.0.1:{self._settings[label].get('OUTBOUND_HTTP_PORT', environment.HTTP_PORT)}"

    # --- messages

    @contextmanager
    def load(self, rate=200, seconds=5, count=None, by="http", channel="email", url=None, more=()):
        """Messages come at this rate, with the block or longer: it ends when all have been asked for."""
        number = len(self._loads) + 1
        journal = self.folder / f"journal-{number}.jsonl"
        options = [f"--by={by}", f"--rate={rate}", f"--for={seconds}" if count is None else f"--count={count}"]
        options += [f"--channel={channel}", f"--name={self.scenario.slug[:24]}-{secrets.token_hex(4)}", f"--seed={self.seed}"]
        options += [f"--journal={journal}", "--json"] + ([f"--url={url}"] if url else []) + list(more)
        role = Role("load", self.folder / f"load-{number}.log", {}, options)
        self._loads.append(role)
        self.journals.append(journal)
        try:
            yield role
            assert role.wait(seconds + PATIENCE_S / 2) == 0, role.tail()
        finally:
            role.discard()

    def mark_fault_over(self):
        """Recovery is counted from here, until what was accepted before is finished."""
        self.fault_over_at = self.mended_at = time.time()

    def mark_mended(self):
        """A fault that the product had to notice harms what is accepted until it has: that has to be finished, too."""
        self.mended_at = time.time()

    def show_that_new_ones_go_through(self):
        """Unless load went on after the fault anyway."""
        if self.mended_at is None or not self.db.value(
            "SELECT EXISTS (SELECT FROM outbound_message WHERE created_at > to_timestamp(%s))", self.mended_at
        ):
            with self.load(rate=50, count=10):
                pass

    def finished(self):
        """Nothing that was accepted is unfinished or waits to be announced."""
        return self.db.value(
            "SELECT NOT EXISTS (SELECT FROM outbound_message WHERE status IN ('QUEUED', 'SENDING', 'SCHEDULED'))"
            " AND NOT EXISTS (SELECT FROM outbound_outbox)"
        )

    def wait_until_finished(self):
        """Within the scenario's limit."""
        try:
            until(self.finished, "every accepted message is finished", self.scenario.limit_s)
        except AssertionError as late:
            raise AssertionError(f"{late}; messages: {self.db.statuses()}, outbox: {self.db.outbox()}") from None

    def recovery_s(self):
        """From the end of the fault until what had been accepted was finished, with its dead letters archived, and a new
        message had gone through."""
        if self.fault_over_at is None:
            return None
        (ends,) = self.db.rows(
            "SELECT max(extract(epoch FROM coalesce(sent_at, updated_at)))"
            "         FILTER (WHERE created_at <= to_timestamp(%s))::float AS old_ones,"
            "       max((SELECT max(extract(epoch FROM l.updated_at)) FROM outbound_dead_letter l WHERE l.message_id = m.id))"
            "         FILTER (WHERE created_at <= to_timestamp(%s))::float AS letters,"
            "       min(extract(epoch FROM sent_at)) FILTER (WHERE created_at > to_timestamp(%s))::float AS new_ones"
            "  FROM outbound_message m",
            *[self.mended_at] * 3,
        )
        assert ends["new_ones"] is not None, "no message went through after the fault"
        return max(0.0, *((end or 0) - self.fault_over_at for end in ends.values()))

    # --- the end

    def stop(self):
        """Stops the roles; fails when one of them does not end as it should."""
        for role in self._pipeline.started:
            if role.running:
                role.signal(signal.SIGCONT)
        self._pipeline.stop()

    def close(self):
        """Leaves nothing behind. What fails in one step does not keep it from the others."""
        with ExitStack() as steps:
            steps.callback(self.db.close)
            for server in (self.kafka, self.postgres):
                steps.callback(server.bring_back)
            steps.callback(self.at_end.close)
            for role in (*self._loads, *self._pipeline.started):
                steps.callback(role.discard)

    def tails(self):
        return self._pipeline.tails() + [(role.log_path.name, role.tail()) for role in self._loads]


def state_of(pid):
    """The letter that the kernel has for what a process does."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[0]
