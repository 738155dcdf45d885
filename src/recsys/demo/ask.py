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


def recommend(url: str, tenant: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST one request to /v1/recommend and return the answer; OperatorError with the problem otherwise.

    A 503 is what it says: signals that were never asked for are being loaded, try again when Retry-After says.
    """
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            return _post(f"{url}/v1/recommend", tenant, body)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                problem = error.read().decode(errors="replace")
                raise OperatorError(f"The service answered {error.code}: {problem}") from None
            time.sleep(float(error.headers["Retry-After"]))


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
