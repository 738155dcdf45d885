"""Reading a request's body: at most so much, and only JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from recsys.errors import BodyTooLarge, UnsupportedMediaType

BODY_MAX = 1 << 20
_JSON = b"application/json"

Receive = Callable[[], Awaitable[Any]]


class Disconnected(Exception):
    """The client went away before its request was complete; nobody is left to answer."""


async def read(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """Read the whole body; BodyTooLarge as soon as it is known to pass 1 MiB, whatever its length header says."""
    if (declared := headers.get(b"content-length", b"")).isdigit() and int(declared) > BODY_MAX:
        raise BodyTooLarge
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _rest(body, receive)
    if len(body) > BODY_MAX:
        raise BodyTooLarge
    return body


async def _rest(first: bytes, receive: Receive) -> bytes:
    chunks, size, more = [first], len(first), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > BODY_MAX:
            raise BodyTooLarge
        more = message.get("more_body", False)
    return b"".join(chunks)


def require_json(headers: Mapping[bytes, bytes]) -> None:
    """Refuse every media type but JSON in UTF-8; without the header nothing says that it is JSON."""
    declared = headers.get(b"content-type", b"")
    if declared == _JSON:
        return
    media_type, _, parameters = declared.partition(b";")
    charset = parameters.strip().lower().removeprefix(b"charset=").strip(b'" ')
    if media_type.strip().lower() != _JSON or charset not in {b"", b"utf-8", b"utf8"}:
        raise UnsupportedMediaType
