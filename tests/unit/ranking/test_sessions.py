"""The session signal: what sessions like the visitor's held."""

from __future__ import annotations

from math import log, sqrt
from random import Random

import numpy as np
import pytest

from recsys.ranking import sessions as knn
from recsys.ranking.anchors import Anchors
from recsys.ranking.sessions import resembling
from recsys.snapshot import sessions as base
from recsys.snapshot.sessions import ITEMS_MAX, SessionColumns, remember
from recsys.snapshot.vocabulary import Vocabulary

ITEMS = Vocabulary(f"i{n:02}" for n in range(30))


def columns(*sessions: str) -> SessionColumns:
    """Name items by two digits: `"01 02"`, newest item first; oldest session first."""
    return SessionColumns.of([[f"i{item}" for item in one.split()] for one in sessions], ITEMS)


def anchors(*numbers: int) -> Anchors:
    """Weigh anchors 0.8^j, newest first."""
    weights = 0.8 ** np.arange(len(numbers))
    return Anchors(np.array(numbers, dtype=np.intp), weights / weights.sum(), 0)


def by_the_book(current: Anchors, sessions: list[set[int]]) -> dict[int, float]:
    """Compute the formulas of the docstrings with loops."""
    idf = {i: log(1 + len(sessions) / max(sum(i in one for one in sessions), 1)) for i in range(len(ITEMS))}
    pairs = list(zip(current.numbers.tolist(), current.weights.tolist(), strict=True))
    likeness = [sum(weight * idf[a] for a, weight in pairs if a in one) / sqrt(len(one)) for one in sessions]
    near = sorted((s for s, value in enumerate(likeness) if value), key=lambda s: (-round(likeness[s], 5), -s))
    scores: dict[int, float] = {}
    for s in near[: knn.NEIGHBORS]:
        for item in sessions[s]:
            scores[item] = scores.get(item, 0) + likeness[s] * sqrt(idf[item])
    return {item: score / max(scores.values()) for item, score in scores.items()}


@pytest.mark.parametrize("layers", [1, 2], ids=["base", "base and tail"])
def test_scores_are_those_of_the_formula(layers: int) -> None:
    """On random sessions, in one layer or two, every item has the score that plain loops give it."""
    chance = Random(2)  # noqa: S311  a test that repeats itself
    sessions = [set(chance.sample(range(30), chance.randrange(2, 9))) for _ in range(300)]
    cut = 300 if layers == 1 else 290
    texts = [" ".join(f"{item:02}" for item in one) for one in sessions]
    parts = [remember(columns(*texts[:cut]), 30), remember(columns(*texts[cut:]), 30)][:layers]
    current = anchors(3, 17, 8)
    found = resembling(current, tuple(parts))
    expected = by_the_book(current, sessions)
    assert found.numbers.tolist() == sorted(expected)
    tolerance = 0.01 if layers == 1 else 0.05  # inverse frequencies are those of the base
    assert found.values.tolist() == pytest.approx([expected[n] for n in sorted(expected)], abs=tolerance)


def test_of_equally_similar_sessions_the_newest_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only some can be listened to, newer ones win."""
    monkeypatch.setattr(knn, "NEIGHBORS", 2)
    found = resembling(anchors(1), (remember(columns("01 02", "01 03", "01 04"), 30),))
    assert found.numbers.tolist() == [1, 3, 4]


def test_an_item_remembers_its_newest_sessions_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A popular item does not make every request read its whole past."""
    monkeypatch.setattr(base, "NEWEST", 2)
    kept = remember(columns("01 02", "01 03", "02 04", "01 05"), 30)
    assert kept.sessions.row(1).tolist() == [1, 3]
    assert kept.sessions.row(2).tolist() == [0, 2]


def test_a_long_session_is_its_newest_items() -> None:
    """An item counts once a session, unknown ones not at all, and at most so many."""
    ids = [f"i{n % 30:02}" for n in range(90)]
    one = SessionColumns.of([["i05", "nowhere", "i05", "i07"], ids], ITEMS)
    assert one.item[one.owner == 0].tolist() == [5, 7]
    assert len(one.item[one.owner == 1]) == min(30, ITEMS_MAX)


@pytest.mark.parametrize("current", [anchors(), anchors(29)], ids=["no anchors", "an anchor nobody had"])
def test_without_similar_sessions_there_is_nothing(current: Anchors) -> None:
    """No evidence is an empty answer, also from a namespace that has seen no session yet."""
    for layers in ((remember(columns("01 02"), 30),), (remember(columns(), 30),)):
        assert len(resembling(current, layers).numbers) == 0
