"""Tenants, keys, audit and refreshes over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from recsys.tenancy.keys import generate

if TYPE_CHECKING:
    from conftest import Running, Tenant

TENANTS = "/v1/admin/tenants"


@pytest.fixture
def anonymous(running: Running) -> Iterator[httpx.Client]:
    """Ask without saying who; in development that is an admin of everything."""
    with httpx.Client(base_url=running.url, trust_env=False, timeout=30) as opened:
        yield opened


def make_key(client: httpx.Client, tenant: Tenant, *roles: str) -> dict[str, Any]:
    """Make a key with these roles."""
    answer = client.post(f"{TENANTS}/{tenant.external_id}/api-keys", json={"name": "a test", "roles": list(roles)})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def all_entries(client: httpx.Client, tenant: Tenant, limit: int) -> list[dict[str, Any]]:
    """Read the whole audit log of a tenant, page by page."""
    entries: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"limit": limit}
    while True:
        page = client.get(f"{TENANTS}/{tenant.external_id}/audit", params=asked).json()
        entries += page["entries"]
        if page["next_before"] is None:
            return entries
        asked |= {"before": page["next_before"], "before_id": page["next_before_id"]}


def test_a_tenant_is_made_and_read(anonymous: httpx.Client) -> None:
    """POST makes a tenant that GET shows by external id and by UUID, and that the list holds."""
    name = f"made-{uuid4()}"
    made = anonymous.post(TENANTS, json={"external_id": name, "name": "A shop"})
    assert (made.status_code, made.json()["status"]) == (201, "active")
    for named in (name, made.json()["id"]):
        assert anonymous.get(f"{TENANTS}/{named}").json() == made.json()
    assert made.json() in anonymous.get(TENANTS).json()["tenants"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"external_id": "a/b"}, 422),
        ({"external_id": ""}, 422),
        ({"external_id": "a", "unknown": 1}, 422),
        ({}, 422),
        ([], 422),
    ],
)
def test_a_wrong_tenant_is_not_made(anonymous: httpx.Client, body: Any, status: int) -> None:
    """The document of a tenant is checked, and 422 names what is wrong."""
    answer = anonymous.post(TENANTS, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, "RECSYS_UNPROCESSABLE_ENTITY")


def test_an_external_id_is_taken_once(anonymous: httpx.Client, tenant: Tenant) -> None:
    """The second tenant of a name is 409."""
    answer = anonymous.post(TENANTS, json={"external_id": tenant.external_id})
    assert (answer.status_code, answer.json()["code"]) == (409, "RECSYS_CONFLICT")


def test_a_suspended_tenant_is_refused_and_can_be_resumed(client: httpx.Client, seeded: Tenant) -> None:
    """Every other route answers 403 with its own code from then on; reading and resuming the tenant go on."""
    address = f"{TENANTS}/{seeded.external_id}"
    assert client.patch(address, json={"status": "suspended", "name": "Closed"}).json()["name"] == "Closed"
    for answer in (client.post("/v1/recommend", json={"surface": "home"}), client.get(f"{address}/config")):
        assert (answer.status_code, answer.json()["code"]) == (403, "RECSYS_TENANT_SUSPENDED")
    assert client.get(address).json()["status"] == "suspended"
    assert client.patch(address, json={"status": "active"}).status_code == 200
    assert client.post("/v1/recommend", json={"surface": "home"}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"status": "deleted"}, {"name": ""}, {"name": "a\u0000"}])
def test_a_change_must_say_something(client: httpx.Client, tenant: Tenant, body: dict[str, str]) -> None:
    """A change that says nothing, or what can not be, is 422."""
    assert client.patch(f"{TENANTS}/{tenant.external_id}", json=body).status_code == 422


def test_a_key_opens_its_tenant_until_it_is_revoked(
    client: httpx.Client, anonymous: httpx.Client, seeded: Tenant, eventually: Callable[..., None]
) -> None:
    """A key names its tenant alone, works at once, and is refused soon after its revocation, with no restart."""
    made = make_key(client, seeded, "serve")
    headers = {"X-API-Key": made["key"]}

    def ask() -> httpx.Response:
        return anonymous.post("/v1/recommend", json={"surface": "home"}, headers=headers)

    assert ask().json()["meta"]["tenant_id"] == seeded.external_id
    assert client.delete(f"{TENANTS}/{seeded.external_id}/api-keys/{made['id']}").status_code == 204
    eventually(lambda: ask().status_code == 401)
    assert ask().json()["code"] == "RECSYS_AUTH_INVALID"
    assert ask().headers["www-authenticate"] == "Bearer"


def test_a_key_is_shown_once(client: httpx.Client, tenant: Tenant) -> None:
    """The list shows prefix, roles and times, and nothing of the secret."""
    made = make_key(client, tenant, "viewer", "ingest")
    listed = client.get(f"{TENANTS}/{tenant.external_id}/api-keys")
    assert made["key"].split("_")[2] not in listed.text
    (key,) = listed.json()["api_keys"]
    assert made["key"].startswith(f"rk_{key['key_prefix']}_")
    assert (key["roles"], key["revoked_at"]) == (["ingest", "viewer"], None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x", "roles": []},
        {"name": "x", "roles": ["king"]},
        {"name": "x", "expires_at": "2001-01-01T00:00:00Z"},
        {"name": "x", "expires_at": "tomorrow"},
    ],
)
def test_a_wrong_key_is_not_made(client: httpx.Client, tenant: Tenant, body: dict[str, Any]) -> None:
    """A key without a name, with an unknown role or expired from the start is 422."""
    assert client.post(f"{TENANTS}/{tenant.external_id}/api-keys", json=body).status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "rk_0123456789_" + "0" * 64},
        {"X-API-Key": "nonsense"},
        {"X-API-Key": ""},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic YTpi"},
        {"X-API-Key": "rk_0123456789_" + "0" * 64, "Authorization": "Bearer nonsense"},
    ],
)
def test_a_credential_that_is_not_taken_is_refused_everywhere(
    client: httpx.Client, seeded: Tenant, headers: dict[str, str]
) -> None:
    """A wrong credential is never ignored in favour of what else names a tenant, and the answer does not say why."""
    del seeded
    for answer in (
        client.post("/v1/recommend", json={"surface": "home"}, headers=headers),
        client.get(TENANTS, headers=headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "RECSYS_AUTH_INVALID")
        assert answer.json()["detail"] == "The credentials were not accepted."


def test_who_speaks_for_a_tenant_sees_that_one(client: httpx.Client, anonymous: httpx.Client, tenant: Tenant) -> None:
    """The list of tenants holds one for the admin of one."""
    headers = {"X-API-Key": make_key(client, tenant, "admin")["key"]}
    listed = anonymous.get(TENANTS, headers=headers).json()["tenants"]
    assert [one["external_id"] for one in listed] == [tenant.external_id]


def test_an_admin_makes_and_suspends_tenants(client: httpx.Client, anonymous: httpx.Client, tenant: Tenant) -> None:
    """While the installation has no keys of its own, the admin of a tenant may make others, and suspend its own."""
    headers = {"X-API-Key": make_key(client, tenant, "admin")["key"]}
    address = f"{TENANTS}/{tenant.external_id}"
    assert anonymous.post(TENANTS, json={"external_id": f"made-{uuid4()}"}, headers=headers).status_code == 201
    for status in ("suspended", "active"):
        assert anonymous.patch(address, json={"status": status}, headers=headers).json()["status"] == status


def test_a_key_of_the_installation_makes_tenants_and_their_first_keys(
    start: Callable[..., AbstractContextManager[Running]],
) -> None:
    """Where the settings hold its digest, only that key makes and suspends tenants; an admin renames its own."""
    text = generate().text
    digest = sha256(text.encode()).hexdigest()
    with (
        start(dev_mode=False, installation_keys=("0" * 64, digest)) as running,
        httpx.Client(base_url=running.url, trust_env=False, timeout=30) as opened,
    ):
        ours = {"X-API-Key": text}
        assert opened.post(TENANTS, json={"external_id": "a"}).status_code == 401
        for name in ("a", "b"):
            assert opened.post(TENANTS, json={"external_id": name}, headers=ours).status_code == 201
        listed = opened.get(TENANTS, headers=ours).json()["tenants"]
        assert [one["external_id"] for one in listed] == ["a", "b"]
        made = opened.post(f"{TENANTS}/b/api-keys", json={"name": "first", "roles": ["admin"]}, headers=ours)
        theirs = {"X-API-Key": made.json()["key"]}
        assert [one["external_id"] for one in opened.get(TENANTS, headers=theirs).json()["tenants"]] == ["b"]
        entries = opened.get(f"{TENANTS}/b/audit", headers=theirs).json()["entries"]
        assert {(one["actor_type"], one["actor_sub"]) for one in entries} == {("api_key", f"installation:{digest[:8]}")}
        for refused in (
            opened.post(TENANTS, json={"external_id": "c"}, headers=theirs),
            opened.patch(f"{TENANTS}/b", json={"status": "suspended"}, headers=theirs),
            opened.patch(f"{TENANTS}/b", json={"status": "active", "name": "Other"}, headers=theirs),
        ):
            assert (refused.status_code, refused.json()["code"]) == (403, "RECSYS_FORBIDDEN")
        assert opened.get(f"{TENANTS}/c", headers=ours).status_code == 404
        assert opened.get(f"{TENANTS}/b", headers=theirs).json()["name"] != "Other"
        assert opened.patch(f"{TENANTS}/b", json={"name": "Other"}, headers=theirs).json()["name"] == "Other"
        wrong = opened.get(f"{TENANTS}/a", headers=ours | {"X-Org-Id": "b"})
        assert wrong.json()["code"] == "RECSYS_TENANT_SCOPE_MISMATCH"


def test_every_change_is_in_the_audit(client: httpx.Client, tenant: Tenant) -> None:
    """A row says what was done by whom, with which roles, in which request, from where and with what."""
    headers = {"X-Dev-User-Id": "anna", "X-Dev-Roles": "admin", "X-Request-Id": "r-1", "User-Agent": "a test"}
    client.patch(f"{TENANTS}/{tenant.external_id}", json={"name": "Other"}, headers=headers)
    (entry,) = all_entries(client, tenant, 10)
    del entry["id"], entry["occurred_at"], entry["tenant_id"]
    assert entry == {
        "actor_type": "user",
        "actor_sub": "anna",
        "action": "tenant.rename",
        "entity_type": "tenant",
        "entity_id": tenant.external_id,
        "request_id": "r-1",
        "ip": "127.0.0.1",
        "user_agent": "a test",
        "before_state": {"external_id": tenant.external_id, "name": "A shop", "status": "active"},
        "after_state": {"external_id": tenant.external_id, "name": "Other", "status": "active"},
        "extra": {"roles": ["admin", "ingest", "operator", "serve", "viewer"]},
    }


def test_a_viewer_sees_no_states(client: httpx.Client, tenant: Tenant) -> None:
    """What was before and after may be a document that a viewer need not know."""
    client.patch(f"{TENANTS}/{tenant.external_id}", json={"name": "Other"})
    page = client.get(f"{TENANTS}/{tenant.external_id}/audit", headers={"X-Dev-Roles": "viewer"}).json()
    assert [(entry["before_state"], entry["after_state"]) for entry in page["entries"]] == [(None, None)]


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_pages_skip_and_repeat_nothing(client: httpx.Client, tenant: Tenant, limit: int) -> None:
    """While four writers publish, every page-wise reading holds each entry once, and all that an earlier one held."""
    address = f"{TENANTS}/{tenant.external_id}/config"
    base, headers = str(client.base_url), dict(client.headers)

    def write(first: int) -> None:
        with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=60) as writer:
            for number in range(first, first + 10):
                assert writer.put(address, json={"limits": {"max_k": number}}).status_code == 200

    seen: set[str] = set()
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, first) for first in (1, 11, 21, 31)]
        while not all(writer.done() for writer in writers):
            ids = [entry["id"] for entry in all_entries(client, tenant, limit)]
            assert len(ids) == len(set(ids))
            assert seen <= set(ids)
            seen = set(ids)
        for writer in writers:
            writer.result()
    assert len(all_entries(client, tenant, limit)) == 40


@pytest.mark.parametrize(
    "asked",
    ["limit=0", "limit=201", "limit=x", "before=now", "before_id=1", "before_id=6f1c2e0a-6f0b-4d0e-9f8a-0b7c6a5d4e3f"],
)
def test_a_wrong_page_is_a_bad_request(client: httpx.Client, tenant: Tenant, asked: str) -> None:
    """Limits and marks of a page are checked."""
    assert client.get(f"{TENANTS}/{tenant.external_id}/audit?{asked}").status_code == 400


def test_a_refresh_is_answered_when_it_is_done(
    client: httpx.Client, seeded: Tenant, database: psycopg.Connection
) -> None:
    """The answer says what was read again, and the table who asked and that it was applied."""
    client.post("/v1/recommend", json={"surface": "home"})
    body = {"targets": ["config", "popularity"], "surface": "home"}
    answer = client.post(f"{TENANTS}/{seeded.external_id}/cache/invalidate", json=body)
    assert answer.json() == {
        "tenant_id": seeded.external_id,
        "targets": ["config", "popularity"],
        "surface": "home",
        "status": "applied",
        "invalidated": ["config", "popularity/home", "popularity/default"],
    }
    query = (
        "select status, targets, surface, requested_by_sub, applied_at > requested_at from cache_invalidation_events"
    )
    assert database.execute(f"{query} where tenant_id = %s", (seeded.id,)).fetchall() == [
        ("applied", ["config", "popularity"], "home", "developer", True)
    ]


@pytest.mark.parametrize("body", [{}, {"targets": []}, {"targets": ["everything"]}, {"targets": ["config"], "x": 1}])
def test_a_wrong_refresh_is_refused(client: httpx.Client, tenant: Tenant, body: dict[str, Any]) -> None:
    """Targets are the documents and the signals that there are."""
    assert client.post(f"{TENANTS}/{tenant.external_id}/cache/invalidate", json=body).status_code == 422
