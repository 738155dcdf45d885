"""Rows become a snapshot."""

import dataclasses
import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, get_args
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.snapshot import neighbors
from recsys.snapshot.columns import Columns
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import Normalization, SignalParams

TENANT = UUID(int=7)
NOW = datetime(2026, 5, 20, 15, tzinfo=UTC)
TODAY = NOW.date()
PLAIN = SignalParams(
    popularity_half_life=None,
    popularity_window=None,
    covisitation_half_life=None,
    covisitation_window=None,
    normalization="count",
)


def frozen(params: SignalParams = PLAIN, now: datetime = NOW, **rows: Any) -> Snapshot:
    """Freeze rows of Python values."""
    return freeze(Columns.from_rows(**rows), params, tenant_id=TENANT, namespace="home", now=now)


def named(snapshot: Snapshot, item_id: str) -> list[tuple[str, float]]:
    """Return the neighbours of an item as (id, value)."""
    number = snapshot.items.number(item_id)
    values = snapshot.neighbors.values[snapshot.neighbors.indptr[number] : snapshot.neighbors.indptr[number + 1]]
    return [
        (snapshot.items.ids[other], float(value))
        for other, value in zip(snapshot.neighbors.row(number), values, strict=True)
    ]


def test_the_catalogue_is_every_item_named_anywhere() -> None:
    """An item counts wherever it is named, as item or neighbour; ids stand in code point order."""
    snapshot = frozen(
        popularity=[("b", TODAY, 1)], covisitation=[("Z", "é", TODAY, 1)], tags=[("a", (), True), ("😀", (), True)]
    )
    assert snapshot.items.ids == ("Z", "a", "b", "é", "😀")


def test_an_item_without_tags_row_is_available() -> None:
    """Only a row that says so makes an item unavailable."""
    snapshot = frozen(popularity=[("a", TODAY, 1), ("b", TODAY, 1)], tags=[("b", (), False)])
    assert snapshot.available.tolist() == [True, False]


def test_popularity_sums_days_with_decay() -> None:
    """Popularity is the sum of daily scores, halved with each half-life, within the window."""
    rows = [("a", TODAY, 4), ("a", TODAY - timedelta(days=7), 4), ("a", TODAY - timedelta(days=90), 1000)]
    params = SignalParams(popularity_half_life=7.0, popularity_window=90)
    assert frozen(params, popularity=rows).popularity.tolist() == [6.0]


def test_popularity_scores_tell_busy_items_apart() -> None:
    """100, 1000 and 10000 lie a like step apart; the best is 1, and nothing seen is 0."""
    rows = [("a", TODAY, 100), ("b", TODAY, 1000), ("c", TODAY, 10_000)]
    scores = frozen(popularity=rows, tags=[("d", (), True)]).popularity_score
    assert scores.tolist() == pytest.approx([0.501, 0.750, 1.0, 0.0], abs=1e-3)


def test_by_popularity_breaks_ties_by_id() -> None:
    """Items of one popularity stand in the order of their ids, those without any last."""
    snapshot = frozen(popularity=[("d", TODAY, 1), ("b", TODAY, 1), ("c", TODAY, 5)], tags=[("a", (), True)])
    assert [snapshot.items.ids[number] for number in snapshot.by_popularity] == ["c", "b", "d", "a"]


def test_neighbors_stand_strongest_first_and_ties_by_id() -> None:
    """Overlapping days are summed, the strongest neighbour of the snapshot has value 1, ties go by id."""
    rows = [
        ("a", "x", TODAY, 1),
        ("a", "x", TODAY - timedelta(days=1), 3),
        ("a", "c", TODAY, 2),
        ("a", "b", TODAY, 2),
        ("b", "a", TODAY, 8),
    ]
    snapshot = frozen(covisitation=rows)
    assert named(snapshot, "a") == [("x", 0.5), ("b", 0.25), ("c", 0.25)]
    assert named(snapshot, "b") == [("a", 1.0)]
    assert named(snapshot, "x") == []


def test_only_the_best_neighbors_are_kept() -> None:
    """`neighbors` bounds each row, and the best survive."""
    rows = [("a", f"n{number:02}", TODAY, number) for number in range(1, 10)]
    kept = named(frozen(SignalParams(normalization="count", neighbors=3), covisitation=rows), "a")
    assert [item_id for item_id, _ in kept] == ["n09", "n08", "n07"]


def test_rows_seeded_in_one_direction_are_served() -> None:
    """An operator who writes a few rows by hand, one direction only, gets neighbours under every normalisation."""
    for normalization in get_args(Normalization):
        rows = [("a", "b", TODAY, 10), ("a", "c", TODAY, 5)]
        kept = named(frozen(SignalParams(normalization=normalization), covisitation=rows), "a")
        assert {item_id for item_id, _ in kept} == {"b", "c"}


def test_tags_are_listed_both_ways() -> None:
    """An item's tags ascend without repeats; a tag's items stand most popular first, ties by id."""
    snapshot = frozen(
        popularity=[("c", TODAY, 9)],
        tags=[("a", ("red", "blue", "red"), True), ("b", ("red",), True), ("c", ("red",), True)],
    )
    words, ids = snapshot.tags.ids, snapshot.items.ids
    assert [[words[tag] for tag in snapshot.item_tags.row(item)] for item in range(3)] == [
        ["blue", "red"],
        ["red"],
        ["red"],
    ]
    assert [ids[item] for item in snapshot.tag_items.row(snapshot.tags.number("red"))] == ["c", "a", "b"]


def test_rare_tags_weigh_more() -> None:
    """The weight of a tag is ln(1 + items / items with it)."""
    snapshot = frozen(tags=[("a", ("red", "new"), True), ("b", ("red",), True)])
    assert snapshot.tag_weight.tolist() == pytest.approx([math.log(3), math.log(2)])


def test_nothing_at_all_is_a_snapshot_too() -> None:
    """A namespace without rows gives a snapshot without items."""
    snapshot = frozen()
    assert len(snapshot.items) == 0
    assert snapshot.by_popularity.shape == (0,)
    assert snapshot.neighbors.indptr.tolist() == [0]


def test_the_day_is_that_of_utc() -> None:
    """`now` in another zone gives the ages of the same instant in UTC."""
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert tokyo.date() != TODAY
    rows, params = [("a", TODAY, 1)], SignalParams()
    assert frozen(params, tokyo, popularity=rows).popularity.tolist() == [1.0]


def test_the_version_follows_content_and_parameters() -> None:
    """The same rows and parameters give the same version, in any order; anything that ranking reads changes it."""
    rows = {"popularity": [("a", TODAY, 1), ("b", TODAY, 2)], "covisitation": [("a", "b", TODAY, 1)]}
    version = frozen(**rows).version
    assert frozen(popularity=rows["popularity"][::-1], covisitation=rows["covisitation"]).version == version
    others = {
        frozen(popularity=[("a", TODAY, 1), ("b", TODAY, 3)], covisitation=rows["covisitation"]).version,
        frozen(popularity=rows["popularity"], covisitation=[("b", "a", TODAY, 1)]).version,
        frozen(**rows, tags=[("a", ("red",), True)]).version,
        frozen(**rows, tags=[("a", ("blue",), True)]).version,
        frozen(**rows, tags=[("a", (), False)]).version,
        frozen(SignalParams(normalization="count"), **rows).version,
    }
    assert len(others | {version}) == 7


def test_a_snapshot_is_frozen() -> None:
    """Nobody changes what others are reading."""
    snapshot = frozen(popularity=[("a", TODAY, 1)])
    with pytest.raises(dataclasses.FrozenInstanceError):
        snapshot.version = "other"
    with pytest.raises(ValueError, match="read-only"):
        snapshot.popularity[0] = 2.0


Pair = tuple[str, str, date, float]
items = st.sampled_from("abcdefg")
days = st.integers(0, 120).map(lambda age: TODAY - timedelta(days=age))
scores = st.floats(0, 100).map(lambda score: round(score, 3))
pairs = st.dictionaries(st.tuples(items, items, days).filter(lambda key: key[0] != key[1]), scores, max_size=60).map(
    lambda table: [(*key, score) for key, score in table.items()]
)


@given(rows=pairs, half_life=st.none() | st.floats(1, 100), window=st.none() | st.integers(1, 100))
def test_neighbors_agree_with_a_plain_loop(rows: list[Pair], half_life: float | None, window: int | None) -> None:
    """The vectorised neighbours are those of a dictionary and a sort."""
    params = SignalParams(
        covisitation_half_life=half_life, covisitation_window=window, normalization="cosine", neighbors=2
    )
    snapshot = frozen(params, covisitation=rows)
    met: dict[tuple[str, str], float] = {}
    for item, neighbor, day, score in rows:
        age = (TODAY - day).days
        if window is None or age < window:
            met[item, neighbor] = met.get((item, neighbor), 0.0) + score * 2 ** (-age / (half_life or math.inf))
    marginal = {
        item: max(
            sum(count for (left, _), count in met.items() if left == item),
            sum(count for (_, right), count in met.items() if right == item),
        )
        for item in snapshot.items.ids
    }
    weights = {
        (left, right): count / math.sqrt(marginal[left] * marginal[right])
        for (left, right), count in met.items()
        if count > 0
    }
    largest = max(weights.values(), default=1)
    for item in snapshot.items.ids:
        expected = sorted((weight / largest for (left, _), weight in weights.items() if left == item), reverse=True)[:2]
        found = named(snapshot, item)
        assert [value for _, value in found] == pytest.approx(expected, rel=1e-5)
        assert [weights[item, other] / largest for other, _ in found] == pytest.approx(expected, rel=1e-5)


@given(rows=pairs, normalization=st.sampled_from(get_args(Normalization)))
def test_neighbor_values_lie_in_one_scale(rows: list[Pair], normalization: Normalization) -> None:
    """Values lie in (0, 1], the largest of the snapshot is 1, each row falls, and no item is its own neighbour."""
    snapshot = frozen(SignalParams(normalization=normalization), covisitation=rows)
    values = snapshot.neighbors.values
    if len(values):
        assert values.max() == 1
        assert values.min() > 0
    for item in range(len(snapshot.items)):
        lo, hi = snapshot.neighbors.indptr[item : item + 2]
        assert item not in snapshot.neighbors.indices[lo:hi]
        order = [
            (-value, number) for value, number in zip(values[lo:hi], snapshot.neighbors.indices[lo:hi], strict=True)
        ]
        assert order == sorted(order)


@pytest.mark.parametrize("block", [1, 2, 3, 1000])
def test_the_size_of_a_block_does_not_show(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Neighbours are chosen in blocks to bound memory; wherever they are cut, the snapshot is the same."""
    rows = [(left, right, TODAY, 1 + ord(left) % 3 + ord(right) % 5) for left in "abcd" for right in "vwxyz"]
    whole = frozen(SignalParams(neighbors=3), covisitation=rows)
    monkeypatch.setattr(neighbors, "_BLOCK", block)
    assert frozen(SignalParams(neighbors=3), covisitation=rows).version == whole.version


def test_dates_before_the_epoch_are_days_too() -> None:
    """A day of 1969 is an old day, not an error."""
    params = SignalParams(popularity_half_life=None, popularity_window=None)
    assert frozen(params, popularity=[("a", date(1969, 12, 31), 2)]).popularity.tolist() == [2.0]
    assert frozen(params, popularity=[("a", date(1969, 12, 31), 2)]).popularity.dtype == np.float64
