"""Pins, boosts and buries."""

from typing import Any

from msgspec.structs import replace
from tests.unit.ranking.shop import ask, codes, shop, shown

from recsys.rules.live import Adjustment, Live, Pin, live
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams

SHOP = shop("a b c d e f g h")


def pinned(snapshot: Snapshot, *pins: tuple[Any, ...]) -> Live:
    """Make rules from (item, position, rule, limit), the last two with defaults."""
    made = [
        Pin(snapshot.items.number(item), item, position, *(rest or (f"pin-{item}",))) for item, position, *rest in pins
    ]
    return live(len(snapshot.items), pins=made)


def test_pins_without_a_position_stand_at_the_top_in_the_order_of_the_rules() -> None:
    """The first rule's item stands first, however unpopular it is."""
    assert shown(ask(SHOP, live=pinned(SHOP, ("h", None), ("g", None)))) == "h g a b c"


def test_a_pin_with_a_position_stands_exactly_there() -> None:
    """Positions count from 1, and the rest flows around them."""
    assert shown(ask(SHOP, live=pinned(SHOP, ("h", 3), ("a", 5)))) == "b c h d a"


def test_of_two_pins_on_one_position_the_second_takes_the_next_free_one() -> None:
    """The earlier rule keeps its position; the later one moves behind all that is taken."""
    rules = pinned(SHOP, ("h", 2), ("g", 3), ("f", 2))
    assert shown(ask(SHOP, live=rules)) == "a h g f b"


def test_a_pin_to_the_top_moves_behind_a_taken_first_position() -> None:
    """To the top means the first position that no earlier rule holds."""
    assert shown(ask(SHOP, live=pinned(SHOP, ("h", 1), ("g", None)))) == "h g a b c"


def test_an_item_pinned_twice_stands_where_the_first_rule_wants_it() -> None:
    """The second pin of an item has nothing left to do."""
    slate = ask(SHOP, live=pinned(SHOP, ("h", 2), ("h", 4, "again")))
    assert shown(slate) == "a h b c d"


def test_a_limit_counts_only_pins_that_can_be_placed() -> None:
    """Of a rule's items the first two that can be shown are pinned."""
    rules = pinned(SHOP, ("missing", None, "r", 2), ("h", None, "r", 2), ("g", None, "r", 2), ("f", None, "r", 2))
    assert shown(ask(SHOP, live=rules)) == "h g a b c"


def test_a_pin_that_can_not_be_shown_is_a_warning() -> None:
    """Unknown, unavailable, excluded, beyond the list: each pin is named with why, and the list is full."""
    snapshot = shop("a b c d e f g h", gone="g")
    rules = pinned(snapshot, ("missing", None), ("g", None), ("h", None), ("f", 6))
    slate = ask(snapshot, live=rules, exclude_ids=("h",))
    assert shown(slate) == "a b c d e"
    unreachable = [warning.detail for warning in slate.warnings if warning.code == "RULE_PIN_UNREACHABLE"]
    assert [detail.partition(" pins ")[2] for detail in unreachable] == [
        "missing, which the catalogue does not hold.",
        "g, which is not available.",
        "h, which the request excludes.",
        "f, which would stand behind the last of 5 places.",
    ]


def test_a_block_beats_a_pin() -> None:
    """What is blocked is not shown, though another rule pins it."""
    rules = live(8, pins=[Pin(7, "h", 1, "p")], blocked=SHOP.items.known("h"))
    slate = ask(SHOP, live=rules)
    assert shown(slate) == "a b c d e"
    assert [one.detail for one in slate.warnings] == ["Rule p pins h, which another rule blocks."]


def test_a_pin_that_nothing_else_would_have_offered_is_said() -> None:
    """RULE_PIN_INJECTED marks what is there for no other reason than the rule."""
    ids = [f"i{number:03}" for number in range(300)]
    snapshot = shop(" ".join(ids))
    assert "RULE_PIN_INJECTED" in codes(ask(snapshot, live=pinned(snapshot, ("i299", 1))))
    assert "RULE_PIN_INJECTED" not in codes(ask(snapshot, live=pinned(snapshot, ("i003", 1))))


def test_a_short_list_keeps_its_pins_at_the_end() -> None:
    """A position beyond a short list is its end."""
    snapshot = shop("a b c")
    assert shown(ask(snapshot, live=pinned(snapshot, ("a", 5)))) == "b c a"


def test_boost_and_bury_add_to_the_score_and_sum_up() -> None:
    """Two rules on one item both count; an amount of 0 changes nothing."""
    known = SHOP.items.known
    adjustments = [
        Adjustment(known("h"), 0.75, "up", "boost"),
        Adjustment(known("ah"), -0.25, "down", "bury"),
        Adjustment(known("b"), 0.0, "neutral", "boost"),
    ]
    plain, steered = ask(SHOP, k=8), ask(SHOP, live=live(8, adjustments=adjustments), k=8)
    before, after = (dict(zip(slate.item_ids, slate.scores, strict=True)) for slate in (plain, steered))
    assert after["h"] == round(before["h"] + 0.5, 6)
    assert after["a"] == round(before["a"] - 0.25, 6)
    assert after["b"] == before["b"]


def test_boosted_targets_bring_candidates() -> None:
    """An item far behind what is popular reaches the list when a rule promotes it."""
    ids = [f"i{number:03}" for number in range(300)]
    snapshot = shop(" ".join(ids))
    target = snapshot.items.known(["i290"])
    rules = live(300, adjustments=[Adjustment(target, 1.0, "up", "boost")], promoted=target)
    assert ask(snapshot, live=rules).item_ids[0] == "i290"


def test_pins_hold_under_diversity_and_caps() -> None:
    """A locked position is not moved by MMR nor taken by a cap, and the pinned item counts for the cap."""
    snapshot = shop("a b c d", tags={"a": "brand:x", "b": "brand:x", "c": "brand:y", "d": "brand:x"})
    params = replace(RequestParams(), caps={"brand:": 1}, mmr_lambda=0.5)
    assert shown(ask(snapshot, params, pinned(snapshot, ("d", 2)))) == "c d"
