"""What is asked: the request in the words of ranking, with every default applied."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import Struct

from recsys.tenancy.config import Weights

Explain = Literal["none", "summary", "full"]


class Query(Struct, frozen=True, kw_only=True):
    """One question to a snapshot. Ids are external ids; order is the caller's."""

    surface: str
    segment: str = "default"
    namespace: str
    k: int = 20
    anchors: tuple[str, ...] = ()
    """Most recent first. Named by the request, so never recommended."""
    include_ids: tuple[str, ...] | None = None
    exclude_ids: tuple[str, ...] = ()
    required_tags: tuple[str, ...] = ()
    forbidden_tags: tuple[str, ...] = ()
    max_per_tag: dict[str, int] = {}
    weights: Weights | None = None
    """The request's own weights, already merged over the config's; None takes the config's."""
    include_reasons: bool = False
    explain: Explain = "none"
    seed: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the request leaves it to the tenant's documents what may be shown beside its anchors."""
        return (
            not (self.exclude_ids or self.max_per_tag or self.required_tags or self.forbidden_tags)
            and self.include_ids is None
        )


class Event(NamedTuple):
    """One interaction of the visitor, as ranking sees it."""

    item_id: str
    event_type: str
    occurred_at: datetime


class Visitor(Struct, frozen=True):
    """Who asks: the recent interactions, newest first; empty for somebody unknown."""

    history: tuple[Event, ...] = ()


NOBODY = Visitor()
