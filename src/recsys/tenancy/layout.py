"""The config document as it is written: which sections stand where (pure)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from recsys.tenancy.sections import (
    EVENT_WEIGHTS,
    Algorithm,
    Anchors,
    Bots,
    Candidates,
    Caps,
    Covisitation,
    Diversity,
    EventWeights,
    Exclusions,
    Exploration,
    Exposures,
    Fallbacks,
    Flags,
    Limits,
    Name,
    Novelty,
    Personalization,
    Popularity,
    Sessions,
    Weights,
)


class RequestPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that stand for the whole tenant, or for one surface."""

    algo: Annotated[Algorithm, Meta(description="The blend, or one signal alone.")] = "blend"
    weights: Weights = Weights()
    flags: Flags = Flags()
    limits: Limits = Limits()
    anchors: Anchors = Anchors()
    candidates: Candidates = Candidates()
    personalization: Personalization = Personalization()
    exclusions: Exclusions = Exclusions()
    diversity: Diversity = Diversity()
    caps: Caps = {}
    exploration: Exploration = Exploration()
    exposures: Exposures = Exposures()
    fallbacks: Fallbacks = ()


class Surface(RequestPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Request parameters that differ on one surface, and what it reads."""

    namespace: Annotated[
        Name | None, Meta(description="The namespace that the surface reads; null: the one of its own name.")
    ] = None


class Namespace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signal parameters that differ in one namespace."""

    popularity: Popularity = Popularity()
    covisitation: Covisitation = Covisitation()
    sessions: Sessions = Sessions()
    novelty: Novelty = Novelty()
    bots: Bots = Bots()
    event_weights: EventWeights = msgspec.field(default_factory=EVENT_WEIGHTS.copy)


class ConfigDocument(RequestPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant's config. Every key may be left out."""

    popularity: Popularity = Popularity()
    covisitation: Covisitation = Covisitation()
    sessions: Sessions = Sessions()
    novelty: Novelty = Novelty()
    bots: Bots = Bots()
    event_weights: EventWeights = msgspec.field(default_factory=EVENT_WEIGHTS.copy)
    surfaces: Annotated[
        dict[Name, Surface],
        Meta(description="Request parameters that differ on a surface, by its name; only the keys given are replaced."),
    ] = {}
    namespaces: Annotated[
        dict[Name, Namespace],
        Meta(
            description="Signal parameters that differ in a namespace, by its name; only the keys given are replaced."
        ),
    ] = {}
