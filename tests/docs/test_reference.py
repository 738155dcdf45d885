"""The reference pages say what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from recsys import settings
from recsys.cli.reference import cli_reference
from recsys.db.inspect import tables
from recsys.db.pool import Database
from recsys.db.reference import schema_reference

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
REMEDY = "scripts/reference writes the page anew"


def page(name: str) -> tuple[str, str]:
    """Read what a person wrote on a page, and what was made from the code."""
    written, generated = (REFERENCE / f"{name}.md").read_text().split("a test compares them. -->\n\n")
    return written, generated


def test_settings_are_the_codes() -> None:
    """The table of variables is what `recsys settings --markdown` prints."""
    assert page("settings")[1] == settings.reference(), REMEDY


def test_commands_are_the_codes() -> None:
    """Commands, options and their variables are those of the code."""
    assert page("cli")[1] == cli_reference(), REMEDY


def test_the_schema_is_the_databases(database: Database, postgres: Any) -> None:
    """Tables, columns, meanings and indexes are those of the migrated database."""
    if postgres.binaries.version[0] != 18:
        pytest.skip("the page is written in the words of Postgres 18; that the schema is the same is proven elsewhere")
    with database.owner() as conn:
        assert page("schema")[1] == schema_reference(conn), REMEDY


def test_every_table_has_its_volume(database: Database) -> None:
    """No table is missing in the list of volumes, and none is there that does not exist."""
    lines = [line for line in page("schema")[0].splitlines() if line.startswith("| `")]
    named = {name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    with database.owner() as conn:
        assert named == {table.name for table in tables(conn)}
