"""A broker of a test's own: set up like the one of `./dev` (compose/kafka), but for what the test wants otherwise."""

import base64
import re
import subprocess
import uuid

from support import environment
from support.role import end_with_the_tests
from support.wait import until

SET_UP = environment.REPOSITORY / "compose" / "kafka"


def new_cluster_id():
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "a").replace("_", "b")


class Broker:
    """`filled` is what stands for the @NAMES@ in compose/kafka/server.properties; `settings` replace those there."""

    def __init__(self, folder, filled, settings=()):
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self._log = folder / "kafka.log"
        self._config = folder / "server.properties"
        self._process = None
        filled = {**filled, "DATA": self.data}
        text = re.sub(
            r"@(\w+)@", lambda name: str(filled.get(name[1], name[0])), (SET_UP / "server.properties").read_text()
        )
        settings = dict(settings)
        lines = [line for line in text.splitlines() if line.partition("=")[0] not in settings]
        self._config.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in settings.items())]))

    def _run(self, main, *arguments):
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        options.append(f"-Dlog4j2.configurationFile={SET_UP / 'log4j2.properties'}")
        with open(self._log, "ab") as out:
            return subprocess.Popen(
                [environment.JAVA[-1], *options, "-cp", environment.KAFKA_JARS[-1], main, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_the_tests,
            )

    def format(self, cluster_id, *arguments):
        formatted = self._run("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", self._config, *arguments)
        assert formatted.wait(60) == 0, self._log.read_text(errors="replace")[-4000:]

    def start(self):
        began = self._log.stat().st_size
        self._process = self._run("kafka.Kafka", self._config)

        def started():
            log = self._log.read_text(errors="replace")
            assert self._process.poll() is None, log[-4000:]
            return "Kafka Server started" in log[began:]

        until(started, "the broker has started")

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
