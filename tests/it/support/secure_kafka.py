"""A second broker that lets nobody in unasked: SASL over TLS (SCRAM, PLAIN), mutual TLS, and an authorizer.

Each user of SASL has the rights that docs/kafka.md says his role needs, and no others; the owner of the client
certificate may do everything.
"""

import base64
import re
import socket
import ssl
import struct
import subprocess
import uuid
from contextlib import contextmanager

from support import broker_request, environment
from support.broker_request import string
from support.certificates import Authority
from support.role import end_with_the_tests, free_port
from support.wait import until

OPERATOR = "operator"
PASSWORD = "pass-word"

CREATE_ACLS = 30
RESOURCES = {"topic": 2, "group": 3}
OPERATIONS = {
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Alter": 7,
    "Describe": 8,
    "DescribeConfigs": 10,
    "AlterConfigs": 11,
}
LITERAL, PREFIXED = 3, 4
ALLOW = 3

CONFIG = """
process.roles=broker,controller
node.id=1
listeners=SASL://127.0.0.1:{sasl},MUTUAL://127.0.0.1:{mutual},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SASL://localhost:{sasl},MUTUAL://localhost:{mutual}
listener.security.protocol.map=SASL:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=MUTUAL
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={data}

ssl.keystore.type=PEM
ssl.keystore.location={key}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
listener.name.mutual.ssl.client.auth=required
listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {plain};

authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:CN=broker;User:CN={operator}
auto.create.topics.enable=false

default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=16777216
"""


def rights():
    """(role, operation, resource type, name) of each row of the table in docs/kafka.md."""
    text = (environment.REPOSITORY / "docs" / "kafka.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (topic|group) \| `([\w.*-]+)` \|$", text, re.MULTILINE)
    return [(role, operation, kind, name) for role, words, kind, name in rows for operation in words.split(", ")]


class SecureKafka:
    def __init__(self, folder):
        self.folder = folder
        self.users = sorted({role for role, *_ in rights()})
        self.authority = Authority(folder, "authority")
        self.stranger = Authority(folder, "stranger")
        self.sasl_port, self.mutual_port, controller = free_port(), free_port(), free_port()
        self.sasl = f"localhost:{self.sasl_port}"
        self.mutual = f"localhost:{self.mutual_port}"
        self.operator = self.authority.issue(OPERATOR)
        self._log = folder / "kafka.log"
        config = folder / "server.properties"
        config.write_text(
            CONFIG.format(
                sasl=self.sasl_port,
                mutual=self.mutual_port,
                controller=controller,
                data=folder / "data",
                key=self.authority.issue("broker", "localhost"),
                authority=self.authority.path,
                operator=OPERATOR,
                plain=" ".join(f'user_{user}="{PASSWORD}"' for user in self.users),
            )
        )
        self._run("kafka.tools.StorageTool", "format", "-t", self._id(), "-c", config, *self._credentials()).wait()
        self._process = self._run("kafka.Kafka", config)
        until(self._started, "the broker has started")
        self._grant()

    @staticmethod
    def _id():
        return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "a")

    def _credentials(self):
        for user in self.users:
            yield from ("--add-scram", f"SCRAM-SHA-512=[name={user},password={PASSWORD}]")

    def _run(self, main, *arguments):
        logging = environment.REPOSITORY / "compose" / "kafka" / "log4j2.properties"
        with open(self._log, "ab") as out:
            return subprocess.Popen(
                [
                    environment.JAVA[-1],
                    "-Xmx256m",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    f"-Dlog4j2.configurationFile={logging}",
                    "-cp",
                    environment.KAFKA_JARS[-1],
                    main,
                    *map(str, arguments),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_the_tests,
            )

    def _started(self):
        log = self._log.read_text(errors="replace")
        assert self._process.poll() is None, log[-4000:]
        return "Kafka Server started" in log

    @contextmanager
    def _connection(self):
        context = ssl.create_default_context(cafile=self.authority.path)
        context.load_cert_chain(self.operator)
        with socket.create_connection(("127.0.0.1", self.mutual_port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                yield connection

    def _grant(self):
        wanted = [
            struct.pack(">b", RESOURCES[kind])
            + string(name.rstrip("*"))
            + struct.pack(">b", PREFIXED if name.endswith("*") else LITERAL)
            + string(f"User:{role}")
            + string("*")
            + struct.pack(">bb", OPERATIONS[operation], ALLOW)
            for role, operation, kind, name in rights()
        ]
        with self._connection() as connection:
            body = struct.pack(">i", len(wanted)) + b"".join(wanted)
            answer = broker_request.ask(connection, CREATE_ACLS, 1, body)
        assert answer == struct.pack(">ii", 0, len(wanted)) + struct.pack(">hh", 0, 0) * len(wanted), answer  # no error, no text

    def close(self):
        self._process.terminate()
        self._process.wait(30)

    # --- what a client has to set

    def sasl_properties(self, mechanism, user, **changes):
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": mechanism,
            "sasl.username": user,
            "sasl.password": PASSWORD,
            "ssl.ca.location": str(self.authority.path),
            **changes,
        }

    def mutual_properties(self, **changes):
        return {
            "security.protocol": "SSL",
            "ssl.ca.location": str(self.authority.path),
            "ssl.certificate.location": str(self.operator),
            "ssl.key.location": str(self.operator),
            **changes,
        }


def text_of(properties):
    """As KAFKA_PROPERTIES has it."""
    escaped = {name: re.sub(r"([\\,\n])", r"\\\1", value) for name, value in properties.items() if value is not None}
    return ",".join(f"{name}={value}" for name, value in escaped.items())
