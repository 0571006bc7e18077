"""Our own processes are asked to stop, and come back: no message goes out twice, and none ends as unknown."""

import time

from harness import scenario


def restart(world, label):
    assert world.roles[label].terminate() == 0, f"{label} did not stop as it should"
    world.start_again(label)


@scenario("SIGTERM to each role in turn, under load", family="processes", runs=3)
def each_role_restarted(world):
    world.start("sandbox", "producer", "router", "sender", "dlq")
    world.unknown_max = 0
    with world.load(rate=200, seconds=6):
        for label in ("producer", "router", "sender", "dlq"):
            time.sleep(world.random.uniform(0.3, 0.8))
            restart(world, label)
        world.mark_fault_over()


@scenario("rolling restart of all senders", family="processes", short=True, runs=3)
def rolling_restart(world):
    senders = ("sender", "sender-2", "sender-3")
    world.start("sandbox", "producer", "router", *senders, "dlq")
    world.unknown_max = 0
    with world.load(rate=200, seconds=5):
        for label in senders:
            time.sleep(world.random.uniform(0.2, 0.6))
            restart(world, label)
        world.mark_fault_over()


@scenario("senders and routers come and go every second", family="processes", runs=3)
def rebalance_storm(world):
    """Without names, so that each of them makes the group share its partitions out anew."""
    nameless = {"OUTBOUND_INSTANCE_ID": "-"}
    world.start("sandbox", "producer", "dlq")
    world.start("router", "sender", **nameless)
    world.unknown_max = 0
    with world.load(rate=150, seconds=14):
        for number in range(2, 12):
            labels = [f"{world.random.choice(('sender', 'router'))}-{number}"]
            for label in labels:
                world.launch(label, **nameless)
            time.sleep(1)
            leaver = world.random.choice([label for label in world.running() if label.startswith(("sender", "router"))])
            if len([one for one in world.running() if one.split("-")[0] == leaver.split("-")[0]]) > 1:
                assert world.roles[leaver].terminate() == 0
        world.mark_fault_over()
