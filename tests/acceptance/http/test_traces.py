"""Spans leave a running service for the endpoint that is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from conftest import Running


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Take what is sent, as a collector of OpenTelemetry does."""
    taken: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep the body."""
            taken.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces", taken
        finally:
            server.shutdown()
            thread.join()


def test_spans_reach_the_endpoint(start: Callable[..., AbstractContextManager[Running]]) -> None:
    """What was answered before the service was stopped has been sent, with its request id."""
    with collector() as (endpoint, taken):
        with start(otlp_endpoint=endpoint) as running:
            httpx.get(f"{running.url}/livez", headers={"X-Request-Id": "traced-request"}, trust_env=False)
        assert any(b"traced-request" in body for body in taken)
        assert any(b"recsys.request_id" in body for body in taken)
