"""Waiting for a condition instead of for a time."""

import time

from support import environment


def until(condition, what, seconds=None):
    """Returns the first true value of `condition()`; fails when none comes in time."""
    seconds = environment.PATIENCE_S if seconds is None else seconds
    give_up = time.monotonic() + seconds
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {seconds} s: {what} (last seen: {value!r})")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
