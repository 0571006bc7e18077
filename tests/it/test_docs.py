"""The reference pages are what the tables say."""

import pytest

from support import environment
from support.command import outbound

PAGES = ["CONFIG.md", "ERRORS.md", "KAFKA_PROPERTIES.md", "METRICS.md", "STATES.md", "TOPICS.md", "asyncapi.yaml"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    assert outbound("docs", folder).code == 0
    return folder


def test_the_pages_are_these(written):
    assert sorted(path.name for path in written.iterdir()) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_the_page_in_the_repository_is_current(written, page):
    assert (environment.REPOSITORY / "docs" / page).read_text() == (written / page).read_text(), "run ./dev docs"


def test_a_folder_that_is_not_there(tmp_path):
    ended = outbound("docs", tmp_path / "none")
    assert ended.code == 1
    assert "none" in ended.err
