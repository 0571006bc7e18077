"""What has to be true after every scenario: `outbound check` and `outbound audit` find nothing, the events tell what has
happened, and recovery was in time."""

import json

from support.audit import audit
from support.command import outbound
from support.wait import until
from told import wrong_events

# Whatever the harm was.
NEVER = ("lost", "phantom", "duplicatesUnexplained", "disagreeing", "changed", "letterless", "unfinished")

SHOWN = 20  # ids of a kind


def check(world):
    """`outbound check`; what it says."""
    ended = outbound(
        "check", *(f"--journal={path}" for path in world.journals), f"--deliveries={world.deliveries}", "--json"
    )
    assert ended.code in (0, 1), f"outbound check ended with {ended.code}: {ended.err}"
    return json.loads(ended.out)


def settled_check(world):
    """The same, when dead letters have had time to be stored."""
    last = {}

    def settled():
        last.update(check(world))
        return last["unfinished"] == 0 and last["letterless"] == 0

    try:
        until(settled, "outbound check finds everything finished", world.scenario.limit_s)
    except AssertionError:
        pass  # then judge() says what is wrong
    return last


def judge(world):
    """(the result as a dict, what is wrong in words)."""
    world.show_that_new_ones_go_through()
    wrong = []
    recovery_s = None
    try:
        world.wait_until_finished()
        found = settled_check(world)  # with the dead letters
        recovery_s = world.recovery_s()
        until(lambda: world.db.events() == 0, "all events are published", world.scenario.limit_s)
        wrong += [f"{what}: {len(ids)} {ids[:SHOWN]}" for what, ids in wrong_events(world).items() if ids]
    except AssertionError as late:
        wrong.append(str(late))
        found = check(world)
    ids = found.get("ids", {})
    wrong += [f"{what}: {found[what]} {ids.get(what, '')}" for what in NEVER if found[what] > 0]
    explained_max = 0 if world.holds else world.explained_max
    if found["duplicatesExplained"] > explained_max:
        wrong.append(f"duplicatesExplained: {found['duplicatesExplained']}, at most {explained_max} were expected")
    unknown = world.unknown_attempts()
    if world.unknown_max is not None and unknown > world.unknown_max:
        wrong.append(f"{unknown} attempts ended as UNKNOWN")
    if world.fault_over_at is None:
        wrong.append("the scenario does not say when its harm was over")
    if found["accepted"] == 0:
        wrong.append("no message was accepted: nothing was shown")
    if recovery_s is not None and recovery_s > world.scenario.recover_s:
        wrong.append(f"recovery took {recovery_s:.1f} s, more than {world.scenario.recover_s} s")
    _, broken, _ = audit()
    wrong += [f"audit: {name}: {examples}" for name, examples in broken.items()]
    result = {
        "messages": found["accepted"],
        "lost": found["lost"],
        "phantom": found["phantom"],
        "unexplained": found["duplicatesUnexplained"],
        "explained": found["duplicatesExplained"],
        "explainedMax": explained_max,
        "recovery_s": None if recovery_s is None else round(recovery_s, 1),
    }
    return result, wrong
