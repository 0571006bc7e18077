"""Harm to our own processes."""

import time

from harness import scenario

ALL = ("sandbox", "producer", "router", "sender", "dlq")


@scenario("sender killed under load", family="processes", short=True)
def sender_killed_under_load(world):
    world.start(*ALL)
    with world.load(rate=200, seconds=5):
        time.sleep(world.random.uniform(1, 2))
        world.kill("sender")
        world.mark_fault_over()
        world.start_again("sender")
