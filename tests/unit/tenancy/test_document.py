"""JSON that Postgres would refuse or change is found before it is sent."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.tenancy.document import MAX_BYTES, MAX_DEPTH, Unreadable, key_path, read_document, shown

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_can_be_stored_is_read_as_it_is(value: object) -> None:
    """A document of storable values has no problems and comes back unchanged."""
    reading = read_document(json.dumps(value).encode())
    assert reading.problems == []
    assert reading.value == value


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0aed1-+.e ').map(str.encode))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    """Whatever is sent, the answer is a reading or Unreadable, never another error."""
    with suppress(Unreadable):
        assert all(problem.path.startswith("$") for problem in read_document(text).problems)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (rb'{"a": {"b": ["x", "\u0000"]}}', "$.a.b[1]"),
        (rb'{"a\u0000": 1}', r'$["a\u0000"]'),
        (rb'["\ud800"]', "$[0]"),
        (rb'["\udc00\ud800"]', "$[0]"),
        (b'{"a": 1e400}', "$.a"),
        (b'{"a": -1e400}', "$.a"),
        (b'{"a": NaN}', "$.a"),
        (b'{"a": [Infinity]}', "$.a[0]"),
        (b'{"a": ' + b"9" * 5000 + b"}", "$.a"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "$.b.c"),
        (b'{"a b": {"c": 1, "c": 1}}', '$["a b"].c'),
    ],
)
def test_what_can_not_be_stored_is_found_with_its_path(text: bytes, path: str) -> None:
    """Each of them is one problem at its own path, and the rest of the document is still read."""
    assert [problem.path for problem in read_document(text).problems] == [path]


def test_a_pair_of_surrogates_is_a_character() -> None:
    """An escaped character beyond the basic plane is not mistaken for halves of one."""
    assert read_document(rb'"\ud83d\ude00"') == ("\U0001f600", [])


@pytest.mark.parametrize(
    "text", [b"", b"{", b"{} {}", b"[1,]", b"{'a': 1}", b"\xff", b'"\xed\xa0\x80"', b"\xef\xbb\xbf{}"]
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    """Cut, trailing, loose and badly encoded texts are refused with the place."""
    with pytest.raises(Unreadable) as refused:
        read_document(text)
    assert refused.value.problem.path == "$"


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 900, 1_000, 100_000])
@pytest.mark.parametrize(("opening", "closing", "step"), [(b"[", b"]", "[0]"), (b'{"a":', b"}", ".a")])
def test_nesting_is_bounded(levels: int, opening: bytes, closing: bytes, step: str) -> None:
    """However deep it goes, the answer is the path of the first value that lies too deep."""
    with pytest.raises(Unreadable) as refused:
        read_document(opening * levels + b"1" + closing * levels)
    assert refused.value.problem.path == "$" + step * MAX_DEPTH


def test_the_path_of_deep_nesting_counts_what_stands_before_it() -> None:
    """Brackets inside strings do not count, and commas move the index."""
    with pytest.raises(Unreadable) as refused:
        read_document(rb'{"a": ["[\"[", 2, ' + b"[" * 5000 + b"]" * 5000 + b"]}")
    assert refused.value.problem.path.startswith("$.a[2][0][0]")


def test_as_deep_as_the_bound_is_read() -> None:
    """The bound itself is allowed."""
    assert read_document(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH).problems == []


def test_a_document_has_at_most_a_mebibyte() -> None:
    """One byte more is refused."""
    assert read_document(b" " * (MAX_BYTES - 1) + b"1").value == 1
    with pytest.raises(Unreadable, match="1048577"):
        read_document(b" " * MAX_BYTES + b"1")


def test_a_path_quotes_what_is_no_plain_word() -> None:
    """Dots and spaces in keys can not be mistaken for steps."""
    assert key_path(key_path("$", "a_1"), "b.c") == '$.a_1["b.c"]'


def test_a_value_is_shown_in_at_most_sixty_characters() -> None:
    """A message stays readable whatever is in the document."""
    assert shown("é" * 100) == '"' + "\\u00e9" * 9 + "\\u..."
