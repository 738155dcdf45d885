"""The headers that every answer has."""

from __future__ import annotations

from recsys.api.call import Answer, Headers

_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_NO_CONTENT = 204


def head(answer: Answer, request_id: str, more: Headers) -> list[tuple[bytes, bytes]]:
    """List the headers of an answer, its own last."""
    return [
        *([(b"content-type", answer.media_type)] if answer.body else []),
        *([] if answer.status == _NO_CONTENT else [(b"content-length", str(len(answer.body)).encode("ascii"))]),
        (b"cache-control", b"no-store"),
        *_SECURITY,
        (b"x-request-id", request_id.encode("utf-8")),
        *more,
        *answer.headers,
    ]
