"""A Kafka with SASL/SCRAM, mutual TLS and an authorizer: messages go through it, and who has no business there is told
why."""

import json
import re
import time

import pytest
import requests
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from support import environment
from support.api import Api, message, unique
from support.command import outbound
from support.exporter import Exporter, value
from support.letters import letter_of
from support.secure_kafka import SecureKafka, rights, text_of
from support.switch import Switch
from support.wait import until


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    server = SecureKafka(tmp_path_factory.mktemp("secure-kafka"))
    yield server
    server.close()


def yaml_of(folder, user, properties):
    """The settings as a file, and the password in one of its own."""
    public = {name: value for name, value in properties.items() if name != "sasl.password"}
    file = folder / f"{user}.yaml"
    file.write_text(json.dumps({"kafka": {"properties": public}}))  # JSON is YAML
    secret = folder / f"{user}.secret"
    secret.write_text(text_of({"kafka.sasl.password": properties["sasl.password"]}) + "\n")
    return [f"--config={file}"], {"KAFKA_PROPERTIES_FILE": secret}


@pytest.fixture(scope="module")
def new_librdkafka(tmp_path_factory):
    """For LD_LIBRARY_PATH. The executable is linked to Debian's, and takes what the machine has."""
    folder = tmp_path_factory.mktemp("librdkafka")
    (library,) = environment.NEW_LIBRDKAFKA.glob("librdkafka-*.so.1")
    (folder / "librdkafka.so.1").symlink_to(library)
    return folder


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_each_role_needs_a_password_and_its_rights(secure, new_pipeline, tmp_path, new_librdkafka, mechanism):
    library = new_librdkafka if mechanism.startswith("SCRAM") else None
    more = {"KAFKA_BROKERS": secure.sasl, "OUTBOUND_RETRY_DELAYS": "1s,2s", "LD_LIBRARY_PATH": library}

    def of(user):
        return yaml_of(tmp_path, user, secure.sasl_properties(mechanism, user))

    def start(role):
        arguments, settings = of(role)
        return pipeline.start(role, *arguments, **settings)

    arguments, settings = of("topics")
    made = outbound("topics", "apply", *arguments, OUTBOUND_KAFKA_PARTITIONS=2, **settings, **more)
    assert made.code == 0, made.err

    pipeline = new_pipeline("sandbox", **more)
    for role in ("producer", "router", "sender", "dlq"):
        start(role)
    word = unique("sent-again")
    pipeline.sandbox.fault("status", status=500, match=word, times=1)
    retried = pipeline.api.accept(message(to=f"{word}@example.com", priority="urgent"))
    pipeline.sandbox.fault("status", status=400, match="refused")
    refused = pipeline.api.accept(message(to=f"{unique('refused')}@example.com"))
    pipeline.wait_for(retried, "SENT")
    pipeline.wait_for(refused, "FAILED")
    letter_of(refused)
    assert pipeline.api.get("/health").json()["services"]["kafka"] == {"status": "UP"}
    assert not any("AUTHORIZATION" in role.log() for role in pipeline.started)


def test_the_exporter_shows_what_it_may_describe(secure, tmp_path):
    operator = {"bootstrap.servers": secure.mutual, **secure.mutual_properties()}
    admin = AdminClient(operator)
    for made in admin.create_topics([NewTopic(name, 1, 1) for name in ("outbound.seen", "hidden")]).values():
        made.result(30)

    def commit(group, topic, offset):
        member = Consumer({**operator, "group.id": group, "enable.auto.commit": False})
        member.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
        member.close()

    def shown(group, topic):
        return value(exporter.samples(), "kafka_consumer_group_offset", group=group, topic=topic, partition="0")

    commit("outbound-seen", "outbound.seen", 5)
    commit("outbound-hides", "hidden", 5)
    commit("hidden", "outbound.seen", 5)
    arguments, settings = yaml_of(tmp_path, "exporter", secure.sasl_properties("PLAIN", "exporter"))
    exporter = Exporter(tmp_path / "exporter.log", arguments, KAFKA_BROKERS=secure.sasl, **settings)
    exporter.wait_until_collected()
    until(lambda: shown("outbound-seen", "outbound.seen") == 5, "what the group has committed is shown")
    time.sleep(1)  # some collections, at which it is quiet
    commit("outbound-seen", "outbound.seen", 7)
    until(lambda: shown("outbound-seen", "outbound.seen") == 7, "what it commits then is, too", seconds=5)
    assert shown("outbound-hides", "hidden") is None
    assert shown("hidden", "outbound.seen") is None
    exporter.stop()


def test_a_certificate_of_ones_own(secure, new_pipeline):
    settings = {"KAFKA_BROKERS": secure.mutual, "KAFKA_PROPERTIES": text_of(secure.mutual_properties())}
    made = outbound("topics", "apply", **settings)
    assert made.code == 0, made.err
    pipeline = new_pipeline("sandbox", "producer", "router", "sender", **settings)
    pipeline.wait_for(pipeline.api.accept(), "SENT")


# What is wrong: the brokers' address, properties, and what has to be said of it.
REFUSED = {
    "a wrong password": lambda kafka: (
        kafka.sasl,
        kafka.sasl_properties("PLAIN", "producer", **{"sasl.password": "guessed"}),
        "Invalid username or password",
    ),
    "a librdkafka that is too old": lambda kafka: (
        kafka.sasl,
        kafka.sasl_properties("SCRAM-SHA-512", "producer"),
        "before 2.6.1 its SCRAM is refused",
    ),
    "a wrong authority": lambda kafka: (
        kafka.sasl,
        kafka.sasl_properties("PLAIN", "producer", **{"ssl.ca.location": str(kafka.stranger.path)}),
        "certificate verify failed",
    ),
    "a host of another name": lambda kafka: (
        f"127.0.0.1:{kafka.sasl_port}",
        kafka.sasl_properties("PLAIN", "producer"),
        "does not name this host",
    ),
    "no client certificate": lambda kafka: (
        kafka.mutual,
        kafka.mutual_properties(**{"ssl.certificate.location": None, "ssl.key.location": None}),
        "bad certificate",
    ),
    "plaintext at a TLS port": lambda kafka: (kafka.sasl, {}, "incorrect security.protocol"),
}


def not_ready(pipeline, producer):
    """What /health/ready says of Kafka, once it says no."""
    assert producer.running, producer.tail()
    try:
        answer = pipeline.api.get("/health/ready")
    except requests.RequestException:
        return None
    return answer.json()["services"].get("kafka") if answer.status_code == 503 else None


@pytest.mark.parametrize("case", REFUSED)
def test_who_is_refused_is_told_why(secure, new_pipeline, case):
    brokers, properties, words = REFUSED[case](secure)
    settings = {"KAFKA_BROKERS": brokers, "KAFKA_PROPERTIES": text_of(properties)}
    pipeline = new_pipeline(**settings)
    router, producer = pipeline.launch("router"), pipeline.launch("producer")
    said = until(lambda: not_ready(pipeline, producer), "the producer is not ready")
    assert said["status"] == "DOWN" and words in said["error"]
    message_id = until(lambda: pipeline.api.post(message()).json().get("id"), "messages are accepted")

    ended = outbound("topics", "check", **settings)
    assert ended.code == 1
    assert words in ended.err
    assert ended.seconds < 15

    # Each client of a role says it once, although it has tried more often meanwhile: five in a router.
    for role, kinds, lines in ((producer, ["producer"], 3), (router, ["producer", "consumer"], 6)):
        for kind in kinds:
            said = re.compile(f"WARN .*kafka {kind}: .*{words}")
            until(lambda role=role, said=said: said.search(role.log()), f"the {role.name} has said it")
        assert len(re.findall("WARN |ERROR ", role.log())) <= lines, role.log()
    assert pipeline.api.state(message_id)["status"] == "QUEUED"


def test_who_is_let_in_later_works(secure, new_pipeline):
    """The role goes on trying; and once it was connected, a refusal does not make it unready."""
    switch = Switch(secure.sasl_port)
    pipeline = new_pipeline(KAFKA_BROKERS=f"127.0.0.1:{switch.port}")
    producer = pipeline.launch("producer")
    until(lambda: not_ready(pipeline, producer), "the producer is not ready")
    switch.target = int(environment.KAFKA_BROKERS.rsplit(":", 1)[1])
    until(pipeline.api.ready, "it is ready")
    until(lambda: pipeline.api.health() == "UP", "it is content")
    assert producer.running
    switch.close()


def test_the_rights_name_what_there_is():
    """docs/kafka.md knows of every topic."""
    topics = re.findall(r'^TOPIC\(\w+, "([\w.]+)"', (environment.REPOSITORY / "schemas/topics.def").read_text(), re.M)
    assert len(topics) > 5
    for name in topics:
        for operation in ("Read", "Write"):
            covered = [
                row
                for row in rights()
                if row[0] != "exporter" and row[1] == operation and re.match(row[3].replace("*", ".*") + "$", name)
            ]
            assert covered or (operation == "Read" and name == "outbound.events"), (operation, name)
