"""docs/reliability.md shows what the long runs found, and they found nothing that may not be."""

import sys

from support import environment

sys.path.append(str(environment.REPOSITORY / "tests" / "faults"))

import page  # noqa: E402

LINES = page.read(page.RESULTS)


def test_the_page_is_made_from_the_results():
    text = page.PAGE.read_text()
    assert page.made(text, LINES) == text


def test_nothing_was_lost():
    assert LINES
    for line in LINES:
        assert line["clean"], line
        assert (line["lost"], line["phantom"], line["unexplained"]) == (0, 0, 0), line
        assert line["recovery_s"] is None or line["recovery_s"] <= line["recover_s"], line
