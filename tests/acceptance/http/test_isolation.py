"""No credential reaches another tenant, on any route that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import psycopg
import pytest

from recsys.api.identity import INCLUDES, Role
from recsys.api.openapi import REQUIRES
from recsys.api.routes import HANDLERS

if TYPE_CHECKING:
    from conftest import Running, Tenant

PARAMETERS = {"key_id": "x", "etag": "0" * 64, "user_id": "ada"}


class Address(NamedTuple):
    """A route that serves a tenant."""

    method: str
    template: str

    def __str__(self) -> str:
        """Name it as a test does."""
        return f"{self.method} {self.template}"

    def of(self, tenant: str) -> str:
        """Fill the template in."""
        return self.template.format(tenant_id=tenant, **PARAMETERS)


def addresses() -> Iterator[Address]:
    """List every route that needs a role, from the code: a new one is tested without being named here."""
    for handler in HANDLERS:
        if REQUIRES in handler.opt:  # type: ignore[union-attr]  # all of ours are handlers, none a controller
            for template in handler.paths:  # type: ignore[union-attr]  # the same
                for method in sorted(handler.http_methods):  # type: ignore[union-attr]  # the same
                    yield Address(method, template.replace(":str", ""))


ALL = list(addresses())
IN_URL = [address for address in ALL if "{tenant_id}" in address.template]


class Two(NamedTuple):
    """A caller with every role for one tenant, and another tenant that it wants to reach."""

    key: str
    own: str
    other: str
    other_id: Any


@pytest.fixture
def two(client: httpx.Client, seeded: Tenant, database: psycopg.Connection) -> Two:
    """Make both, with something to steal and something to spoil."""
    row = database.execute(
        "insert into tenants (external_id, name) values (%s, 'Other') returning id", (f"{seeded.external_id}-other",)
    ).fetchone()
    assert row is not None
    other = f"{seeded.external_id}-other"
    headers = {"X-Org-Id": other}
    assert client.put(f"/v1/admin/tenants/{other}/config", json={"algo": "cooc"}, headers=headers).status_code == 200
    made = client.post(f"/v1/admin/tenants/{seeded.external_id}/api-keys", json={"name": "a", "roles": ["admin"]})
    return Two(made.json()["key"], seeded.external_id, other, row[0])


def state(database: psycopg.Connection, tenant_id: Any) -> list[Any]:
    """Take down all that the database holds of a tenant in tables that a client may write."""
    tables = ("tenants", "tenant_config_versions", "tenant_rule_versions", "tenant_api_keys", "item_tags", "erasures")
    found = []
    for table in tables:
        column = "id" if table == "tenants" else "tenant_id"
        query = f"select row_to_json(t)::text from {table} as t where {column} = %s order by 1"  # noqa: S608  constants
        found.append(database.execute(query, (tenant_id,)).fetchall())
    return found


def refused(answer: httpx.Response) -> bool:
    """Tell whether a call was refused because its tenants do not agree."""
    return answer.status_code == 403 and answer.json()["code"] == "RECSYS_TENANT_SCOPE_MISMATCH"


@pytest.fixture
def stranger(running: Running, two: Two) -> Iterator[httpx.Client]:
    """Ask with the key of the one tenant."""
    headers = {"X-API-Key": two.key}
    with httpx.Client(base_url=running.url, headers=headers, trust_env=False, timeout=30) as opened:
        yield opened


def test_there_are_routes_to_try() -> None:
    """The generated lists are not empty: every tenant route of the contract is among them."""
    assert len(ALL) > 25
    assert Address("PUT", "/v1/admin/tenants/{tenant_id}/rules") in IN_URL


def test_no_route_lets_a_header_name_another_tenant(
    stranger: httpx.Client, two: Two, database: psycopg.Connection
) -> None:
    """A's key with B in X-Org-Id or X-Dev-Org-Id is 403 on every route, and B is as it was."""
    before = state(database, two.other_id)
    for address in ALL:
        for header in ("X-Org-Id", "X-Dev-Org-Id"):
            for name in (two.other, str(two.other_id), "nobody"):
                answer = stranger.request(address.method, address.of(two.own), headers={header: name}, json={})
                assert refused(answer), (address, header, answer.text)
                assert "cooc" not in answer.text
    assert state(database, two.other_id) == before


def test_no_route_lets_the_address_name_another_tenant(
    stranger: httpx.Client, two: Two, database: psycopg.Connection
) -> None:
    """A's key with B in the address is 403 on every route, whatever the headers say, and B is as it was."""
    before = state(database, two.other_id)
    for address in IN_URL:
        for name in (two.other, str(two.other_id), "nobody"):
            for headers in ({}, {"X-Org-Id": two.own}, {"X-Org-Id": two.other}):
                answer = stranger.request(address.method, address.of(name), headers=headers, json={})
                assert refused(answer), (address, name, answer.text)
    assert state(database, two.other_id) == before


def test_a_body_names_no_tenant(stranger: httpx.Client, two: Two, database: psycopg.Connection) -> None:
    """B in a body is an unknown field, or B's own name taken: nothing of B's is read or written, by any route."""
    before = state(database, two.other_id)
    for address in ALL:
        if address.method in {"POST", "PUT", "PATCH"}:
            for field in ("tenant_id", "external_id", "org_id"):
                body = {field: two.other, "surface": "home", "namespace": "default"}
                answer = stranger.request(address.method, address.of(two.own), json=body)
                assert answer.status_code in {400, 409, 422}, (address, answer.text)
    assert state(database, two.other_id) == before


def test_an_attempt_is_audited_and_not_at_any_rate(
    stranger: httpx.Client, two: Two, database: psycopg.Connection, eventually: Callable[..., None]
) -> None:
    """Refused attempts are in the log of the tenant that tried, a few rows for many of them, with who and where."""
    for _ in range(50):
        assert refused(stranger.get(f"/v1/admin/tenants/{two.other}/config"))
    query = """
        select actor_type, host(ip), entity_id, extra ->> 'reason' from audit_log
        where action = 'tenant.refuse' and tenant_id = (select id from tenants where external_id = %s)
    """

    def rows() -> list[Any]:
        return database.execute(query, (two.own,)).fetchall()

    eventually(rows)
    found = rows()
    assert len(found) <= 2
    assert found[0][:3] == ("api_key", "127.0.0.1", "/v1/admin/tenants/{tenant_id}/config")
    assert two.other in found[0][3]
    assert database.execute(
        "select count(*) from audit_log where tenant_id = %s and action like '%%refuse'", (two.other_id,)
    ).fetchone() == (0,)


@pytest.mark.parametrize("roles", [[], ["serve"], ["ingest"], ["viewer"], ["operator"]])
def test_a_role_opens_its_own_routes_and_no_others(
    client: httpx.Client, running: Running, seeded: Tenant, roles: list[str]
) -> None:
    """On every route: 403 RECSYS_FORBIDDEN exactly where the table of roles says so."""
    del client
    granted = {role for name in roles for role in INCLUDES[Role(name)]}
    headers = {"X-Org-Id": seeded.external_id, "X-Dev-Roles": ",".join(roles)}
    with httpx.Client(base_url=running.url, headers=headers, trust_env=False, timeout=30) as caller:
        for handler in HANDLERS:
            required = handler.opt.get(REQUIRES, ())  # type: ignore[union-attr]  # all of ours are handlers
            template = next(iter(handler.paths))  # type: ignore[union-attr]  # the same
            method = next(iter(sorted(handler.http_methods)))  # type: ignore[union-attr]  # the same
            address = Address(method, template.replace(":str", ""))
            if not required:
                continue
            answer = caller.request(
                method, address.of(seeded.external_id), content=b"?", headers={"Content-Type": "application/json"}
            )
            forbidden = answer.status_code == 403 and answer.json()["code"] == "RECSYS_FORBIDDEN"
            assert forbidden == granted.isdisjoint(required), (address, roles, answer.text)
