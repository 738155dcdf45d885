"""At most one line in the log for a request: of those that failed or were slow, and of a sample of the others."""

from __future__ import annotations

import random

import structlog

from recsys.api.call import Answer, Call
from recsys.settings import Settings

_SERVER_ERROR = 500

_log = structlog.get_logger()


class AccessLog:
    """Writes lines with the request's id and the route's template: never a path, a body or a person's id."""

    def __init__(self, settings: Settings) -> None:
        self._share = settings.access_log_share
        self._slow_ms = settings.slow_request_seconds * 1000

    def note(self, call: Call, answer: Answer) -> None:
        """Write the line of a request that has been answered, if it is to have one."""
        if call.logged:
            return
        slow = call.milliseconds() >= self._slow_ms
        if answer.status >= _SERVER_ERROR or slow:
            _log.warning("slow request" if slow else "request failed", **_fields(call, answer))
        elif self._share and random.random() < self._share:  # noqa: S311  a sample is no secret
            _log.info("request", **_fields(call, answer))


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
