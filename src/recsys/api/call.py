"""One request while it is answered: what it said about itself, who is asking, and what goes back."""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from msgspec import Struct, field

from recsys.api.identity import NOBODY, Caller
from recsys.errors import TenantScopeRequired
from recsys.identifiers import uuid7_text
from recsys.tenancy.directory import TenantView

REQUEST_ID_MAX = 128

Scope = MutableMapping[str, Any]
"""What ASGI says of a connection."""
Headers = tuple[tuple[bytes, bytes], ...]
"""Of an answer: names in small letters, and values."""


class Call(Struct):
    """What every handler is given beside its body."""

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    request_id: str
    peer: str | None = None
    """Address at the other end of the connection, which may be a proxy's."""
    started: float = field(default_factory=time.perf_counter)
    body: bytes = b""
    endpoint: str = "unknown"
    """The route's template, for metrics and logs: never the path, which may name a person."""
    caller: Caller = NOBODY
    view: TenantView | None = None
    limits: Headers = ()
    """Headers that say how much of its rate limits the caller has left."""
    empty: bool | None = None
    """Whether the list that is answered holds nothing; None where no list is answered."""
    laps: dict[str, float] = field(default_factory=dict)
    """When each stage ended, in their order."""
    taken_on: bool = False
    """Whether it is counted among what this worker has to do."""
    logged: bool = False
    """Whether the log has its line about this request."""

    @classmethod
    def begin(cls, scope: Scope) -> Call:
        """Read what a request says about itself; HEAD is a GET whose body is not sent."""
        headers = dict(scope["headers"])
        method = scope["method"]
        peer = scope.get("client")
        return cls("GET" if method == "HEAD" else method, scope["path"], headers, request_id(headers), peer and peer[0])

    @property
    def tenant(self) -> TenantView:
        """The tenant that this call is for; TenantScopeRequired where the route did not ask for one."""
        if self.view is None:
            raise TenantScopeRequired
        return self.view

    def lap(self, stage: str) -> None:
        """Note that a stage has ended."""
        self.laps[stage] = time.perf_counter()

    def timings(self) -> dict[str, float]:
        """Say how many milliseconds each stage took, and all of it."""
        took, begin = {}, self.started
        for stage, end in self.laps.items():
            took[stage] = _milliseconds(end - begin)
            begin = end
        took["total"] = self.milliseconds()
        return took

    def seconds(self) -> float:
        """Say how long ago the request arrived."""
        return time.perf_counter() - self.started

    def milliseconds(self) -> float:
        """Say how long ago the request arrived, to the microsecond."""
        return _milliseconds(self.seconds())


class Answer(Struct, frozen=True):
    """What goes back."""

    status: int
    body: bytes = b""
    media_type: bytes = b"application/json"
    headers: Headers = ()


def _milliseconds(seconds: float) -> float:
    return int(seconds * 1_000_000) / 1000  # a third of what `round` takes, and every answer has ten of them


def request_id(headers: Mapping[bytes, bytes]) -> str:
    """Keep the caller's own id if it is printable text of at most 128 characters, else make one that sorts by time."""
    given = headers.get(b"x-request-id")
    if given:
        try:
            text = given.decode("utf-8")
        except UnicodeDecodeError:
            return uuid7_text()
        if len(text) <= REQUEST_ID_MAX and text.isprintable():
            return text
    return uuid7_text()
