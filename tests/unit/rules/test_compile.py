"""Rules against a snapshot."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from recsys.ranking.loops.rating import felt
from recsys.rules.compile import PINS, PROMOTED, PROMOTED_PER_RULE, CompiledRules, Compiler, compile_rules
from recsys.rules.live import Live
from recsys.rules.parse import parse_rules
from recsys.snapshot.columns import Columns
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.tenancy.config import SignalParams

NOW = datetime(2026, 5, 20, tzinfo=UTC)


def snapshot(tags: dict[str, tuple[str, ...]], unavailable: str = "", popularity: str = "") -> Snapshot:
    """Freeze items with tags; *popularity* names items from most to least popular."""
    return freeze(
        Columns.from_rows(
            tags=[(item, its, item not in unavailable.split()) for item, its in tags.items()],
            popularity=[(item, date(2026, 5, 19), 1000 - place) for place, item in enumerate(popularity.split())],
        ),
        SignalParams(),
        tenant_id=UUID(int=1),
        namespace="shop",
        now=NOW,
    )


SHOP = snapshot(
    {"a": ("brand:x",), "b": ("brand:x", "sale"), "c": ("category:y",), "d": (), "e": ("brand:x",)},
    unavailable="e",
    popularity="e b c a",
)


def compiled(*rules: dict[str, Any], against: Snapshot = SHOP) -> CompiledRules:
    """Parse and compile rules."""
    return compile_rules(parse_rules(json.dumps(rules).encode()), against)


def names(numbers: Any, of: Snapshot = SHOP) -> list[str]:
    """Turn item numbers into ids."""
    return [of.items.ids[number] for number in numbers]


def lifts(live: Live) -> Scores:
    """Return what is added to the score of each item."""
    return live.steering[2][felt(np.arange(len(SHOP.items), dtype=np.uint32), live.steering)]


def test_no_rules_steer_nothing() -> None:
    """Nothing is pinned, lifted, blocked or promoted."""
    live = compiled().live("home", "default", NOW)
    assert (live.pins, live.adjustments, live.blocked, live.promoted.tolist()) == ((), (), None, [])
    assert lifts(live).tolist() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"item_ids": ["d", "a", "d", "unknown"]}, ["a", "d"]),
        ({"target_type": "tag", "target_key": "brand:x"}, ["a", "b", "e"]),
        ({"target_type": "brand", "target_key": "x"}, ["a", "b", "e"]),
        ({"target_type": "category", "target_key": "y"}, ["c"]),
        ({"target_type": "brand", "target_key": "unknown"}, []),
    ],
)
@pytest.mark.parametrize("action", ["block", "boost"])
def test_targets_resolve_against_the_whole_catalogue(action: str, target: dict[str, Any], expected: list[str]) -> None:
    """Items, tags, brands and categories become item numbers; what is unknown becomes none."""
    rule = {"action": action, **target} | ({"boost_value": 0.5} if action == "boost" else {})
    live = compiled(rule).live("home", "default", NOW)
    if action == "block":
        assert names([] if live.blocked is None else np.flatnonzero(live.blocked)) == expected
    else:
        (adjustment,) = live.adjustments
        assert names(adjustment.numbers) == expected
        assert adjustment[1:] == (0.5, "#1", "boost")


def test_boosts_and_buries_add_up() -> None:
    """What several rules say of one item is summed; a boost of 0 leaves it as it is."""
    live = compiled(
        {"action": "boost", "item_ids": ["a", "b"], "boost_value": 0.5},
        {"action": "bury", "item_ids": ["b"], "boost_value": 0.2},
        {"action": "boost", "item_ids": ["c"], "boost_value": 0},
    ).live("home", "default", NOW)
    np.testing.assert_allclose(lifts(live), [0.5, 0.3, 0, 0, 0])


def test_pins_stand_in_rule_order_with_what_they_say() -> None:
    """Larger priority first, then the order of the document and of its items; an unknown item keeps its name."""
    live = compiled(
        {"id": "low", "action": "pin", "item_ids": ["b", "nowhere", "b"], "max_pins": 2},
        {"id": "high", "action": "pin", "item_ids": ["a"], "priority": 1, "position": 3},
    ).live("home", "default", NOW)
    assert live.pins == ((0, "a", 3, "high", None), (1, "b", None, "low", 2), (None, "nowhere", None, "low", 2))


def test_boosts_promote_their_most_popular_items_that_can_be_shown() -> None:
    """Unavailable and blocked items are left out; what is buried or lowered is not promoted."""
    live = compiled(
        {"action": "boost", "target_type": "brand", "target_key": "x", "boost_value": 0.1},
        {"action": "boost", "item_ids": ["d"], "boost_value": -0.1},
        {"action": "bury", "item_ids": ["c"]},
        {"action": "block", "item_ids": ["b"]},
    ).live("home", "default", NOW)
    assert names(live.promoted) == ["a"]


def test_promotion_is_bounded_and_prefers_large_boosts() -> None:
    """Each rule brings its most popular items up to a bound, all rules together up to another."""
    items = [f"i{number:04d}" for number in range(10 * PROMOTED_PER_RULE)]
    large = snapshot({item: (f"t{number % 10}",) for number, item in enumerate(items)}, popularity=" ".join(items))
    rules = [
        {"action": "boost", "target_type": "tag", "target_key": f"t{tag}", "boost_value": tag / 10}
        for tag in range(1, 10)
    ]
    promoted = names(compiled(*rules, against=large).live("home", "default", NOW).promoted, large)
    assert len(promoted) == PROMOTED
    assert {int(item[-1]) for item in promoted} == {4, 5, 6, 7, 8, 9}
    alone = names(compiled(rules[0], against=large).live("home", "default", NOW).promoted, large)
    assert alone == items[1::10][:PROMOTED_PER_RULE]


def test_pins_are_bounded_by_the_longest_list() -> None:
    """More pins than a list has places never reach a request; pins that can not be placed do not use the bound up."""
    items = [f"i{number:04d}" for number in range(PINS + 50)]
    large = snapshot(dict.fromkeys(items, ()), unavailable=" ".join(items[:10]))
    rules = [{"action": "pin", "item_ids": items[start : start + 50]} for start in range(0, len(items), 50)]
    pins = compiled(*rules, against=large).live("home", "default", NOW).pins
    assert [pin.item_id for pin in pins] == items[: PINS + 10]


def test_rules_of_another_namespace_are_left_out() -> None:
    """A rule that names a namespace only meets that one's snapshot."""
    rule = {"action": "block", "item_ids": ["a"]}
    assert compiled(rule | {"namespace": "other"}).live("home", "default", NOW).blocked is None
    assert compiled(rule | {"namespace": "shop"}).live("home", "default", NOW).blocked is not None


def test_what_is_live_is_what_matching_says_at_every_moment() -> None:
    """Looking a request up by place and interval finds the same rules as asking each rule, also at ends of windows."""
    document = [
        {"id": f"{surface}{segment}{start}", "action": "bury", "item_ids": ["a"],
         "surface": surface, "segment": segment,
         "valid_from": f"2026-05-{start:02d}", "valid_until": f"2026-05-{start + 3:02d}"}
        for surface in ("home", "cart", None) for segment in ("vip", None) for start in (1, 2, 4)
    ]  # fmt: skip
    rules = parse_rules(json.dumps(document).encode())
    against_shop = compile_rules(rules, SHOP)
    moments = [
        datetime(2026, 5, day, tzinfo=UTC) + step * timedelta(microseconds=1)
        for day in range(1, 9)
        for step in (-1, 0, 1)
    ]
    for surface in ("home", "cart", "elsewhere"):
        for segment in ("vip", "default"):
            for now in moments:
                live = against_shop.live(surface, segment, now)
                wanted = [rule.id for rule in rules.active(surface, segment, "shop", now)]
                assert [adjustment.rule_id for adjustment in live.adjustments] == wanted


def test_requests_that_the_same_rules_steer_share_one_live_set() -> None:
    """Surfaces and segments that no rule names do not cost memory each."""
    rules = compiled({"action": "block", "item_ids": ["a"], "surface": "home"}, {"action": "bury", "item_ids": ["b"]})
    assert rules.live("x", "default", NOW) is rules.live("y", "vip", NOW + timedelta(days=900))
    assert rules.live("home", "default", NOW) is not rules.live("x", "default", NOW)


def test_rules_are_compiled_once_for_each_snapshot() -> None:
    """The same snapshot gets the same compiled rules; a new one of the namespace gets its own."""
    compiler = Compiler(parse_rules(b'[{"action": "block", "item_ids": ["a"]}]'))
    first = compiler.against(SHOP)
    assert compiler.against(SHOP) is first
    refreshed = snapshot({"a": (), "0": ()})
    live = compiler.against(refreshed).live("home", "default", NOW)
    assert live.blocked is not None
    assert names(np.flatnonzero(live.blocked), refreshed) == ["a"]


def test_an_empty_snapshot_has_no_targets() -> None:
    """Rules over nothing still name their pins."""
    empty = snapshot({})
    live = compiled(
        {"action": "pin", "item_ids": ["a"]}, {"action": "block", "item_ids": ["a"]},
        {"action": "boost", "item_ids": ["a"], "boost_value": 1}, against=empty,
    ).live("home", "default", NOW)  # fmt: skip
    assert live.pins == ((None, "a", None, "#1", None),)
    assert live.blocked is None
