"""`outbound audit` as a program reads it."""

import json

from support.command import outbound


def audit(*arguments, **settings):
    """(exit code, {check: {id: detail}} of those that are broken, what became of the messages)."""
    ended = outbound("audit", "--json", *arguments, **settings)
    assert ended.code in (0, 1), ended.err
    answer = json.loads(ended.out)
    broken = {
        check["name"]: {one["id"]: one["detail"] for one in check["examples"]}
        for check in answer["checks"]
        if check["broken"]
    }
    assert answer["clean"] == (not broken) == (ended.code == 0)
    return ended.code, broken, answer["messages"]


def assert_clean():
    code, broken, _ = audit()
    assert code == 0, broken
