"""Released code on the schema of the next release: it works on the pre half, and not on the post half."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITES_THE_ARCHIVE = "tests/integration/maintenance/test_retirement.py::test_an_archive_holds_every_row"


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Copy this tree as it was before `archive` was renamed to `archive_file` by 0013 (pre) and 0014 (post)."""
    for folder in ("src", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    database = tmp_path / "src" / "recsys" / "db" / "sql"
    for file in (database / "migrations").iterdir():
        if file.name > "0013":
            file.unlink()
    queries = database / "queries" / "retirement.sql"
    text = queries.read_text()
    for new, old in (
        ("state, archive_file,", "state, archive as archive_file,"),
        ("archive_file = coalesce(%(archive_file)s, archive_file)", "archive = coalesce(%(archive_file)s, archive)"),
        ("'archive', archive_file)", "'archive', archive)"),
    ):
        assert text.count(new) == 1
        text = text.replace(new, old)
    queries.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("up", "code", "said"), [("up --pre", 0, "1 passed"), ("up", 1, 'column "archive" does not exist')]
)
def test_released_code_meets_the_next_schema(released: Path, up: str, code: int, said: str) -> None:
    """Its tests pass on the pre half of a real two-step change, and fail once the post half is there: both are seen."""
    command = [str(ROOT / "scripts" / "test-rolling"), str(released), "-n", "0", "-p", "no:cacheprovider"]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, WRITES_THE_ARCHIVE],
        env={**inherited, "RECSYS_ROLLING_UP": up},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr
