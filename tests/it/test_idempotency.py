"""A caller that repeats a request gets the same message again, never a second one."""

import json
import threading
import uuid

import pytest

from support.api import Api, Crowd, PATH, message, unique
from support.role import free_port


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    return module_pipeline("sandbox", "producer", "router", "sender")


@pytest.fixture(scope="module")
def api(pipeline):
    return pipeline.api


def keyed(key, **more):
    return {"Idempotency-Key": key, **more}


def is_replay(answer, message_id):
    assert answer.status_code == 202, answer.text
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert answer.headers["Location"] == f"{PATH}/{message_id}"
    assert answer.json()["id"] == message_id
    return True


def test_the_same_request_gives_the_same_message(pipeline, api, db):
    key, body, before = unique("key"), message(), db.count()
    message_id = api.post(body, headers=keyed(key)).json()["id"]
    for _ in range(3):
        assert is_replay(api.post(body, headers=keyed(key)), message_id)
    pipeline.wait_for(message_id, "SENT")
    assert len(pipeline.sandbox.deliveries(message_id)) == 1
    assert db.count() == before + 1


def test_a_replay_tells_the_present_status(pipeline, api):
    key, body = unique("key"), message()
    message_id = api.post(body, headers=keyed(key)).json()["id"]
    pipeline.wait_for(message_id, "SENT")
    assert api.post(body, headers=keyed(key)).json()["status"] == "SENT"


def test_the_order_of_members_and_white_space_do_not_count(api):
    key, body = unique("key"), message(payloadJson={"a": 1, "b": {"c": 2, "d": [1, 2]}})
    other_order = dict(reversed(body.items()))
    other_order["payloadJson"] = {"b": {"d": [1, 2], "c": 2}, "a": 1}
    message_id = api.post(body, headers=keyed(key)).json()["id"]
    assert is_replay(api.post(json.dumps(other_order, indent=3).encode(), headers=keyed(key)), message_id)
    # Nor does the path.
    assert is_replay(api.post(body, "/api/outbound-messages", keyed(key)), message_id)


@pytest.mark.parametrize(
    "change",
    [{"subject": "Other"}, {"dossierId": 2}, {"payloadJson": {"name": "Other"}}, {"priority": "urgent"}],
    ids=str,
)
def test_the_same_key_with_another_body_is_a_conflict(api, db, change):
    key, body = unique("key"), message()
    api.accept(body, Idempotency_Key=key)
    before = db.count()
    answer = api.post({**body, **change}, headers=keyed(key))
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Idempotency-Key" in answer.json()["detail"]
    assert db.count() == before


def test_a_conflict_does_not_spoil_the_key(api):
    key, body = unique("key"), message()
    message_id = api.accept(body, Idempotency_Key=key)
    assert api.post(message(), headers=keyed(key)).status_code == 409
    assert is_replay(api.post(body, headers=keyed(key)), message_id)


def test_a_refused_request_does_not_use_its_key_up(api):
    key = unique("key")
    assert api.post(message(to="nobody"), headers=keyed(key)).status_code == 400
    assert "Idempotent-Replayed" not in api.post(message(), headers=keyed(key)).headers


def test_organisations_have_keys_of_their_own(api):
    key, body = unique("key"), message()
    ids = {api.post(body, headers=keyed(key, **{"X-Org-ID": org})).json()["id"] for org in ("acme", "umbrella")}
    ids.add(api.post(body, headers=keyed(key)).json()["id"])
    assert len(ids) == 3


def test_an_id_of_the_callers_own_is_a_key_too(api, db):
    own, before = str(uuid.uuid4()), db.count()
    body = message(id=own)
    assert api.accept(body) == own
    assert is_replay(api.post(body), own)
    assert api.post({**body, "subject": "Other"}).status_code == 409
    assert db.count() == before + 1


def test_an_id_is_not_shared_between_organisations(api):
    """Nor does the answer tell one of them what the other has sent."""
    body = message(id=str(uuid.uuid4()))
    api.accept(body, X_Org_ID="acme")
    answer = api.post(body, headers={"X-Org-ID": "umbrella"})
    assert answer.status_code == 409
    assert "acme" not in answer.text and body["to"] not in answer.text


def test_without_a_key_equal_requests_are_different_messages(api):
    body = message()
    assert api.accept(body) != api.accept(body)


def at_once(count, act):
    """Runs `act(number)` in as many threads, which begin together; returns what they return."""
    gate, results = threading.Barrier(count), [None] * count

    def run(number):
        gate.wait()
        results[number] = act(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_fifty_equal_requests_at_once_store_one_row(pipeline, api, db):
    key, body, before = unique("key"), message(), db.count()
    answers = at_once(50, lambda _: Api().post(body, headers=keyed(key)))
    assert [answer.status_code for answer in answers] == [202] * 50
    (message_id,) = {answer.json()["id"] for answer in answers}
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert db.count() == before + 1
    pipeline.wait_for(message_id, "SENT")
    assert len(pipeline.sandbox.deliveries(message_id)) == 1


def test_fifty_different_requests_with_one_key_store_one_row(api, db):
    key, before = unique("key"), db.count()
    answers = at_once(50, lambda number: Api().post(message(dossierId=number), headers=keyed(key)))
    assert sorted({answer.status_code for answer in answers}) == [202, 409]
    assert sum(answer.status_code == 202 for answer in answers) == 1
    assert db.count() == before + 1


def test_two_producers_share_keys(pipeline, db):
    """Both get the same requests at the same time, in opposite orders: locks must not make any of them fail."""
    port = free_port()
    other = pipeline.start("producer", label="producer-2", OUTBOUND_HTTP_PORT=port)
    before, bodies = db.count(), [message() for _ in range(300)]
    keys = [unique("key") for _ in bodies]
    crowds = [
        Crowd(bodies, keys=keys, callers=16).start(),
        Crowd(bodies[::-1], keys=keys[::-1], callers=16, port=port).start(),
    ]
    one, reversed_other = (crowd.join() for crowd in crowds)
    assert one == reversed_other[::-1]
    assert len(set(one)) == len(bodies) == db.count() - before
    assert [set(crowd.answers) for crowd in crowds] == [{202}, {202}]
    assert other.terminate() == 0
