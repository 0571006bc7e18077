"""A server of Prometheus' family, on a port of its own."""

import subprocess

import requests

from support.role import end_with_the_tests, free_port
from support.wait import until


class Monitor:
    def __init__(self, folder, name, *options):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"{name}.log"
        with open(self._log, "wb") as out:
            self._process = subprocess.Popen(
                [name, *map(str, options), f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_the_tests,
            )
        until(self._ready, f"{name} is ready")

    def _ready(self):
        assert self._process.poll() is None, self._log.read_text()
        try:
            return requests.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.RequestException:
            return False

    def close(self):
        self._process.terminate()
        self._process.wait(30)
