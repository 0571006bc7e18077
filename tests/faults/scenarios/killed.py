"""Our own processes are killed: at every named place of the protocol, and at any time."""

import re
import signal
import time

from harness import AS_SHIPPED, FAIL_POINT, REPOSITORY, scenario

ROLES = ("sandbox", "producer", "router", "sender", "dlq")

# In CI: what each role has just made durable, or just given out of its hands.
SHORT = {
    ("producer", "store.committed"),
    ("router", "ingress.stored"),
    ("sender", "http.written"),
}

# Passed for each message, not for each batch.
OF_A_MESSAGE = ("producer.", "relay.acknowledged", "ingress.", "router.", "sender.begins", "http.", "sender.answered")

# Passed seldom: rows that are due later, dead letters.
SELDOM = ("relay.took", "dlq.")


def points():
    """(role, name, what is true there) of each row and role of fail_points.def."""
    table = (REPOSITORY / "schemas" / "fail_points.def").read_text()
    for name, roles, truth in re.findall(r'^POINT\("([^"]+)", "([^"]+)", "([^"]+)"\)', table, re.MULTILINE):
        for role in roles.split():
            yield role, name, truth


def some_answers_are_bad(world):
    """So there are retries and dead letters, too."""
    world.sandbox.fault("status", status=503, probability=0.05, seed=world.seed + 1)
    world.sandbox.fault("status", status=400, probability=0.05, seed=world.seed + 2)


def passage(world, name):
    if name.startswith(SELDOM):
        return world.random.randint(1, 3)
    return world.random.randint(100, 400) if name.startswith(OF_A_MESSAGE) else world.random.randint(20, 60)


def kill_at(role, name):
    def run(world):
        point = {FAIL_POINT: f"{name}@{passage(world, name)}=kill"}
        for label in ROLES:
            world.start(label, **(point if label == role else {}))
        some_answers_are_bad(world)
        by = "kafka" if role == "router" and name.startswith(("store.", "ingress.")) else "http"
        with world.load(rate=200, seconds=5, by=by):
            world.wait_until_killed(role)
            time.sleep(world.random.uniform(0, 0.5))
            world.mark_fault_over()
            world.start_again(role)

    return run


def kill_at_leases(name):
    """The producer dies while it settles what a dead sender held."""

    def run(world):
        # Its sweeps are passed twice a second, whether there is something to settle or not.
        passages = 14 if name == "leases.sweeping" else 1
        world.start("sandbox", "router", "sender", "dlq")
        world.start("producer", **{FAIL_POINT: f"{name}@{passages}=kill"})
        with world.load(rate=100, seconds=5):
            time.sleep(world.random.uniform(1, 2))
            world.kill("sender")
            world.wait_until_killed("producer")
            world.mark_fault_over()
            world.start_again("producer")
            world.start_again("sender")

    return run


for its_role, its_name, its_truth in points():
    if its_name == "rebuild.stepped":
        continue  # kafka_wiped.py
    make = kill_at_leases(its_name) if its_name.startswith("leases.") else kill_at(its_role, its_name)
    title = f"{its_role} killed at {its_name}: {its_truth}"
    scenario(title, family="processes", short=(its_role, its_name) in SHORT)(make)


@scenario("any role killed at any time, again and again", family="processes", short=True, runs=10)
def any_role_killed(world):
    world.start(*ROLES, "sender-2")
    some_answers_are_bad(world)
    with world.load(rate=150, seconds=8):
        for _ in range(5):
            time.sleep(world.random.uniform(0.2, 1.2))
            label = world.random.choice(("producer", "router", "sender", "sender-2", "dlq"))
            world.kill(label)
            time.sleep(world.random.uniform(0, 0.5))
            world.start_again(label)
        world.mark_fault_over()


@scenario("all roles killed at once", family="processes", runs=3)
def all_roles_killed(world):
    labels = ("producer", "router", "sender", "dlq")
    world.start(*ROLES)
    some_answers_are_bad(world)
    with world.load(rate=200, seconds=5):
        time.sleep(world.random.uniform(1, 2))
        for label in labels:
            world.kill(label)
        world.mark_fault_over()
        for label in labels:
            world.start_again(label)


@scenario("each role killed while it stops", family="processes", runs=3)
def killed_while_it_stops(world):
    world.start(*ROLES)
    some_answers_are_bad(world)
    with world.load(rate=200, seconds=6):
        for label in ("producer", "router", "sender", "dlq"):
            time.sleep(world.random.uniform(0.3, 0.8))
            world.roles[label].signal(signal.SIGTERM)
            time.sleep(world.random.uniform(0, 0.05))
            world.kill(label)
            world.roles[label].expected_exit = {0, -signal.SIGKILL}
            world.start_again(label)
        world.mark_fault_over()


@scenario("sender killed, unknown ones are held", family="processes", runs=5)
def sender_killed_hold(world):
    # So slow a provider that a sender always has messages in hand.
    world.start(*ROLES, OUTBOUND_EMAIL_UNKNOWN_POLICY="hold", OUTBOUND_SANDBOX_LATENCY_MS=150)
    with world.load(rate=200, seconds=5):
        time.sleep(world.random.uniform(1, 2))
        world.kill("sender")
        assert world.explained_max > 0, "the sender held nothing"
        world.mark_fault_over()
        world.start_again("sender")


def kill_as_shipped(role, name):
    def run(world):
        point = {FAIL_POINT: f"{name}@{world.random.randint(100, 200)}=kill"}
        for label in ROLES:
            world.start(label, **AS_SHIPPED, **(point if label == role else {}))
        with world.load(rate=200, seconds=5):
            world.wait_until_killed(role)
            world.mark_fault_over()
            world.start_again(role)

    return run


for its_role, its_name in (("producer", "producer.published"), ("router", "router.sent"), ("sender", "http.written")):
    scenario(f"{its_role} killed, default settings", family="processes", limit_s=60)(kill_as_shipped(its_role, its_name))
