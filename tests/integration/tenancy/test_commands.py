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
from recsys.errors import Conflict, InvalidConfig, InvalidDocument, TenantNotFound, VersionMismatch, VersionNotFound


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
        "RECSYS_USER_KEY_SECRET": "a secret of these tests alone",
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


def test_a_tenant_is_removed_in_two_steps(shell: Shell, operator: psycopg.Connection) -> None:
    """Delete can be taken back; remove wants --yes and a deleted tenant, drops its rows, and may be repeated."""
    assert shell.json("tenants", "delete", "acme")["status"] == "deleted"
    assert shell.json("tenants", "resume", "acme")["status"] == "active"
    assert isinstance(shell.run("tenants", "remove", "acme", "--yes").exception, Conflict)
    shell.out("tenants", "delete", "acme")
    assert shell.run("tenants", "remove", "acme").exit_code == 2
    done = shell.json("tenants", "remove", "acme", "--yes", "--batch", "1")
    assert done["finished"] is True
    assert shell.json("tenants", "list") == []
    assert shell.json("tenants", "remove", "acme", "--yes") == done
    assert isinstance(shell.run("tenants", "remove", "nobody", "--yes").exception, TenantNotFound)
    assert operator.execute("select count(*) from audit_log where action = 'tenant.remove'").fetchone() == (1,)


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


def test_keys_are_made_listed_and_revoked(shell: Shell) -> None:
    """The key alone goes to standard output, once; the list tells whether it is valid."""
    key = shell.out("keys", "create", "web shop", "--tenant", "acme", "--role", "serve", "--role", "viewer").strip()
    prefix = key.split("_")[1]
    assert key.startswith("rk_")
    listed = shell.out("keys", "list", "--tenant", "acme")
    assert "serve,viewer" in listed
    assert " valid " in listed
    assert key not in listed
    shell.out("keys", "revoke", prefix, "--tenant", "acme")
    assert [row["revoked_at"] is None for row in shell.json("keys", "list", "--tenant", "acme")] == [False]
    assert shell.run("keys", "create", "x", "--tenant", "acme", "--role", "king").exit_code == 2


def test_the_audit_is_read_from_the_shell(shell: Shell) -> None:
    """`tail` ends with the latest entry, `export` begins with it and leaves nothing out."""
    shell.out("keys", "create", "one", "--tenant", "acme")
    tail = shell.out("audit", "tail", "--tenant", "acme", "-n", "1").splitlines()
    assert len(tail) == 1
    assert "key.create" in tail[0]
    exported = [json.loads(line) for line in shell.out("audit", "export", "--tenant", "acme").splitlines()]
    assert [entry["action"] for entry in exported] == ["key.create", "tenant.create"]
    assert exported[0]["after_state"]["roles"] == ["serve"]
    assert shell.out("audit", "tail") == ""


def test_a_draft_is_previewed_from_the_shell(shell: Shell, operator: psycopg.Connection, tmp_path: Path) -> None:
    """What a draft would change is said in words and in JSON, and the draft is not published."""
    operator.execute(
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
        " select id, 'default', item, current_date, score from tenants,"
        " (values ('a', 3), ('b', 2), ('c', 1)) as item (item, score)"
    )
    requests = tmp_path / "requests"
    requests.write_text('{"surface": "home", "k": 2}\n')
    draft = '[{"action": "block", "item_ids": ["a"]}]'
    command = ("rules", "preview", "--file", "-", "--tenant", "acme", "--requests", str(requests))
    assert shell.out(*command, given=draft).splitlines() == [
        "list 1: +c  -a  b 2->1",
        "1 of 1 lists change, mean overlap 0.33, 2 items shown before, 2 after; 0 lists become short, 0 of them empty",
        "newly blocked: a",
    ]
    assert shell.json(*command, given=draft)["comparisons"][0]["entered"] == ["c"]
    assert shell.run("rules", "get", "--tenant", "acme").exit_code != 0
