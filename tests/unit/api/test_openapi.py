"""The document and its page."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest

from recsys.api.hot import HOT
from recsys.api.openapi import document
from recsys.api.routes import DEPENDENCIES, HANDLERS

ADMIN = "/v1/admin/tenants"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """Give the OpenAPI document."""
    return document(HANDLERS, DEPENDENCIES)


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """List (path, method, operation)."""
    return [(path, method, one) for path, item in described["paths"].items() for method, one in item.items()]


def test_it_is_openapi_3_1_with_the_routes_of_the_contract(described: dict[str, Any]) -> None:
    """Every public route is described; those of the control plane are listed below."""
    assert described["openapi"].startswith("3.1")
    found = {(method, path) for path, method, _ in operations(described) if not path.startswith(ADMIN)}
    assert found == {
        ("post", "/v1/recommend"),
        ("post", "/v1/recommend/validate"),
        ("post", "/v1/recommend/batch"),
        ("post", "/v1/similar"),
        ("post", "/v1/interactions"),
        ("put", "/v1/items"),
        ("get", "/v1/items"),
        ("post", "/v1/items/delete"),
        ("get", "/livez"),
        ("get", "/readyz"),
        ("get", "/healthz"),
        ("get", "/health"),
        ("get", "/metrics"),
        ("get", "/v1/schemas/config.json"),
        ("get", "/v1/schemas/rules.json"),
    }


def test_the_control_plane_is_described(described: dict[str, Any]) -> None:
    """Every admin route of the contract is there."""
    found = {(method, path) for path, method, _ in operations(described) if path.startswith(ADMIN)}
    tenant = f"{ADMIN}/{{tenant_id}}"
    documents = {
        (method, f"{tenant}/{kind}{rest}")
        for kind in ("config", "rules")
        for method, rest in [
            ("get", ""),
            ("put", ""),
            ("get", "/versions"),
            ("get", "/versions/{etag}"),
            ("post", "/rollback"),
        ]
    }
    assert found >= documents | {
        ("get", ADMIN),
        ("post", ADMIN),
        ("get", tenant),
        ("patch", tenant),
        ("get", f"{tenant}/api-keys"),
        ("post", f"{tenant}/api-keys"),
        ("delete", f"{tenant}/api-keys/{{key_id}}"),
        ("post", f"{tenant}/cache/invalidate"),
        ("get", f"{tenant}/audit"),
    }


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    """No schema is named that is not there."""
    names = set(re.findall(r"#/components/schemas/(\w+)", repr(described)))
    assert names <= described["components"]["schemas"].keys()


def test_bodies_are_closed_and_their_limits_are_said(described: dict[str, Any]) -> None:
    """What the decoder refuses, the schema forbids: unknown fields, k beyond 200, a slash in a surface."""
    request = described["components"]["schemas"]["RecommendRequest"]
    assert request["additionalProperties"] is False
    assert request["required"] == ["surface"]
    k = request["properties"]["k"]["anyOf"][0]
    assert (k["minimum"], k["maximum"]) == (1, 200)
    assert not re.search(request["properties"]["surface"]["pattern"], "a/b")


def test_every_error_is_a_problem(described: dict[str, Any]) -> None:
    """4xx and 5xx are documented as application/problem+json, but for readiness, which answers its own body."""
    for path, _, operation in operations(described):
        for status, answer in operation["responses"].items():
            if status >= "400" and not (status == "503" and path.startswith(("/ready", "/health"))):
                assert list(answer["content"]) == ["application/problem+json"], (path, status)


def test_routes_of_a_tenant_say_how_it_is_named(described: dict[str, Any]) -> None:
    """Every route under /v1, but for the schemas, documents X-Org-Id, and what happens when it is wrong."""
    for path, _, operation in operations(described):
        headers = {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}
        of_a_tenant = path.startswith("/v1/") and not path.startswith("/v1/schemas/")
        assert ("X-Org-Id" in headers) == of_a_tenant
        if of_a_tenant:
            assert {"400", "401", "403", "404", "503"} <= operation["responses"].keys()


def test_every_hot_route_is_described(described: dict[str, Any]) -> None:
    """The hot routes, which Litestar does not answer, are in the document too."""
    assert HOT.keys() <= described["paths"].keys()


def test_the_page_needs_no_internet() -> None:
    """No script, style, font or image of the documentation page comes from another host."""
    page = files("recsys.api").joinpath("docs.html").read_text()
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert "http://" not in page
    assert "https://" not in page


def test_every_operation_says_what_it_does(described: dict[str, Any]) -> None:
    """The summary of each operation is a sentence, not the name of a function."""
    for path, method, operation in operations(described):
        assert operation["summary"].endswith((".", "?")), f"{method} {path}"
