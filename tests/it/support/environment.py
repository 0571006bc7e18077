"""What the running set-up is: the values that `./dev env` prints, and what follows from them."""

import os
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]

# What Debian does not have (requirements.txt).
PACKAGES = REPOSITORY / ".dev" / "python"

# What the examples of docs/upstream.md are run with, and AsyncAPI's validator (compose/dev/clients.sh).
CLIENTS = REPOSITORY / ".dev" / "clients"

# One that is newer than Debian's, which does not come to terms with SCRAM of Kafka 4 (librdkafka.txt).
NEW_LIBRDKAFKA = CLIENTS / "librdkafka" / "python" / "confluent_kafka.libs"

# What a test needs to start a Kafka of its own.
JAVA = sorted(pathlib.Path("/usr/lib/jvm").glob("java-17-openjdk-*/bin/java"))
KAFKA_JARS = [f"{folder}/lib/*" for folder in (REPOSITORY / ".dev").glob("kafka-*") if folder.suffix != ".new"]

OUTBOUND = os.environ.get("OUTBOUND_BIN", "")
STATE = pathlib.Path(os.environ.get("STATE_DIR", ""))
DATABASE_URL = os.environ.get("DATABASE_URL", "")
KAFKA_BROKERS = os.environ.get("KAFKA_BROKERS", "")
REGISTRY_URL = os.environ.get("REGISTRY_URL", "")
HTTP_PORT = int(os.environ.get("OUTBOUND_HTTP_PORT", "0"))
METRICS_PORT = int(os.environ.get("OUTBOUND_METRICS_PORT", "0"))
SANDBOX_PORT = int(os.environ.get("OUTBOUND_SANDBOX_PORT", "0"))

# build/release/outbound and build/asan/outbound are tested with the same tests, and some with tsan and valgrind.
VARIANT = pathlib.Path(OUTBOUND).parent.name
SANITIZED = VARIANT in ("asan", "tsan", "valgrind")
LOGS = STATE / "log" / f"it-{VARIANT}"

# How long a condition may take to come true before a test gives up. Nothing waits for so long when all is well: it
# only has to be more than any slow machine needs.
PATIENCE_S = 240 if SANITIZED else 90

# What a role must do "at once": within a second on an idle machine, which this is not.
AT_ONCE_S = 8 if SANITIZED else 3

# `./dev env` names all that has to be there; without it a test would run against something else.
REQUIRED = ("OUTBOUND_BIN", "STATE_DIR", "DATABASE_URL", "KAFKA_BROKERS", "REGISTRY_URL")
REQUIRED += ("OUTBOUND_HTTP_PORT", "OUTBOUND_METRICS_PORT", "OUTBOUND_SANDBOX_PORT")


def missing():
    return [name for name in REQUIRED if not os.environ.get(name)]


def variables(settings):
    """The environment of a role: that of the set-up, what suits tests, and the settings that a test asks for."""
    chosen = {**os.environ, **SANITIZERS, **TEST_DEFAULTS}
    for name, value in settings.items():
        if value is None:
            chosen.pop(name, None)
        else:
            chosen[name] = str(value)
    return chosen


TEST_DEFAULTS = {
    # A member without a name leaves its group when it stops, so the next test gets all partitions at once.
    "OUTBOUND_INSTANCE_ID": "-",
    "OUTBOUND_KAFKA_SESSION_TIMEOUT_MS": "6000",
    "OUTBOUND_RETRY_DELAYS": "200ms,400ms,800ms",
    "OUTBOUND_WORKER_POLL_INTERVAL_MS": "500",
    # `outbound all` starts a sender for e-mails only; what is about other channels names their providers.
    "OUTBOUND_SMS_PROVIDER": "none",
    "OUTBOUND_WHATSAPP_PROVIDER": "none",
}

# An exit code that nothing else has.
SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "LSAN_OPTIONS": "exitcode=99",
    "TSAN_OPTIONS": f"exitcode=99:suppressions={REPOSITORY}/tests/sanitize/tsan.supp",
}
