"""Running contenders on a split, and what is made of their lists."""

from __future__ import annotations

from math import log2
from random import Random

import msgspec
import numpy as np
import pytest
from tests.unit.evaluation.past import past

from recsys.evaluation import figures, metrics
from recsys.evaluation.backtest import Report, compare, shape, shown_by, split_of
from recsys.evaluation.contenders import REPEAT, baselines, contender, documented
from recsys.evaluation.figures import Measures, resampled
from recsys.evaluation.log import Log
from recsys.evaluation.protocols import Options, Split
from recsys.evaluation.report import markdown, plot
from recsys.tenancy.config import DEFAULTS, parse_config


def habits(visitors: int = 40) -> Log:
    """Everybody walks the alphabet in their own half of it: what comes next is what others did next."""
    chance = Random(3)  # noqa: S311  a test that repeats itself
    rows = []
    for number in range(visitors):
        letters = "abcdefgh" if number % 2 else "ijklmnop"
        first = chance.randrange(4)
        steps = range(chance.choice([4, 5]))
        rows += [(f"v{number}", letters[(first + step) % 8], number * 60 + step) for step in steps]
    return past(*rows)


@pytest.fixture(scope="module")
def split() -> Split:
    """Hold out everybody's last step."""
    return split_of(habits(), "leave-last-out", Options())


def test_who_knows_more_wins(split: Split) -> None:
    """Co-visitation, which sees the two halves, beats popularity, which does not; and the interval says so."""
    cooc = contender("cooc", parse_config(b'{"algo": "cooc"}'), "home", "home")
    first, *_, last = compare(split, "leave-last-out", [*baselines(split), cooc], 3)
    assert first.name == "popularity"
    assert last.figures["ndcg@3"].value > first.figures["ndcg@3"].value + 0.2
    assert last.against["ndcg@3"].low is not None
    assert last.against["ndcg@3"].low > 0


def test_the_same_past_gives_the_same_figures(split: Split) -> None:
    """A backtest is a function of its input, intervals included."""
    one, other = (compare(split, "leave-last-out", list(baselines(split)), 5) for _ in range(2))
    assert one == other


def test_seen_items_are_removed_where_the_protocol_wants_new_ones(split: Split) -> None:
    """Without a policy in the config, no list of leave-last-out holds what the visitor had; the next basket may."""
    everyone = [contender("defaults", DEFAULTS, "home", "home")]
    fresh = shown_by(split, "leave-last-out", everyone, 16)["defaults"]
    again = shown_by(split, "next-basket", everyone, 16)["defaults"]
    had = [{split.log.event(place).item_id for place in case.history.tolist()} for case in split.cases]
    assert all(not seen & set(shown) for seen, shown in zip(had, fresh, strict=True))
    assert any(seen & set(shown) for seen, shown in zip(had, again, strict=True))


def test_repeat_purchases_are_a_baseline_of_the_next_basket() -> None:
    """Whoever buys the same again is served best by their own past."""
    weeks = [(n, week) for n in range(9) for week in range(3)]
    rows = [(f"v{n}/{n}-{week}", f"{item}{n}", week * 10_000 + n) for n, week in weeks for item in "ij"]
    split = split_of(past(*rows), "next-basket", Options())
    by_name = {one.name: one for one in compare(split, "next-basket", list(baselines(split)), 2)}
    assert by_name[REPEAT].figures["recall@2"].value == 1.0
    assert by_name["popularity"].figures["recall@2"].value < 0.5


def test_accuracy_agrees_with_formulas_over_a_matrix_of_hits() -> None:
    """The table of figures equals what textbook formulas give on hit matrices, computed another way."""
    chance, k, items = Random(5), 4, [f"i{n}" for n in range(12)]  # noqa: S311  a test that repeats itself
    lists = [tuple(chance.sample(items, chance.choice([2, 4, 4]))) for _ in range(60)]
    wanted = [frozenset(chance.sample(items, chance.randrange(1, 7))) for _ in lists]
    pairs = list(zip(lists, wanted, strict=True))
    hits = np.array([[float(place < len(one) and one[place] in want) for place in range(k)] for one, want in pairs])
    sizes, ranks = np.array([len(want) for want in wanted]), np.arange(1, k + 1)
    ideal = np.array([sum(1 / log2(rank + 1) for rank in range(1, min(k, size) + 1)) for size in sizes])
    expected = {
        "ndcg": (hits / np.log2(ranks + 1)).sum(1) / ideal,
        "hr": hits.max(1),
        "recall": hits.sum(1) / sizes,
        "mrr": (hits / ranks).max(1),
        "map": (hits * hits.cumsum(1) / ranks).sum(1) / np.minimum(sizes, k),
    }
    for name, values in expected.items():
        metric = figures.ACCURACY[name]
        assert [metric(one, want, k) for one, want in pairs] == pytest.approx(values.tolist())


def test_character_of_a_list(split: Split) -> None:
    """Short lists, popular items and coverage are counted over all lists."""
    measures = Measures(split, 3)
    favourite = next(iter(measures.popular))
    table = measures.table([(favourite, "b", "c")] * (len(split.cases) - 1) + [()])
    columns = dict(zip(figures.names(3), table.T, strict=True))
    assert columns["short"].tolist() == [0.0] * (len(split.cases) - 1) + [1.0]
    assert columns["popular"][-1] == 0.0
    assert columns["popular"][0] >= 1 / 3
    assert metrics.coverage([("a", "nowhere")], measures.catalogue) == 1 / len(measures.catalogue)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of 200 samples with a known mean and several cases a visitor, about 95 % of the intervals hold it."""
    rng, held = np.random.default_rng(1), 0
    visitors = np.repeat(np.arange(60), 3)
    for seed in range(200):
        table = (rng.normal(0.3, 0.2, 60).repeat(3) + rng.normal(0, 0.1, 180))[:, None]
        low, high = np.percentile(resampled(table, visitors, resamples=300, seed=seed), (2.5, 97.5))
        held += low <= 0.3 <= high
    assert 180 <= held <= 199


def test_groups_hold_every_case_once(split: Split) -> None:
    """Cold, light and heavy visitors add up to all."""
    result = compare(split, "leave-last-out", list(baselines(split)), 3)[0]
    assert sum(group.cases for group in result.groups.values()) == len(split.cases)


@pytest.mark.parametrize("protocol", ["leave-last-out", "temporal"])
def test_documented_configs_are_valid(protocol: str) -> None:
    """The configs that come for the public data set can be published as they are."""
    assert documented("movielens-100k", protocol) is not None
    assert documented("movielens-100k", "no-such-protocol") is None


def test_a_report_can_be_read_by_people_and_programs(split: Split) -> None:
    """Markdown names every contender with its interval, the plot is one SVG, and JSON comes back as it was."""
    results = compare(split, "leave-last-out", list(baselines(split)), 3)
    report = Report("a <file>", "leave-last-out", 3, shape(split), results, {"popularity": [0.1, 0.3]})
    text = markdown(report)
    assert "| popularity | " in text
    assert "| counts | +" in text or "| counts | -" in text
    assert "| popularity | 0.1000 | 0.3000 | 0.2000 |" in text
    assert plot(report).startswith("<svg ")
    assert "a &lt;file&gt;" in plot(report)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
