"""The statements of the production runbook, and a person who types them."""

import pathlib
import re

_TEXT = (pathlib.Path(__file__).parents[1] / "runbook.sql").read_text()
_PARTS = re.split(r"^-- # (.+)\n", _TEXT, flags=re.MULTILINE)[1:]

STATEMENTS = dict(zip(_PARTS[0::2], _PARTS[1::2]))


def run(db, name, **replaced):
    """Runs a block, each of its statements in a transaction of its own as psql does; returns the last one's rows.

    `replaced`: what stands for a word of it, where a test cannot wait for hours.
    """
    text = STATEMENTS[name]
    for word, instead in replaced.items():
        assert word in text, f"{name} has no {word}"
        text = text.replace(word, instead)
    rows = []
    for statement in filter(str.strip, text.split(";")):
        rows = db.rows(statement)
    return rows


def by_role(db, sql, *values):
    """Changes rows as a role does: nobody takes notice. For what a test cannot wait for, such as age."""
    db.execute(f"SET LOCAL outbound.role = 'on'; {sql}", *values)
