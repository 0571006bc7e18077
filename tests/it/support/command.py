"""One run of the executable that ends by itself: its exit code, what it printed, how long it took."""

import subprocess
import time
from dataclasses import dataclass

from support import environment
from support.role import sanitizer_report


@dataclass
class Ended:
    code: int
    out: str
    err: str
    seconds: float


def outbound(*arguments, timeout=60, **settings):
    """Runs `outbound ARGUMENTS` with these settings beside those of the set-up; None takes one away."""
    began = time.monotonic()
    ended = subprocess.run(
        [environment.OUTBOUND, *map(str, arguments)],
        env=environment.variables(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    result = Ended(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - began)
    assert not sanitizer_report(result.err), sanitizer_report(result.err)
    return result


def dev(*arguments):
    """Runs `./dev ARGUMENTS` on the set-up that the tests use, such as `down kafka`."""
    ended = subprocess.run(
        [environment.REPOSITORY / "dev", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, f"./dev {' '.join(arguments)}:\n{ended.stdout}"
