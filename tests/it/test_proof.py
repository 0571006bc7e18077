"""`outbound load` and `outbound check`: a clean run has no finding, and each thing that must not be is found by its id."""

import copy
import json
import signal
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from support import environment
from support.command import outbound
from support.proof import check, lines, load, write_lines
from support.provider import Provider, close
from support.role import Role
from support.wait import until

CHANNELS = "--channel=email,sms,whatsapp"
BY_HTTP, BY_KAFKA = 60, 20


@dataclass
class Evidence:
    """What a run left behind; the roles are stopped. Tests change copies."""

    db: object
    folder: object
    journals: list  # of lists of lines
    deliveries: list

    def check(self, *options):
        paths = []
        for number, journal in enumerate(self.journals):
            paths.append(self.folder / f"journal-{number}.jsonl")
            write_lines(paths[-1], journal)
        write_lines(self.folder / "deliveries.jsonl", self.deliveries)
        return check(paths, self.folder / "deliveries.jsonl", *options)

    def change(self, sql, *values):
        """Past the triggers, as a defect or a damaged disk would."""
        self.db.execute("ALTER TABLE outbound_message DISABLE TRIGGER USER")
        self.db.execute(sql, *values)
        self.db.execute("ALTER TABLE outbound_message ENABLE TRIGGER USER")


@pytest.fixture(scope="module")
def clean_run(module_pipeline, tmp_path_factory):
    """Messages of every channel, by both ways, delivered and quiet."""
    callback = {"TWILIO_STATUS_CALLBACK_URL": "https://example.com/status"}
    channels = {"OUTBOUND_SMS_PROVIDER": "twilio", "OUTBOUND_WHATSAPP_PROVIDER": "whatsapp"}
    pipeline = module_pipeline("sandbox", "producer", **channels, **callback)
    for channel in ("email", "sms", "whatsapp"):
        pipeline.start("sender", f"--channel={channel}", label=channel, OUTBOUND_METRICS_PORT=0)
    folder = tmp_path_factory.mktemp("proof")
    journals = [folder / "http.jsonl", folder / "kafka.jsonl"]

    by_http = load(journals[0], "--rate=300", f"--count={BY_HTTP}", CHANNELS, "--seed=7")
    assert (by_http["asked"], by_http["accepted"], by_http["seed"]) == (BY_HTTP, BY_HTTP, 7)
    assert 0 < by_http["p50Ms"] <= by_http["p99Ms"]
    by_kafka = load(journals[1], "--by=kafka", "--rate=300", f"--count={BY_KAFKA}", CHANNELS)
    assert (by_kafka["asked"], by_kafka["accepted"]) == (BY_KAFKA, BY_KAFKA)

    # Nobody has read those yet.
    pipeline.sandbox.log.touch()
    _, found, _ = check(journals[1:], pipeline.sandbox.log)
    assert found == {"unfinished": BY_KAFKA}

    pipeline.start("router")
    until(lambda: check(journals, pipeline.sandbox.log)[0] == 0, "all is delivered and found to be well")
    for role in pipeline.started:
        role.terminate()
    return pipeline, [lines(journal) for journal in journals], pipeline.sandbox.logged()


@pytest.fixture
def evidence(clean_run, tmp_path):
    pipeline, journals, deliveries = clean_run
    tables = ("outbound_message", "outbound_attempt")
    for table in tables:
        pipeline.db.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
    found = Evidence(pipeline.db, tmp_path, copy.deepcopy(journals), copy.deepcopy(deliveries))
    yield found
    for table in tables:
        found.change(f"TRUNCATE {table}; INSERT INTO {table} TABLE kept_{table}; DROP TABLE kept_{table}")


def test_the_clean_run(evidence):
    assert evidence.check() == (0, {}, {})
    assert Counter(line["event"] for line in evidence.journals[0]) == {"asked": BY_HTTP, "accepted": BY_HTTP}
    assert Counter(line["channel"] for line in evidence.deliveries).keys() == {"EMAIL", "SMS", "WHATSAPP"}
    assert all(line["messageId"] and line["attempt"] == "1" for line in evidence.deliveries)


def drop_delivery(evidence, delivery):
    evidence.deliveries.remove(delivery)


def double_delivery(evidence, delivery):
    evidence.deliveries.append(dict(delivery))


def take_again(evidence, delivery):
    evidence.deliveries.append({**delivery, "attempt": "2"})
    evidence.change(
        "INSERT INTO outbound_attempt (outbound_message_id, attempt_no, outcome, started_at, finished_at)"
        " VALUES (%s, 2, 'SENT', now(), now())",
        delivery["messageId"],
    )


def take_again_after_unknown(evidence, delivery):
    take_again(evidence, delivery)
    evidence.change(
        "UPDATE outbound_attempt SET outcome = 'UNKNOWN' WHERE outbound_message_id = %s AND attempt_no = 1",
        delivery["messageId"],
    )


def change_recipient(evidence, delivery):
    delivery["to"] = "n2" + delivery["to"]


def tell_another_id(_evidence, delivery):
    """Recipient and text say which message it is."""
    delivery["messageId"] = UUID


def change_content(evidence, delivery):
    found = delivery["content"]
    text = found if isinstance(found, str) else found.get("text") or found["body"]
    words = text[:-1] + ("." if text[-1] != "." else "!")
    delivery["content"] = words if isinstance(found, str) else {key: words for key in found}


def delete_row(evidence, delivery):
    evidence.change("DELETE FROM outbound_message WHERE id = %s", delivery["messageId"])


def set_status(status):
    def change(evidence, delivery):
        evidence.change(
            "UPDATE outbound_message SET status = %s, lease_until = 'infinity' WHERE id = %s",
            status,
            delivery["messageId"],
        )

    return change


def set_outcome(evidence, delivery):
    evidence.change(
        "UPDATE outbound_attempt SET outcome = 'RETRY' WHERE outbound_message_id = %s", delivery["messageId"]
    )


def never_attempted(evidence, delivery):
    evidence.change("DELETE FROM outbound_attempt WHERE outbound_message_id = %s", delivery["messageId"])


def refuse(evidence, delivery):
    for line in evidence.journals[0]:
        if line.get("id") == delivery["messageId"]:
            line.update(event="refused", status=400)


def refuse_and_store(evidence, delivery):
    """Nothing has gone out, and nothing will."""
    refuse(evidence, delivery)
    set_status("CANCELLED")(evidence, delivery)
    never_attempted(evidence, delivery)
    drop_delivery(evidence, delivery)


def give_up(evidence, delivery):
    set_status("FAILED")(evidence, delivery)
    evidence.change("UPDATE outbound_attempt SET outcome = 'FAILED' WHERE outbound_message_id = %s", delivery["messageId"])
    drop_delivery(evidence, delivery)


VIOLATIONS = [
    (drop_delivery, {"lost"}),
    (delete_row, {"lost"}),
    (double_delivery, {"duplicatesUnexplained"}),
    (take_again, {"duplicatesUnexplained"}),
    (take_again_after_unknown, {"duplicatesExplained"}),
    (change_recipient, {"changed"}),
    (change_content, {"changed"}),
    (tell_another_id, {"changed"}),
    (set_status("QUEUED"), {"unfinished"}),
    (set_status("SENDING"), {"unfinished"}),
    (set_status("CANCELLED"), {"disagreeing"}),
    (set_status("FAILED"), {"disagreeing", "letterless"}),
    (set_outcome, {"disagreeing"}),
    (never_attempted, {"disagreeing"}),
    (refuse, {"phantom", "disagreeing"}),
    (refuse_and_store, {"disagreeing"}),
    (give_up, {"letterless"}),
]


@pytest.mark.parametrize(("violate", "kinds"), VIOLATIONS)
def test_each_violation_is_found(evidence, violate, kinds):
    """One message of each channel. The number of kinds is that of messages: nothing else is said."""
    victims = {line["channel"]: line for line in evidence.deliveries if line["messageId"] in by_http(evidence)}
    names = {delivery["messageId"] for delivery in victims.values()}
    for delivery in victims.values():
        violate(evidence, delivery)
    code, found, ids = evidence.check()
    assert found == {kind: len(victims) for kind in kinds}
    assert all(set(named) == names for named in ids.values())
    assert code == (0 if kinds == {"duplicatesExplained"} else 1)


def by_http(evidence):
    return {line.get("id") for line in evidence.journals[0]}


def test_a_row_of_a_message_by_kafka_is_missed(evidence):
    """Its journal knows no id, so the key names it."""
    key = evidence.journals[1][0]["key"]
    evidence.change("DELETE FROM outbound_message WHERE idempotency_key = %s", key)
    assert evidence.check() == (1, {"lost": 1}, {"lost": [key]})
    try:
        evidence.db.execute("UPDATE outbound_kafka SET lost = '{\"outbound.requests\": 7}'")
        assert evidence.check()[1] == {"unfinished": 1}, "the router will begin at its start"
    finally:
        evidence.db.execute("UPDATE outbound_kafka SET lost = DEFAULT")


def test_what_nobody_asked_for_is_found(evidence):
    strangers = {line["messageId"] for line in evidence.deliveries} - by_http(evidence)
    del evidence.journals[1]
    code, found, ids = evidence.check()
    assert (code, found, set(ids["phantom"])) == (1, {"phantom": BY_KAFKA}, strangers)
    assert len(evidence.check("--limit=3")[2]["phantom"]) == 3


def test_what_was_not_answered_may_be_there_or_not(evidence):
    unanswered = [line for line in evidence.journals[0] if line["event"] == "accepted"][:2]
    for line in unanswered:
        line["event"] = "unanswered"
    stored, gone = (line.pop("id") for line in unanswered)
    assert evidence.check() == (0, {}, {})
    evidence.change("DELETE FROM outbound_message WHERE id = %s", gone)
    evidence.deliveries = [line for line in evidence.deliveries if line["messageId"] != gone]
    assert evidence.check() == (0, {}, {})
    evidence.deliveries = [line for line in evidence.deliveries if line["messageId"] != stored]
    assert evidence.check() == (1, {"lost": 1}, {"lost": [stored]})


ASKED = '{"event":"asked","key":"a-1","by":"http","channel":"SMS","to":"+4915112345678","content":"a-1 x"}\n'
UUID = "01890a5d-ac96-774b-bcce-b302099a8057"


END = '{{"event":"accepted","key":"a-1","id":"{}"}}\n'.format(UUID)


@pytest.mark.parametrize(
    ("journal", "line", "why"),
    [
        (ASKED + END[:-3] + "\n", 2, "is no JSON"),
        (ASKED + END[:-3], 2, "cut off"),
        (ASKED + END[:-1], 2, "cut off"),
        (ASKED + "nonsense\n", 2, "is no JSON"),
        (ASKED + "[]\n", 2, "is no JSON object"),
        (ASKED + '{"event":"accepted"}\n', 2, '"key"'),
        (ASKED + '{"event":"forgotten","key":"a-1"}\n', 2, "forgotten"),
        (ASKED + '{"event":"accepted","key":"a-2"}\n', 2, "not asked for"),
        (ASKED + ASKED, 2, "asked for a second time"),
        (ASKED + END + '{"event":"unanswered","key":"a-1"}\n', 3, "ends for a second time"),
        (ASKED.replace('"to"', '"too"'), 1, '"to"'),
        (ASKED.replace('"http"', '"post"'), 1, '"by"'),
        (ASKED + '{"event":"accepted","key":"a-1","id":"1"}\n', 2, "UUID"),
        (
            ASKED
            + ASKED.replace("a-1", "a-2")
            + "".join(f'{{"event":"accepted","key":"a-{n}","id":"{UUID}"}}\n' for n in (1, 2)),
            4,
            "another message",
        ),
    ],
)
def test_a_bad_journal_is_named(tmp_path, journal, line, why):
    path, deliveries = tmp_path / "journal.jsonl", tmp_path / "deliveries.jsonl"
    path.write_text(journal)
    deliveries.touch()
    ended = outbound("check", f"--journal={path}", f"--deliveries={deliveries}")
    assert ended.code == 3 and ended.out == ""
    assert f"cannot be checked: {path}, line {line}: " in ended.err and why in ended.err


@pytest.mark.parametrize(
    ("delivery", "why"),
    [
        ("{}\n", '"providerMessageId"'),
        ('{"providerMessageId":"1"}\n', '"channel"'),
        ('{"providerMessageId":"1","channel":"SMS","attempt":"first"}\n', '"attempt"'),
        ("1\n", "is no JSON"),
        ('{"at":"2026-01\n{"at":"2026-01', "is no JSON"),
    ],
)
def test_a_bad_file_of_deliveries_is_named(tmp_path, delivery, why):
    path, deliveries = tmp_path / "journal.jsonl", tmp_path / "deliveries.jsonl"
    path.touch()
    deliveries.write_text(delivery)
    ended = outbound("check", f"--journal={path}", f"--deliveries={deliveries}")
    assert ended.code == 3 and ended.out == ""
    assert f"cannot be checked: {deliveries}, line 1: " in ended.err and why in ended.err


CUT = '{"at":"2026-01'
TAKEN = json.dumps(
    {"at": "2026-01-31T12:00:00.000Z", "channel": "SMS", "providerMessageId": "1", "messageId": UUID, "to": "+4915112345678", "content": "a-1 x"}
)


def test_half_a_delivery_at_the_end_is_passed_over_and_counted(tmp_path):
    path, deliveries = tmp_path / "journal.jsonl", tmp_path / "deliveries.jsonl"
    path.write_text(ASKED)
    words = ("check", f"--journal={path}", f"--deliveries={deliveries}")
    for half, number in (("", 0), (CUT, 1), (TAKEN, 1)):
        deliveries.write_text(half)
        ended = outbound(*words, "--json")
        answer = json.loads(ended.out)
        assert ended.code == 0 and (answer["cutDeliveries"], answer["delivered"]) == (number, 0)
        assert outbound(*words).out.count("1 delivery is cut off at the end of") == number


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "why"),
    [
        (["load", "--rate=1", "--journal=/nowhere/x", "--count=1"], {}, 2, "/nowhere/x"),
        (["load", "--rate=0", "--journal=x", "--count=1"], {}, 2, "--rate"),
        (["check", "--journal=/nowhere/x", "--deliveries=/dev/null"], {}, 2, "/nowhere/x"),
        (["check", "--journal=/dev/null", "--deliveries=/nowhere/x"], {}, 2, "/nowhere/x"),
        (["check", "--journal=/dev/null"], {"OUTBOUND_SANDBOX_LOG": "/nowhere"}, 2, "--deliveries /nowhere: No such file"),
        (["check", "--deliveries=/dev/null"], {}, 2, "--journal is needed"),
        (["check", "--journal=/dev/null", "--deliveries=/dev/null", "--limit=0"], {}, 2, "--limit"),
        (
            ["check", "--journal=/dev/null", "--deliveries=/dev/null"],
            {"DATABASE_URL": "postgresql://127.0.0.1:1/x"},
            3,
            "PostgreSQL",
        ),
    ],
)
def test_what_cannot_be_done_says_why(arguments, settings, code, why):
    ended = outbound(*arguments, **settings)
    assert ended.code == code and ended.out == ""
    assert why in ended.err


ANSWERS = {
    "accepted": f'HTTP/1.1 202 A\r\nContent-Length: 45\r\n\r\n{{"id":"{UUID}"}}'.encode(),
    "refused": b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n",
    "unanswered": b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n",
    "no id": b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}",
}


def test_each_request_is_made_once_whatever_the_answer(tmp_path):
    ends = ["accepted", "refused", "unanswered", "no id", None]

    def react(request):
        number = int(request.headers["idempotency-key"].removeprefix("once-"))
        return ANSWERS.get(ends[number % len(ends)], close)

    producer = Provider(react)
    journal = tmp_path / "journal.jsonl"
    summary = load(
        journal, "--rate=500", "--count=50", "--name=once", "--connections=4", "--url", producer.url
    )
    producer.close()
    keys = Counter(request.headers["idempotency-key"] for request in producer.requests)
    assert keys == {f"once-{number}": 1 for number in range(1, 51)}
    assert {kind: summary[kind] for kind in ("asked", "accepted", "refused", "unanswered")} == {
        "asked": 50,
        "accepted": 10,
        "refused": 10,
        "unanswered": 30,
    }
    written = lines(journal)
    for line in written:
        if line["event"] != "asked":
            end = ends[int(line["key"].removeprefix("once-")) % len(ends)]
            assert line["event"] == (end if end in ("accepted", "refused") else "unanswered")
            assert ("id" in line) == (end == "accepted")
            assert line.get("status") == {"accepted": 202, "refused": 409, "unanswered": 503, "no id": 202}.get(end)
    assert len(written) == 100

    again = outbound("load", f"--journal={journal}", "--rate=1", "--count=1")
    assert again.code == 2 and "not empty" in again.err, "a journal is never written over"


def slow(connection):
    """The connection ends with the answer, as the answer says."""
    time.sleep(0.5)
    connection.sendall(ANSWERS["refused"].replace(b"\r\n", b"\r\nConnection: close\r\n", 1))


def test_late_answers_do_not_slow_it_down(tmp_path):
    """Up to the bound of open requests."""
    producer = Provider(lambda request: slow)
    fast = load(tmp_path / "fast.jsonl", "--rate=200", "--count=40", "--url", producer.url)
    assert fast["asked"] == fast["refused"] == 40
    assert fast["seconds"] < 0.5 <= fast["p50Ms"] / 1000
    bound = load(tmp_path / "bound.jsonl", "--rate=200", "--for=1", "--connections=2", "--url", producer.url)
    assert 2 <= bound["asked"] == bound["refused"] <= 6
    producer.close()


def test_a_journal_that_cannot_be_written_ends_it(tmp_path):
    """Nothing is asked for that is not in the journal."""
    producer = Provider()
    ended = outbound("load", "--rate=1", "--count=1", "--journal=/dev/full", "--url", producer.url)
    assert (ended.code, producer.requests) == (1, [])
    assert ended.err.count("/dev/full: cannot be written") == 1
    producer.close()


def test_it_ends_in_good_order(tmp_path):
    """A minute's load is stopped; every request that left has its end in the journal."""
    producer = Provider(lambda request: ANSWERS["refused"])
    journal = tmp_path / "journal.jsonl"
    role = Role(
        "load", tmp_path / "load.log", {}, ["--rate=200", "--for=60", f"--journal={journal}", "--url", producer.url]
    )
    until(lambda: len(producer.requests) > 20, "it asks")
    role.signal(signal.SIGTERM)
    assert role.wait(environment.AT_ONCE_S + 5) == 0
    producer.close()
    events = Counter(line["event"] for line in lines(journal))
    assert events["asked"] == events["refused"] == len(producer.requests) < 5000
