"""Small worlds to rank in: catalogues, requests, rules and visitors as plain values, and how to draw them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from hypothesis import strategies as st

from recsys.ranking.query import Event, Query, Visitor
from recsys.ranking.recommend import recommend
from recsys.ranking.slate import Slate
from recsys.rules.live import Adjustment, Live, Pin, live
from recsys.snapshot.columns import Columns
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import Candidates, Exclusions, Exploration, RequestParams, SignalParams, Weights

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
TODAY = NOW.date()
_SOME_BY_CHANCE = Exploration((1, 3, 4, 9), 2, trending=3)
TAGS = ["brand:a", "brand:b", "brand:c", "category:x", "category:y", "new"]


@dataclass(frozen=True)
class World:
    """Everything that a list depends on, as plain values in some order."""

    popularity: list[tuple[str, date, float]]
    covisitation: list[tuple[str, str, date, float]]
    tags: list[tuple[str, tuple[str, ...], bool]]
    query: Query
    visitor: Visitor
    params: RequestParams
    pins: list[tuple[str, int | None]] = field(default_factory=list)
    boosts: list[tuple[list[str], float]] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)

    def snapshot(self) -> Snapshot:
        """Freeze the rows."""
        rows = Columns.from_rows(popularity=self.popularity, covisitation=self.covisitation, tags=self.tags)
        params = SignalParams(normalization="cosine", trending_half_life=1.0)
        return freeze(rows, params, tenant_id=UUID(int=1), namespace="home", now=NOW)

    def live(self, snapshot: Snapshot) -> Live:
        """Compile the rules."""
        number = snapshot.items.number
        adjustments = [
            Adjustment(np.unique(snapshot.items.known(ids)), amount, f"rule-{place}", "boost" if amount > 0 else "bury")
            for place, (ids, amount) in enumerate(self.boosts)
        ]
        return live(
            len(snapshot.items),
            pins=[Pin(number(item_id), item_id, position, f"pin-{item_id}") for item_id, position in self.pins],
            adjustments=adjustments,
            blocked=snapshot.items.known(self.blocked),
            promoted=np.concatenate([np.empty(0, np.int32), *(one.numbers for one in adjustments if one.amount > 0)]),
        )

    def recommended(self) -> Slate:
        """Run the whole pipeline."""
        snapshot = self.snapshot()
        return recommend(self.query, self.visitor, snapshot, self.params, self.live(snapshot), now=NOW)

    def shuffled(self, seed: int) -> World:
        """Put everything whose order must not matter into another order."""

        def mixed(values: Any) -> Any:
            return type(values)(Random(seed).sample(list(values), len(values)))  # noqa: S311  no secret is drawn

        query = msgspec.structs.replace(
            self.query,
            include_ids=None if self.query.include_ids is None else mixed(self.query.include_ids),
            exclude_ids=mixed(self.query.exclude_ids),
            required_tags=mixed(self.query.required_tags),
            forbidden_tags=mixed(self.query.forbidden_tags),
        )
        return replace(
            self,
            popularity=mixed(self.popularity),
            covisitation=mixed(self.covisitation),
            tags=mixed(self.tags),
            blocked=mixed(self.blocked),
            query=query,
        )

    def may_show(self) -> set[str]:
        """Say from the plain values alone which items no filter removes."""
        query, exclusions = self.query, self.params.exclusions
        catalogue = {row[0] for row in self.popularity} | {row[0] for row in self.tags}
        catalogue |= {row[0] for row in self.covisitation} | {row[1] for row in self.covisitation}
        tags = {item_id: set(carried) for item_id, carried, _ in self.tags}
        gone = {item_id for item_id, _, available in self.tags if not available}
        gone |= {*query.exclude_ids, *query.anchors, *self.blocked}
        if exclusions.seen_days is not None:
            gone |= {event.item_id for event in self.visitor.history if event.event_type != "impression"}
        closed = {*query.forbidden_tags, *(tag for tag, most in query.max_per_tag.items() if most == 0)}
        return {
            item_id
            for item_id in catalogue - gone
            if (query.include_ids is None or item_id in query.include_ids)
            and (not query.required_tags or tags.get(item_id, set()) & set(query.required_tags))
            and not tags.get(item_id, set()) & closed
        }


ids = st.integers(0, 17).map(lambda number: f"i{number:02}")
some_ids = st.lists(ids, max_size=6).map(tuple)
scores = st.integers(1, 6).map(float)
carried = st.lists(st.sampled_from(TAGS), min_size=1, max_size=3, unique=True).map(tuple)
some_tags = st.lists(st.sampled_from([*TAGS, "unknown"]), min_size=1, max_size=3, unique=True).map(tuple)
no_tags = st.just(())
nothing = st.none()
events = st.builds(
    Event,
    ids,
    st.sampled_from(["view", "purchase", "impression"]),
    st.integers(0, 40).map(lambda days: NOW - timedelta(days=days)),
)


@st.composite
def worlds(draw: Callable[..., Any]) -> World:
    """Draw small catalogues, and requests that know some of their items."""
    pairs = draw(st.dictionaries(st.tuples(ids, ids).filter(lambda pair: pair[0] < pair[1]), scores, max_size=40))
    tagged = draw(st.dictionaries(ids, st.tuples(carried, st.sampled_from([True, True, True, False])), min_size=8))
    return World(
        popularity=[
            (item_id, TODAY, value) for item_id, value in draw(st.dictionaries(ids, scores, min_size=6)).items()
        ],
        covisitation=[row for (a, b), value in pairs.items() for row in ((a, b, TODAY, value), (b, a, TODAY, value))],
        tags=[(item_id, *row) for item_id, row in tagged.items()],
        query=Query(
            surface="home",
            namespace="home",
            k=draw(st.integers(1, 12)),
            anchors=draw(some_ids),
            include_ids=draw(nothing | nothing | nothing | some_ids),
            exclude_ids=draw(some_ids),
            required_tags=draw(no_tags | no_tags | some_tags),
            forbidden_tags=draw(no_tags | no_tags | some_tags),
            max_per_tag=draw(st.dictionaries(st.sampled_from(TAGS), st.integers(0, 2), max_size=2)),
            include_reasons=True,
            explain="full",
        ),
        visitor=Visitor(tuple(draw(st.lists(events, max_size=6)))),
        params=RequestParams(
            weights=draw(st.sampled_from([Weights(), Weights(pop=0, cooc=1, emb=0), Weights(pop=0, cooc=0, emb=1)])),
            candidates=Candidates(popular=draw(st.integers(0, 5)), neighbors=3, similar=4, factor=1),
            caps=draw(st.sampled_from([{}, {}, {"brand:": 1}, {"category:": 2}])),
            mmr_lambda=draw(st.sampled_from([None, None, 0.0, 0.5, 1.0])),
            exclusions=draw(st.sampled_from([Exclusions(), Exclusions(seen_days=365)])),
            exploration=draw(st.sampled_from([None, None, Exploration((2,), 3), _SOME_BY_CHANCE])),
        ),
        pins=draw(st.lists(st.tuples(ids, st.none() | st.integers(1, 6)), max_size=4, unique_by=lambda pin: pin[0])),
        boosts=draw(st.lists(st.tuples(st.lists(ids, max_size=4), st.sampled_from([0.5, -0.5])), max_size=3)),
        blocked=draw(st.lists(ids, max_size=4)),
    )
