"""Which events feed which namespace (pure)."""

from __future__ import annotations

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
    surfaces = {surface for surface in (*config.surfaces, namespace) if namespace_of(config, surface) == namespace}
    return Feed(sorted(surfaces), namespace == UNNAMED)
