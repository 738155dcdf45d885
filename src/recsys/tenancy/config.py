"""The config document: what a tenant may set, and the two parts it is read as (pure).

Request parameters may differ per surface and are live at once. Signal parameters belong to a namespace and
are part of its snapshot: a change of them makes a new snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from recsys.errors import InvalidConfig, Problem
from recsys.tenancy.conformity import normalized, problems, sound
from recsys.tenancy.document import Unreadable, key_path, read_document
from recsys.tenancy.layout import ConfigDocument, Namespace, Surface
from recsys.tenancy.schema import published
from recsys.tenancy.sections import (
    EVENT_WEIGHTS,
    Algorithm,
    Anchors,
    Candidates,
    Exclusions,
    Exploration,
    Normalization,
    Personalization,
    Sessions,
    Weights,
)

__all__ = [
    "DEFAULTS",
    "Algorithm",
    "Anchors",
    "Candidates",
    "Config",
    "Exclusions",
    "Exploration",
    "Normalization",
    "Personalization",
    "RequestParams",
    "SignalParams",
    "Weights",
    "parse_config",
    "schema",
]


class RequestParams(Struct, frozen=True, kw_only=True):
    """What ranks one request on one surface: the document's request part with the surface's overrides applied."""

    algo: Algorithm = "blend"
    weights: Weights = Weights()
    enable_rules: bool = True
    max_k: int = 200
    max_exclude_ids: int = 5000
    anchors: Anchors = Anchors()
    candidates: Candidates = Candidates()
    personalization: Personalization = Personalization()
    exclusions: Exclusions = Exclusions()
    caps: dict[str, int] = {}
    """Tag prefix (``brand:``) to the most items of one list that share a tag with it."""
    mmr_lambda: float | None = None
    mmr_pool_factor: int = 3
    mmr_pool_min: int = 60
    mmr_pool_max: int = 200
    namespace: str | None = None
    fallbacks: tuple[str, ...] = ()
    exploration: Exploration | None = None
    """Places that chance fills; None where there are none."""
    kept_requests: float = 0.01
    """Share of exposures that keep their request."""


class SignalParams(Struct, frozen=True, kw_only=True):
    """What makes one namespace's snapshot. Days; None is off."""

    popularity_half_life: float | None = 7.0
    popularity_window: int | None = 90
    covisitation_half_life: float | None = None
    covisitation_window: int | None = 365
    normalization: Normalization = "sqrt_llr"
    shrinkage: float = 0.0
    neighbors: int = 50
    session_gap_minutes: int = 30
    session_length: int = 200
    pair_window: int = 10
    event_weights: dict[str, float] = msgspec.field(default_factory=EVENT_WEIGHTS.copy)
    """What an event of a type counts; a type that is not named counts 1."""
    bot_events_per_day: int | None = 2000
    """Who has more on one day is no person; None: everybody is."""
    trending_half_life: float | None = None
    new_days: int | None = None
    sessions: Sessions | None = None
    """Which sessions the snapshot remembers; None where nothing weighs them."""
    feeds: tuple[tuple[str, str], ...] = ()
    """Where sessions are remembered: the surfaces that name their namespace, and that namespace."""


@dataclass(frozen=True, slots=True)
class Config:
    """A config document as ranking and signals read it; made by `parse_config`."""

    everywhere: RequestParams = field(default_factory=RequestParams)
    surfaces: dict[str, RequestParams] = field(default_factory=dict)
    signals_everywhere: SignalParams = field(default_factory=SignalParams)
    namespaces: dict[str, SignalParams] = field(default_factory=dict)

    def request(self, surface: str) -> RequestParams:
        """Return what ranks a request on *surface*."""
        return self.surfaces.get(surface, self.everywhere)

    def signals(self, namespace: str) -> SignalParams:
        """Return what makes the snapshot of *namespace*."""
        return self.namespaces.get(namespace, self.signals_everywhere)


DEFAULTS = Config()
"""What serves a tenant that has no config."""


def parse_config(document: bytes) -> Config:
    """Read a config document; raise InvalidConfig with every problem, each with its path, its value and the remedy."""
    try:
        reading = read_document(document)
    except Unreadable as error:
        raise InvalidConfig([error.problem]) from None
    found = problems(reading, ConfigDocument)
    layers = _layers(normalized(sound(reading.value, found), ConfigDocument) if isinstance(reading.value, dict) else {})
    found += [problem for layer in layers for problem in _contradictions(layer)]
    if found:
        raise InvalidConfig(found)
    return _config(layers)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a config document."""
    return published("A tenant's config", ConfigDocument)


class _Layer(NamedTuple):
    """What holds for the whole tenant, one surface or one namespace, with its overrides applied."""

    path: str
    kind: Literal["everywhere", "surfaces", "namespaces"]
    name: str
    given: dict[str, Any]
    effective: dict[str, Any]


def _layers(value: dict[str, Any]) -> list[_Layer]:
    base = {key: part for key, part in value.items() if key not in {"surfaces", "namespaces"}}
    layers = [_Layer("$", "everywhere", "", base, base)]
    for kind in ("surfaces", "namespaces"):
        for name, given in value.get(kind, {}).items():
            layers.append(_Layer(key_path(f"$.{kind}", name), kind, name, given, _overlaid(base, given)))
    return layers


def _overlaid(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Replace only the keys that are given, at every depth."""
    merged = dict(base)
    for key, value in given.items():
        below = base.get(key)
        merged[key] = _overlaid(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _contradictions(layer: _Layer) -> Iterator[Problem]:
    part = _request_part(layer)
    if "weights" in layer.given and not any(msgspec.structs.astuple(part.weights)):
        yield Problem(f"{layer.path}.weights", "are all 0, so nothing would rank; give one of them a value above 0")
    if "diversity" in layer.given and part.diversity.pool_min > part.diversity.pool_max:
        least, most = part.diversity.pool_min, part.diversity.pool_max
        yield Problem(f"{layer.path}.diversity.pool_min", f"is {least}, more than pool_max, {most}; lower it")


def _config(layers: list[_Layer]) -> Config:
    everywhere, *rest = layers
    base, surfaces = _request(everywhere), {one.name: _request(one) for one in rest if one.kind == "surfaces"}
    remember = any(params.weights.session > 0 for params in (base, *surfaces.values()))
    feeds = tuple((name, params.namespace) for name, params in surfaces.items() if params.namespace) if remember else ()
    namespaces = {one.name: _signals(one, feeds, remember=remember) for one in rest if one.kind == "namespaces"}
    return Config(base, surfaces, _signals(everywhere, feeds, remember=remember), namespaces)


def _request_part(layer: _Layer) -> Surface:
    keys = layer.effective.keys() - set(Namespace.__struct_fields__)
    return msgspec.convert({key: layer.effective[key] for key in keys}, Surface)


def _request(layer: _Layer) -> RequestParams:
    part = _request_part(layer)
    return RequestParams(
        algo=part.algo,
        weights=part.weights,
        enable_rules=part.flags.enable_rules,
        max_k=part.limits.max_k,
        max_exclude_ids=part.limits.max_exclude_ids,
        anchors=part.anchors,
        candidates=part.candidates,
        personalization=part.personalization,
        exclusions=part.exclusions,
        caps={prefix: most for prefix, most in part.caps.items() if most is not None},
        mmr_lambda=part.diversity.mmr_lambda,
        mmr_pool_factor=part.diversity.pool_factor,
        mmr_pool_min=part.diversity.pool_min,
        mmr_pool_max=part.diversity.pool_max,
        namespace=part.namespace,
        fallbacks=part.fallbacks,
        exploration=part.exploration if part.exploration.positions else None,
        kept_requests=part.exposures.requests,
    )


def _signals(layer: _Layer, feeds: tuple[tuple[str, str], ...], *, remember: bool) -> SignalParams:
    given = {key: layer.effective[key] for key in Namespace.__struct_fields__ if key in layer.effective}
    part = msgspec.convert(given, Namespace)
    popularity, covisitation = part.popularity, part.covisitation
    return SignalParams(
        popularity_half_life=popularity.half_life_days,
        popularity_window=popularity.window_days,
        covisitation_half_life=covisitation.half_life_days,
        covisitation_window=covisitation.window_days,
        normalization=covisitation.normalization,
        shrinkage=covisitation.shrinkage,
        neighbors=covisitation.neighbors,
        session_gap_minutes=covisitation.session_gap_minutes,
        session_length=covisitation.session_length,
        pair_window=covisitation.pair_window,
        trending_half_life=part.novelty.trending_half_life,
        new_days=part.novelty.new_days,
        bot_events_per_day=part.bots.events_per_day,
        event_weights=EVENT_WEIGHTS | part.event_weights,
        sessions=part.sessions if remember else None,
        feeds=feeds,
    )
