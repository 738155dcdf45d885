"""Which pages of other origins may call: what a browser asks before it sends, and what it may read afterwards."""

from __future__ import annotations

from collections.abc import Mapping

from recsys.api.call import Headers

METHODS = b"DELETE, GET, PATCH, POST, PUT"
ALLOWED = (
    b"Authorization, Content-Type, If-Match, If-None-Match, X-API-Key, X-Change-Comment, X-Dev-Org-Id, X-Dev-Roles,"
    b" X-Dev-User-Id, X-Org-Id, X-Request-Id"
)
EXPOSED = b"ETag, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
PREFLIGHT_SECONDS = b"600"


class Cors:
    """Answers browsers for the origins that the settings name; no cookie is ever looked at, so none is allowed."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/").encode("utf-8") for origin in origins)

    def headers(self, asked: Mapping[bytes, bytes], *, preflight: bool = False) -> Headers:
        """List what a request from an allowed origin is answered beside its answer; nothing for any other."""
        if not self._origins:
            return ()
        vary = (b"vary", b"Origin")
        origin = asked.get(b"origin")
        if origin is None or not (self._any or origin in self._origins):
            return (vary,)
        allowed = (b"access-control-allow-origin", b"*" if self._any else origin)
        if not preflight or b"access-control-request-method" not in asked:
            return allowed, (b"access-control-expose-headers", EXPOSED), vary
        return (
            allowed,
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", ALLOWED),
            (b"access-control-max-age", PREFLIGHT_SECONDS),
            vary,
        )
