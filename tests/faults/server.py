"""PostgreSQL or Kafka of the instance: stopped, killed, started again while roles run on it."""

import os
import pathlib
import signal

from support import environment
from support.command import dev
from support.role import process_exists
from support.wait import until


class Server:
    def __init__(self, name):
        self.name = name

    @property
    def pid(self):
        return int((environment.STATE / "run" / f"{self.name}.pid").read_text().split()[0])

    @property
    def running(self):
        try:
            return process_exists(self.pid)
        except FileNotFoundError:
            return False

    def start(self):
        """Returns when it answers. One that runs already is left alone."""
        dev("up", self.name)

    def stop(self):
        """As an operator does."""
        dev("down", self.name)

    def restart(self):
        self.stop()
        self.start()

    def kill(self):
        """Ends it, and every process that it has started, without a chance to finish anything."""
        everyone = (self.pid, *descendants_of(self.pid))
        self._signal_all(signal.SIGKILL)
        until(lambda: not any(map(runs_still, everyone)), f"{self.name} is gone", 30)

    def freeze(self):
        """It keeps its connections and says nothing, until thaw()."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self):
        self._signal_all(signal.SIGCONT)

    def bring_back(self):
        """Whatever was done to it."""
        if self.running:
            self.thaw()
        else:
            self.start()

    def _signal_all(self, number):
        for one in (self.pid, *descendants_of(self.pid)):
            try:
                os.kill(one, number)
            except ProcessLookupError:
                pass  # a backend that has ended meanwhile


def runs_still(pid):
    """Also one whose first thread alone has ended: a JVM has its ports until the last one has."""
    try:
        threads = [int(path.name) for path in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return False
    return any(map(process_exists, threads))


def descendants_of(pid):
    """Children of PostgreSQL's server are in groups of their own."""
    parents = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        children = [one for one, its_parent in parents.items() if its_parent == parent]
        found += children
        todo += children
    return found
