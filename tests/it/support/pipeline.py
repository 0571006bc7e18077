"""Roles that run together, and the conditions that a message on its way through them has to meet in the end."""

import os
import pathlib
import signal
from collections import Counter

from support.api import Api
from support.database import Database
from support.kafka import Kafka
from support.role import Role, children_of
from support.sandbox import Sandbox
from support.wait import until

# By what a role shows that it works. Its signal handlers are installed by then.
READY_LINES = {"router": "routing", "sender": "sending ", "dlq": "taking dead letters", "exporter": "exporting"}

# Words that a role needs beside its name.
WORDS = {"dlq": ("consume",)}

# How many groups a role is a member of.
CONSUMER_GROUPS = {"router": 3, "sender": 2, "dlq": 1}

FINAL = {"SENT", "FAILED", "UNKNOWN", "EXPIRED", "CANCELLED"}


class Pipeline:
    def __init__(self, folder, **settings):
        self.folder = pathlib.Path(folder)
        self.settings = {"OUTBOUND_SANDBOX_LOG": self.folder / "deliveries.jsonl", **settings}
        self.api = Api()
        self.db = Database()
        self.kafka = Kafka()
        self.sandbox = Sandbox(self.settings["OUTBOUND_SANDBOX_LOG"])
        self.started = []  # every process there was, in order

    # --- processes

    def launch(self, name, *arguments, label=None, **settings):
        """Starts a role and does not wait for it."""
        label = label or name
        again = sum(1 for role in self.started if role.label == label)
        log = self.folder / (f"{label}-{again + 1}.log" if again else f"{label}.log")
        role = Role(name, log, {**self.settings, **settings}, (*WORDS.get(name, ()), *arguments))
        role.label = label
        self.started.append(role)
        return role

    def start(self, name, *arguments, label=None, **settings):
        """Starts a role and returns it when it works."""
        role = self.launch(name, *arguments, label=label, **settings)
        self.wait_until_ready(role)
        return role

    def start_all(self, *names):
        roles = [self.launch(name) for name in names]
        for role in roles:
            self.wait_until_ready(role)
        return self

    def wait_until_ready(self, role):
        if role.name == "sandbox":
            self._until_alive(role, self.sandbox.healthy)
        elif role.name == "all":
            self._until_alive(role, self.api.ready)
            for line in READY_LINES.values():
                role.wait_until_says(line)
        elif role.name == "producer":
            api = Api(role.settings.get("OUTBOUND_HTTP_PORT"))
            self._until_alive(role, api.ready)
        else:
            role.wait_until_says(READY_LINES[role.name])

    def wait_until_assigned(self, role):
        role.wait_until_says("partitions assigned: ", times=CONSUMER_GROUPS[role.name])

    @staticmethod
    def _until_alive(role, condition):
        def alive_and_true():
            if not role.running:
                raise AssertionError(f"{role.name} ended with {role.process.returncode}:\n{role.tail()}")
            return condition()

        until(alive_and_true, f"{role.name} is ready")

    def role(self, label):
        """The running process of that name."""
        return next(role for role in reversed(self.started) if role.label == label and role.running)

    @staticmethod
    def kill_child(supervisor, pid):
        """Ends a process that a supervisor of ours has started."""
        assert pid in children_of(supervisor.pid).values()
        os.kill(pid, signal.SIGKILL)
        until(lambda: pid not in children_of(supervisor.pid).values(), f"process {pid} is gone")

    def stop(self):
        """Stops what runs, in the order in which messages flow; fails when anything did not end as it should."""
        problems = []
        flow = ("producer", "router", "sender", "dlq", "exporter", "all", "sandbox")
        for role in sorted(self.started, key=lambda role: flow.index(role.name)):
            try:
                role.terminate()
            except AssertionError as late:
                problems.append(str(late))
                role.discard()
            problems += role.judge_end()
        self.kafka.forget_static_members(*self._instance_ids())
        self.db.close()
        self.kafka.close()
        assert not problems, "\n".join(problems)

    def _instance_ids(self):
        """Names under which a role is still a member of its groups."""
        names = {role.settings.get("OUTBOUND_INSTANCE_ID", "-") for role in self.started if role.name != "sandbox"}
        return names - {"-"}

    def discard(self):
        for role in self.started:
            role.discard()

    def tails(self):
        return [(role.log_path.name, role.tail()) for role in self.started]

    # --- what becomes of messages

    def wait_for(self, message_id, status, seconds=None):
        """Returns the message, as GET shows it, once it has this status."""

        def reached():
            state = self.api.state(message_id)
            return state if state["status"] == status else None

        try:
            return until(reached, f"{message_id} is {status}", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}; it is {self.api.state(message_id)}") from None

    def wait_until_finished(self, expected, status="SENT"):
        """All of `expected` messages have this status, and nothing is left to announce."""

        def finished():
            statuses = self.db.statuses()
            ended_otherwise = set(statuses) & FINAL - {status}
            assert not ended_otherwise, f"some messages are {ended_otherwise}"
            return statuses == {status: expected} and self.db.outbox() == 0

        try:
            until(finished, f"{expected} messages are {status} and the outbox is empty")
        except AssertionError as late:
            raise AssertionError(f"{late}; messages: {self.db.statuses()}, outbox: {self.db.outbox()}") from None

    def attempts(self):
        """Every attempt: {message id: {attempt number: row}}."""
        found = {}
        for row in self.db.rows("SELECT * FROM outbound_attempt"):
            found.setdefault(row["outbound_message_id"], {})[row["attempt_no"]] = row
        return found

    def assert_each_sent_once(self, ids):
        """Each message was accepted by the provider once, by its only attempt."""
        assert self.sandbox.counts() == Counter(ids)
        assert {number: rows.keys() for number, rows in self.attempts().items()} == {i: {1} for i in ids}

    def assert_no_unexplained_duplicate(self, ids, delivered=None):
        """Each message is SENT once and reached the provider; what reached it twice has an attempt that says why.

        An attempt whose end nobody knows may have been a delivery; every other one ended with one at most, which
        finished the message. And no request went out that has no attempt.

        `delivered`: (message id, attempt) of each delivery; those at the sandbox when not given.
        """
        attempts = self.attempts()
        if delivered is None:
            delivered = [(delivery["messageId"], int(delivery["attempt"])) for delivery in self.sandbox.logged()]
        deliveries = {}
        for message_id, attempt in delivered:
            deliveries.setdefault(message_id, []).append(attempt)
        assert set(deliveries) == set(ids), "messages at the provider are not those that were accepted"
        for message_id, numbers in deliveries.items():
            rows = attempts[message_id]
            outcomes = [row["outcome"] for row in rows.values()]
            explained = 1 + outcomes.count("UNKNOWN")
            assert outcomes.count("SENT") == 1, f"{message_id}: {outcomes}"
            assert len(numbers) <= explained, f"{message_id}: delivered by {numbers}, attempts {outcomes}"
            assert len(set(numbers)) == len(numbers), f"{message_id}: one attempt, two requests: {numbers}"
            assert set(numbers) <= set(rows), f"{message_id}: delivered by {numbers}, but attempts are {list(rows)}"
