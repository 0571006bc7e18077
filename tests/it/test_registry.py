"""`outbound schemas` against a real registry: what is shared gets there, and what would break others does not."""

import json
import re

import pytest

from support import environment
from support.command import outbound
from support.mail_server import make_certificate
from support.registry import Front, Registry
from support.role import free_port

SHARED = {"MessageRequest": "outbound.requests-value", "StatusEvent": "outbound.events-value"}
FOLDER = environment.REPOSITORY / "schemas" / "avro"
RELEASED = FOLDER / "released"


def in_tree(name):
    return json.loads((FOLDER / f"{name}.avsc").read_text())


def schemas(*words, url=Registry.url, **settings):
    return outbound("schemas", *words, SCHEMA_REGISTRY_URL=url, **settings)


def lines(ended):
    return [json.loads(line) for line in ended.out.splitlines()]


@pytest.fixture
def registry():
    return Registry()


def check(*words, **settings):
    return schemas("check", f"--released={RELEASED}", *words, **settings)


def test_register_adds_each_once(registry):
    first = schemas("register", "--json")
    assert first.code == 0, first.err
    rows = {row["schema"]: row for row in lines(first)}
    assert {name: row["subject"] for name, row in rows.items()} == SHARED
    assert registry.subjects() == set(SHARED.values())
    for name, row in rows.items():
        assert registry.schema(row["id"]) == in_tree(name)

    again = schemas("register", "--json")
    assert lines(again) == lines(first)
    for subject in SHARED.values():
        assert registry.call("GET", f"/subjects/{subject}/versions") == [1]


def test_list_tells_what_the_registry_has(registry):
    before = {row["schema"]: row for row in lines(schemas("list", "--json"))}
    assert set(before) == {path.stem for path in FOLDER.glob("*.avsc")}
    assert {row["id"] for row in before.values()} == {None}
    assert {name: row["subject"] for name, row in before.items() if row["subject"]} == SHARED
    assert {row["framing"] for name, row in before.items() if name in SHARED} == {"registry"}

    schemas("register")
    after = {row["schema"]: row for row in lines(schemas("list", "--json"))}
    for name in SHARED:
        assert registry.schema(after[name]["id"]) == in_tree(name)
        assert after[name]["version"] == 1
    table = schemas("list")
    for row in after.values():
        assert re.search(rf"^{row['schema']} .* {row['fingerprint']} +{row['id'] or '-'} ", table.out, re.MULTILINE)


def test_show():
    for name in SHARED:
        assert outbound("schemas", "show", name).out == (FOLDER / f"{name}.avsc").read_text()


def test_check_when_all_is_well(registry):
    assert {row["result"] for row in lines(check("--json"))} == {"ok", "new"}
    schemas("register")
    ended = check("--json")
    assert ended.code == 0, ended.out
    assert {(row["against"], row["result"]) for row in lines(ended)} == {("version 1", "ok"), ("registry", "ok")}


def changed(name, *, drop=(), add=(), types=None):
    """The schema of the tree with some fields changed: what another version may have been."""
    schema = in_tree(name)
    fields = [field for field in schema["fields"] if field["name"] not in drop] + list(add)
    schema["fields"] = [{**field, "type": (types or {}).get(field["name"], field["type"])} for field in fields]
    return schema


COMPATIBLE = {
    "an optional field more": changed("MessageRequest", add=[{"name": "x", "type": ["null", "int"], "default": None}]),
    "an optional field less": changed("MessageRequest", drop=["subject"]),
}
INCOMPATIBLE = {
    "a required field less": (changed("MessageRequest", drop=["to"]), "new reads old: MessageRequest.to "),
    "a required field more": (
        changed("MessageRequest", add=[{"name": "x", "type": "int"}]),
        "old reads new: MessageRequest.x ",
    ),
    "another type": (changed("MessageRequest", types={"to": "int"}), "MessageRequest.to is string, written is int"),
    "a narrower type": (
        changed("MessageRequest", types={"dossierId": "int"}),
        "old reads new: MessageRequest.dossierId is int, written is long",
    ),
}


def release(folder, schema, version=1):
    (folder / f"MessageRequest.{version}.avsc").write_text(json.dumps(schema))


@pytest.mark.parametrize("change", COMPATIBLE)
def test_what_is_compatible_passes_everywhere(registry, tmp_path, change):
    registry.add(SHARED["MessageRequest"], COMPATIBLE[change])
    registry.refuse_what_is_incompatible(SHARED["MessageRequest"])
    release(tmp_path, COMPATIBLE[change])
    ended = schemas("check", "--released", tmp_path)
    assert ended.code == 0, ended.out
    assert schemas("register").code == 0
    assert registry.call("GET", f"/subjects/{SHARED['MessageRequest']}/versions") == [1, 2]


@pytest.mark.parametrize("change", INCOMPATIBLE)
def test_what_is_incompatible_is_refused_everywhere(registry, tmp_path, change):
    schema, words = INCOMPATIBLE[change]
    release(tmp_path, schema)
    against_released = schemas("check", f"--released={tmp_path}", url="")
    assert against_released.code == 1
    assert re.search(rf"^MessageRequest +version 1 +incompatible .*{re.escape(words)}", against_released.out, re.M)

    registry.add(SHARED["MessageRequest"], schema)  # with the registry's own rule off, ours holds
    against_registry = check()
    assert against_registry.code == 1
    assert re.search(rf"^MessageRequest +registry +incompatible .*{re.escape(words)}", against_registry.out, re.M)

    registry.refuse_what_is_incompatible(SHARED["MessageRequest"])
    assert "the registry says that it is not compatible" in check().out
    refused = schemas("register")
    assert refused.code == 1
    assert SHARED["MessageRequest"] in refused.err
    assert registry.subjects() == {SHARED["MessageRequest"]}  # nor was the other one added


def test_the_newest_release_counts(tmp_path):
    release(tmp_path, INCOMPATIBLE["another type"][0], 9)
    release(tmp_path, in_tree("MessageRequest"), 10)
    (tmp_path / "README.md").write_text("no schema")
    assert outbound("schemas", "check", f"--released={tmp_path}").code == 0


def test_a_released_schema_cannot_go_away(tmp_path):
    (tmp_path / "Gone.1.avsc").write_text('"int"')
    ended = outbound("schemas", "check", f"--released={tmp_path}")
    assert ended.code == 1
    assert re.search(r"^Gone +Gone.1.avsc +incompatible +was released", ended.out, re.MULTILINE)


@pytest.mark.parametrize("text", ["", "{", '{"type":"record"}'])
def test_a_released_file_that_is_no_schema(tmp_path, text):
    (tmp_path / "Reference.1.avsc").write_text(text)
    ended = outbound("schemas", "check", f"--released={tmp_path}")
    assert ended.code == 1
    assert re.search(r"^Reference +version 1 +incompatible .*schema is not", ended.out, re.MULTILINE)


def test_a_login(registry):
    with Front(user_info="user:pass:word") as front:
        for wrong in (None, "user:wrong"):
            refused = schemas("list", url=front.url, SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO=wrong)
            assert refused.code == 1
            assert "HTTP 401" in refused.err and "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO" in refused.err
            assert "wrong" not in refused.err
        login = {"SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO": "user:pass:word"}
        assert schemas("register", url=front.url, **login).code == 0
        assert check(url=front.url, **login).code == 0
    assert registry.subjects() == set(SHARED.values())


def test_tls_with_a_ca_of_ones_own(registry, tmp_path):
    others = tmp_path / "others"
    others.mkdir()
    certificate, key = make_certificate(tmp_path)
    with Front(certificate=(certificate, key)) as front:
        assert schemas("register", url=front.url, SCHEMA_REGISTRY_SSL_CA_LOCATION=certificate).code == 0
        for wrong in (None, make_certificate(others)[0]):
            refused = schemas("list", url=front.url, SCHEMA_REGISTRY_SSL_CA_LOCATION=wrong)
            assert refused.code == 1
            assert "certificate" in refused.err, refused.err
    assert registry.subjects() == set(SHARED.values())


TROUBLE = {
    "500": ((500, b'{"error_code":50001,"message":"store is gone"}'), "HTTP 500, store is gone"),
    "garbage": ((200, b"<html>hello</html>"), "not JSON"),
    "a wrong path": ((404, b"<html>not found</html>"), "SCHEMA_REGISTRY_URL"),
    "2 MB": ((200, b'{"schema":"' + b"x" * 2_000_000 + b'"}'), "larger than 1 MB"),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_registry_in_trouble(trouble):
    answer, words = TROUBLE[trouble]
    with Front(lambda *_: answer) as front:
        for command in ("list", "register", "check"):
            ended = check(url=front.url) if command == "check" else schemas(command, url=front.url)
            assert ended.code == 1, ended.out
            assert words in ended.out + ended.err
            assert front.url in ended.out + ended.err


def test_nobody_there():
    for command in ("list", "register"):
        ended = schemas(command, url=f"http://127.0.0.1:{free_port()}")
        assert ended.code == 1
        assert "onnect" in ended.err, ended.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "list, show NAME, check or register"),
        (["drop"], "list, show NAME, check or register"),
        (["list", "x"], '"x"'),
        (["show"], "name of a schema"),
        (["show", "Nothing"], "MessageRequest"),
        (["show", "Reference", "--json"], "--json"),
        (["list", "--released=x"], "--released"),
        (["check", "--released"], "--released"),
        (["check", "--released=/none"], "/none"),
        (["check", "--all"], "--all"),
        (["register"], "SCHEMA_REGISTRY_URL"),
    ],
    ids=str,
)
def test_a_wrong_command_line(words, says):
    ended = outbound("schemas", *words)
    assert ended.code == 2
    assert says in ended.err
    assert not ended.out
