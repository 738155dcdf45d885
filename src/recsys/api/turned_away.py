"""Lists that are not taken on: the answer is made once, but for the request's id, and they are counted turn by turn.

They come when there is least time for them, and what they take is taken from the lists that were taken on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from recsys import metrics
from recsys.api import problems
from recsys.api.access_log import AccessLog
from recsys.api.call import Answer, Call, Scope, request_id
from recsys.api.cors import Cors
from recsys.api.heads import head
from recsys.errors import Overloaded
from recsys.server.connection import Whole

_MEANING = problems.meaning(Overloaded())
_HEADERS = problems.headers(Overloaded())
_PLACE = "the request's id"


class TurnedAway:
    """Answers them."""

    def __init__(self, endpoints: Iterable[str], cors: Cors, access_log: AccessLog) -> None:
        self._bodies = {endpoint: _around_the_id(endpoint) for endpoint in endpoints}
        self._cors = cors
        self._access_log = access_log
        self._uncounted: Counter[str] = Counter()
        self._latest: tuple[Scope, str] = ({}, "")
        """The last one and its id: the line in the log is about it."""

    def refusal(self, endpoint: str, scope: Scope) -> Whole:
        """Make the answer to the request of *scope*, whose path is *endpoint*."""
        if not self._uncounted:
            asyncio.get_running_loop().call_soon(self._count)
        self._uncounted[endpoint] += 1
        headers = dict(scope["headers"])
        identity = request_id(headers)
        self._latest = scope, identity
        before, after = self._bodies[endpoint]
        answer = Answer(_MEANING.status, before + problems.encode(identity) + after, problems.MEDIA_TYPE, _HEADERS)
        return Whole(answer.status, head(answer, identity, self._cors.headers(headers)), answer.body)

    def _count(self) -> None:
        """Count what was refused in one turn of the loop; how long nothing took is not measured."""
        for endpoint, times in self._uncounted.items():
            metrics.http_requests(endpoint, str(_MEANING.status)).inc(times)
            metrics.recommendations(endpoint, "error", "false").inc(times)
        together = self._uncounted.total()
        metrics.refused(_MEANING.code).inc(together)
        scope, identity = self._latest
        call = Call.begin(scope)
        call.endpoint, call.request_id = call.path, identity
        self._access_log.note(call, Answer(_MEANING.status), times=together)
        self._uncounted.clear()


def _around_the_id(endpoint: str) -> tuple[bytes, bytes]:
    """Write the problem document of *endpoint*, and cut the request's id out of it."""
    document = problems.encode(problems.describe(Overloaded(), instance=endpoint, request_id=_PLACE))
    before, _, after = document.partition(problems.encode(_PLACE))
    return before, after
