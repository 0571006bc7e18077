#!/usr/bin/python3
"""Negative controls: defects that are put into the product on purpose, to see that `outbound check` finds them, or that
the events do not tell what has happened.

usage: ./dev test controls [NAME...]

Each control breaks the code in one place, does the harm that makes it matter, and fails if the check is content. The
same harm to the unbroken build has to leave everything in order. The check itself is always the unbroken build's.
"""

import concurrent.futures
import os
import pathlib
import secrets
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]

sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(REPOSITORY / "tests" / "it")]
SOUND = str(REPOSITORY / "build" / "faults" / "outbound")
os.environ["OUTBOUND_BIN"] = SOUND

from support import environment  # noqa: E402

sys.path.append(str(environment.PACKAGES))

from broken import Edit, Moved, build  # noqa: E402
from harness import FAIL_POINT, Scenario, World  # noqa: E402
from scenarios.topics import limit, topic_made_anew_while_its_reader_is_away  # noqa: E402
from server import descendants_of  # noqa: E402
from support.command import outbound  # noqa: E402
from support.database_lock import no_change_of_messages, somebody_waits  # noqa: E402
from support.kafka import EVENTS  # noqa: E402
from support.wait import until  # noqa: E402
from told import wrong_events  # noqa: E402
from verdict import NEVER, check  # noqa: E402

# As the roles allow them at least: what a dead process held comes back soon.
SHORT = {
    "OUTBOUND_SENDER_TIMEOUT_MS": 1000,
    "OUTBOUND_SENDER_LEASE_MS": 3000,
    "OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS": 1000,
    "OUTBOUND_OUTBOX_LEASE_MS": 2000,
    "OUTBOUND_RETRY_DELAYS": "100ms,200ms",
    "OUTBOUND_MAX_ATTEMPTS": 20,
}
SETTLE_S = 30  # the sound build finishes everything within that
NOTICE_S = 15  # a defect shows within that
STABLE_S = 6  # what does not change for so long stays so
PASSING = ("unfinished", "letterless", "untold")  # in order while messages, letters and events are on their way


class ControlWorld(World):
    """Roles are those of the build under test; load and check are the unbroken one's."""

    def __init__(self, program, *arguments):
        super().__init__(*arguments)
        self._program = program

    @contextmanager
    def _under_test(self):
        environment.OUTBOUND = str(self._program)
        try:
            yield
        finally:
            environment.OUTBOUND = SOUND

    def launch(self, label, **settings):
        with self._under_test():
            return super().launch(label, **{**SHORT, **settings})

    def start_again(self, label):
        with self._under_test():
            super().start_again(label)


# --- the harm


def router_killed_before_it_can_store(world):
    world.start("sandbox", "producer", "router", "sender")
    with no_change_of_messages():
        with world.load(by="kafka", rate=100, count=100):
            pass
        time.sleep(1.5)  # offsets that may be are committed each second
        world.kill("router")
    world.start_again("router")


def producer_killed_while_kafka_is_silent(world):
    world.start("sandbox", "producer", "router", "sender")
    world.kafka.freeze()
    try:
        with world.load(rate=200, count=200):
            pass
        time.sleep(0.5)  # rows are deleted four times a second
        world.kill("producer")
    finally:
        world.kafka.thaw()
    world.start_again("producer")


def producer_killed_between_record_and_row(world):
    """So records come twice."""
    world.start("sandbox", "router", "sender")
    world.start("producer", **{FAIL_POINT: "relay.acknowledged@60=kill"})
    with world.load(rate=400, count=120):
        world.wait_until_killed("producer")
    world.start_again("producer")


def sender_frozen_until_another_sends(world):
    """It has an answer, and stores it when its message is in the hands of the other."""
    world.start("sandbox", OUTBOUND_SANDBOX_LATENCY_MS=700)
    world.start("producer", "router")
    world.start("sender", **{FAIL_POINT: "sender.answered@1=stop"})
    with world.load(rate=1, count=1):
        world.wait_until_stopped("sender")
    world.launch("sender-2")  # has the partitions when the group has given the other one up
    sending = "SELECT count(*) FROM outbound_message WHERE status = 'SENDING' AND fence = 2"
    until(lambda: world.db.value(sending) == 1, "the other sender has taken the message over", 30)
    world.roles["sender"].signal(signal.SIGCONT)


def sender_killed_while_it_sends(world):
    world.start("sandbox", OUTBOUND_SANDBOX_LATENCY_MS=500)
    world.start("producer", "router", "sender")
    with world.load(rate=100, count=100):
        until(lambda: world.db.count("SENDING") > 20, "messages are on their way", 10)
        time.sleep(0.3)
        world.kill("sender")
    world.start_again("sender")


def connections_reset_after_reading(world):
    world.start("sandbox", "producer", "router", "sender")
    with world.load(rate=200, count=60):
        pass  # connections that are kept
    world.sandbox.fault("reset", at="after", probability=0.2, seed=world.seed)
    with world.load(rate=200, count=200):
        pass
    world.sandbox.clear_faults()


def some_messages_refused(world):
    world.start("sandbox", OUTBOUND_SANDBOX_LATENCY_MS=20)
    world.start("producer", "router", "sender", "dlq")
    world.sandbox.fault("status", status=400, probability=0.2, seed=world.seed)
    with world.load(rate=300, count=200):
        pass


def events_refused_for_a_while(world):
    """The broker finds each of them too large."""
    world.start("sandbox", "router", "sender")
    world.start("producer", OUTBOUND_OUTBOX_POLL_INTERVAL_MS=50)
    world.at_end.callback(limit, world, EVENTS)
    limit(world, EVENTS, max_message_bytes=1)
    with world.load(rate=200, count=50):
        pass
    until(lambda: world.db.count("SENT") == 50, "all are sent", 15)
    world.roles["producer"].wait_until_says("did not acknowledge an event")
    time.sleep(1)  # the last of them have been taken, too
    limit(world, EVENTS)


def sender_full_again_and_again(world):
    """It has no room for more, and room again, with each answer."""
    world.start("sandbox", OUTBOUND_SANDBOX_LATENCY_MS=10)
    world.start("producer", "router")
    world.start("sender", OUTBOUND_SENDER_MAX_IN_FLIGHT=8)
    with world.load(rate=600, count=600):
        pass


def sessions_ended_while_they_store(world):
    world.start("sandbox", "producer", "router", "sender")
    with world.load(rate=200, seconds=2):
        for _ in range(3):
            time.sleep(0.2)
            with no_change_of_messages():
                until(lambda: somebody_waits(world.db), "a transaction waits", 5)
                world.db.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'outbound producer ingest'"
                )


def server_killed_while_messages_come(world):
    world.start("sandbox", "producer", "router", "sender")
    with world.load(rate=400, seconds=2):
        time.sleep(0.5)
        os.kill(wal_writer(world), signal.SIGSTOP)  # who commits writes the log through, or nobody does
        time.sleep(0.5)
        world.postgres.kill()
        world.postgres.start()


def wal_writer(world):
    titles = {pid: pathlib.Path(f"/proc/{pid}/cmdline").read_text() for pid in descendants_of(world.postgres.pid)}
    return next(pid for pid, title in titles.items() if "walwriter" in title)


# --- the defects

CLAIM = Edit(
    "schemas/lifecycle.c",
    'WHERE m.id = ANY ($1::uuid[]) AND m.id = t.id AND m.generation = t.generation AND m.fence = t.fence"\n'
    "    \"    AND CASE m.status WHEN 'QUEUED' THEN true ELSE false END\"",
    'WHERE m.id = ANY ($1::uuid[]) AND m.id = t.id"',
)
SECOND_RECORD = Edit(
    "base/kafka_consumer.c", "if (partition && record->offset > partition->last_offset) {", "if (partition) {"
)


@dataclass
class Control:
    name: str
    harm: object
    finds: str  # the kind
    edits: list
    # What would absorb the defect is taken out, too, also from the build that has to be clean.
    without: list = field(default_factory=list)


CONTROLS = [
    Control(
        "offset committed before the transaction",
        router_killed_before_it_can_store,
        "lost",
        [
            Edit(
                "router/ingress_path.c",
                "        store_add(ingress->store, &arrival->item);\n    }\n    return true;",
                "        kafka_consumer_finish(ingress->consumer, arrival->position);\n"
                "        store_add(ingress->store, &arrival->item);\n    }\n    return true;",
            )
        ],
    ),
    Control(
        "outbox row deleted when its record is queued, not when it is acknowledged",
        producer_killed_while_kafka_is_silent,
        "unfinished",
        [
            Edit(
                "producer/relay.c",
                "                                         .ticket = ticket};\n    publish(relay, &out);\n",
                "                                         .ticket = ticket};\n    publish(relay, &out);\n"
                "    outbox_done_add(&relay->done, record->outbox_id);\n",
            )
        ],
    ),
    Control("claim left out", producer_killed_between_record_and_row, "duplicatesUnexplained", [CLAIM]),
    Control(
        "fence left out",
        sender_frozen_until_another_sends,
        "duplicatesUnexplained",
        [
            Edit(
                "schemas/lifecycle.c",
                'WHERE m.id = ANY ($1::uuid[]) AND m.id = t.id AND m.fence = t.fence"\n    "    AND CASE m.status"\n',
                'WHERE m.id = ANY ($1::uuid[]) AND m.id = t.id"\n    "    AND CASE m.status"\n',
            )
        ],
    ),
    Control(
        "a lease that runs out leaves no UNKNOWN attempt",
        sender_killed_while_it_sends,
        "duplicatesUnexplained",
        [
            Edit(
                "schemas/lifecycle.c",
                '"  FROM expired ON CONFLICT DO NOTHING),"',
                '"  FROM expired WHERE false ON CONFLICT DO NOTHING),"',
            )
        ],
    ),
    Control(
        "libcurl may send a body again",
        connections_reset_after_reading,
        "duplicatesUnexplained",
        [
            Edit(
                "base/http_client.c",
                "return !exchange->get && may_have_left(exchange) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;",
                "return CURL_PREREQFUNC_OK;",
            )
        ],
    ),
    Control(
        "partitions resumed that were not paused",
        sender_full_again_and_again,
        "duplicatesUnexplained",
        [
            Edit("base/kafka_consumer.c", "    if (partition->paused == paused) {\n        return;\n    }\n", ""),
            Edit("base/kafka_consumer.c", "    if (room && consumer->paused) {", "    if (room) {"),
        ],
        without=[SECOND_RECORD, CLAIM],
    ),
    Control(
        "202 before COMMIT",
        sessions_ended_while_they_store,
        "lost",
        [
            Edit(
                "schemas/store.c",
                '        FAIL_POINT("store.sent");\n',
                "        for (struct store_item *item = batch->first, *next; item; item = next) {\n"
                "            next = item->next;\n"
                "            store->options.answers.stored(store->options.arg, item, 0);\n"
                "        }\n",
            ),
            # Those that were answered are gone.
            Edit("schemas/store.c", "        if (store->options.on_commit) {", "        if (false) {"),
            Edit("schemas/store.c", "        batch_stored(store, batch, reply->rows);\n        break;", "        break;"),
            Edit("schemas/store.c", "        batch_refused(store, batch, reply);\n        break;", "        break;"),
            Edit("schemas/store.c", "        batch_lost(store, batch);\n        break;", "        break;"),
        ],
    ),
    Control(
        "202 before the commit is on disk",
        server_killed_while_messages_come,
        "lost",
        [Edit("base/pg.c", "-c synchronous_commit=on", "-c synchronous_commit=off")],
    ),
    Control(
        "an ambiguous answer taken for a failure",
        connections_reset_after_reading,
        "disagreeing",
        [Edit("senders/policy.c", "const bool unknown = error->may_be_delivered;", "const bool unknown = false;")],
    ),
    Control(
        "a batch sent to its first recipient",
        some_messages_refused,
        "changed",
        [Edit("senders/claim.c", "PQgetvalue(rows, row, COLUMN_TO)", "PQgetvalue(rows, 0, COLUMN_TO)")],
    ),
    Control(
        "refused, and delivered all the same",
        some_messages_refused,
        "phantom",
        [Edit("producer/ingest_path.c", "answer_json(item->request, 202,", "answer_json(item->request, 422,")],
    ),
    Control(
        "given up without a dead letter",
        some_messages_refused,
        "letterless",
        [
            Edit(
                "senders/finish.c",
                "                                                          : topic_name(TOPIC_DLQ));",
                "                                                          : NULL);",
            )
        ],
    ),
    Control(
        "an event given up that Kafka refused",
        events_refused_for_a_while,
        "untold",
        [
            Edit(
                "producer/event_relay.c",
                "        failed(relay, (int64_t)ticket);\n    }\n",
                "    }\n",
            )
        ],
    ),
    Control(
        "an event that says another status",
        some_messages_refused,
        "toldOtherwise",
        [Edit("producer/event_relay.c", ".status = pg_text(rows, row, ROW_STATUS),", '.status = text_of("SENT"),')],
    ),
    Control(
        "commits of a topic that was lost count, whatever their marks say",
        topic_made_anew_while_its_reader_is_away,
        "unfinished",
        [
            Edit(
                "base/kafka_consumer.c",
                "    if (!kafka_lost_begin(consumer->lost, consumer->kafka, list, COORDINATOR_WAIT_MS)) {",
                "    if (false) {",
            )
        ],
    ),
]

# --- the runs


def say(text):
    print(f"· {text}", flush=True)


def slug(text):
    return "".join(letter if letter.isalnum() else "-" for letter in text)[:60]


def found_by(world):
    """The kinds that the check finds, or the events tell, and that must not be."""
    answer = check(world)
    found = {kind: answer[kind] for kind in NEVER if answer[kind]}
    return {**found, **{kind: len(ids) for kind, ids in wrong_events(world).items() if ids}}


@contextmanager
def run(program, harm, label, logs):
    """The world after the harm."""
    folder = logs / slug(label)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scenario = Scenario(slug(label), "controls", harm, True, SETTLE_S, 0, 1)
    world = ControlWorld(program, scenario, secrets.randbelow(10**6), folder)
    try:
        harm(world)
        yield world
    finally:
        world.close()


def sound_is_clean(program, harm, label, logs):
    """What is wrong, in words; None when nothing is."""
    with run(program, harm, label, logs) as world:
        last = {}

        def clean():
            last.clear()
            last.update(found_by(world))
            return not last

        try:
            until(clean, "the check is content", SETTLE_S)
            world.stop()
        except AssertionError as failure:
            return f"the build without the defect: {last or failure}"
    return None


def is_found(world, kind):
    """Whether it is, and stays, if it could pass."""
    try:
        until(lambda: kind in found_by(world), kind, NOTICE_S)
    except AssertionError:
        return False
    if kind not in PASSING:
        return True
    before, now = -1, found_by(world).get(kind, 0)
    while now != before:
        time.sleep(STABLE_S)
        before, now = now, found_by(world).get(kind, 0)
    return now > 0


def defect_is_found(program, control, logs):
    with run(program, control.harm, "defect " + control.name, logs) as world:
        fine = is_found(world, control.finds)
        found = found_by(world)
        try:
            world.stop()  # in order, so that its consumers leave their groups; a broken build may not manage
        except AssertionError:
            pass
        return (None if fine else f"`outbound check` does not find \"{control.finds}\""), found


def programs(controls, folder):
    """{control's name: (defect, without)}, built two at a time; a Moved instead where the edits no longer fit."""
    jobs = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for control in controls:
            place = folder / slug(control.name)
            jobs[control.name] = [pool.submit(build, place / "defect", control.edits + control.without)]
            if control.without:
                jobs[control.name].append(pool.submit(build, place / "without", control.without))
    built = {}
    for name, futures in jobs.items():
        try:
            built[name] = [future.result() for future in futures]
        except Moved as moved:
            built[name] = moved
    return built


def prove(control, built, logs, sound):
    """What is wrong with a control, in words; None when it does what it is for."""
    if isinstance(built, Moved):
        return str(built), {}
    program = built[1] if control.without else SOUND
    key = (str(program), control.harm)
    if key not in sound:
        sound[key] = sound_is_clean(program, control.harm, "without " + control.name, logs)
    if sound[key]:
        return sound[key], {}
    return defect_is_found(built[0], control, logs)


def main(names):
    if {"-h", "--help"} & set(names):
        print(__doc__.strip())
        return 0
    chosen = [one for one in CONTROLS if not names or any(name.lower() in one.name.lower() for name in names)]
    if not chosen:
        sys.exit("./dev test controls: there are " + ", ".join(f'"{one.name}"' for one in CONTROLS))
    if environment.missing():
        sys.exit(f"run ./dev test controls: {', '.join(environment.missing())} not in the environment")
    logs = environment.STATE / "log" / "controls"
    for words in (("migrate",), ("topics", "apply")):
        ended = outbound(*words, OUTBOUND_RETRY_DELAYS="1s,1h")
        assert ended.code == 0, ended.err
    began = time.monotonic()
    built = programs(chosen, environment.STATE / "controls")
    say(f"{len(chosen)} broken builds in {time.monotonic() - began:.0f} s; logs: {logs}")
    failed, sound = [], {}
    for number, control in enumerate(chosen, 1):
        started = time.monotonic()
        try:
            wrong, found = prove(control, built[control.name], logs, sound)
        except Exception as failure:  # pylint: disable=broad-except
            wrong, found = f"{type(failure).__name__}: {failure}", {}
        say(f"[{number}/{len(chosen)}] {control.name}: {wrong or f'found {found}'}; {time.monotonic() - started:.0f} s")
        if wrong:
            failed.append(control.name)
    for name in failed:
        print(f"failed: {name}")
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed", flush=True)
    say(f"{time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
