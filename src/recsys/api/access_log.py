"""At most one line in the log for a request: of those that failed or were slow, and of a sample of the others.

What is turned away (503) comes in floods, when nobody has time to write: of those there is one line a second, with the
number of the ones before it that have none.
"""

from __future__ import annotations

import random
import time

import structlog

from recsys.api.call import Answer, Call
from recsys.settings import Settings

TURNED_AWAY_SECONDS = 1.0
"""Time between two lines about requests that were turned away."""

_SERVER_ERROR = 500
_UNAVAILABLE = 503

_log = structlog.get_logger()


class AccessLog:
    """Writes lines with the request's id and the route's template: never a path, a body or a person's id."""

    def __init__(self, settings: Settings) -> None:
        self._share = settings.access_log_share
        self._slow_ms = settings.slow_request_seconds * 1000
        self._turned_away_at = float("-inf")
        self._unwritten = 0

    def note(self, call: Call, answer: Answer, *, times: int = 1) -> None:
        """Write the line of a request that has been answered, if it is to have one; for *times* that were alike."""
        if call.logged:
            return
        slow = call.milliseconds() >= self._slow_ms
        if answer.status == _UNAVAILABLE and not slow:
            self._note_turned_away(call, answer, times)
        elif answer.status >= _SERVER_ERROR or slow:
            _log.warning("slow request" if slow else "request failed", **_fields(call, answer))
        elif self._share and random.random() < self._share:  # noqa: S311  a sample is no secret
            _log.info("request", **_fields(call, answer))

    def _note_turned_away(self, call: Call, answer: Answer, times: int) -> None:
        now = time.monotonic()
        if now - self._turned_away_at < TURNED_AWAY_SECONDS:
            self._unwritten += times
            return
        _log.warning("request turned away", **_fields(call, answer), unwritten_before=self._unwritten)
        self._turned_away_at, self._unwritten = now, times - 1


def _fields(call: Call, answer: Answer) -> dict[str, object]:
    return {
        "request_id": call.request_id,
        "method": call.method,
        "endpoint": call.endpoint,
        "status": answer.status,
        "tenant": None if call.view is None else call.view.tenant.external_id,
        "empty": call.empty,
        "timings_ms": call.timings(),
    }
