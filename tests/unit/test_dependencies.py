"""What the code imports is what an installation brings along."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPTIONAL = {"opentelemetry"}
"""Packages that nothing installs: the code that imports them says what to install where they are missing."""


def imported() -> set[str]:
    """Name every package that some file under src/ imports, the standard library and recsys itself left out."""
    found = set()
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"recsys"} - OPTIONAL


def normal(name: str) -> str:
    """Spell the name of a distribution in the one way that compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_import_is_locked() -> None:
    """Each package that is imported belongs to a distribution of requirements.lock, which the image installs."""
    locked = {
        normal(name) for name in re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    }
    brought = packages_distributions()
    missing = {name for name in imported() if not {normal(one) for one in brought.get(name, ())} & locked}
    assert missing == set()
