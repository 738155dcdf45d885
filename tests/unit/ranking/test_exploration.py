"""Positions that chance fills: what is drawn, how likely it was, and that a seed repeats it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from tests.unit.ranking.shop import NOW, ask, shop, shown

from recsys.ranking.fill import Filling
from recsys.ranking.query import NOBODY, Query
from recsys.rules.live import NO_RULES
from recsys.snapshot.columns import Columns
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import DEFAULTS, Exploration, RequestParams, SignalParams, parse_config

TEN = "a b c d e f g h i j"


def exploring(*positions: int, among: int = 50, caps: dict[str, int] | None = None) -> RequestParams:
    """Give these positions to chance."""
    return RequestParams(exploration=Exploration(positions, among), caps=caps or {})


def test_a_drawn_item_takes_its_position_and_the_last_one_makes_room() -> None:
    """The others keep their order; what is drawn is one of those that the list leaves out, and says so."""
    slate = ask(shop(TEN), exploring(2), k=4, seed=3, include_reasons=True)
    first, drawn, *rest = slate.item_ids
    assert [first, *rest] == ["a", "b", "c"]
    assert drawn in set("efghij")
    assert slate.reasons is not None
    assert [reasons[0] == "exploration" for reasons in slate.reasons] == [False, True, False, False]


def test_the_seed_repeats_a_draw() -> None:
    """One seed, one list; over many seeds every item of the best that are left out comes about equally often."""
    snapshot, params = shop(TEN), exploring(2, among=4)
    assert ask(snapshot, params, k=4, seed=11) == ask(snapshot, params, k=4, seed=11)
    drawn = Counter(ask(snapshot, params, k=4, seed=seed).item_ids[1] for seed in range(400))
    assert set(drawn) == set("efgh")
    assert min(drawn.values()) > 60


def test_propensities_say_how_likely_each_item_was_at_its_rank() -> None:
    """1 for what chance did not choose; of two draws the second is among one less."""
    assert ask(shop(TEN), exploring(2, 4), k=4, seed=1).propensities == (1.0, 1 / 6, 1.0, 1 / 5)
    assert ask(shop(TEN), k=4, seed=1).propensities is None


def test_a_cap_holds_whatever_is_drawn() -> None:
    """What would be too many of a brand is not drawn from, and does not count for the propensity."""
    tags = dict.fromkeys("abefgh", "brand:x") | dict.fromkeys("cdij", "brand:y")
    snapshot, params = shop(TEN, tags=tags), exploring(4, caps={"brand:": 2})
    for seed in range(20):
        slate = ask(snapshot, params, k=4, seed=seed)
        assert shown(slate)[:5] == "a b c"
        assert slate.item_ids[3] in {"i", "j"}
        assert slate.propensities == (1.0, 1.0, 1.0, 0.5)


def test_a_list_that_shows_everything_has_nothing_to_draw() -> None:
    """Without anything left out, and beyond the end of the list, chance has no say."""
    assert ask(shop("a b c"), exploring(1), k=3).propensities is None
    assert ask(shop("a b"), exploring(1), k=3).propensities is None
    assert shown(ask(shop(TEN), exploring(5), k=4)) == "a b c d"


def test_only_the_first_namespace_of_a_list_is_explored() -> None:
    """What fills a list up is not drawn: its ranks are not those of the list."""
    params = exploring(1)
    query = Query(surface="home", namespace="home", k=6)
    filling = Filling(query, NOBODY, params, lambda _: NO_RULES, NOW)
    slate = filling.fill([shop("a b"), shop("c d e f g h i", namespace="default")])
    assert shown(slate) == "a b c d e f"
    assert slate.propensities is None


def novel(**hours: int) -> Snapshot:
    """Freeze ten items: j is what was wanted today, a to i on days before; *hours* says when an item was created."""
    today = NOW.date()
    popularity = [(item, today - timedelta(days=20), 100.0 - place) for place, item in enumerate(TEN.split())]
    columns = Columns.from_rows(
        popularity=[*popularity, ("j", today, 5.0), ("i", today - timedelta(days=1), 5.0)],
        tags=[(item, (), item != "e", created) for item, created in hours.items()],
    )
    params = SignalParams(popularity_half_life=None, trending_half_life=1.0, new_days=3)
    return freeze(columns, params, tenant_id=UUID(int=1), namespace="home", now=NOW)


def test_what_trends_and_what_is_new_is_drawn_where_asked_for() -> None:
    """`among: 0` leaves the places to them alone; each has its reason word, and what is not available is not drawn."""
    snapshot = novel(g=500_000, h=500_001, e=500_002)
    assert [snapshot.items.ids[number] for number in snapshot.trending[:2]] == ["j", "i"]
    assert [snapshot.items.ids[number] for number in snapshot.newest] == ["h", "g"]
    reasons = {}
    for seed in range(30):
        asked = RequestParams(exploration=Exploration((2,), 0, trending=2, new=1))
        slate = ask(snapshot, asked, k=3, seed=seed, include_reasons=True)
        assert slate.propensities == (1.0, pytest.approx(1 / 3), 1.0)
        assert slate.reasons is not None
        reasons[slate.item_ids[1]] = slate.reasons[1][0]
    assert reasons == {"j": "trending", "i": "trending", "h": "new_item"}


def test_nothing_trends_unless_config_says_what_that_is() -> None:
    """Without `novelty` a snapshot keeps neither list, and there is nothing to draw."""
    assert len(shop(TEN).trending) == len(shop(TEN).newest) == 0
    slate = ask(shop(TEN), RequestParams(exploration=Exploration((2,), 0, trending=5, new=5)), k=3)
    assert shown(slate) == "a b c"
    assert slate.propensities is None


def test_it_is_off_unless_config_names_positions() -> None:
    """Without positions nothing is looked at on the way of a request."""
    assert DEFAULTS.everywhere.exploration is None
    assert parse_config(b'{"exploration": {"among": 10}}').everywhere.exploration is None
    params = parse_config(b'{"surfaces": {"home": {"exploration": {"positions": [3]}}}}')
    assert params.request("home").exploration == Exploration((3,), 50)
    assert params.everywhere.exploration is None


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_diversity_and_chance_explain_themselves_apart(balance: float) -> None:
    """A drawn item is no work of diversity, whatever the balance, and reasons can be given for every list."""
    tags = {item: f"t{number % 3}" for number, item in enumerate(TEN.split())}
    params = RequestParams(exploration=Exploration((2, 3)), mmr_lambda=balance, caps={"t": 3})
    for seed in range(10):
        slate = ask(shop(TEN, tags=tags), params, k=5, seed=seed, include_reasons=True)
        assert slate.reasons is not None
        assert [("exploration" in one, "diversity" in one) for one in slate.reasons].count((True, True)) == 0
