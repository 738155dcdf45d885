"""The answer to a list that is not taken on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import structlog
from structlog.testing import capture_logs

from recsys import metrics
from recsys.api import problems
from recsys.api.access_log import AccessLog
from recsys.api.cors import Cors
from recsys.api.turned_away import TurnedAway
from recsys.errors import Overloaded
from recsys.settings import Settings

PATH = "/v1/recommend"


def scope(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Begin a request."""
    return {"method": "POST", "path": PATH, "headers": list(headers)}


def counted(name: str, **labels: str) -> float:
    """Read a counter."""
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def test_it_is_the_problem_that_everybody_gets() -> None:
    """The body is the document of `Overloaded`, with the id that the client gave, whatever is in it."""

    async def run() -> None:
        away = TurnedAway([PATH], Cors(("https://shop",)), AccessLog(Settings()))
        given = 'a "quoted" \\ ü'
        status, headers, body = away.refusal(
            PATH, scope((b"x-request-id", given.encode()), (b"origin", b"https://shop"))
        )
        assert status == 503
        assert body == problems.encode(problems.describe(Overloaded(), instance=PATH, request_id=given))
        said = dict(headers)
        assert said[b"x-request-id"] == given.encode()
        assert said[b"content-length"] == str(len(body)).encode()
        assert (said[b"retry-after"], said[b"content-type"]) == (b"1", problems.MEDIA_TYPE)
        assert said[b"access-control-allow-origin"] == b"https://shop"
        first, second = (json.loads(away.refusal(PATH, scope()).body)["request_id"] for _ in range(2))
        assert first != second

    asyncio.run(run())


def test_a_turn_is_counted_together() -> None:
    """All refusals of one turn are in every counter once the turn is over, and one line in the log."""
    structlog.reset_defaults()

    async def run() -> list[float]:
        away = TurnedAway([PATH], Cors(()), AccessLog(Settings()))
        for _ in range(100):
            away.refusal(PATH, scope())
        away.refusal(PATH, scope((b"x-request-id", b"last")))
        before = figures()
        await asyncio.sleep(0)
        return [after - begin for begin, after in zip(before, figures(), strict=True)]

    def figures() -> list[float]:
        return [
            counted("recsys_http_requests_total", endpoint=PATH, status="503"),
            counted("recsys_recommendation_requests_total", endpoint=PATH, outcome="error", empty="false"),
            counted("recsys_refused_requests_total", code="RECSYS_OVERLOADED"),
        ]

    with capture_logs() as lines:
        assert asyncio.run(run()) == [101, 101, 101]
    (line,) = lines
    assert (line["event"], line["endpoint"], line["request_id"]) == ("request turned away", PATH, "last")
