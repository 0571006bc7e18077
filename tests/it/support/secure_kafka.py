"""A second broker that lets nobody in unasked: SASL over TLS (SCRAM, PLAIN), mutual TLS, and an authorizer.

Each user of SASL has the rights that docs/kafka.md says his role needs, and no others; the owner of the client
certificate may do everything.
"""

import re
import socket
import ssl
import struct
from contextlib import contextmanager

from support import broker_request, environment
from support.broker import Broker, new_cluster_id
from support.broker_request import string
from support.certificates import Authority
from support.role import free_port

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

LOGIN = "org.apache.kafka.common.security"


def settings(sasl, mutual, controller, key, authority, users):
    plain = " ".join(f'user_{user}="{PASSWORD}"' for user in users)
    return {
        "listeners": f"SASL://127.0.0.1:{sasl},MUTUAL://127.0.0.1:{mutual},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"SASL://localhost:{sasl},MUTUAL://localhost:{mutual}",
        "listener.security.protocol.map": "SASL:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "MUTUAL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": key,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority,
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.sasl.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": f"{LOGIN}.scram.ScramLoginModule required;",
        "listener.name.sasl.plain.sasl.jaas.config": f"{LOGIN}.plain.PlainLoginModule required {plain};",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:CN=broker;User:CN={OPERATOR}",
    }


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
        key = self.authority.issue("broker", "localhost")
        chosen = settings(self.sasl_port, self.mutual_port, controller, key, self.authority.path, self.users)
        self._broker = Broker(folder, {"CONTROLLER_PORT": controller}, chosen)
        self._broker.format(new_cluster_id(), *self._credentials())
        self._broker.start()
        self._grant()

    def _credentials(self):
        for user in self.users:
            yield from ("--add-scram", f"SCRAM-SHA-512=[name={user},password={PASSWORD}]")

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
        self._broker.kill()

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
