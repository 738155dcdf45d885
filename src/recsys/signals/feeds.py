"""Which events feed which namespace (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from recsys.tenancy.config import Config

UNNAMED = "default"
"""The namespace of events that name no surface."""


class Feed(NamedTuple):
    """The events that feed one namespace: those of some surfaces, and perhaps those that name none."""

    surfaces: list[str]
    unnamed: bool


def namespace_of(config: Config, surface: str | None) -> str:
    """Return the namespace that events of *surface* feed: the one that config names, else the one of its own name."""
    if surface is None:
        return UNNAMED
    return config.request(surface).namespace or surface


def feed_of(config: Config, namespace: str) -> Feed:
    """Return what feeds *namespace*, the inverse of `namespace_of`."""
    named = {surface: params.namespace for surface, params in config.surfaces.items() if params.namespace}
    return feed_from(named, namespace)


def feed_from(named: Mapping[str, str], namespace: str) -> Feed:
    """Return what feeds *namespace* where the surfaces of *named* feed those and every other one its own."""
    surfaces = {surface for surface in (*named, namespace) if named.get(surface, surface) == namespace}
    return Feed(sorted(surfaces), namespace == UNNAMED)
