"""What a message must not be: each refusal names the field in a problem document (RFC 9457), and nothing is stored."""

import http.client
import json
import socket

import pytest

from support import environment
from support.api import PATH, message, unique
from support.wait import until

BODY_MAX = 262144
DEPTH_MAX = 32


@pytest.fixture(scope="module")
def api(module_pipeline):
    return module_pipeline("producer").api


@pytest.fixture(autouse=True)
def nothing_is_stored(db):
    before = db.count(), db.outbox()
    yield
    assert (db.count(), db.outbox()) == before


def is_problem(answer, status, *fields):
    """Checks the document's form and returns it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "instance"} <= set(problem)
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert isinstance(problem["title"], str) and problem["title"]
    assert all(set(error) == {"field", "detail"} and error["detail"] for error in problem.get("errors", []))
    assert [error["field"] for error in problem.get("errors", [])] == list(fields)
    return problem


def in_place(name, raw):
    """The bytes of a message in which `name` has the JSON text `raw`."""
    text = json.dumps(message(**{name: "@HERE@"}), ensure_ascii=False).encode()
    return text.replace(b'"@HERE@"', raw)


NOT_JSON = {
    "empty": b"",
    "white space": b"  \n",
    "not JSON": b"hello",
    "cut off between members": b'{"dossierId": 1,',
    "trailing comma": b'{"dossierId": 1,}',
    "two documents": json.dumps(message()).encode() + b"{}",
    "garbage behind": json.dumps(message()).encode() + b"x",
    "single quotes": b"{'dossierId': 1}",
    "comment": b'/* hello */ {"dossierId": 1}',
    "array": b"[]",
    "array of messages": json.dumps([message()]).encode(),
    "string": b'"EMAIL"',
    "number": b"1",
    "null": b"null",
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(message()).encode(),
    "UTF-16": json.dumps(message()).encode("utf-16-le"),
    "raw NUL between members": b'{"dossierId": 1,\x00 "channel": "EMAIL"}',
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_body_that_is_no_json_object(api, body):
    problem = is_problem(api.post(body), 400, "body")
    assert problem["instance"] == PATH
    assert problem["correlationId"]


WRONG_TYPES = {
    "dossierId": [b'"1"', b"1.5", b"1e3", b"null", b"true", b"{}", b"[]"],
    "channel": [b"1", b"null", b"[]", b"{}", b"false"],
    "to": [b"1", b"null", b'["a@example.com"]', b"{}", b"true"],
    "templateCode": [b"1", b"null", b"[]", b"{}"],
    "subject": [b"1", b"[]", b"{}", b"true"],
    "payloadJson": [b"1", b'"{}"', b"[]", b"null", b"true"],
    "id": [b"1", b"[]", b"{}", b'"no uuid"', b'""', b'"01890a5d-ac96-774b-bcce-b302099a805"'],
    "expiresAt": [
        b"4102444800",
        b"[]",
        b'"tomorrow"',
        b'""',
        b'"2099-12-31"',
        b'"2099-12-31T23:59:59"',
        b'"2099-02-30T00:00:00Z"',
        b'"2099-12-31T24:00:00Z"',
        b'"2099-12-31T23:59:59+25:00"',
        b'"2020-01-01T00:00:00Z"',
    ],
    "priority": [b"1", b"[]", b'"high"', b'"URGENT"', b'""'],
}


@pytest.mark.parametrize(
    ("field", "raw"),
    [(field, raw) for field, values in WRONG_TYPES.items() for raw in values],
    ids=lambda part: str(part),
)
def test_a_member_of_the_wrong_kind(api, field, raw):
    is_problem(api.post(in_place(field, raw)), 400, field)


def test_a_subject_that_is_null(api):
    is_problem(api.post({**message(), "subject": None}), 400, "subject")


def test_a_body_that_is_cut_off_within_a_member(api):
    is_problem(api.post(b'{"dossierId": 1, "channel": "EM'), 400, "channel")


@pytest.mark.parametrize("field", ["dossierId", "channel", "to", "templateCode", "subject", "payloadJson"])
def test_a_missing_member(api, field):
    is_problem(api.post(message(**{field: None})), 400, field)


def test_several_violations_are_all_named(api):
    # Kinds come before rules: a caller may need two rounds.
    is_problem(api.post(message(dossierId="1", channel=2, to="nobody")), 400, "dossierId", "channel")
    answer = api.post(message(to="nobody", priority="soon", channel="FAX"))
    assert {error["field"] for error in answer.json()["errors"]} == {"priority", "channel"}
    answer = api.post(message(to="nobody", priority="soon", subject="a\nb"))
    assert {error["field"] for error in answer.json()["errors"]} == {"to", "priority", "subject"}


@pytest.mark.parametrize("name", ["status", "Subject", "templatecode", "x" * 63, "sübject", "", "a.b", "__proto__"])
def test_an_unknown_member(api, name):
    is_problem(api.post({**message(), name: 1}), 400, name)


def test_an_unknown_member_with_an_endless_name(api):
    """It is not repeated to its author."""
    is_problem(api.post({**message(), "x" * 1000: 1}), 400, "body")


def test_a_member_that_comes_twice(api):
    text = json.dumps(message())
    for twice in ('"subject": "Other"', '"to": "b@example.com"', '"payloadJson": {}'):
        answer = api.post((text[:-1] + ", " + twice + "}").encode())
        assert answer.status_code == 400
        assert len(answer.json()["errors"]) == 1


def test_a_member_of_the_payload_that_comes_twice(api):
    is_problem(api.post(in_place("payloadJson", b'{"a": 1, "a": 2}')), 400, "payloadJson")


INVALID_UTF8 = {
    "lone continuation": b"\x80",
    "cut sequence": b"\xc3",
    "overlong": b"\xc0\xaf",
    "surrogate": b"\xed\xa0\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "Latin-1": b"Gr\xfc\xdfe",
}


@pytest.mark.parametrize("field", ["subject", "to", "templateCode"])
@pytest.mark.parametrize("raw", INVALID_UTF8.values(), ids=INVALID_UTF8.keys())
def test_invalid_utf8(api, field, raw):
    is_problem(api.post(in_place(field, b'"' + raw + b'"')), 400, field)


def test_invalid_utf8_in_the_payload(api):
    is_problem(api.post(in_place("payloadJson", b'{"name": "\xff"}')), 400, "payloadJson")


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\udc00", b"\\ud800\\ud800", b"\\x41", b"\\u00"])
def test_escapes_that_mean_no_character(api, escape):
    is_problem(api.post(in_place("subject", b'"' + escape + b'"')), 400, "subject")


@pytest.mark.parametrize("raw", [b"\x00", b"\\u0000"], ids=["raw", "escaped"])
@pytest.mark.parametrize("field", ["subject", "to", "templateCode", "channel", "priority", "id", "expiresAt"])
def test_nul_in_a_member(api, field, raw):
    is_problem(api.post(in_place(field, b'"a' + raw + b'b"')), 400, field)


@pytest.mark.parametrize(
    "payload", [b'{"a": "\\u0000"}', b'{"a": [{"b": "x\\u0000"}]}', b'{"a": "\x00"}', b'{"a\\u0000b": 1}']
)
def test_nul_in_the_payload(api, payload):
    is_problem(api.post(in_place("payloadJson", payload)), 400, "payloadJson")


@pytest.mark.parametrize("control", ["\r", "\n", "\r\nBcc: x@example.com", "\x07", "\x1b", "\x7f", "\t"])
@pytest.mark.parametrize("field", ["subject", "to", "templateCode"])
def test_control_characters(api, field, control):
    value = f"a{control}@example.com" if field == "to" else f"Hello{control}"
    is_problem(api.post(message(**{field: value})), 400, field)


NO_ADDRESSES = [
    "",
    "nobody",
    "@example.com",
    "a@",
    "a@b",
    "a@@example.com",
    "a@b@example.com",
    "a b@example.com",
    " a@example.com",
    "a@example.com ",
    ".a@example.com",
    "a.@example.com",
    "a..b@example.com",
    "a@.example.com",
    "a@example..com",
    "a@example.com.",
    "a@-example.com",
    "a@example-.com",
    "a@exa_mple.com",
    "a@exämple.com",
    "ä@example.com",
    "A <a@example.com>",
    "a@example.com,b@example.com",
    "a@example.com;b@example.com",
    "a@[127.0.0.1]",
    '"a b"@example.com',
    "a(comment)@example.com",
    "x" * 65 + "@example.com",
    "a@" + "x" * 64 + ".com",
    "a@" + ".".join(["x" * 60] * 5) + ".com",
]


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_a_recipient_that_is_no_address(api, address):
    is_problem(api.post(message(to=address)), 400, "to")


NO_PHONE_NUMBERS = [
    "",
    "+",
    "ada@example.com",
    "4915112345678",
    "004915112345678",
    "+04915112345678",
    "+4915 112345678",
    "+49(0)15112345678",
    "+491511234567a",
    "+4915112345678\n",
    "++4915112345678",
    "+1234567",
    "+1234567890123456",
    "+٤٩١٥١١٢٣٤٥٦٧٨",
    "whatsapp:+4915112345678",
]


@pytest.mark.parametrize("channel", ["SMS", "WHATSAPP"])
@pytest.mark.parametrize("number", NO_PHONE_NUMBERS)
def test_a_recipient_that_is_no_phone_number(api, channel, number):
    is_problem(api.post(message(channel=channel, to=number, subject=None)), 400, "to")


@pytest.mark.parametrize("channel", ["SMS", "WHATSAPP"])
def test_a_recipient_that_is_missing(api, channel):
    is_problem(api.post(message(channel=channel, to=None)), 400, "to")


@pytest.mark.parametrize("channel", ["email", "Email", "EMAIL ", "FAX", "", "SMS;EMAIL"])
def test_a_channel_that_does_not_exist(api, channel):
    is_problem(api.post(message(channel=channel)), 400, "channel")


@pytest.mark.parametrize(("field", "longest"), [("subject", 998), ("templateCode", 128)])
def test_text_that_is_too_long(api, field, longest):
    is_problem(api.post(message(**{field: "x" * (longest + 1)})), 400, field)
    is_problem(api.post(message(**{field: "é" * (longest // 2 + 1)})), 400, field)
    is_problem(api.post(message(**{field: ""})), 400, field)


@pytest.mark.parametrize(("name", "longest"), [("X-Org-ID", 64), ("X-Correlation-ID", 128), ("Idempotency-Key", 255)])
def test_headers_that_are_no_names(api, name, longest):
    for wrong in ("", "with space", "tab\there", "Grüße".encode("latin-1"), "é".encode(), "x" * (longest + 1)):
        is_problem(api.post(message(), headers={name: wrong}), 400, name)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonx"]
)
def test_a_body_of_another_type(api, content_type):
    is_problem(api.post(message(), headers={"Content-Type": content_type}), 415)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", PATH, {"POST"}),
        ("DELETE", PATH, {"POST"}),
        ("PATCH", PATH, {"POST"}),
        ("GET", PATH, {"POST"}),
        ("POST", f"{PATH}/01890a5d-ac96-774b-bcce-b302099a8057", {"GET", "HEAD"}),
        ("DELETE", f"{PATH}/01890a5d-ac96-774b-bcce-b302099a8057", {"GET", "HEAD"}),
        ("POST", "/health", {"GET", "HEAD"}),
        ("POST", "/metrics", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_is_not_there(api, method, path, allowed):
    answer = api.request(method, path, json=message())
    is_problem(answer, 405)
    offered = {word.strip() for word in answer.headers["Allow"].split(",")}
    assert offered and offered <= allowed


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/outbound-messages/",
        "/api/v1/outbound/messages/a/b",
        "/api/v2/outbound/messages",
        "/HEALTH",
        "/metrics/",
    ],
)
def test_a_path_that_is_not_there(api, path):
    for method in ("GET", "POST"):
        is_problem(api.request(method, path), 404)


def padded(size):
    """A message of exactly so many bytes."""
    body = json.dumps(message(payloadJson={"text": ""})).encode()
    return body.replace(b'"text": ""', b'"text": "' + b"x" * (size - len(body)) + b'"')


def nested(depth):
    """A message whose innermost value lies `depth` levels deep, itself included."""
    inner = "[" * (depth - 2) + "]" * (depth - 2)
    return in_place("payloadJson", b'{"a": ' + inner.encode() + b"}")


def test_a_body_that_is_too_large(api):
    body = padded(BODY_MAX + 1)
    assert len(body) == BODY_MAX + 1
    problem = is_problem(api.post(body), 413)
    assert "262144" in problem["detail"]


def chunked(port, body, chunk=8192):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=environment.PATIENCE_S)
    parts = (body[at : at + chunk] for at in range(0, len(body), chunk))
    connection.request("POST", PATH, parts, {"Content-Type": "application/json"}, encode_chunked=True)
    answer = connection.getresponse()
    answer.status_code, answer.text = answer.status, answer.read().decode()
    answer.json = lambda: json.loads(answer.text)
    connection.close()
    return answer


def test_a_chunked_body_that_is_too_large(api):
    is_problem(chunked(api.port, padded(BODY_MAX + 1)), 413)


def test_a_body_that_never_ends_is_cut_off(api):
    """Neither memory nor time is spent on it."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=environment.PATIENCE_S) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        with pytest.raises(OSError):
            for _ in range(10000):
                connection.sendall(chunk)


def test_a_body_that_is_announced_too_large_is_answered_before_it_is_sent(api):
    with socket.create_connection(("127.0.0.1", api.port), timeout=environment.PATIENCE_S) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_nesting_that_is_too_deep(api):
    is_problem(api.post(nested(DEPTH_MAX + 1)), 400, "payloadJson")
    is_problem(api.post(b"[" * 100000), 400, "body")
    is_problem(api.post(b'{"a":' * 20000 + b"1" + b"}" * 20000), 400, "a")


class TestAtTheLimit:
    """What is just not too much is accepted."""

    @pytest.fixture(autouse=True)
    def nothing_is_stored(self):
        """Here it is."""

    def test_the_largest_body(self, api):
        body = padded(BODY_MAX)
        assert len(body) == BODY_MAX
        api.accept(body)

    def test_the_largest_chunked_body(self, api):
        answer = chunked(api.port, padded(BODY_MAX))
        assert answer.status_code == 202, answer.text

    def test_the_deepest_nesting(self, api):
        api.accept(nested(DEPTH_MAX))

    def test_brackets_in_a_string_are_no_nesting(self, api):
        api.accept(message(payloadJson={"text": "[" * 1000 + "{" * 1000 + '\\"' * 10}))

    def test_an_escaped_solidus_and_any_white_space(self, api):
        api.accept(json.dumps(message(), indent="\t").replace("example.com", "example.com").encode() + b"\r\n\t ")

    def test_a_content_type_with_parameters(self, api):
        for fine in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
            assert api.post(message(), headers={"Content-Type": fine}).status_code == 202

    @pytest.mark.parametrize(
        "address",
        [
            "a@b.co",
            "o'brien+tag@example.co.uk",
            "a.b.c@xn--exmple-cua.com",
            "!#$%&'*+-/=?^_`{|}~@example.com",
            "A@EXAMPLE.COM",
        ],
    )
    def test_unusual_addresses(self, api, address):
        api.accept(message(to=address))

    @pytest.mark.parametrize("channel", ["SMS", "WHATSAPP"])
    @pytest.mark.parametrize("number", ["+4915112345678", "+12345678", "+123456789012345"])
    def test_phone_numbers(self, api, channel, number):
        api.accept(message(channel=channel, to=number, subject=None))

    def test_after_all_that_the_service_works(self, api):
        until(lambda: api.health() == "UP", "Kafka is known to be connected, which takes a second after the start")
        api.accept(message(to=f"{unique('to')}@example.com"))
