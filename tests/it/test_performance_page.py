"""docs/performance.md shows the figures that were kept, all of them, missed goals included."""

import importlib.util

from support import environment

BENCH = environment.REPOSITORY / "tests" / "bench"
specification = importlib.util.spec_from_file_location("bench_page", BENCH / "page.py")  # tests/faults has a page, too
page = importlib.util.module_from_spec(specification)
specification.loader.exec_module(page)


def test_the_page_is_made_from_the_results(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))  # what each benchmark says of itself
    text = page.PAGE.read_text()
    assert page.made(text, page.read()) == text


def test_the_results_are_those_of_the_benchmarks_that_there_are():
    """One that was renamed or is gone is not shown any longer, and none is left out."""
    assert set(page.read()) == set(page.BENCHMARKS)
