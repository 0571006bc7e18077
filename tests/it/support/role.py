"""One process of the program: started, watched through its log, stopped, and its end judged."""

import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess

from support import environment
from support.wait import until

SANITIZER_REPORT = re.compile(
    r"(ERROR|WARNING): \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer|detected memory leaks|\w+Sanitizer:DEADLYSIGNAL"
    r"|^==\d+== ",  # valgrind
    re.MULTILINE,
)

# A stop has to be over within this time (OUTBOUND_STOP_TIMEOUT_MS and what is left to close).
STOP_LIMIT_S = 30

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def end_with_the_tests():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def sanitizer_report(text):
    """The lines from the first report on, or nothing."""
    found = SANITIZER_REPORT.search(text)
    return text[max(0, text.rfind("\n", 0, found.start())) :][:6000] if found else ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Role:
    """`outbound NAME`, running or ended."""

    def __init__(self, name, log, settings, arguments=()):
        self.name = name
        self.log_path = pathlib.Path(log)
        self.settings = settings
        self.expected_exit = {0}
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as out:
            self.process = subprocess.Popen(
                [environment.OUTBOUND, name, *arguments],
                env=environment.variables(settings),
                cwd=self.log_path.parent,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_the_tests,
            )

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])

    def says(self, text, times=1):
        return self.log().count(text) >= times

    def wait_until_says(self, text, times=1):
        def said():
            if not self.says(text, times) and not self.running:
                raise AssertionError(
                    f"{self.name} ended ({self.process.returncode}) before it said {text!r}:\n{self.tail()}"
                )
            return self.says(text, times)

        until(said, f"{self.name} says {text!r} {times} time(s)")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=STOP_LIMIT_S):
        """Returns the exit code; minus the signal's number when one ended it."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} has not ended within {seconds} s:\n{self.tail()}") from None

    def terminate(self):
        """Asks it to stop; returns its exit code."""
        if self.running:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """Ends it without a chance to finish anything."""
        self.expected_exit = {-signal.SIGKILL}
        self.signal(signal.SIGKILL)
        self.wait()

    def discard(self):
        if self.running:
            self.process.kill()
            self.process.wait()

    def judge_end(self):
        """What is wrong with the way it ended, in words; nothing when all is well."""
        problems = []
        report = sanitizer_report(self.log())
        if report:
            problems.append(f"{self.name}: a sanitizer reports\n{report}")
        if self.process.returncode not in self.expected_exit:
            problems.append(f"{self.name}: exit code {self.process.returncode}\n{self.tail()}")
        return problems


def children_of(pid):
    """Child processes by the word that names their role: {"producer": 123, …}."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
            words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        state, parent = stat.rsplit(")", 1)[1].split()[:2]
        if int(parent) == pid and state != "Z" and len(words) > 1:
            found[words[1].decode()] = int(entry)
    return found


def process_exists(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
