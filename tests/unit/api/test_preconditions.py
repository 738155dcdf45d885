"""If-Match and If-None-Match in every spelling."""

from __future__ import annotations

import pytest

from recsys.api.admin.preconditions import comment, expected, is_known
from recsys.errors import IfMatchRequired, InvalidRequest
from recsys.tenancy.store import NO_VERSION, SOME_VERSION, Expected


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        (b'"a"', frozenset({"a"})),
        (b"a", frozenset({"a"})),
        (b'W/"a"', frozenset({"a"})),
        (b'"a", W/"b" ,c', frozenset({"a", "b", "c"})),
        (b" * ", SOME_VERSION),
        (b"", frozenset()),
        (b"\xff", frozenset({"\xff"})),
    ],
)
def test_if_match_is_read(header: bytes, meant: Expected) -> None:
    """Quoted, bare and weak etags and lists of them; nothing readable matches nothing."""
    assert expected({b"if-match": header}, required=True) == meant


def test_the_operator_may_demand_it() -> None:
    """Without the headers anything may be replaced, or nothing where the operator demands that they are there."""
    assert expected({}, required=False) is None
    with pytest.raises(IfMatchRequired):
        expected({}, required=True)
    assert expected({b"if-none-match": b"*"}, required=True) == NO_VERSION


@pytest.mark.parametrize("headers", [{b"if-none-match": b'"a"'}, {b"if-none-match": b"*", b"if-match": b"*"}])
def test_what_can_not_be_meant_is_refused(headers: dict[bytes, bytes]) -> None:
    """If-None-Match takes only *, and not beside If-Match."""
    with pytest.raises(InvalidRequest):
        expected(headers, required=False)


def test_a_reader_says_what_it_has() -> None:
    """Any of the etags that a reader lists may be the live one."""
    assert is_known({b"if-none-match": b'"x", W/"a"'}, "a")
    assert not is_known({b"if-none-match": b'"x"'}, "a")
    assert not is_known({}, "a")


def test_a_comment_is_one_printable_line() -> None:
    """Blank is no comment; control characters and more than 1000 characters are refused."""
    assert comment({b"x-change-comment": " why ☃ ".encode()}) == "why ☃"
    assert comment({b"x-change-comment": b" "}) is None
    for bad in (b"a\tb", b"x" * 1001):
        with pytest.raises(InvalidRequest):
            comment({b"x-change-comment": bad})
