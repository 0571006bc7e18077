"""docs/reliability.md shows what the long runs found, and they found nothing that may not be."""

import subprocess
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
        assert line["messages"] > 0, line
        assert line["explained"] <= line["explainedMax"], line
        assert (line["lost"], line["phantom"], line["unexplained"]) == (0, 0, 0), line
        assert line["recovery_s"] <= line["recover_s"], line


def test_the_results_are_those_of_the_scenarios_that_there_are():
    """One that was renamed or is gone is not shown any longer, and none is left out."""
    listed = subprocess.run(
        [page.HERE / "run", "--list", "--long"], capture_output=True, text=True, check=True, timeout=60
    )
    names = [line.split(maxsplit=2)[2] for line in listed.stdout.splitlines()]
    assert len(names) > 100
    assert [line["name"] for line in LINES] == names
