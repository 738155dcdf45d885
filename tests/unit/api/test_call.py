"""What a request says about itself, and how its body is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from recsys.api import body
from recsys.api.call import Call
from recsys.errors import BodyTooLarge, TenantScopeRequired, UnsupportedMediaType


def call(*headers: tuple[bytes, bytes], method: str = "GET") -> Call:
    """Begin a call with these headers."""
    return Call.begin({"method": method, "path": "/x", "headers": list(headers)})


@pytest.mark.parametrize("text", ["abc-1", "x" * 128, "käse 😀", "a b"])
def test_a_printable_request_id_is_kept(text: str) -> None:
    """Printable text of at most 128 characters is the request's id."""
    assert call((b"x-request-id", text.encode())).request_id == text


@pytest.mark.parametrize("header", [b"", b"x" * 129, b"a\tb", b"\xff", b"a\x7f"])
def test_any_other_request_id_is_replaced(header: bytes) -> None:
    """What is missing, too long, not printable or not UTF-8 is replaced by a UUID version 7."""
    assert UUID(call((b"x-request-id", header)).request_id).version == 7


def test_head_is_a_get() -> None:
    """HEAD takes the route of GET."""
    assert call(method="HEAD").method == "GET"


def test_a_route_without_tenant_has_none() -> None:
    """A handler that asks for the tenant of an open route is told that there is none."""
    with pytest.raises(TenantScopeRequired):
        _ = call().tenant


def read(messages: Sequence[dict[str, Any]], headers: dict[bytes, bytes] | None = None) -> tuple[bytes, int]:
    """Read a body out of *messages*; return it and how many messages were not asked for."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    return asyncio.run(body.Incoming(receive).read(headers or {})), len(left)


def chunk(data: bytes, *, more: bool = True) -> dict[str, Any]:
    """Make one message of a body."""
    return {"type": "http.request", "body": data, "more_body": more}


def test_a_body_is_put_together() -> None:
    """Pieces are joined until there are no more; a message without a body counts as empty."""
    assert read([chunk(b"ab"), {"type": "http.request", "more_body": True}, chunk(b"c", more=False)]) == (b"abc", 0)


def test_a_body_of_exactly_the_limit_is_read() -> None:
    """1 MiB is not too much."""
    assert len(read([chunk(b"x" * body.BODY_MAX, more=False)])[0]) == body.BODY_MAX


def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    """With a length header nothing is read, without one no more than the limit and a piece."""
    with pytest.raises(BodyTooLarge):
        read([], {b"content-length": b"1048577"})
    pieces = [chunk(b"x" * 600_000) for _ in range(10)]
    with pytest.raises(BodyTooLarge):
        asyncio.run(body.Incoming(_taking(pieces)).read({}))
    assert len(pieces) == 8


def test_the_rest_of_a_refused_body_is_dropped() -> None:
    """What is left is taken from the connection up to its end, or up to a bound; then the connection is spent."""
    pieces = [chunk(b"x"), chunk(b"x", more=False), chunk(b"the next request")]
    assert asyncio.run(body.Incoming(_taking(pieces)).discard())
    assert len(pieces) == 1
    endless = [chunk(b"x" * body.BODY_MAX) for _ in range(20)]
    assert not asyncio.run(body.Incoming(_taking(endless)).discard())
    assert len(endless) == 4


def test_a_refused_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that stops sending holds its request for the time of the bound, and no longer."""
    monkeypatch.setattr(body, "DISCARD_SECONDS", 0.01)

    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    assert not asyncio.run(body.Incoming(never).discard())


def _taking(pieces: list[dict[str, Any]]) -> body.Receive:
    async def receive() -> dict[str, Any]:
        return pieces.pop(0)

    return receive


def test_a_client_that_goes_away_is_noticed() -> None:
    """A disconnect before or in the middle of a body ends the reading."""
    for messages in ([{"type": "http.disconnect"}], [chunk(b"a"), {"type": "http.disconnect"}]):
        with pytest.raises(body.Disconnected):
            read(messages)


@pytest.mark.parametrize(
    "declared",
    [b"application/json", b"Application/JSON", b"application/json; charset=utf-8", b'application/json;charset="UTF-8"'],
)
def test_json_is_understood(declared: bytes) -> None:
    """JSON in UTF-8 passes however it is spelled."""
    body.require_json({b"content-type": declared})


@pytest.mark.parametrize(
    "declared",
    [b"", b"text/plain", b"application/x-www-form-urlencoded", b"application/json; charset=latin-1", b"text/json"],
)
def test_other_media_types_are_not(declared: bytes) -> None:
    """Anything else, or nothing, is refused: it could be a form that a foreign page sends."""
    with pytest.raises(UnsupportedMediaType):
        body.require_json({b"content-type": declared} if declared else {})
