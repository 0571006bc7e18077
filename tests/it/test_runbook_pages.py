"""docs/runbook: its SQL is the production runbook's, its commands run, and its links lead somewhere."""

import re
import shlex

import pytest

from support import environment, runbook
from support.command import outbound

PAGES = sorted((environment.REPOSITORY / "docs" / "runbook").glob("*.md"))


def blocks(language):
    return [
        pytest.param(block.strip(), id=f"{page.stem}-{number}")
        for page in PAGES
        for number, block in enumerate(re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S), 1)
    ]


def statements(text):
    """Without comments, white space and the transaction around them."""
    text = re.sub(r"--.*", "", text)
    words = (" ".join(statement.split()) for statement in text.split(";"))
    return {statement for statement in words if statement not in ("", "BEGIN", "COMMIT")}


def test_every_statement_is_on_a_page():
    shown = set().union(*(statements(block.values[0]) for block in blocks("sql")))
    assert shown == set().union(*map(statements, runbook.STATEMENTS.values()))


@pytest.mark.parametrize("command", blocks("sh"))
def test_each_command_runs(db, command):
    db.truncate()
    db.execute("INSERT INTO whatsapp_rate_limit (org_id, quota_limit, reset_at) VALUES ('ORG_ID', 1000, now())")
    words = shlex.split(command)
    assert words[0] == "outbound"
    ended = outbound(*words[1:])
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", there.read_text(), re.M)
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings], f"{target}#{anchor}"


def test_every_page_is_in_the_list():
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (PAGES[0].parent / "README.md").read_text())
    assert set(listed) == {page.name for page in PAGES if page.name != "README.md"}
