"""The schema registry is away while services upstream publish records that only it can explain."""

import os
import time

from harness import scenario
from proxies import Proxies
from support import environment
from support.command import dev, outbound
from support.registry import Registry

PORT = int(os.environ.get("DEV_REGISTRY_PORT", "0"))


@scenario("registry away when a schema is asked for", family="servers")
def registry_away(world):
    """The router waits for the answer, and every record waits with it."""
    dev("up", "registry")
    world.at_end.callback(dev, "down", "registry")
    registry = Registry()
    registered = outbound("schemas", "register", SCHEMA_REGISTRY_URL=environment.REGISTRY_URL)
    assert registered.code == 0, registered.err
    schema_id = registry.call("GET", "/subjects/outbound.requests-value/versions/latest")["id"]
    proxies = Proxies(world.folder / "toxiproxy.log")
    world.at_end.callback(proxies.close)
    way = proxies.lead("registry", to=PORT)
    way.cut()
    url = environment.REGISTRY_URL.replace(str(PORT), str(way.port))
    world.start("sandbox", "producer", "router", "sender", "dlq", SCHEMA_REGISTRY_URL=url)
    with world.load(rate=150, seconds=9, by="kafka", more=[f"--schema-id={schema_id}"]):
        time.sleep(5)
        assert world.db.count() == 0, "nobody could know yet what the records say"
        way.mend()
        world.mark_fault_over()
