"""The reference pages say what the code says."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from recsys import settings
from recsys.api import reference as http
from recsys.api.identity import INCLUDES, Caller, Role
from recsys.cli.reference import cli_reference
from recsys.db.inspect import tables
from recsys.db.pool import Database
from recsys.db.reference import schema_reference
from recsys.errors import Forbidden

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


def test_the_routes_are_the_codes() -> None:
    """Routes, roles, parameters, bodies and answers are those of the code."""
    assert page("http")[1] == http.reference(), REMEDY


def test_every_route_has_an_example() -> None:
    """The examples, which are run, ask every route and method of the code once at least."""
    asked = re.findall(r'ask -X (\w+) "\$URL([^"?]*)', page("http")[0])
    templates = {
        (method, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))): f"{method} {path}"
        for method, path in http.roles()
        if not path.startswith(("/docs", "/openapi.json")) and path != "/"
    }
    missing = [
        name
        for (method, path), name in templates.items()
        if not any(method == given and path.fullmatch(address) for given, address in asked)
    ]
    assert not missing


def test_the_table_of_roles_is_what_the_service_enforces() -> None:
    """The marks in the table are those that the door goes by: which callers need which of the roles."""
    rows = re.findall(r"^\| `(\w+) (\S+)` \|(.*)\|$", page("http")[1], re.MULTILINE)
    assert len(rows) > 30
    for method, path, marks in rows:
        required = http.roles()[method, path]
        *of_roles, of_installation = (mark.strip() for mark in marks.split("|"))
        assert of_installation == ("yes" if required else "open")
        for role, mark in zip(Role, of_roles, strict=True):
            caller = Caller("somebody", INCLUDES[role], bound=True)
            if mark == "open":
                assert required == ()
                continue
            with nullcontext() if mark.startswith("yes") else pytest.raises(Forbidden):
                caller.require(*required)
        assert (of_roles[-1] == "yes¹") == ((method, path) in http.closed_to_tenants())


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
