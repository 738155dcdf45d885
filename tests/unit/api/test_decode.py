"""Bodies are read strictly."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from recsys.api.decode import convert, decode
from recsys.api.items import ItemKey, PutItemsRequest
from recsys.api.wire import RecommendRequest
from recsys.errors import InvalidRequest

DECODER = msgspec.json.Decoder(RecommendRequest)


def refusal(body: bytes) -> tuple[str, str]:
    """Return path and message of the first thing that is wrong with *body*."""
    with pytest.raises(InvalidRequest) as refused:
        decode(body, DECODER)
    return refused.value.problems[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nope",
        b"[]",
        b"null",
        b'{"surface":"home"} x',
        b'{"surface":"home","k":5',
        b'\xef\xbb\xbf{"surface":"home"}',
        b'{"surface":"\xff"}',
        b'{"surface":"\xed\xa0\x80"}',
        b'{"surface":"home","user":{"user_id":"\\ud800"}}',
        b'{"surface":"home","k":' + b"9" * 5000 + b"}",
        b'{"surface":"home","weights":{"pop":1e999}}',
        b'{"surface":"home","weights":{"pop":NaN}}',
        b'{"surface":"home","constraints":{"max_per_tag":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001 + b"}",
        b'{"surface":' + b"[" * 200_000,
    ],
)
def test_what_is_no_json_of_this_shape_is_a_bad_request(body: bytes) -> None:
    """Broken JSON, broken UTF-8, lone surrogates, huge numbers and deep nesting are refused, and never crash."""
    refusal(body)


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ({"k": 0}, "$.k"),
        ({"k": 201}, "$.k"),
        ({"k": "20"}, "$.k"),
        ({"k": 20.0}, "$.k"),
        ({"k": True}, "$.k"),
        ({"surface": ""}, "$.surface"),
        ({"surface": "x" * 129}, "$.surface"),
        ({"surface": "a/b"}, "$.surface"),
        ({"surface": "a\\b"}, "$.surface"),
        ({"surface": "."}, "$.surface"),
        ({"surface": ".."}, "$.surface"),
        ({"surface": "a\n"}, "$.surface"),
        ({"surface": "a\x7f"}, "$.surface"),
        ({"surface": None}, "$.surface"),
        ({"anchors": {"item_ids": ["a", None]}}, "$.anchors.item_ids[1]"),
        ({"anchors": {"item_ids": [""]}}, "$.anchors.item_ids[0]"),
        ({"anchors": {"item_ids": ["a\tb"]}}, "$.anchors.item_ids[0]"),
        ({"anchors": {"item_ids": ["a\x85b"]}}, "$.anchors.item_ids[0]"),
        ({"anchors": {"item_ids": ["a"] * 51}}, "$.anchors.item_ids"),
        ({"candidates": {"exclude_ids": ["a"] * 5001}}, "$.candidates.exclude_ids"),
        ({"constraints": {"max_per_tag": {"a\x00": 1}}}, "$.constraints.max_per_tag"),
        ({"constraints": {"max_per_tag": {"a": -1}}}, "$.constraints.max_per_tag[...]"),
        ({"user": {"user_id": "a\x00"}}, "$.user.user_id"),
        ({"context": {"now": "2026-01-01T00:00:00"}}, "$.context.now"),
        ({"weights": {"pop": -1}}, "$.weights.pop"),
        ({"weights": {"pop": 1001}}, "$.weights.pop"),
        ({"options": {"explain": "all"}}, "$.options.explain"),
        ({"surfaces": "home"}, "$"),
        ({"user": {"id": "u"}}, "$.user"),
    ],
)
def test_the_refusal_names_the_path(field: dict[str, Any], path: str) -> None:
    """One wrong field is refused with the path that leads to it."""
    assert refusal(json.dumps({"surface": "home"} | field, ensure_ascii=False).encode())[0] == path
    assert refusal(json.dumps({"surface": "home"} | field).encode())[0] == path


def test_null_is_absence() -> None:
    """Null for every optional field reads as if the field were not there."""
    optional = [field for field in RecommendRequest.__struct_fields__ if field != "surface"]
    body = json.dumps({"surface": "home"} | dict.fromkeys(optional)).encode()
    assert decode(body, DECODER) == decode(b'{"surface":"home"}', DECODER)


def test_what_only_looks_like_a_control_character_is_text() -> None:
    """An escaped backslash before u0000, letters beyond ASCII and emoji are taken as they are."""
    for text in (r"\u0000", "naïve £ Ünïcödé", "😀", "a b"):
        body = json.dumps({"surface": "home", "anchors": {"item_ids": [text]}}, ensure_ascii=False).encode()
        anchors = decode(body, DECODER).anchors
        assert anchors is not None
        assert anchors.item_ids == (text,)


def test_a_persons_id_may_hold_what_its_owner_likes() -> None:
    """A tab in a user id is the client's business; only U+0000 is refused there."""
    user = decode(b'{"surface":"home","user":{"user_id":"a\\tb"}}', DECODER).user
    assert user is not None
    assert user.user_id == "a\tb"


def test_a_query_string_is_checked_by_the_same_rules() -> None:
    """U+0000 and empty ids in an address are a bad request too."""
    assert convert({"namespace": "default", "item_id": "a"}, ItemKey) == ItemKey("default", "a")
    for item_id in ("", "a\x00", "x" * 129):
        with pytest.raises(InvalidRequest):
            convert({"namespace": "default", "item_id": item_id}, ItemKey)


def test_items_tell_null_from_absence() -> None:
    """In an item, null clears and absence keeps, so they are told apart."""
    body = b'{"namespace":"n","items":[{"item_id":"a","tags":[]},{"item_id":"b","tags":[],"price":null}]}'
    kept, cleared = decode(body, msgspec.json.Decoder(PutItemsRequest)).items
    assert kept.price is msgspec.UNSET
    assert cleared.price is None
