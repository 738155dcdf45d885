"""What a rules document may say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from recsys.errors import InvalidRules
from recsys.rules.parse import moment, parse_rules
from recsys.rules.rule import Rule

PIN = {"action": "pin", "item_ids": ["a"]}
BOOST = {"action": "boost", "target_type": "tag", "target_key": "t", "boost_value": 0.5}
BLOCK = {"action": "block", "item_ids": ["a"]}


def only(rule: dict[str, Any]) -> Rule:
    """Parse a document of one rule."""
    (parsed,) = parse_rules(json.dumps([rule]).encode()).rules
    return parsed


def refused(document: Any) -> dict[str, str]:
    """Return path and message of every problem of a document."""
    with pytest.raises(InvalidRules) as error:
        parse_rules(json.dumps(document).encode())
    return dict(error.value.problems)


@pytest.mark.parametrize("document", [[], {"rules": []}])
def test_no_rules_are_a_document_too(document: Any) -> None:
    """An empty array is how rules are taken away."""
    assert parse_rules(json.dumps(document).encode()).rules == ()


def test_an_array_and_an_object_say_the_same() -> None:
    """Both forms of the document are read alike."""
    array, wrapped = (parse_rules(json.dumps(one).encode()) for one in ([PIN, BOOST], {"rules": [PIN, BOOST]}))
    assert array.rules == wrapped.rules != ()


def test_every_key_is_read() -> None:
    """A rule that says everything that a pin can say."""
    rule = only(
        {
            "id": "r", "name": "Launch", "action": "pin", "target_type": "item", "item_ids": ["a", "b"],
            "surface": "home", "segment": "vip", "namespace": "n", "priority": 3, "position": 2, "enabled": False,
            "valid_from": "2026-05-01", "valid_until": "2026-05-02T12:00:00+02:00", "max_pins": 1,
        }
    )  # fmt: skip
    assert rule == Rule(
        id="r", name="Launch", action="pin", item_ids=("a", "b"), surface="home", segment="vip", namespace="n",
        priority=3, position=2, enabled=False, valid_from=datetime(2026, 5, 1, tzinfo=UTC),
        valid_until=datetime(2026, 5, 2, 10, tzinfo=UTC), max_pins=1,
    )  # fmt: skip


@pytest.mark.parametrize("target_type", ["brand", "category"])
@pytest.mark.parametrize("key", ["x", "{type}:x"])
def test_a_brand_is_the_tag_of_its_name(target_type: str, key: str) -> None:
    """`brand` x, `brand` brand:x and the tag brand:x are one target; so with categories."""
    rule = only(BLOCK | {"item_ids": None, "target_type": target_type, "target_key": key.format(type=target_type)})
    tag = only(BLOCK | {"item_ids": None, "target_type": "tag", "target_key": f"{target_type}:x"})
    assert rule == tag


def test_a_target_key_may_name_one_item() -> None:
    """`target_key` of an item rule is its only item."""
    assert only({"action": "block", "target_type": "item", "target_key": "a"}) == only(BLOCK)


@pytest.mark.parametrize(
    ("rule", "amount"),
    [
        (BOOST, 0.5),
        (BOOST | {"boost_value": -1}, -1.0),
        (BOOST | {"boost_value": 0}, 0.0),
        (BOOST | {"action": "bury"}, -0.5),
        (BOOST | {"action": "bury", "boost_value": None}, -1.0),
    ],
)
def test_a_bury_subtracts_what_a_boost_adds(rule: dict[str, Any], amount: float) -> None:
    """The amount is signed; a bury that names none subtracts 1."""
    assert only(rule).amount == amount


def test_larger_priority_goes_first_and_equal_ones_keep_their_order() -> None:
    """Precedence is decided once, when the document is read."""
    document = [PIN | {"id": name, "priority": priority} for name, priority in [("a", 0), ("b", 5), ("c", 0), ("d", 5)]]
    rules = parse_rules(json.dumps(document).encode()).rules
    assert [rule.id for rule in rules] == ["b", "d", "a", "c"]


def test_a_rule_without_an_id_is_called_by_its_place() -> None:
    """The place is that in the document, whatever the priority."""
    rules = parse_rules(json.dumps([PIN, PIN | {"priority": 1}]).encode()).rules
    assert [rule.id for rule in rules] == ["#2", "#1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T09:30:00", datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
        ("2026-05-01 09:30:00Z", datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
        ("2026-05-01t09:30:00z", datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
        ("2026-05-01T09:30:00.25+05:30", datetime(2026, 5, 1, 4, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-05-01T09:30", None),
        ("2026-13-01", None),
        ("2026-02-30", None),
        ("20260501", None),
        ("2026-W18-5", None),
        ("2026-05-01T24:00:00Z", None),
        ("2026-05-01T09:30:00+25:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("٢٠٢٦-05-01", None),
        ("2026-05-01\n", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_times_are_dates_or_rfc_3339_in_utc_without_a_zone(text: str, expected: datetime | None) -> None:
    """Anything else is no time, also what the standard library would read."""
    assert moment(text) == expected


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        ("x", "", ["an object"]),
        (PIN | {"valid_from": "soon"}, ".valid_from", ['"soon"', "2026-05-01"]),
        (PIN | {"valid_from": 5}, ".valid_from", ["RFC 3339"]),
        (PIN | {"valid_from": "2026-05-02", "valid_until": "2026-05-01"}, ".valid_until", ["2026-05-01", "later"]),
        (PIN | {"valid_from": "2026-05-02", "valid_until": "2026-05-02"}, ".valid_until", ["not after"]),
        ({"action": "pin"}, ".item_ids", ["at least one"]),
        ({"action": "pin", "item_ids": []}, ".item_ids", ["at least one"]),
        ({"action": "pin", "target_type": "tag", "target_key": "t"}, ".target_type", ['"item"']),
        (PIN | {"item_ids": ["a"] * 201}, ".item_ids", ["201", "200"]),
        (PIN | {"item_ids": ["a", ""]}, ".item_ids[1]", ["1 to 128"]),
        (PIN | {"item_ids": ["a\tb"]}, ".item_ids[0]", ["control"]),
        (PIN | {"item_ids": [None]}, ".item_ids[0]", ["null"]),
        (PIN | {"position": 0}, ".position", ["1 to 200"]),
        (PIN | {"max_pins": 0}, ".max_pins", ["1 to 200"]),
        (PIN | {"boost_value": 1}, ".boost_value", ["leave it out"]),
        (BOOST | {"boost_value": None}, ".boost_value", ["-1 to 1"]),
        (BOOST | {"boost_value": 1.01}, ".boost_value", ["1.01"]),
        (BOOST | {"position": 1}, ".position", ["leave it out"]),
        (BOOST | {"max_pins": 1}, ".max_pins", ["leave it out"]),
        (BOOST | {"target_key": None}, ".target_key", ["name the tag"]),
        (BOOST | {"item_ids": ["a"]}, ".target_key", ["one target"]),
        (BLOCK | {"action": "hide"}, ".action", ['"block"']),
        ({"item_ids": ["a"]}, ".action", ["missing", '"pin"']),
        (BLOCK | {"prority": 1}, ".prority", ['"priority"']),
        (BLOCK | {"priority": 1.5}, ".priority", ["whole number"]),
        (BLOCK | {"enabled": "yes"}, ".enabled", ["true or false"]),
        (BLOCK | {"surface": "a/b"}, ".surface", ["without /"]),
        (BLOCK | {"target_type": "sku"}, ".target_type", ['"item"']),
        (BLOCK | {"id": ""}, ".id", ["1 to 128"]),
    ],
)
def test_what_is_wrong_is_refused_with_path_value_and_remedy(rule: Any, path: str, words: list[str]) -> None:
    """One problem each, at its own path in either form of the document."""
    for document, start in (([BLOCK, rule], "$[1]"), ({"rules": [BLOCK, rule]}, "$.rules[1]")):
        found = refused(document)
        assert list(found) == [start + path]
        assert [word for word in words if word not in found[start + path]] == []


@pytest.mark.parametrize("document", [None, "x", 7, {}, {"rules": None}, {"rules": {}}, {"rule": []}])
def test_what_is_no_list_of_rules_is_refused(document: Any) -> None:
    """Neither an array nor an object that holds one."""
    assert all(path in {"$", "$.rules", "$.rule"} for path in refused(document))


def test_two_rules_with_one_id_are_refused() -> None:
    """The second is named, also where it takes the name that a rule without an id has by its place."""
    assert list(refused([PIN | {"id": "x"}, BLOCK | {"id": "x"}])) == ["$[1].id"]
    assert list(refused([PIN, BLOCK | {"id": "#1"}])) == ["$[1].id"]


def test_every_problem_of_every_rule_is_reported() -> None:
    """Types, meanings and identities in one answer."""
    document = [
        PIN | {"position": "1"},
        {"action": "boost", "valid_from": "x"},
        BLOCK | {"id": "b"},
        BLOCK | {"id": "b"},
    ]
    assert set(refused(document)) == {
        "$[0].position", "$[1].item_ids", "$[1].boost_value", "$[1].valid_from", "$[3].id"
    }  # fmt: skip
