"""Somebody moves the wall clock of one role's machine, and puts it right again. The servers keep theirs."""

import time

from clock import Clock
from harness import scenario

ROLES = ("producer", "router", "sender", "dlq")
HOUR = 3600
MOVES = (("an hour ahead", HOUR), ("an hour behind", -HOUR), ("a day ahead", 24 * HOUR))
SHORT = {("router", "an hour behind")}


def moved(world, moved_role, seconds):
    clock = Clock(world.folder / "clock")
    for label in ("sandbox", *ROLES):
        own = clock.settings if label == moved_role else {}
        world.start(label, OUTBOUND_MAX_ATTEMPTS=50, OUTBOUND_RETRY_DELAYS="1s,2s", **own)
    world.sandbox.fault("status", status=503, probability=0.3, seed=world.seed)
    with world.load(rate=100, seconds=7):
        time.sleep(1.5)
        clock.move(seconds)
        time.sleep(4)
        clock.move(0)
        world.sandbox.clear_faults()
        world.mark_fault_over()


def declare(role, words, seconds):
    @scenario(f"clock of the {role} {words}", family="clocks", recover_s=15, short=(role, words) in SHORT)
    def run(world):
        moved(world, role, seconds)


for each_role in ROLES:
    for each_words, each_seconds in MOVES:
        declare(each_role, each_words, each_seconds)
