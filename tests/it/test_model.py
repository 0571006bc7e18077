"""What tests/model takes the statements of the life cycle for is what they do: both run the same random sequences."""

import os
import pathlib
import subprocess

import pytest

from support import environment

MODEL = pathlib.Path(environment.OUTBOUND).parent / "tests" / "model" / "model"
SEQUENCES = 40


@pytest.mark.release
def test_the_models_statements_do_what_postgresqls_do(db):
    db.truncate()
    ended = subprocess.run(
        [MODEL, "--differential", "--seeds", str(SEQUENCES)],
        env={**os.environ, "DATABASE_URL": environment.DATABASE_URL},
        capture_output=True,
        text=True,
        timeout=environment.PATIENCE_S,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout == f"{SEQUENCES} sequences of 40 statements were the same\n"
    db.truncate()
