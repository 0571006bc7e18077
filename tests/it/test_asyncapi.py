"""docs/asyncapi.yaml is what AsyncAPI's own parser takes, Avro schemas included, and says what the schemas' files say."""

import json
import os
import subprocess

import pytest

from support import environment

pytestmark = pytest.mark.release

DOCUMENT = environment.REPOSITORY / "docs" / "asyncapi.yaml"
VALIDATOR = environment.REPOSITORY / "tests" / "it" / "asyncapi" / "validate.js"


def validate(document):
    """(findings, what the document says), both as lines."""
    ended = subprocess.run(
        ["node", VALIDATOR, document],
        env={**os.environ, "NODE_PATH": str(environment.CLIENTS / "node" / "node_modules")},
        capture_output=True,
        text=True,
        timeout=environment.PATIENCE_S,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    findings = [line for line in lines if line.split()[0] in ("error", "warning")]
    return findings, [line for line in lines if line.split()[0] in ("receive", "send")]


def test_the_document_is_valid_and_names_each_topic_with_its_records():
    findings, said = validate(DOCUMENT)
    assert findings == []
    assert said == [
        "receive outbound.requests MessageRequest outbound.MessageRequest",
        "send outbound.events StatusEvent outbound.StatusEvent",
        "send outbound.dlq DeadLetter outbound.DeadLetter",
        "send outbound.dlq UnreadableRecord -",
    ]


@pytest.mark.parametrize("name", ["MessageRequest", "StatusEvent", "DeadLetter"])
def test_the_schemas_in_it_are_those_of_the_repository(name):
    schema = json.loads((environment.REPOSITORY / "schemas" / "avro" / f"{name}.avsc").read_text())
    text = DOCUMENT.read_text()
    # The schema stands in the document as JSON, under its message.
    start = text.index("{", text.index(f"    {name}:\n      summary:"))
    assert json.JSONDecoder().raw_decode(text, start)[0] == schema


@pytest.mark.parametrize(
    "right, wrong",
    [
        ('"type": "long", "doc": "the case', '"type": "lnog", "doc": "the case'),  # seen by the Avro parser only
        ('"#/channels/events"', '"#/channels/event"'),
    ],
)
def test_the_validator_sees_what_is_wrong(tmp_path, right, wrong):
    text = DOCUMENT.read_text()
    assert text.count(right) == 1
    broken = tmp_path / "asyncapi.yaml"
    broken.write_text(text.replace(right, wrong))
    findings, _ = validate(broken)
    assert [line for line in findings if line.startswith("error")], findings
