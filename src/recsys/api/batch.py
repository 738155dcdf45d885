"""`POST /v1/recommend/batch`: the lists of one page, in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from recsys.api import problems, slates
from recsys.api.call import Call
from recsys.api.decode import decode
from recsys.api.problems import ProblemDocument
from recsys.api.recommend import question
from recsys.api.service import Service
from recsys.api.slates import Answered
from recsys.api.wire import Body, RecommendRequest, RecommendResponse
from recsys.errors import RecsysError

_EITHER = [{"$ref": f"#/components/schemas/{one.__name__}"} for one in (RecommendResponse, ProblemDocument)]


class BatchRequest(Body, frozen=True):
    """The lists of one page. With dedupe, a list leaves out what the ones before it show."""

    requests: Annotated[tuple[RecommendRequest, ...], Meta(min_length=1, max_length=20)]
    dedupe: bool | None = None


class BatchResponse(Struct, frozen=True):
    """One answer for each request, in order: a list, or the problem that kept it from being one."""

    responses: tuple[Annotated[Any, Meta(extra_json_schema={"anyOf": _EITHER})], ...]


_decoder = msgspec.json.Decoder(BatchRequest)


async def batch(service: Service, call: Call) -> BatchResponse:
    """Answer each request as if it came alone, and record each list; one that fails does not fail the others."""
    asked = decode(call.body, _decoder)
    responses: list[RecommendResponse | ProblemDocument] = []
    shown: list[str] = []
    for request in asked.requests:
        try:
            answered = await _one(service, call, request, shown if asked.dedupe else ())
        except RecsysError as error:
            responses.append(problems.describe(error, instance=call.path, request_id=call.request_id))
        else:
            responses.append(answered.response)
            shown += answered.item_ids
    return BatchResponse(tuple(responses))


async def _one(service: Service, call: Call, request: RecommendRequest, shown: Iterable[str]) -> Answered:
    asked = question(call, request)
    query = replace(asked.query, exclude_ids=(*asked.query.exclude_ids, *shown))
    return await slates.answer(service, call, replace(asked, query=query))
