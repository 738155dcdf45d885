"""The config document: what a tenant may set, and the two parts it is read as.

Request parameters may differ per surface and are live at once. Signal parameters belong to a namespace and
are part of its snapshot: a change of them makes a new snapshot.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

Algorithm = Literal["blend", "popularity", "cooc"]
Normalization = Literal["count", "cosine", "jaccard", "llr", "sqrt_llr"]


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """How much each signal counts in the blend; they are divided by their sum."""

    pop: float = 0.3
    cooc: float = 0.5
    emb: float = 0.2
    session: float = 0.0


class Anchors(Struct, frozen=True, forbid_unknown_fields=True):
    """How anchors weigh: anchor j (newest first) weighs ``decay ** j`` times its event type's weight."""

    decay: float = 0.8
    max_history: int = 20


class Candidates(Struct, frozen=True, forbid_unknown_fields=True):
    """Pool sizes. The pool is at least ``factor * k`` wherever the catalogue has as many."""

    popular: int = 100
    neighbors: int = 50
    similar: int = 50
    factor: int = 5


class Personalization(Struct, frozen=True, forbid_unknown_fields=True):
    """How the visitor's tag profile counts: ``weight * h / (h + damping)`` of the score, after h known interactions."""

    weight: float = 0.2
    damping: float = 5.0
    half_life: float | None = 30.0
    """Days until an interaction counts half in the profile; None: all count alike."""


class Exclusions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which items of the visitor's own history are left out, for how many days; None: they are not, 0: for ever."""

    seen_days: float | None = None
    purchased_days: float | None = None


class RequestParams(Struct, frozen=True, kw_only=True):
    """What ranks one request on one surface: the document's request part with the surface's overrides applied."""

    algo: Algorithm = "blend"
    weights: Weights = Weights()
    enable_rules: bool = True
    max_k: int = 200
    max_exclude_ids: int = 5000
    anchors: Anchors = Anchors()
    candidates: Candidates = Candidates()
    caps: dict[str, int] = {}
    mmr_lambda: float | None = None
    personalization: Personalization = Personalization()
    exclusions: Exclusions = Exclusions()
    namespace: str | None = None
    fallbacks: tuple[str, ...] = ()


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
    event_weights: dict[str, float] = field(default_factory=dict)
