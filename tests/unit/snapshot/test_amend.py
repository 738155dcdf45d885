"""A snapshot that is amended is the one that would be loaded."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.snapshot.amend import amended
from recsys.snapshot.changed import ITEMS_MAX, NOTHING, Changed, united
from recsys.snapshot.columns import Columns
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.vocabulary import Vocabulary
from recsys.tenancy.config import SignalParams

NOW = datetime(2026, 5, 20, 15, tzinfo=UTC)
TODAY = NOW.date()
DAYS = [TODAY, TODAY - timedelta(days=80)]


@dataclass
class Shop:
    """What the three tables hold of one namespace."""

    popularity: dict[tuple[str, date], float] = field(default_factory=dict)
    covisitation: dict[tuple[str, str, date], float] = field(default_factory=dict)
    tags: dict[str, tuple[tuple[str, ...], bool] | tuple[tuple[str, ...], bool, int]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    owned: set[str] = field(default_factory=set)
    """Items with a row of a day long ago."""

    def columns(self, items: frozenset[str] | None = None, met: frozenset[str] | None = None) -> Columns:
        """Give all rows, or those of *items*, and of co-visitation those of *met*."""

        def wanted(item: str, of: frozenset[str] | None = items) -> bool:
            return (of is None or item in of) and item not in self.gone

        owners = {*self.owned, *(key[0] for key in self.covisitation)}
        return Columns.from_rows(
            [(*key, score) for key, score in self.popularity.items() if wanted(key[0])],
            [
                (*key, score)
                for key, score in self.covisitation.items()
                if wanted(key[0], met) and key[1] not in self.gone
            ],
            [(item, *row) for item, row in self.tags.items() if wanted(item)],
            [item for item in owners if wanted(item)],
            self.gone if items is None else self.gone & items,
        )

    def load(self, params: SignalParams) -> Snapshot:
        """Freeze everything."""
        return freeze(self.columns(), params, tenant_id=UUID(int=7), namespace="home", now=NOW)

    def amend(self, snapshot: Snapshot, changed: Changed) -> Snapshot | None:
        """Read again what changed."""
        return amended(snapshot, changed, self.columns(changed.items, changed.met))


def different(one: Any, other: Any, path: str = "snapshot") -> list[str]:
    """Name every field that is not the same to the last bit."""
    if isinstance(one, np.ndarray):
        return [] if one.dtype == other.dtype and one.tobytes() == other.tobytes() else [path]
    if isinstance(one, Vocabulary):
        return [] if tuple(one.ids) == tuple(other.ids) else [path]
    if is_dataclass(one):
        names = [field.name for field in fields(one)]
        return [found for name in names for found in different(getattr(one, name), getattr(other, name), name)]
    return [] if one == other else [path]


ITEMS = "abcde"
WORDS = ["red", "blue", "brand:x", "new"]


def step(random: Random) -> tuple[Any, ...]:
    """Draw a statement: upsert or delete a row, delete an item, write a row of a day long ago."""
    item, other = random.sample(ITEMS, 2)
    kind = random.choice(["popularity", "met", "met", "met", "tags", "tags", "gone", "long ago"])
    score = random.choice([None, None, 0, 1, 2, 2.5, 7])
    if kind == "popularity":
        return kind, item, random.choice(DAYS), score
    if kind == "met":
        return kind, item, other, random.choice(DAYS), score
    row = tuple(random.sample(WORDS, random.randrange(3))), random.random() < 0.7, random.choice([0, 494_000, 494_001])
    return kind, item, random.choice([None, row, row])


def write(shop: Shop, statement: tuple[Any, ...]) -> Changed:
    """Do what a statement does, and say what its trigger would."""
    kind, item, *rest = statement
    if kind == "popularity":
        put(shop.popularity, (item, rest[0]), rest[1])
    elif kind == "met":
        put(shop.covisitation, (item, *rest[:2]), rest[2])
        return Changed(frozenset(item), frozenset(item))
    elif kind == "tags":
        shop.gone.discard(item)
        put(shop.tags, item, rest[0])
    elif kind == "gone":
        shop.gone.add(item)
        shop.tags.pop(item, None)
    else:
        shop.owned ^= {item}
    return Changed(frozenset(item))


def put(table: dict[Any, Any], key: Any, value: Any) -> None:
    """Upsert a row, or delete it where the value is None."""
    table.pop(key, None)
    if value is not None:
        table[key] = value


PARAMS = [
    SignalParams(covisitation_window=None, popularity_window=None),
    SignalParams(covisitation_window=None, covisitation_half_life=9.0, normalization="llr", neighbors=2),
    SignalParams(covisitation_window=None, normalization="count", shrinkage=2.0),
    SignalParams(covisitation_window=None, normalization="cosine", popularity_half_life=None),
    SignalParams(covisitation_window=None, trending_half_life=2.0, new_days=30),
]


@settings(max_examples=250, deadline=None)
@given(random=st.randoms(use_true_random=True), params=st.sampled_from(PARAMS))
def test_what_is_amended_is_what_would_be_loaded(random: Random, params: SignalParams) -> None:
    """After any changes, one amendment after the other, every array has the bytes of a fresh load."""
    shop = Shop()
    for _ in range(random.randrange(30)):
        write(shop, step(random))
    snapshot = shop.load(params)
    for _ in range(3):
        changed, were_gone = NOTHING, set(shop.gone)
        for _ in range(random.randrange(1, 4)):
            changed = united(changed, write(shop, step(random))) or changed
        found, expected = shop.amend(snapshot, changed), shop.load(params)
        assert (found is None) == bool(were_gone - shop.gone)
        if found is not None:
            assert different(found, expected) == []
        snapshot = found or expected


def shop_of_three() -> Shop:
    """A few rows of each kind."""
    return Shop(
        popularity={("a", TODAY): 3, ("b", TODAY): 2},
        covisitation={("a", "b", TODAY): 2, ("b", "a", TODAY): 2, ("a", "c", TODAY): 1},
        tags={"a": (("red",), True), "b": (("red", "blue"), True)},
    )


def test_what_nobody_names_any_more_leaves() -> None:
    """An item that only another one's rows named goes with those; one with a row of its own stays."""
    shop, params = shop_of_three(), PARAMS[0]
    snapshot = shop.load(params)
    del shop.covisitation["a", "c", TODAY], shop.covisitation["a", "b", TODAY]
    found = shop.amend(snapshot, Changed(frozenset("a"), frozenset("a")))
    assert found is not None
    assert snapshot.items.ids == ("a", "b", "c")
    assert found.items.ids == ("a", "b")


def test_a_deleted_item_that_is_back_can_not_be_amended() -> None:
    """Rows that name a deleted item are not kept, so only a load finds them again."""
    shop, params = shop_of_three(), PARAMS[0]
    shop.gone.add("b")
    del shop.tags["b"]
    snapshot = shop.load(params)
    shop.gone.clear()
    assert shop.amend(snapshot, Changed(frozenset("b"))) is None


def test_what_did_not_change_is_shared() -> None:
    """A changed tag copies no ids, and chooses no neighbours again."""
    shop, params = shop_of_three(), PARAMS[0]
    snapshot = shop.load(params)
    shop.tags["a"] = (("blue",), True)
    found = shop.amend(snapshot, Changed(frozenset("a")))
    assert found is not None
    assert found.items is snapshot.items
    assert found.version != snapshot.version
    assert found.raw is not None
    assert snapshot.raw is not None
    assert found.raw.gone is snapshot.raw.gone


def test_what_did_not_change_is_not_made_again() -> None:
    """Another popularity leaves tags and pairs the objects that they were: nothing of them is weighed or digested."""
    shop, params = shop_of_three(), PARAMS[0]
    snapshot = shop.load(params)
    shop.popularity["b", TODAY] = 5
    found = shop.amend(snapshot, Changed(frozenset("b")))
    assert found is not None
    assert found.version != snapshot.version
    assert found.digests is not snapshot.digests
    assert found.digests == snapshot.digests
    for part in ("items", "tags", "neighbors", "item_tags", "tag_weight"):
        assert getattr(found, part) is getattr(snapshot, part)
    assert found.raw is not None
    assert snapshot.raw is not None
    assert found.raw.pairs is snapshot.raw.pairs


def test_too_many_changes_are_no_list_any_more() -> None:
    """Beyond ITEMS_MAX nobody counts: the whole namespace is loaded."""
    many = Changed(frozenset(map(str, range(ITEMS_MAX))))
    assert united(many, Changed(frozenset(["0"]))) == many
    assert united(many, Changed(frozenset(["one more"]))) is None
    assert united(None, NOTHING) is None


def test_a_snapshot_without_evidence_is_loaded_anew() -> None:
    """What was made without what amending takes says so."""
    shop = shop_of_three()
    assert shop.amend(replace(shop.load(PARAMS[0]), raw=None), Changed(frozenset("a"))) is None
