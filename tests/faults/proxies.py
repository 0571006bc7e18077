"""Toxiproxy between a role and a server: the way is cut, slowed down, silenced or reset.

Its HTTP API: https://github.com/Shopify/toxiproxy#http-api. What a proxy does to bytes is one of its "toxics".
"""

import pathlib
import signal
import subprocess
from dataclasses import dataclass

import requests
from support import environment
from support.role import end_with_the_tests, free_port
from support.wait import until

PROGRAM = environment.CLIENTS / "toxiproxy" / "toxiproxy-server"
BOTH_WAYS = ("upstream", "downstream")


class Proxies:
    """One Toxiproxy process, and the ports that lead through it."""

    def __init__(self, log):
        port = free_port()
        self._log = pathlib.Path(log)
        self._url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        self._session.trust_env = False
        with open(log, "ab") as out:
            self._process = subprocess.Popen(
                [PROGRAM, "-host", "127.0.0.1", "-port", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_the_tests,
            )
        until(self._answers, "Toxiproxy answers")

    def close(self):
        self._process.kill()
        self._process.wait()

    def _answers(self):
        assert self._process.poll() is None, "Toxiproxy has ended"
        try:
            return self._session.get(self._url + "/version", timeout=5).ok
        except requests.RequestException:
            return False

    def call(self, method, path, body=None):
        answer = self._session.request(method, self._url + path, json=body, timeout=10)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"

    def lead(self, name, to, port=None):
        """A way to the port `to` of this machine; a free port leads there unless one is given."""
        proxy = Proxy(self, name, port or free_port())
        ends = {"listen": f"127.0.0.1:{proxy.port}", "upstream": f"127.0.0.1:{to}"}
        self.call("POST", "/proxies", {"name": name, "enabled": True, **ends})
        return proxy

    def in_use(self):
        """Whether anybody has connected."""
        return "Accepted client" in self._log.read_text()

    def stop(self):
        """Connections stay, and nothing comes through any more; the kernel takes in what fits into its buffers."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        """What was kept arrives, late."""
        self._process.send_signal(signal.SIGCONT)


@dataclass
class Proxy:
    proxies: Proxies
    name: str
    port: int

    def _change(self, **members):
        self.proxies.call("POST", f"/proxies/{self.name}", members)

    def _poison(self, kind, ways, **attributes):
        for way in ways:
            toxic = {"type": kind, "stream": way, "attributes": attributes}
            self.proxies.call("POST", f"/proxies/{self.name}/toxics", toxic)

    def cut(self):
        """Connections end, and new ones are refused."""
        self._change(enabled=False)

    def delay(self, latency_ms, jitter_ms):
        """Whatever is sent arrives so much later, there and back."""
        self._poison("latency", BOTH_WAYS, latency=latency_ms, jitter=jitter_ms)

    def silence(self):
        """Half-open: connections stay and can be made, and what is sent is lost. They end with mend()."""
        self._poison("timeout", BOTH_WAYS, timeout=0)

    def reset(self, after_ms=0):
        """Connections are reset (RST) so long after they are made or used."""
        self._poison("reset_peer", ("downstream",), timeout=after_ms)

    def mend(self):
        """All is well again."""
        self.proxies.call("POST", "/reset")
