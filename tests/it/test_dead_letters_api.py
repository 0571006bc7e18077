"""/api/v1/dead-letters: what `outbound dlq` does, over HTTP."""

import uuid

import pytest

from support.letters import forget_earlier, insert_given_up, letter_of, open_letters, wait_until_stored
from support.wait import until

PATH = "/api/v1/dead-letters"


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    running = module_pipeline("sandbox", "producer", "router", "sender", "dlq", OUTBOUND_DLQ_BATCH_SIZE=20)
    forget_earlier(running)
    return running


@pytest.fixture(autouse=True)
def no_letter_is_open(pipeline):
    yield
    until(lambda: pipeline.db.outbox() == 0, "the outbox is empty")
    pipeline.db.execute("UPDATE outbound_dead_letter SET status = 'DISCARDED' WHERE status = 'OPEN'")


def get(pipeline, path="", **query):
    answer = pipeline.api.get(PATH + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(pipeline, what, body):
    answer = pipeline.api.post(body, f"{PATH}/{what}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_list_stats_and_show(pipeline):
    ids = insert_given_up(pipeline.db, 5)
    wait_until_stored(pipeline.db, 5)
    page = get(pipeline, limit=3)
    rest = get(pipeline, limit=3, before=page["before"])
    assert "before" not in rest
    items = page["items"] + rest["items"]
    assert sorted(item["messageId"] for item in items) == sorted(ids)
    assert items == sorted(items, key=lambda item: -item["id"])
    assert [item["messageId"] for item in get(pipeline, id=ids[2])["items"]] == [ids[2]]
    assert get(pipeline, code="TIMEOUT")["items"] == []
    (counts,) = get(pipeline, "/stats", status="OPEN")["items"]
    assert (counts["count"], counts["code"], counts["channel"]) == (5, "TEMPORARY_ERROR", "EMAIL")
    for name in (ids[0], letter_of(ids[0])["id"]):
        shown = get(pipeline, f"/{name}")
        assert (shown["messageId"], shown["messageStatus"]) == (ids[0], "FAILED")


def test_replay_goes_on_batch_by_batch(pipeline):
    ids = insert_given_up(pipeline.db, 45)
    wait_until_stored(pipeline.db, 45)
    assert post(pipeline, "replay", {"dryRun": True})["replayed"] == 20
    assert open_letters(pipeline.db) == 45
    counts = []
    after = 0
    while True:
        done = post(pipeline, "replay", {"channel": "EMAIL", "after": after})
        counts.append(done["replayed"])
        if not done["more"]:
            break
        after = done["after"]
    assert counts == [20, 20, 5]
    for message_id in ids:
        pipeline.wait_for(message_id, "SENT")
    assert all(len(pipeline.sandbox.deliveries(message_id)) == 1 for message_id in ids)


def test_replay_and_discard_by_id(pipeline):
    one, other, third = insert_given_up(pipeline.db, 3)
    wait_until_stored(pipeline.db, 3)
    assert post(pipeline, "replay", {"id": [one, letter_of(other)["id"]]})["replayed"] == 2
    pipeline.wait_for(one, "SENT")
    pipeline.wait_for(other, "SENT")
    assert post(pipeline, "discard", {"id": third})["discarded"] == 1
    assert letter_of(third)["status"] == "DISCARDED"
    assert pipeline.db.message(third)["status"] == "FAILED"


def test_archive(pipeline):
    one, other = insert_given_up(pipeline.db, 2)
    wait_until_stored(pipeline.db, 2)
    assert post(pipeline, "archive", {"id": one})["archived"] == 1
    assert letter_of(one)["status"] == "ARCHIVED"
    assert pipeline.db.value("SELECT count(*) FROM outbound_message WHERE id = %s", one) == 0
    assert pipeline.db.value("SELECT count(*) FROM outbound_message_archive WHERE id = %s", one) == 1
    assert pipeline.db.message(other)["status"] == "FAILED"
    assert post(pipeline, "archive", {"until": "7d"})["archived"] == 0, "it is too young"
    assert post(pipeline, "archive", {"all": True})["archived"] == 1


def is_problem(answer, status, word):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert word in answer.text


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"channel": "FAX"}, "channel"),
        ({"chanel": "EMAIL"}, "chanel"),
        ({"since": "soon"}, "since"),
        ({"since": "1h", "until": "2h"}, "since"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"id": "x"}, "id"),
    ],
)
def test_a_wrong_query(pipeline, query, name):
    is_problem(pipeline.api.get(PATH, params=query), 400, f'"field":"{name}"')


@pytest.mark.parametrize(
    ("what", "body", "name"),
    [
        ("replay", b"", "body"),
        ("replay", b"[]", "body"),
        ("replay", b"{", "body"),
        ("replay", b"[" * 5000, "body"),
        ("replay", b"x" * 300000, "body"),
        ("replay", {"chanel": "EMAIL"}, "chanel"),
        ("replay", {"channel": "FAX"}, "channel"),
        ("replay", {"channel": None}, "channel"),
        ("replay", {"code": "TIME\0OUT"}, "body"),
        ("replay", {"id": []}, "id"),
        ("replay", {"id": ["x"]}, "id"),
        ("replay", {"id": [[1]]}, "id"),
        ("replay", {"id": 1.5}, "id"),
        ("replay", {"force": "yes"}, "force"),
        ("replay", {"status": "OPEN"}, "status"),
        ("replay", {"after": -1}, "after"),
        ("replay", {"all": True}, "all"),
        ("discard", {"force": True}, "force"),
        ("discard", {}, "all"),
        ("archive", {}, "all"),
        ("archive", {"force": True}, "force"),
        ("discard", {"limit": 3}, "all"),
    ],
)
def test_a_wrong_body(pipeline, what, body, name):
    insert_given_up(pipeline.db, 1)
    wait_until_stored(pipeline.db, 1)
    is_problem(pipeline.api.post(body, f"{PATH}/{what}"), 400, f'"field":"{name}"')
    assert open_letters(pipeline.db) == 1


def test_what_is_not_there(pipeline):
    missing = str(uuid.uuid4())
    is_problem(pipeline.api.get(f"{PATH}/{missing}"), 404, missing)
    is_problem(pipeline.api.get(f"{PATH}/9000000000"), 404, "9000000000")
    is_problem(pipeline.api.get(f"{PATH}/x"), 400, '"field":"id"')
    (own,) = insert_given_up(pipeline.db, 1)
    letter_of(own)
    is_problem(pipeline.api.post({"id": [own, missing]}, f"{PATH}/replay"), 404, missing)
    assert open_letters(pipeline.db) == 1
    assert pipeline.api.request("PUT", f"{PATH}/replay").headers["Allow"] == "POST"


def test_what_cannot_be_done_for_all_of_the_ids_is_done_for_none(pipeline):
    (fine,) = insert_given_up(pipeline.db, 1)
    (undecided,) = insert_given_up(pipeline.db, 1, status="UNKNOWN", code="TIMEOUT")
    wait_until_stored(pipeline.db, 2)
    is_problem(pipeline.api.post({"id": [fine, undecided]}, f"{PATH}/replay"), 409, "undecided")
    assert open_letters(pipeline.db) == 2
    assert post(pipeline, "replay", {"id": [fine, undecided], "force": True})["replayed"] == 2
    pipeline.wait_for(fine, "SENT")
    pipeline.wait_for(undecided, "SENT")
    is_problem(pipeline.api.post({"id": fine}, f"{PATH}/replay"), 409, "REPLAYED")
