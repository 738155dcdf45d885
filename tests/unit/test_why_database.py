"""docs/why/database.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "why" / "database.md").read_text(encoding="utf-8")


def test_everything_this_page_names_exists() -> None:
    """Every test function, test file and result that the page names is there."""
    functions = {
        name
        for file in TESTS.rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+?)`", PAGE))
    assert named
    assert named - functions == set()
    for file in re.findall(r"`([\w/]*test_\w+\.py)`", PAGE):
        assert list(TESTS.rglob(file)), file
    for result in re.findall(r"\]\(([^)]+\.json)\)", PAGE):
        assert (TESTS.parent / "docs" / "why" / result).exists(), result
