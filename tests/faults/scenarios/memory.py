"""A role that gets no more memory ends itself: what it had in hand is as safe as if it had been killed."""

import resource
import signal
import time

from harness import scenario
from support.wait import until

ROLES = ("sandbox", "producer", "router", "sender", "dlq")

# Threads share one heap, whose end is given back at once, and larger blocks are asked of the kernel one by one (mallopt(3)).
WITHOUT_RESERVE = {
    "MALLOC_ARENA_MAX": 1,
    "MALLOC_MMAP_THRESHOLD_": 1024,
    "MALLOC_TOP_PAD_": 0,
    "MALLOC_TRIM_THRESHOLD_": 0,
}


def refuse_more_memory(role):
    """What it has it keeps."""
    resource.prlimit(role.pid, resource.RLIMIT_AS, (0, 0))


def hold_up(role, seconds):
    """What comes in this time then comes at once, by as many connections as it takes."""
    role.signal(signal.SIGSTOP)
    time.sleep(seconds)
    role.signal(signal.SIGCONT)


def out_of_memory(label):
    def run(world):
        for one in ROLES:
            world.start(one, **(WITHOUT_RESERVE if one == label else {}))
        world.sandbox.fault("status", status=400, probability=0.5, seed=world.seed)
        # The router has more to keep of what comes from Kafka.
        with world.load(rate=400, seconds=7, by="kafka" if label == "router" else "http"):
            time.sleep(world.random.uniform(0.5, 1.5))
            role = world.roles[label]
            role.expected_exit = {-signal.SIGABRT}
            if label == "sender":
                world.sandbox.set_latency(1000)  # more of them wait at once
            hold_up(role, 1.5)
            time.sleep(0.5)
            refuse_more_memory(role)
            hold_up(role, 3)  # longer than before: what was enough then may be kept
            until(lambda: not role.running, f"{label} is out of memory", 20)
            world.expect_duplicates(label)
            world.sandbox.set_latency(50)
            world.mark_fault_over()
            world.start_again(label)

    return run


for its_label in ROLES[1:]:
    scenario(f"{its_label} out of memory", family="processes")(out_of_memory(its_label))
