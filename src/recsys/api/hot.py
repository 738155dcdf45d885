"""The routes that every page view pays for: bytes to bytes, with nothing between the socket and the ranking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from recsys.api.call import Answer, Call, Scope
from recsys.api.decode import decode
from recsys.api.identity import Role
from recsys.api.recommend import recommend
from recsys.api.route import Need, Route
from recsys.api.service import Service
from recsys.api.similar import similar
from recsys.api.wire import RecommendRequest, RecommendResponse, SimilarRequest

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Hot(Generic[T]):
    """A hot route."""

    endpoint: str
    decoder: msgspec.json.Decoder[T]
    handle: Callable[[Service, Call, T], Awaitable[RecommendResponse]]
    requires: tuple[Role, ...] = (Role.SERVE,)
    need: Need = Need.ACTIVE
    path_tenant: None = None
    sheds: bool = True

    async def answer(self, service: Service, call: Call, _scope: Scope) -> Answer:
        """Decode, rank, encode."""
        return Answer(200, _encode(await self.handle(service, call, decode(call.body, self.decoder))))


HOT: dict[str, Route] = {
    "/v1/recommend": Hot("/v1/recommend", msgspec.json.Decoder(RecommendRequest), recommend),
    "/v1/similar": Hot("/v1/similar", msgspec.json.Decoder(SimilarRequest), similar),
}
