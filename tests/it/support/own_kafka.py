"""A broker that can lose everything."""

import shutil

from support import environment
from support.broker import Broker, new_cluster_id


class OwnKafka:
    def __init__(self, folder, **settings):
        # A broker that starts again needs its ports again: those of connections (free_port) are taken meanwhile.
        port = int(environment.KAFKA_BROKERS.rsplit(":", 1)[1]) + 40
        ports = {"PORT": port, "CONTROLLER_PORT": port + 1, "PROXIED_PORT": port + 2, "PROXY_PORT": port + 3}
        self.brokers = f"127.0.0.1:{port}"
        self.cluster_id = new_cluster_id()
        self._broker = Broker(folder, ports, {name.replace("_", "."): value for name, value in settings.items()})

    def start(self):
        if not self._broker.data.exists():
            self._broker.format(self.cluster_id)
        self._broker.start()
        return self

    def kill(self):
        self._broker.kill()

    def wipe(self, cluster_id=None):
        """Comes back empty: as another cluster, or as one that calls itself the same."""
        self.kill()
        shutil.rmtree(self._broker.data)
        self.cluster_id = cluster_id or new_cluster_id()
        self.start()
