"""What can be seen of a service from outside: why a list is short, its log, its counts by stage."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
import yaml

from recsys import metrics

if TYPE_CHECKING:
    from conftest import Running, Tenant

OBSERVABILITY = Path(__file__).parents[3] / "observability"
Eventually = Callable[..., None]


def diagnosis(client: httpx.Client, tenant: Tenant, request: dict[str, Any]) -> dict[str, Any]:
    """Explain one request."""
    answer = client.post(f"/v1/admin/tenants/{tenant.external_id}/diagnosis", json=request)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_full_list_is_healthy(client: httpx.Client, seeded: Tenant) -> None:
    """GET walks the runbook for a surface: no check fails, and the answer says that the list is full."""
    found = client.get(f"/v1/admin/tenants/{seeded.external_id}/diagnosis", params={"surface": "home"}).json()
    assert found["healthy"], found["because"]
    assert (found["returned"], found["because"]) == (20, "The list is full: 20 items.")
    assert len(found["checks"]) >= 20


SHORT: dict[str, tuple[dict[str, Any], str]] = {
    "EXCLUDED_BY_REQUEST": ({"candidates": {"exclude_ids": ["i00", "i01"]}}, "exclusions"),
    "CONSTRAINTS_FILTERED": ({"constraints": {"forbidden_tags": ["brand:x"]}}, "constraints"),
    "CANDIDATES_INCLUDE_EMPTY": ({"candidates": {"include_ids": ["I00"]}}, "allow_list"),
    "CAPS_FILTERED": ({"constraints": {"max_per_tag": {"brand:y": 3}}}, "caps"),
}


@pytest.mark.parametrize("code", SHORT)
def test_the_diagnosis_of_a_request_carries_its_warning(client: httpx.Client, seeded: Tenant, code: str) -> None:
    """A short answer warns with a code and counts; POST with the same body names the check behind it."""
    part, check = SHORT[code]
    request = {"surface": "home", **part}
    answer = client.post("/v1/recommend", json=request).json()
    assert code in {warning["code"] for warning in answer["warnings"]}
    assert answer["meta"]["counts"]["returned"] == len(answer["items"]) < 20
    found = diagnosis(client, seeded, request)
    failing = next(step for step in found["checks"] if step["status"] == "fail")
    assert (failing["name"], failing["summary"]) == (check, found["because"])
    assert {warning["code"] for warning in answer["warnings"]} == set(found["warnings"])


def test_a_suspended_tenant_is_diagnosed(client: httpx.Client, seeded: Tenant, database: psycopg.Connection) -> None:
    """Where serving refuses, the diagnosis still answers, and says why."""
    database.execute("update tenants set status = 'suspended' where id = %s", (seeded.id,))
    answer = client.get(f"/v1/admin/tenants/{seeded.external_id}/diagnosis", params={"surface": "home"})
    assert answer.json()["because"].endswith("is suspended: every request is refused.")


def test_a_diagnosis_needs_the_role_viewer_and_hears_of_one_tenant(client: httpx.Client, seeded: Tenant) -> None:
    """Serving alone does not open it, and no other tenant's name is in it."""
    address = f"/v1/admin/tenants/{seeded.external_id}/diagnosis?surface=home"
    assert client.get(address, headers={"X-Dev-Roles": "serve"}).status_code == 403
    steps = client.get(address, headers={"X-Dev-Roles": "viewer"}).json()["checks"]
    assert {step["name"]: step["status"] for step in steps}["database_in_use"] == "skipped"


def test_what_serves_and_what_is_stored_are_told_apart(
    client: httpx.Client, seeded: Tenant, database: psycopg.Connection, eventually: Eventually
) -> None:
    """Rows that were written with triggers off are not served; the diagnosis says so, and its SQL mends it."""
    request = {"surface": "home", "k": 25}
    assert len(client.post("/v1/recommend", json=request).json()["items"]) == 20
    refresh = f"/v1/admin/tenants/{seeded.external_id}/cache/invalidate"
    assert client.post(refresh, json={"targets": ["popularity"]}).json()["status"] == "applied"
    database.execute("alter table item_tags disable trigger user")
    database.execute(
        "insert into item_tags (tenant_id, namespace, item_id) select %s, 'default', 'n' || n"
        " from generate_series(1, 5) n",
        (seeded.id,),
    )
    found = diagnosis(client, seeded, request)
    failing = next(step for step in found["checks"] if step["status"] == "fail")
    assert failing["name"] == "snapshot"
    assert "'default' is served as it was before" in found["because"]
    database.execute(failing["remedies"][0]["text"])
    eventually(lambda: len(client.post("/v1/recommend", json=request).json()["items"]) == 25)
    assert diagnosis(client, seeded, request)["healthy"]


@pytest.mark.usefixtures("seeded")
def test_a_list_says_what_each_stage_took_and_left_out(client: httpx.Client) -> None:
    """`timings_ms` has every stage and their sum, `counts` every source and every filter."""
    request = {"surface": "home", "k": 5, "candidates": {"exclude_ids": ["i00"]}}
    meta = client.post("/v1/recommend", json=request).json()["meta"]
    assert list(meta["timings_ms"]) == ["prepare", "history", "rank", "log", "total"]
    stages = sum(meta["timings_ms"].values()) - meta["timings_ms"]["total"]
    assert 0 < stages <= meta["timings_ms"]["total"] + 0.01
    counts = meta["counts"]
    assert counts["popular"] == counts["candidates"] == 20
    assert (counts["unavailable"], counts["excluded"], counts["eligible"], counts["returned"]) == (0, 1, 19, 5)


def test_a_request_has_at_most_one_line_without_paths_and_people(
    client: httpx.Client, seeded: Tenant, running: Running
) -> None:
    """With every request sampled, each has one line with its id, the route's template and its stages, nobody's id."""
    request = {"surface": "home", "user": {"user_id": "ada-lovelace"}}
    client.post("/v1/recommend", json=request, headers={"X-Request-Id": "line-of-a-list"})
    address = f"/v1/admin/tenants/{seeded.external_id}/diagnosis?surface=home"
    client.get(address, headers={"X-Request-Id": "line-of-a-diagnosis"})
    text = running.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    for name, endpoint in (
        ("line-of-a-list", "/v1/recommend"),
        ("line-of-a-diagnosis", "/v1/admin/tenants/{tenant_id}/diagnosis"),
    ):
        (line,) = [line for line in lines if line.get("request_id") == name]
        assert (line["endpoint"], line["status"]) == (endpoint, 200)
        assert "total" in line["timings_ms"]
    assert "ada-lovelace" not in text


def test_what_only_the_keeper_measures_is_not_hidden_by_other_processes(
    client: httpx.Client, eventually: Eventually
) -> None:
    """The room of the spools and the runway of partitions are those that the keeper found, not a worker's zero."""

    def measured(name: str) -> list[float]:
        lines = client.get("/metrics").text.splitlines()
        return [float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)]

    for name in ("recsys_spool_room_bytes", "recsys_partition_runway_seconds"):
        eventually(lambda name=name: (found := measured(name)) and min(found) > 0)


def exported() -> set[str]:
    """Name every sample that a scrape of a service may show."""
    return {
        sample
        for family in metrics.REGISTRY.collect()
        for sample in (family.name, *(family.name + suffix for suffix in ("_total", "_bucket", "_count", "_sum")))
    }


@pytest.mark.usefixtures("seeded")
def test_alert_rules_name_what_the_service_exports(client: httpx.Client) -> None:
    """Every metric in observability/alerts.yml is one that a scrape of a service may show; each has its runbook."""
    client.post("/v1/recommend", json={"surface": "home"})
    assert "recsys_recommendation_requests_total{" in client.get("/metrics").text
    rules = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len(alerts) >= 10
    for rule in alerts:
        names = _metrics(rule["expr"])
        assert names, rule["alert"]
        assert names <= exported(), names - exported()
        assert {"summary", "runbook"} <= rule["annotations"].keys()
        page = OBSERVABILITY.parent / rule["annotations"]["runbook"].partition("#")[0]
        assert page.is_file(), page


def test_the_dashboard_asks_for_what_the_service_exports() -> None:
    """Every panel of observability/dashboard.json asks, for metrics that there are; pages that it names are there."""
    dashboard = json.loads((OBSERVABILITY / "dashboard.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len(panels) >= 15
    for panel in panels:
        for target in panel["targets"]:
            names = _metrics(target["expr"])
            assert names, panel["title"]
            assert names <= exported(), names - exported()
        for page in re.findall(r"docs/\S+\.md", panel["description"]):
            assert (OBSERVABILITY.parent / page).is_file(), page
    places = [tuple(panel["gridPos"][side] for side in "xy") for panel in panels]
    assert len(places) == len(set(places))


def test_prometheus_takes_the_alert_rules() -> None:
    """`promtool check rules` finds nothing wrong: expressions, templates and durations are Prometheus' own."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool on this machine (package prometheus): only YAML and names were checked")
    command = [promtool, "check", "rules", "--lint-fatal", str(OBSERVABILITY / "alerts.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _metrics(expression: str) -> set[str]:
    return set(re.findall(r"\brecsys_\w+", expression))
