"""A shop whose lists are full, and everything that is needed to spoil them and to apply a remedy as it is printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
import pytest

from recsys.api.call import Call
from recsys.api.case import asking
from recsys.api.decode import decode
from recsys.api.identity import Caller
from recsys.api.wire import RecommendRequest
from recsys.db.pool import Database
from recsys.diagnosis.check import Diagnosis, Finding, Remedy
from recsys.diagnosis.facts import Asked
from recsys.diagnosis.gather import Sources, gather
from recsys.diagnosis.runbook import diagnose
from recsys.events.user_key import user_key
from recsys.settings import Settings, environment
from recsys.tenancy.roles import ALL_ROLES

SECRET = "a secret of these tests alone"  # noqa: S105  it keeps nothing


class Shop(NamedTuple):
    """A tenant with thirty items in the namespace `home`, and the ways to work on it."""

    settings: Settings
    database: Database
    operator: psycopg.Connection
    id: UUID
    name: str = "acme"

    def run(self, statement: str) -> None:
        """Run the operator's SQL; ``{tenant}`` is the tenant's id."""
        self.operator.execute(statement.replace("{tenant}", f"'{self.id}'"))  # type: ignore[arg-type]

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """Paste a line into a shell in which `recsys` is this release, on this database."""
        names = ("database_url", "owner_database_url", "data_dir", "db_role_prefix")
        variables = environment(**{name: getattr(self.settings, name) for name in names}, user_key_secret=SECRET)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-c", line],
            env={**os.environ, **variables, "PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def publish(self, kind: str, document: Any) -> None:
        """Publish config or rules as an operator does."""
        done = self.shell(f"recsys {kind} put --tenant {self.name} - <<'JSON'\n{json.dumps(document)}\nJSON")
        assert done.returncode == 0, done.stderr

    def diagnose(self, request: dict[str, Any], tenant: str | None = None) -> Diagnosis:
        """Walk the runbook for a request as an operator does."""
        body = decode(json.dumps(request).encode(), msgspec.json.Decoder(RecommendRequest))
        asked = Asked(tenant or self.name, body.surface, body.segment or "default")
        sources = Sources(settings=self.settings, database=self.database, across_tenants=True)
        call = Call("POST", "/v1/recommend", {}, "test", caller=Caller("test", ALL_ROLES))
        ask = asking(call, asked, body, self.database, SECRET.encode())
        return diagnose(gather(sources, asked, ask))

    def apply(self, remedy: Remedy, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a remedy says, to the letter; return the request to ask with afterwards."""
        if remedy.kind == "request":
            return merged(request, json.loads(remedy.text))
        if remedy.kind == "sql":
            self.operator.execute(remedy.text)  # type: ignore[arg-type]
        elif remedy.kind == "command":
            done = self.shell(remedy.text)
            assert done.returncode == 0, done.stderr
        return request

    def key(self, user_id: str) -> bytes:
        """Make the key of a visitor."""
        key = user_key(SECRET.encode(), self.id, user_id, None)
        assert key is not None
        return key


def merged(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@pytest.fixture
def shop(settings: Settings, database: Database, operator: psycopg.Connection) -> Shop:
    """A shop whose home page is full: thirty items of three brands and two categories, popular and paired."""
    row = operator.execute("insert into tenants (external_id, name) values ('acme', 'Acme') returning id").fetchone()
    assert row is not None
    shop = Shop(settings, database, operator, row[0])
    shop.run(
        "insert into item_tags (tenant_id, namespace, item_id, tags)"
        " select {tenant}, 'home', 'i' || to_char(n, 'fm00'), array['brand:' || chr(97 + n % 3), 'category:' || n % 2]"
        " from generate_series(1, 30) as n"
    )
    shop.run(
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
        " select {tenant}, 'home', 'i' || to_char(n, 'fm00'), current_date, 100 - n from generate_series(1, 30) as n"
    )
    shop.run(
        "insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)"
        " select {tenant}, 'home', 'i' || to_char(n, 'fm00'), 'i' || to_char(n % 30 + 1, 'fm00'), current_date, 5"
        " from generate_series(1, 30) as n"
    )
    return shop


@pytest.fixture
def found() -> Callable[[Diagnosis, str], Finding]:
    """Look one check up."""

    def check(diagnosis: Diagnosis, name: str) -> Finding:
        return next(check for check in diagnosis.checks if check.name == name)

    return check
