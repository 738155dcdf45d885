"""`/metrics` of a service with several workers: whoever answers it answers for all."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.acceptance.serve.test_life import Service, eventually, folder, ready, seeded, started

__all__ = ["folder", "seeded"]  # fixtures


def samples(service: Service) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Scrape once."""
    text = httpx.get(f"{service.url}/metrics", trust_env=False).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def lists(service: Service) -> dict[str, float]:
    """Count the lists that the service says it made, by outcome."""
    found: Counter[str] = Counter()
    for (name, labels), value in samples(service).items():
        if name == "recsys_recommendation_requests_total":
            found[dict(labels)["outcome"]] += value
    return dict(found)


def ask(service: Service, requests: int, tenant: str = "acme") -> None:
    """Ask on a new connection each time, so that every worker gets its share."""
    for _ in range(requests):
        httpx.post(
            f"{service.url}/v1/recommend", json={"surface": "home"}, headers={"X-Dev-Org-Id": tenant}, trust_env=False
        )


@pytest.mark.timeout(180)
def test_counters_of_four_workers_are_the_clients_own_also_after_a_kill(folder: Path) -> None:
    """Every scrape shows what all workers answered, to the request, and what a killed worker counted stays."""
    with started(folder, "--workers", "4") as service:
        ask(service, 60)
        ask(service, 7, tenant="nobody")
        assert lists(service) == {"success": 60, "refused": 7}
        victim = min(service.children("spawn_main"))
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: len(service.children("spawn_main") - {victim}) == 4 and ready(service))
        assert lists(service) == {"success": 60, "refused": 7}
        ask(service, 20)
        assert lists(service) == {"success": 80, "refused": 7}
        short = {
            dict(labels)["reason"]: value
            for (name, labels), value in samples(service).items()
            if "short_lists_total" in name
        }
        assert short == {"CATALOG_EXHAUSTED": 80}
        service.terminate()
        assert service.process.wait(30) == 0, service.log.read_text()


def test_a_service_begins_to_count_anew_and_forgets_dead_ones(folder: Path) -> None:
    """The folder of a service that was killed goes when the next one starts, and its counts with it."""
    with started(folder) as service:
        ask(service, 3)
        assert lists(service) == {"success": 3}
    with started(folder) as service:
        assert lists(service) == {}
        ask(service, 1)
        assert lists(service) == {"success": 1}
        assert [int(path.name) for path in (folder / "data" / "metrics").iterdir()] == [service.process.pid]
        eventually(
            lambda: ("recsys_partition_runway_seconds", frozenset({("table", "exposure_events")})) in samples(service)
        )
        eventually(
            lambda: (
                samples(service).get(("recsys_signal_items", frozenset({("tenant", "acme"), ("namespace", "home")})))
                == 3
            )
        )
