"""Remedies that publish a config or rules in which one thing is different (pure)."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from recsys.diagnosis.check import Remedy, publication


def with_namespace(tenant: str, document: Any, surface: str, namespace: str) -> Remedy:
    """Let *surface* read *namespace*."""
    return _with_surface(tenant, document, surface, {"namespace": namespace})


def with_history(tenant: str, document: Any, surface: str) -> Remedy:
    """Leave nothing out of the lists of *surface* because the visitor knows it."""
    return _with_surface(tenant, document, surface, {"exclusions": {"seen_days": None, "purchased_days": None}})


def without_caps(tenant: str, document: Any, surface: str, prefixes: Collection[str]) -> Remedy:
    """Take the caps on these prefixes away from *surface*."""
    return _with_surface(tenant, document, surface, {"caps": dict.fromkeys(prefixes)})


def without_rules(tenant: str, document: Any, ids: Collection[str]) -> Remedy:
    """Turn the rules with these ids off."""
    changed = copy.deepcopy(document)
    rules = changed["rules"] if isinstance(changed, dict) else changed
    for place, rule in enumerate(rules, start=1):
        if rule.get("id", f"#{place}") in ids:
            rule["enabled"] = False
    return publication("rules", tenant, changed)


def _with_surface(tenant: str, document: Any, surface: str, part: dict[str, Any]) -> Remedy:
    changed = copy.deepcopy(document) if isinstance(document, dict) else {}
    there = changed.setdefault("surfaces", {}).setdefault(surface, {})
    for key, value in part.items():
        there[key] = there.get(key, {}) | value if isinstance(value, dict) else value
    return publication("config", tenant, changed)
