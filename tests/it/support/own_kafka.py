"""A broker of a test's own, that can lose everything: set up like the one of `./dev`."""

import base64
import re
import shutil
import subprocess
import uuid

from support import environment
from support.role import end_with_the_tests
from support.wait import until


def new_cluster_id():
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "a").replace("_", "b")


class OwnKafka:
    def __init__(self, folder, **settings):
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "kafka.log"
        self._config = folder / "server.properties"
        self._process = None
        # A broker that starts again needs its ports again: those of connections (free_port) are taken meanwhile.
        port = int(environment.KAFKA_BROKERS.rsplit(":", 1)[1]) + 40
        self.brokers = f"127.0.0.1:{port}"
        self.cluster_id = new_cluster_id()
        folder.mkdir(parents=True, exist_ok=True)
        ports = {"PORT": port, "CONTROLLER_PORT": port + 1, "PROXIED_PORT": port + 2, "PROXY_PORT": port + 3}
        filled = {**ports, "DATA": self._data}
        template = (environment.REPOSITORY / "compose" / "kafka" / "server.properties").read_text()
        config = re.sub(r"@(\w+)@", lambda name: str(filled.get(name[1], name[0])), template)
        for name, value in settings.items():
            config += f"{name.replace('_', '.')}={value}\n"  # the last one counts
        self._config.write_text(config)

    def _run(self, main, *arguments):
        logging = environment.REPOSITORY / "compose" / "kafka" / "log4j2.properties"
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={logging}"]
        with open(self._log, "ab") as out:
            return subprocess.Popen(
                [environment.JAVA[-1], *options, "-cp", environment.KAFKA_JARS[-1], main, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_the_tests,
            )

    def start(self):
        if not self._data.exists():
            formatted = self._run("kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", self._config)
            assert formatted.wait(60) == 0, self._log.read_text(errors="replace")[-4000:]
        began = self._log.stat().st_size
        self._process = self._run("kafka.Kafka", self._config)

        def started():
            log = self._log.read_text(errors="replace")
            assert self._process.poll() is None, log[-4000:]
            return "Kafka Server started" in log[began:]

        until(started, "the broker has started")
        return self

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wipe(self, cluster_id=None):
        """Comes back empty: as another cluster, or as one that calls itself the same."""
        self.kill()
        shutil.rmtree(self._data)
        self.cluster_id = cluster_id or new_cluster_id()
        self.start()
