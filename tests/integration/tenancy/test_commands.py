"""`recsys tenants`, `recsys config` and `recsys rules`, from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from recsys.cli import app
from recsys.db.provision import Urls
from recsys.errors import Conflict, InvalidConfig, InvalidDocument, VersionMismatch, VersionNotFound


class Shell:
    """Runs commands on this test's database."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def run(self, *arguments: str, given: str | None = None) -> Result:
        """Run one command, with *given* on its standard input."""
        return CliRunner().invoke(app, arguments, input=given, env=self._environment)

    def out(self, *arguments: str, given: str | None = None) -> str:
        """Run one command that must succeed, and return what it wrote to standard output."""
        result = self.run(*arguments, given=given)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def json(self, *arguments: str, given: str | None = None) -> Any:
        """Return what a command says to a program."""
        return json.loads(self.out(*arguments, "--json", given=given))


@pytest.fixture
def shell(urls: Urls, tmp_path: Path) -> Shell:
    """A shell with the tenant acme, and variables that name database and tenant."""
    variables = {
        "DATABASE_URL": urls.service,
        "RECSYS_OWNER_DATABASE_URL": urls.owner,
        "RECSYS_DATA_DIR": str(tmp_path),
    }
    shell = Shell(variables | {"COLUMNS": "200"})
    shell.out("tenants", "create", "acme", "--name", "Acme")
    return shell


def test_tenants_are_made_listed_and_suspended(shell: Shell, operator: psycopg.Connection) -> None:
    """Each command does what its name says, and the audit log names the account that ran it."""
    assert isinstance(shell.run("tenants", "create", "acme").exception, Conflict)
    assert shell.json("tenants", "suspend", "acme")["status"] == "suspended"
    assert "suspended" in shell.out("tenants", "list")
    assert shell.json("tenants", "resume", "acme")["status"] == "active"
    assert shell.json("tenants", "rename", "acme", "Apex")["name"] == "Apex"
    assert shell.json("tenants", "show", "acme") == shell.json("tenants", "list")[0]
    actors = operator.execute("select distinct actor_type, actor_sub is not null from audit_log").fetchall()
    assert actors == [("cli", True)]


def test_a_config_is_published_read_and_taken_back(shell: Shell, tmp_path: Path) -> None:
    """From a file and from standard input; versions are listed, compared and rolled back to by part of their etag."""
    file = tmp_path / "config.json"
    file.write_text('{"limits": {"max_k": 7}}')
    first = shell.out("config", "put", str(file), "--tenant", "acme", "--comment", "fewer").strip()
    second = shell.json("config", "put", "-", "--tenant", "acme", given='{"limits": {"max_k": 9}}')
    assert json.loads(shell.out("config", "get", "--tenant", "acme")) == {"limits": {"max_k": 9}}
    listed = shell.json("config", "versions", "--tenant", "acme")
    assert [(version["etag"], version["current"], version["comment"]) for version in listed] == [
        (second["etag"], True, None),
        (first, False, "fewer"),
    ]
    patch = shell.json("config", "diff", first[:10], "live", "--tenant", "acme")
    assert patch == [{"op": "replace", "path": "/limits/max_k", "value": 9}]
    assert shell.json("config", "diff", str(file), first[:10], "--tenant", "acme") == []
    assert shell.json("config", "rollback", first[:10], "--tenant", "acme")["etag"] == first
    assert shell.json("config", "get", "--tenant", "acme")["config"] == {"limits": {"max_k": 7}}
    assert shell.json("config", "get", "--tenant", "acme", "--version", second["etag"][:9])["current"] is False


def test_a_dry_run_shows_and_stores_nothing(shell: Shell) -> None:
    """It compares with what is live, checks like a real one, and leaves no version."""
    shown = shell.out(
        "rules", "put", "-", "--tenant", "acme", "--dry-run", given='[{"action": "block", "item_ids": ["a"]}]'
    )
    assert '+    "action": "block",' in shown
    assert shell.json("rules", "versions", "--tenant", "acme") == []
    refused = shell.run("config", "put", "-", "--tenant", "acme", "--dry-run", given='{"weigths": {}}')
    assert isinstance(refused.exception, InvalidConfig)


def test_a_change_can_be_bound_to_what_was_read(shell: Shell) -> None:
    """`--if-match` takes an etag, `*` and `none`."""
    put = ("rules", "put", "-", "--tenant", "acme", "--if-match")
    assert isinstance(shell.run(*put, "*", given="[]").exception, VersionMismatch)
    etag = shell.json(*put, "none", given="[]")["etag"]
    assert isinstance(shell.run(*put, "none", given="[]").exception, VersionMismatch)
    assert shell.json(*put, etag, given="[]")["changed"] is False


def test_what_is_not_there_is_said(shell: Shell) -> None:
    """An unknown version, a file that is no document, a file that is not there."""
    assert isinstance(shell.run("config", "rollback", "abc", "--tenant", "acme").exception, VersionNotFound)
    assert isinstance(shell.run("config", "diff", "-", "--tenant", "acme", given="{").exception, InvalidDocument)
    assert shell.run("config", "put", "/nowhere", "--tenant", "acme").exit_code == 2


def test_the_tenant_may_come_from_the_environment(shell: Shell) -> None:
    """RECSYS_TENANT names the tenant of every command."""
    shell._environment["RECSYS_TENANT"] = "acme"
    shell.out("config", "put", "-", given="{}")
    assert json.loads(shell.out("config", "get")) == {}


def test_schemas_are_printed(shell: Shell) -> None:
    """As JSON Schema, without a database."""
    shell._environment["DATABASE_URL"] = "host=/nowhere"
    for name in ("config", "rules"):
        assert json.loads(shell.out(name, "schema"))["$schema"].endswith("2020-12/schema")
        assert shell.out(name, "schema", "--markdown").startswith("## ")
