"""Fixtures: a clean database, running roles, and what is shown of them when a test fails."""

import re
import shutil
import sys

import pytest

pytest.register_assert_rewrite("support")

from support import environment  # noqa: E402

sys.path.append(str(environment.PACKAGES))

from support.api import Crowd  # noqa: E402
from support.command import outbound  # noqa: E402
from support.database import Database  # noqa: E402
from support.kafka import Kafka  # noqa: E402
from support.pipeline import Pipeline  # noqa: E402

alive = []  # pipelines of the running test and its module


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; only `./dev test long` runs it")
    config.addinivalue_line("markers", "analysed: only `./dev test tsan` and `./dev test valgrind` run it")
    config.addinivalue_line("markers", "release: is about others' programs more than ours; not repeated with build/asan")


def pytest_sessionstart():
    lacking = environment.missing()
    if lacking:
        pytest.exit(f"run ./dev test: {', '.join(lacking)} not in the environment", returncode=2)


@pytest.fixture(scope="session", autouse=True)
def prepared():
    """The tables and topics exist."""
    # The tiers are those that any test has among its delays.
    for arguments in (("migrate",), ("topics", "apply")):
        ended = outbound(*arguments, OUTBOUND_RETRY_DELAYS="1s,2s,1h")
        assert ended.code == 0, ended.err


@pytest.fixture(scope="module")
def db(prepared):
    database = Database()
    yield database
    database.close()


@pytest.fixture(scope="module")
def kafka(prepared):
    client = Kafka()
    yield client
    client.close()


class Starter:
    """Makes pipelines and stops them when the test, or the module, is over."""

    def __init__(self, folder):
        self._folder = folder
        self._made = []
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier run
        Database().truncate()

    def __call__(self, *names, **settings):
        folder = self._folder / str(len(self._made) + 1) if self._made else self._folder
        pipeline = Pipeline(folder, **settings)
        self._made.append(pipeline)
        alive.append(pipeline)
        return pipeline.start_all(*names)

    def finish(self):
        try:
            for pipeline in self._made:
                pipeline.stop()
        finally:
            for pipeline in self._made:
                pipeline.discard()
                alive.remove(pipeline)


def _started_by(folder):
    starter = Starter(folder)
    try:
        yield starter
    finally:
        Crowd.cancel_all()
        starter.finish()


@pytest.fixture(scope="module")
def module_pipeline(request, prepared):
    """module_pipeline("producer", …, SETTING=value): runs until the module's last test."""
    yield from _started_by(environment.LOGS / request.module.__name__)


@pytest.fixture
def new_pipeline(request, prepared):
    """The same for one test, on an empty database."""
    name = re.sub(r"[^\w.-]+", "-", request.node.name)
    yield from _started_by(environment.LOGS / request.module.__name__ / name)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the end of each role's log beside a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for pipeline in alive:
            for name, tail in pipeline.tails():
                report.sections.append((f"the end of {pipeline.folder / name}", tail))
