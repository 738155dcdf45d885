"""Asks a running service over HTTP, as a client would."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

from recsys.errors import OperatorError

_START_SECONDS = 60.0
_PAUSE_SECONDS = 0.1


def recommend(url: str, tenant: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST one request to /v1/recommend and return the answer; OperatorError with the problem otherwise.

    A service that has only just started may say 503, with the time after which its signals will be loaded, or answer
    without the visitor's history because its first read was late. Both are asked again.
    """
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            answer = _post(f"{url}/v1/recommend", tenant, body)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                problem = error.read().decode(errors="replace")
                raise OperatorError(f"The service answered {error.code}: {problem}") from None
            time.sleep(float(error.headers["Retry-After"]))
        else:
            if not _is_partial(answer) or time.monotonic() > deadline:
                return answer
            time.sleep(_PAUSE_SECONDS)


def _is_partial(answer: dict[str, Any]) -> bool:
    return any(warning["code"] == "SIGNAL_PARTIAL" for warning in answer.get("warnings", ()))


def _post(url: str, tenant: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "X-Dev-Org-Id": tenant}
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)  # noqa: S310  always http://
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  the server that the demo started
        answer: dict[str, Any] = json.load(response)
        return answer


def curl(url: str, tenant: str, body: dict[str, Any]) -> str:
    """Spell the same request for a shell."""
    return (
        f"curl -s {url}/v1/recommend -H 'Content-Type: application/json' "
        f"-H 'X-Dev-Org-Id: {tenant}' -d '{json.dumps(body)}'"
    )


def wait_until_ready(url: str, still_running: Any) -> None:
    """Poll /readyz until it answers 200; OperatorError when the service ends first, or needs over a minute."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if not still_running():
            raise OperatorError("The service ended before it was ready; its last lines stand above.")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as response:  # noqa: S310  as above
                if response.status == HTTPStatus.OK:
                    return
        except OSError:
            time.sleep(0.05)
    raise OperatorError(f"The service did not become ready within {_START_SECONDS:.0f} s.")
