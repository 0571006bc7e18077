"""A real server of Sentry's protocol: Bugsink (https://www.bugsink.com), with one project, on SQLite."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from dataclasses import dataclass

from support import environment
from support.role import end_with_the_tests, free_port
from support.wait import until

HOME = environment.CLIENTS / "bugsink"  # compose/dev/clients.sh: its packages, and an empty database
KEY = "0f0e0d0c0b0a09080706050403020100"


@dataclass
class Event:
    issue: str
    data: dict  # as it was sent
    tags: dict  # as they are searched


class Bugsink:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HOME / "db.sqlite3", folder)
        self.port = free_port()
        self.dsn = f"http://{KEY}@127.0.0.1:{self.port}/1"
        with open(folder / "bugsink.log", "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--threads", "2", "bugsink.wsgi"],
                env={
                    **os.environ,
                    "PYTHONPATH": f"{HOME / 'python'}:{environment.REPOSITORY / 'tests' / 'it' / 'bugsink'}",
                    "DJANGO_SETTINGS_MODULE": "bugsink_conf",
                    "BUGSINK_FOLDER": str(folder),
                },
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_the_tests,
            )

    def wait_until_ready(self):
        until(self._listens, "Bugsink listens")

    def _listens(self):
        assert self._process.poll() is None, (self.folder / "bugsink.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _rows(self, statement, *values):
        with sqlite3.connect(f"file:{self.folder / 'db.sqlite3'}?mode=ro", uri=True, timeout=30) as connection:
            return connection.execute(statement, values).fetchall()

    def events(self):
        """All that it has stored, oldest first."""
        found = []
        for event, issue, data in self._rows("SELECT id, issue_id, data FROM events_event ORDER BY digested_at"):
            tags = self._rows(
                "SELECT k.key, v.value FROM tags_eventtag t JOIN tags_tagvalue v ON v.id = t.value_id"
                " JOIN tags_tagkey k ON k.id = v.key_id WHERE t.event_id = ?",
                event,
            )
            found.append(Event(issue, json.loads(data), dict(tags)))
        return found

    def stop(self):
        self._process.terminate()
        self._process.wait(30)
