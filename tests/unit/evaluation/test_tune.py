"""A search that recommends what helps, and nothing else."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from tests.unit.evaluation.past import past

from recsys.evaluation.backtest import split_of
from recsys.evaluation.protocols import Options, Split
from recsys.evaluation.tune import Document, Search, Verdict, differences, parted, tune, with_value
from recsys.tenancy.config import parse_config

POPULARITY: Document = {"weights": {"pop": 1, "cooc": 0, "emb": 0}, "personalization": {"weight": 0}}


def judged(split: Split, start: Document, **choices: tuple[object, ...]) -> Verdict:
    """Search from *start*; keys are written with two underscores for the dot."""
    halves = [
        Search(half, "leave-last-out", surface="home", namespace="home", k=5, figure="ndcg@5") for half in parted(split)
    ]
    tried = {key.replace("__", "."): values for key, values in choices.items()}
    return tune(*halves, start, figure="ndcg@5", choices=tried)


@pytest.fixture(scope="module")
def rings() -> Split:
    """Everybody goes round one of six rings of six items, from anywhere."""
    chance = Random(4)  # noqa: S311  a test that repeats itself
    rows = []
    for number in range(150):
        first = chance.randrange(6)
        rows += [(f"v{number}", f"{number % 6}-{(first + step) % 6}", number * 90 + step) for step in range(4)]
    return split_of(past(*rows), "leave-last-out", Options())


def test_what_helps_is_found_and_recommended(rings: Split) -> None:
    """Where items go together, co-visitation gets its weight, and the gain holds on visitors who were held back."""
    verdict = judged(rings, POPULARITY, weights__cooc=(0.0, 1.0), weights__pop=(0.0, 1.0))
    assert verdict.recommended
    assert verdict.document["weights"]["cooc"] == 1.0
    assert verdict.gain.low is not None
    assert verdict.gain.low > 0.1
    assert "weights.cooc" in verdict.changed


def test_a_change_within_noise_is_not_recommended() -> None:
    """Where everything is chance, the best of many trials gains where it was searched, and is turned down."""
    chance = Random(9)  # noqa: S311  a test that repeats itself
    rows = [(f"v{n}", f"i{chance.randrange(30)}", n * 90 + step) for n in range(60) for step in range(4)]
    split = split_of(past(*rows), "leave-last-out", Options())
    decays = tuple(place / 20 for place in range(1, 20))
    verdict = judged(split, {"algo": "cooc"}, anchors__decay=decays, covisitation__pair_window=(1, 2, 3, 5))
    assert verdict.searched.value > 0
    assert not verdict.recommended
    assert verdict.document == {"algo": "cooc"}
    assert verdict.changed != {}


def test_the_search_never_asks_those_who_judge(rings: Split) -> None:
    """No visitor is in both halves, and both together are everybody."""
    one, other = parted(rings)
    mine, theirs = ({case.visitor for case in half.cases} for half in (one, other))
    assert not mine & theirs
    assert len(one.cases) + len(other.cases) == len(rings.cases)


def test_what_is_recommended_can_be_published(rings: Split) -> None:
    """The document that comes out is a config document that is accepted."""
    verdict = judged(rings, POPULARITY, weights__session=(1.0,), popularity__half_life_days=(3, None))
    parse_config(msgspec.json.encode(verdict.document))


def test_a_search_can_be_stopped(rings: Split) -> None:
    """Told to stop after three trials, it judges the best of what it has."""
    halves = [
        Search(half, "leave-last-out", surface="home", namespace="home", k=5, figure="ndcg@5") for half in parted(rings)
    ]
    verdict = tune(*halves, POPULARITY, figure="ndcg@5", going_on=lambda _: halves[0].trials < 3)
    assert verdict.trials == 3


def test_nothing_to_rank_by_is_not_tried(rings: Split) -> None:
    """All weights 0 would be refused as a config."""
    verdict = judged(rings, {"weights": {"pop": 1, "cooc": 0, "emb": 0}}, weights__pop=(0, 1))
    assert verdict.trials == 1


def test_values_are_set_and_named_by_dotted_key() -> None:
    """A change leaves the rest of a document, and the document it was made from, as they were."""
    start: Document = {"weights": {"pop": 1}, "surfaces": {"home": {}}}
    moved = with_value(start, "anchors.decay", 0.5)
    assert start == {"weights": {"pop": 1}, "surfaces": {"home": {}}}
    assert moved == {"weights": {"pop": 1}, "surfaces": {"home": {}}, "anchors": {"decay": 0.5}}
    assert differences(start, moved) == {"anchors.decay": 0.5}
