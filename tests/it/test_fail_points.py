"""Fail points are declared once, and a build for production has none of them."""

import re
import subprocess

import pytest

from support import environment

TABLE = (environment.REPOSITORY / "schemas" / "fail_points.def").read_text()
NAMES = re.findall(r'^POINT\("([^"]+)"', TABLE, re.MULTILINE)


def test_each_name_is_a_row_and_a_place():
    places = []
    for folder in ("base", "schemas", "producer", "router", "senders", "dlq"):
        for path in (environment.REPOSITORY / folder).rglob("*.c"):
            places += re.findall(r'\bFAIL_POINT\("([^"]+)"\)', path.read_text())
    assert sorted(places) == sorted(NAMES)


@pytest.mark.release
def test_a_release_contains_none():
    program = environment.REPOSITORY / "build" / "release" / "outbound"
    code = program.read_bytes()
    assert b"OUTBOUND_DATABASE_TIMEOUT_MS" in code, "strings are not found in this file at all"
    assert [name for name in NAMES if name.encode() in code] == []
    assert b"OUTBOUND_FAIL_POINT" not in code
    symbols = subprocess.run(["nm", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert " T main" in symbols and "fail_point" not in symbols
