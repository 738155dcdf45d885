"""What goes over the wire: every request and response body, as the structs that decode, encode and document it.

``null`` for an optional field means the same as its absence; inside lists and as a value of a map it is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from recsys.events.interaction import EVENTS_MAX, SentEvent
from recsys.ranking.explain import Explanation

# All patterns mean the same to Python and to JavaScript: `(?![\s\S])` is the end of the text, `$` in Python is not.
NAME = r"^(?!\.{1,2}(?![\s\S]))[^/\\\u0000-\u001f\u007f-\u009f]+(?![\s\S])"
_NO_CONTROL = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*(?![\s\S])"}
_NO_NUL = {"pattern": r"^[^\u0000]*(?![\s\S])"}

Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=NAME)]
Id = Annotated[str, Meta(min_length=1, max_length=128, extra_json_schema=_NO_CONTROL)]
PersonId = Annotated[str, Meta(max_length=256, extra_json_schema=_NO_NUL)]
ShortText = Annotated[str, Meta(max_length=64, extra_json_schema=_NO_NUL)]
Label = Annotated[str, Meta(max_length=128, extra_json_schema=_NO_CONTROL)]
Weight = Annotated[float, Meta(ge=0, le=1000)]
Cap = Annotated[int, Meta(ge=0, le=2**31 - 1)]
K = Annotated[int, Meta(ge=1, le=200, description="How many items to answer; default 20.")]
Explain = Literal["none", "summary", "full"]


class Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that a client sends: closed, so that a misspelt field is an error and not a silent default."""


class User(Body, frozen=True):
    """Who is looking. Without an id nothing is personalised."""

    user_id: PersonId | None = None
    anonymous_id: PersonId | None = None
    session_id: PersonId | None = None


class Context(Body, frozen=True):
    """Where and when they look."""

    locale: ShortText | None = None
    device: ShortText | None = None
    country: ShortText | None = None
    now: Annotated[datetime, Meta(tz=True, description="The time that rules see, for operators.")] | None = None


class Anchors(Body, frozen=True):
    """What they look at or just did, most recent first."""

    item_ids: Annotated[tuple[Id, ...], Meta(max_length=50)] | None = None
    max_anchors: Annotated[int, Meta(ge=0, le=50)] | None = None


class Candidates(Body, frozen=True):
    """What may be answered, and what may not."""

    include_ids: Annotated[tuple[Id, ...], Meta(max_length=5000)] | None = None
    exclude_ids: Annotated[tuple[Id, ...], Meta(max_length=5000)] | None = None


class Constraints(Body, frozen=True):
    """What the answer's tags must be like."""

    required_tags: Annotated[tuple[Id, ...], Meta(max_length=200)] | None = None
    forbidden_tags: Annotated[tuple[Id, ...], Meta(max_length=200)] | None = None
    max_per_tag: Annotated[dict[Id, Cap], Meta(max_length=200)] | None = None


class WeightOverrides(Body, frozen=True):
    """How much each signal counts in this request; only the keys given replace the tenant's."""

    pop: Weight | None = None
    cooc: Weight | None = None
    emb: Weight | None = None
    session: Weight | None = None


class Options(Body, frozen=True):
    """What else the answer should say."""

    include_reasons: bool | None = None
    explain: Explain | None = None
    include_trace: bool | None = None
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None


class Experiment(Body, frozen=True):
    """The caller's own experiment, which the exposure records."""

    id: Label | None = None
    variant: Label | None = None


class ListRequest(Body, frozen=True):
    """What every request for a list may say."""

    surface: Name
    segment: Name | None = None
    k: K | None = None
    candidates: Candidates | None = None
    constraints: Constraints | None = None
    options: Options | None = None


class RecommendRequest(ListRequest, frozen=True):
    """The question: which items should this visitor see on this surface, now."""

    user: User | None = None
    context: Context | None = None
    anchors: Anchors | None = None
    weights: WeightOverrides | None = None
    experiment: Experiment | None = None


class SimilarRequest(ListRequest, frozen=True, kw_only=True):
    """The question: which items are like this one."""

    item_id: Id


class RankedItem(Struct, frozen=True, omit_defaults=True):
    """One item of a slate."""

    item_id: str
    rank: int
    score: float
    reasons: tuple[str, ...] | None = None
    explain: Explanation | None = None


class Warned(Struct, frozen=True):
    """Something that the caller should know; the code is stable."""

    code: str
    detail: str


class Versions(Struct, frozen=True, kw_only=True):
    """What made the slate."""

    tenant_id: str
    surface: str
    segment: str
    request_id: str
    algo_version: str
    config_version: str | None
    rules_version: str | None
    signals_version: str | None
    timings_ms: dict[str, float]
    counts: dict[str, int]


class RecommendResponse(Struct, frozen=True, omit_defaults=True):
    """A slate. Whenever it is shorter than k, `warnings` says why."""

    items: tuple[RankedItem, ...]
    meta: Versions
    warnings: tuple[Warned, ...] | None = None


class ValidateResponse(Struct, frozen=True):
    """The request with every default applied; nothing was served."""

    normalized_request: dict[str, Any]
    warnings: tuple[Warned, ...]
    meta: dict[str, Any]


class InteractionsRequest(Body, frozen=True):
    """What visitors did. An event that can not be taken is refused by itself; the others are taken."""

    events: Annotated[tuple[SentEvent, ...], Meta(min_length=1, max_length=EVENTS_MAX)]


class Rejected(Struct, frozen=True):
    """Why one event of a batch was not taken."""

    index: int
    code: str
    detail: str


class InteractionsResponse(Struct, frozen=True):
    """What became of a batch. What was accepted is on disk."""

    accepted: int
    rejected: tuple[Rejected, ...]


class Check(Struct, frozen=True, omit_defaults=True):
    """One part of the service."""

    name: str
    status: Literal["healthy", "degraded", "unhealthy"]
    detail: str | None = None


class HealthResponse(Struct, frozen=True):
    """How the service is."""

    status: Literal["healthy", "degraded", "unhealthy"]
    checks: tuple[Check, ...]
