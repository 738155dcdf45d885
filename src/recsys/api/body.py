"""Reading a request's body: at most so much, and only JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from recsys.errors import BodyTooLarge, UnsupportedMediaType

BODY_MAX = 1 << 20

DISCARD_MAX = 16 << 20
"""Bytes of a refused body that are read and dropped."""

DISCARD_SECONDS = 2.0
"""Time that the client of a refused body is given to send it."""

_JSON = b"application/json"

Receive = Callable[[], Awaitable[Any]]


class Disconnected(Exception):
    """The client went away before its request was complete; nobody is left to answer."""


class Incoming:
    """The body of one request, as it arrives."""

    __slots__ = ("_receive", "ended")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = False
        """Whether all of it has been taken from the connection."""

    async def read(self, headers: Mapping[bytes, bytes]) -> bytes:
        """Read the whole body; BodyTooLarge as soon as it is known to pass 1 MiB, whatever its length header says."""
        if (declared := headers.get(b"content-length", b"")).isdigit() and int(declared) > BODY_MAX:
            raise BodyTooLarge
        body = await self._piece()
        if not self.ended:
            body = await self._rest(body)
        if len(body) > BODY_MAX:
            raise BodyTooLarge
        return body

    async def discard(self) -> bool:
        """Drop what is left, within bounds; False if there is more, and then the connection is of no more use.

        A client hears its answer only after it has sent its request. If the connection were closed before, what it
        still sends would be answered with a reset, which destroys the answer on its way.
        """
        dropped = 0
        try:
            async with asyncio.timeout(DISCARD_SECONDS):
                while not self.ended and dropped < DISCARD_MAX:
                    dropped += len(await self._piece())
        except TimeoutError:
            pass
        return self.ended

    async def _rest(self, first: bytes) -> bytes:
        pieces, size = [first], len(first)
        while not self.ended:
            pieces.append(await self._piece())
            size += len(pieces[-1])
            if size > BODY_MAX:
                raise BodyTooLarge
        return b"".join(pieces)

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        self.ended = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece


class Arrived(Incoming):
    """A body that the connection has read whole, within its own bounds."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.ended = True

    async def read(self, headers: Mapping[bytes, bytes]) -> bytes:  # noqa: ARG002  its length is known
        """Return it."""
        return self._body


def require_json(headers: Mapping[bytes, bytes]) -> None:
    """Refuse every media type but JSON in UTF-8; without the header nothing says that it is JSON."""
    declared = headers.get(b"content-type", b"")
    if declared == _JSON:
        return
    media_type, _, parameters = declared.partition(b";")
    charset = parameters.strip().lower().removeprefix(b"charset=").strip(b'" ')
    if media_type.strip().lower() != _JSON or charset not in {b"", b"utf-8", b"utf8"}:
        raise UnsupportedMediaType
