"""The routes that every page view pays for: bytes to bytes, with nothing between the socket and the ranking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from recsys.api import recommend, similar, slates
from recsys.api.call import Answer, Call, Scope
from recsys.api.decode import decode
from recsys.api.identity import Role
from recsys.api.questions import Question
from recsys.api.route import Need, Route
from recsys.api.service import Service
from recsys.api.wire import RecommendRequest, SimilarRequest

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Hot(Generic[T]):
    """A hot route."""

    endpoint: str
    decoder: msgspec.json.Decoder[T]
    question: Callable[[Call, T], Question]
    requires: tuple[Role, ...] = (Role.SERVE,)
    need: Need = Need.ACTIVE
    path_tenant: None = None
    sheds: bool = True

    async def answer(self, service: Service, call: Call, _scope: Scope) -> Answer:
        """Decode, rank, encode."""
        question = self.question(call, decode(call.body, self.decoder))
        return Answer(200, _encode((await slates.answer(service, call, question)).response))


HOT: dict[str, Route] = {
    "/v1/recommend": Hot("/v1/recommend", msgspec.json.Decoder(RecommendRequest), recommend.question),
    "/v1/similar": Hot("/v1/similar", msgspec.json.Decoder(SimilarRequest), similar.question),
}
