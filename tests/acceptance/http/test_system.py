"""The routes that watch and describe the service."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from conftest import Running, Tenant


def test_the_process_is_alive(client: httpx.Client) -> None:
    """/livez needs neither tenant nor database."""
    answer = client.get("/livez", headers={"X-Org-Id": ""})
    assert (answer.status_code, answer.json()["status"]) == (200, "healthy")


@pytest.mark.parametrize("path", ["/readyz", "/healthz", "/health"])
def test_a_service_with_a_database_is_healthy(client: httpx.Client, path: str) -> None:
    """Readiness names its checks."""
    answer = client.get(path)
    assert (answer.status_code, answer.json()["status"]) == (200, "healthy")
    assert {check["name"] for check in answer.json()["checks"]} == {"changes", "database", "snapshots"}


def test_lists_are_counted(client: httpx.Client, seeded: Tenant) -> None:
    """The counters that dashboards of recsys-service already read go up with each list."""
    del seeded

    def count(outcome: str, empty: str = "false") -> float:
        line = f'recsys_recommendation_requests_total{{empty="{empty}",endpoint="/v1/recommend",outcome="{outcome}"}}'
        found = re.search(re.escape(line) + r" (\S+)", client.get("/metrics").text)
        return float(found[1]) if found else 0.0

    served, refused = count("success"), count("refused")
    client.post("/v1/recommend", json={"surface": "home"})
    client.post("/v1/recommend", json={"surface": "home", "k": 0})
    assert (count("success"), count("refused")) == (served + 1, refused + 1)
    text = client.get("/metrics").text
    assert 'recsys_recommendation_latency_seconds_count{endpoint="/v1/recommend",outcome="success"}' in text
    assert "recsys_snapshots " in text


def test_no_client_s_text_becomes_a_label(client: httpx.Client) -> None:
    """Addresses, tenants and surfaces that a client makes up are not in the metrics: they would grow without end."""
    client.get("/made-up-path")
    client.post("/v1/recommend", json={"surface": "made-up-surface"}, headers={"X-Org-Id": "made-up-tenant"})
    assert "made-up" not in client.get("/metrics").text


def test_the_documentation_is_served_from_here(client: httpx.Client) -> None:
    """/docs is a page that loads /openapi.json and nothing else."""
    page = client.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not re.search(r"https?://", page.text)
    document = client.get("/openapi.json")
    assert document.headers["content-type"] == "application/json"
    assert document.json()["openapi"].startswith("3.1")


@pytest.mark.timeout(300)
def test_the_service_answers_as_its_document_says(running: Running, seeded: Tenant, tmp_path: Path) -> None:
    """Whatever schemathesis makes of the document, there is no 5xx, no undocumented status, type or body."""
    explore(running, tmp_path, f"X-Org-Id: {seeded.external_id}")


@pytest.mark.timeout(300)
def test_the_control_plane_answers_as_its_document_says(
    running: Running, client: httpx.Client, seeded: Tenant, tmp_path: Path
) -> None:
    """The same with an admin's key and its own tenant in every address, so that requests get past the door."""
    address = f"/v1/admin/tenants/{seeded.external_id}/api-keys"
    key = client.post(address, json={"name": "all of it", "roles": ["admin"]}).json()["key"]
    (tmp_path / "schemathesis.toml").write_text(f'[parameters]\n"path.tenant_id" = "{seeded.external_id}"\n')
    # A suspended tenant would answer 403 to all that follows.
    explore(running, tmp_path, f"X-API-Key: {key}", "--include-path-regex", "^/v1/admin", "--exclude-method", "PATCH")
    reached = re.findall(r'requests_total\{endpoint="(/v1/admin/[^"]+)",status="2', client.get("/metrics").text)
    assert {f"/v1/admin/tenants/{{tenant_id}}/{route}" for route in ("config", "rules/versions", "audit")} <= set(
        reached
    )


def explore(running: Running, folder: Path, header: str, *more: str) -> None:
    """Let schemathesis ask whatever the document allows, and some of what it does not."""
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{running.url}/openapi.json"]
    command += ["--header", header, "--checks", checks, "--max-examples", "20", *more]
    command += ["--seed", "1", "--no-color", "--phases", "examples,coverage,fuzzing"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
