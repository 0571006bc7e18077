"""A role that gets no more memory ends itself: what it had in hand is as safe as if it had been killed."""

import resource
import signal
import time

from harness import scenario
from support.wait import until

ROLES = ("sandbox", "producer", "router", "sender", "dlq")

# Threads share one heap: else each has a reserve of its own, that counts as in use from its beginning.
SHARED = {"MALLOC_ARENA_MAX": 1}


def in_use(pid):
    """Bytes of address space."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def refuse_more_memory(role):
    limit = in_use(role.pid)
    resource.prlimit(role.pid, resource.RLIMIT_AS, (limit, limit))


def out_of_memory(label):
    def run(world):
        for one in ROLES:
            world.start(one, **(SHARED if one == label else {}))
        world.sandbox.fault("status", status=400, probability=0.5, seed=world.seed)
        with world.load(rate=400, seconds=6):
            time.sleep(world.random.uniform(0.5, 1.5))
            role = world.roles[label]
            role.expected_exit = {-signal.SIGABRT}
            if label == "sender":
                world.sandbox.set_latency(1000)  # more of them wait at once
            refuse_more_memory(role)
            until(lambda: not role.running, f"{label} is out of memory", 20)
            if label == "sender":
                world.expect_duplicates()
                world.sandbox.set_latency(50)
            world.mark_fault_over()
            world.start_again(label)

    return run


for its_label in ROLES[1:]:
    scenario(f"{its_label} out of memory", family="processes")(out_of_memory(its_label))
