"""Config and rules over HTTP: published, guarded, followed, taken back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

if TYPE_CHECKING:
    from conftest import Running, Tenant

BOTH = pytest.mark.parametrize("kind", ["config", "rules"])


def path(tenant: Tenant, rest: str) -> str:
    """Name an address of a tenant's."""
    return f"/v1/admin/tenants/{tenant.external_id}/{rest}"


def example(kind: str, number: int) -> Any:
    """Make one of many different documents."""
    if kind == "config":
        return {"limits": {"max_k": number}}
    return [{"id": f"r{number}", "action": "block", "item_ids": ["i00"]}]


def count(database: psycopg.Connection, tenant: Tenant, action: str) -> int:
    """Count a tenant's audit rows."""
    query = "select count(*) from audit_log where tenant_id = %s and action like %s"
    row = database.execute(query, (tenant.id, action)).fetchone()
    assert row is not None
    return int(row[0])


@BOTH
def test_what_is_put_is_read(client: httpx.Client, tenant: Tenant, kind: str) -> None:
    """PUT answers the document with its etag, GET answers the same, and before there was one it is 404."""
    address = path(tenant, kind)
    missing = client.get(address)
    assert (missing.status_code, missing.json()["code"]) == (404, f"RECSYS_{kind.upper()}_NOT_FOUND")
    put = client.put(address, json=example(kind, 7))
    assert put.status_code == 200
    assert put.json() == {
        "tenant_id": tenant.external_id,
        f"{kind}_version": put.headers["etag"].strip('"'),
        kind: example(kind, 7),
    }
    got = client.get(address)
    assert (got.json(), got.headers["etag"]) == (put.json(), put.headers["etag"])


@BOTH
def test_a_reader_who_has_it_gets_nothing(client: httpx.Client, tenant: Tenant, kind: str) -> None:
    """If-None-Match with the live etag, however it is spelled, is 304 without a body; another gets the document."""
    etag = client.put(path(tenant, kind), json=example(kind, 7)).headers["etag"]
    for spelled in (etag, etag.strip('"'), f"W/{etag}", f'"other", {etag}', "*"):
        answer = client.get(path(tenant, kind), headers={"If-None-Match": spelled})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert client.get(path(tenant, kind), headers={"If-None-Match": '"other"'}).status_code == 200


@BOTH
@pytest.mark.parametrize("spell", ["{}", '"{}"', 'W/"{}"', '"other", "{}"'])
def test_if_match_guards(client: httpx.Client, tenant: Tenant, kind: str, spell: str) -> None:
    """A change passes with the live etag in any spelling, and is 412 with one that is not live any more."""
    first = client.put(path(tenant, kind), json=example(kind, 1)).headers["etag"].strip('"')
    headers = {"If-Match": spell.format(first)}
    assert client.put(path(tenant, kind), json=example(kind, 2), headers=headers).status_code == 200
    late = client.put(path(tenant, kind), json=example(kind, 3), headers=headers)
    assert (late.status_code, late.json()["code"]) == (412, "RECSYS_VERSION_MISMATCH")


@BOTH
def test_the_first_version_is_guarded_too(client: httpx.Client, tenant: Tenant, kind: str) -> None:
    """If-None-Match: * publishes once; If-Match: * needs a version."""
    address = path(tenant, kind)
    assert client.put(address, json=example(kind, 1), headers={"If-Match": "*"}).status_code == 412
    statuses = [
        client.put(address, json=example(kind, number), headers={"If-None-Match": "*"}).status_code for number in (1, 2)
    ]
    assert statuses == [200, 412]
    assert client.put(address, json=example(kind, 3), headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"If-None-Match": '"abc"'},
        {"If-None-Match": "*", "If-Match": "*"},
        {"X-Change-Comment": "x" * 1001},
    ],
)
def test_a_header_that_can_not_be_meant_is_refused(
    client: httpx.Client, tenant: Tenant, headers: dict[str, str]
) -> None:
    """Contradictions and what is too long are 400, and nothing is published."""
    assert client.put(path(tenant, "config"), json={}, headers=headers).status_code == 400
    assert client.get(path(tenant, "config")).status_code == 404


@BOTH
def test_a_comment_stays_with_its_version(client: httpx.Client, tenant: Tenant, kind: str) -> None:
    """X-Change-Comment is listed with the version, in any script."""
    comment = "weniger Schuhe, 靴を減らす"
    headers = {"X-Change-Comment": comment.encode(), "X-Dev-User-Id": "anna"}
    etag = client.put(path(tenant, kind), json=example(kind, 1), headers=headers).headers["etag"].strip('"')  # type: ignore[arg-type]  # bytes are what goes over the wire
    listed = client.get(path(tenant, f"{kind}/versions")).json()["versions"]
    assert [(one["etag"], one["comment"], one["created_by_sub"], one["current"]) for one in listed] == [
        (etag, comment, "anna", True)
    ]


@BOTH
def test_the_same_again_changes_nothing(
    client: httpx.Client, tenant: Tenant, database: psycopg.Connection, kind: str
) -> None:
    """Putting what is live answers as before and leaves no version and no audit row."""
    etags = {client.put(path(tenant, kind), json=example(kind, 1)).headers["etag"] for _ in range(3)}
    assert len(etags) == 1
    assert count(database, tenant, f"{kind}.%") == 1


@BOTH
def test_thirty_versions_back_and_forth(
    client: httpx.Client, tenant: Tenant, database: psycopg.Connection, kind: str
) -> None:
    """From version 30 to 3 and back: the same etags, two audit rows, no new version row."""
    put = [client.put(path(tenant, kind), json=example(kind, number + 1)) for number in range(30)]
    etags = [answer.headers["etag"].strip('"') for answer in put]
    before = client.get(path(tenant, f"{kind}/versions")).json()["versions"]
    for to in (etags[2], etags[29]):
        answer = client.post(path(tenant, f"{kind}/rollback"), json={"to": to})
        assert (answer.status_code, answer.json()[f"{kind}_version"]) == (200, to)
        assert client.get(path(tenant, kind)).json()[f"{kind}_version"] == to
    after = client.get(path(tenant, f"{kind}/versions")).json()["versions"]
    assert [one["etag"] for one in after] == [one["etag"] for one in before] == etags[::-1]
    assert count(database, tenant, f"{kind}.rollback") == 2


@BOTH
def test_versions_can_be_compared(client: httpx.Client, tenant: Tenant, kind: str) -> None:
    """A difference is a JSON Patch and lines to read: from the live version, or from the one that is named."""
    first, second = (
        client.put(path(tenant, kind), json=example(kind, number)).headers["etag"].strip('"') for number in (1, 2)
    )
    address = path(tenant, f"{kind}/versions/{first}")
    assert client.get(address).json()[kind] == example(kind, 1)
    back = client.get(f"{address}/diff").json()
    assert (back["before"], back["after"]) == (second, first)
    assert [operation["op"] for operation in back["patch"]] == ["replace"]
    assert any(line.startswith("-") for line in back["lines"])
    assert client.get(f"{address}/diff", params={"before": first}).json()["patch"] == []
    assert client.get(path(tenant, f"{kind}/versions/nonsense")).json()["code"] == "RECSYS_VERSION_NOT_FOUND"


@BOTH
@pytest.mark.parametrize("rest", ["rollback", "versions?limit=0", "versions?limit=x"])
def test_a_wrong_question_is_named(client: httpx.Client, tenant: Tenant, kind: str, rest: str) -> None:
    """A rollback to nowhere is 422 for its form and 404 for its etag; a list's limit is checked."""
    if rest != "rollback":
        assert client.get(path(tenant, f"{kind}/{rest}")).status_code == 400
        return
    assert client.post(path(tenant, f"{kind}/rollback"), json={}).status_code == 422
    assert client.post(path(tenant, f"{kind}/rollback"), json={"to": "0" * 64}).status_code == 404


@pytest.mark.parametrize("body", [b'{"weigths": {}}', b"[1]", b"", b"\xff", b"[" * 1000, b'{"algo": 7}'])
def test_a_wrong_config_is_refused_with_its_path(client: httpx.Client, tenant: Tenant, body: bytes) -> None:
    """Whatever is wrong with a config is 422 with a path, and nothing is published."""
    answer = client.put(path(tenant, "config"), content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "RECSYS_INVALID_CONFIG")
    assert all(problem["path"].startswith("$") for problem in answer.json()["errors"])
    assert client.get(path(tenant, "config")).status_code == 404


@BOTH
def test_fifty_writers_lose_nothing(
    client: httpx.Client, tenant: Tenant, database: psycopg.Connection, kind: str
) -> None:
    """Fifty writers who all read the same version: one wins, 49 get 412, and the audit has a row for each version."""
    etag = client.put(path(tenant, kind), json=example(kind, 1)).headers["etag"]
    barrier = threading.Barrier(10)

    def write(number: int) -> int:
        if number < 12:
            barrier.wait(30)
        body = json.dumps(example(kind, number))
        headers = {"If-Match": etag, "Content-Type": "application/json", **client.headers}
        return httpx.put(
            f"{client.base_url}{path(tenant, kind)}", content=body, headers=headers, timeout=60
        ).status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(write, range(2, 52)))
    assert sorted(statuses) == [200] + [412] * 49
    assert len(client.get(path(tenant, f"{kind}/versions")).json()["versions"]) == 2
    assert count(database, tenant, f"{kind}.publish") == 2


def test_a_published_rule_is_served(client: httpx.Client, seeded: Tenant, eventually: Callable[..., None]) -> None:
    """A block is live within the second that everybody is promised, and a rollback takes it back as fast."""

    def shows(item: str) -> bool:
        answer = client.post("/v1/recommend", json={"surface": "home", "k": 20}).json()
        return item in {one["item_id"] for one in answer["items"]}

    empty = client.put(path(seeded, "rules"), json=[]).json()["rules_version"]
    assert shows("i00")
    client.put(path(seeded, "rules"), json=[{"action": "block", "item_ids": ["i00"]}])
    eventually(lambda: not shows("i00"), 1.0)
    client.post(path(seeded, "rules/rollback"), json={"to": empty})
    eventually(lambda: shows("i00"), 1.0)


@BOTH
def test_the_schema_of_a_document_is_published(client: httpx.Client, kind: str) -> None:
    """/v1/schemas/{kind}.json is a JSON Schema, open to everybody."""
    answer = client.get(f"/v1/schemas/{kind}.json", headers={"X-Org-Id": ""})
    assert answer.json()["$schema"].endswith("2020-12/schema")


SLOWER = {"popularity": {"half_life_days": 30}}


def test_a_change_of_signals_says_how_long_it_takes(
    client: httpx.Client, seeded: Tenant, eventually: Callable[..., None]
) -> None:
    """PUT and rollback name the namespaces whose signals are made anew, with seconds; other changes name none."""
    address = f"/v1/admin/tenants/{seeded.external_id}/config"
    client.post("/v1/recommend", json={"surface": "home"})
    first = client.put(address, json={"limits": {"max_k": 50}})
    assert "signals_ready_in" not in first.json()
    waiting = client.put(address, json=SLOWER).json()["signals_ready_in"]
    assert waiting["default"] >= 0

    def ready() -> bool:
        client.post("/v1/recommend", json={"surface": "home"})
        return "signals_ready_in" not in client.put(address, json=SLOWER).json()

    eventually(ready)
    back = client.post(f"{address}/rollback", json={"to": first.json()["config_version"]})
    assert "default" in back.json()["signals_ready_in"]


def test_the_shell_says_how_long_it_takes_too(
    client: httpx.Client, running: Running, seeded: Tenant, eventually: Callable[..., None]
) -> None:
    """`recsys config put` knows from a service of the same data folder how long a load takes."""
    client.post("/v1/recommend", json={"surface": "home"})
    label = f'recsys_signal_load_seconds{{namespace="default",tenant="{seeded.external_id}"}}'
    eventually(lambda: label in client.get("/metrics").text)
    command = [str(Path(sys.executable).with_name("recsys")), "config", "put", "-", "--tenant", seeded.external_id]

    def put(document: object) -> str:
        done = subprocess.run(
            command,
            input=json.dumps(document),
            env=os.environ | running.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert re.search(r"default in about \d+\.\d s", put(SLOWER))
    assert put(SLOWER) == "this is what is live already\n"
    assert put(SLOWER | {"limits": {"max_k": 50}}) == "published; every host follows within a second\n"
