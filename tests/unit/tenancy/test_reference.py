"""The reference pages say what the code does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recsys.rules import parse
from recsys.tenancy import config
from recsys.tenancy.schema import tables

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PAGES = [("config", config.schema, config.parse_config), ("rules", parse.schema, parse.parse_rules)]


@pytest.mark.parametrize(("name", "schema"), [page[:2] for page in PAGES])
def test_the_tables_are_made_from_the_code(name: str, schema: Callable[[], dict[str, Any]]) -> None:
    """What stands below the marker is what the command prints; print it again after a change."""
    page = (REFERENCE / f"{name}.md").read_text()
    _, generated = page.split("a test compares them. -->\n\n")
    assert generated == tables(schema()), f"recsys {name} schema --markdown"


@pytest.mark.parametrize(("name", "accept"), [(page[0], page[2]) for page in PAGES])
def test_the_examples_are_accepted(name: str, accept: Callable[[bytes], object]) -> None:
    """Every example of the page is a document that can be published."""
    examples = re.findall(r"```json\n(.*?)```", (REFERENCE / f"{name}.md").read_text(), re.DOTALL)
    assert examples
    for example in examples:
        accept(example.encode())
