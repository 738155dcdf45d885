"""If-Match and If-None-Match (RFC 9110, section 13), in the words of the store."""

from __future__ import annotations

import re
from collections.abc import Mapping

from recsys.errors import IfMatchRequired, InvalidRequest, Problem
from recsys.tenancy.store import NO_VERSION, SOME_VERSION, Expected

_TAG = re.compile(r'(?:W/)?"([^"]*)"|([^\s,"]+)')
COMMENT_MAX = 1000


def expected(headers: Mapping[bytes, bytes], *, required: bool) -> Expected:
    """Say what must be live for a change to be made; IfMatchRequired where the operator demands that it is said.

    If-Match takes etags, quoted, bare or weak, and `*`: some version. If-None-Match takes `*`: no version yet.
    """
    match, none_match = headers.get(b"if-match"), headers.get(b"if-none-match")
    if match is not None and none_match is not None:
        raise _wrong("If-Match", "contradicts If-None-Match; send one of them")
    if none_match is not None:
        if none_match.strip() != b"*":
            raise _wrong("If-None-Match", "takes only * here: publish if there is no version yet")
        return NO_VERSION
    if match is None:
        if required:
            raise IfMatchRequired
        return None
    return SOME_VERSION if match.strip() == b"*" else frozenset(tags(match))


def is_known(headers: Mapping[bytes, bytes], etag: str) -> bool:
    """Tell whether the reader has this version already (304)."""
    given = headers.get(b"if-none-match")
    return given is not None and (given.strip() == b"*" or etag in tags(given))


def tags(header: bytes) -> list[str]:
    """List the etags of a header, without quotes and without the mark of weakness."""
    return [quoted or bare for quoted, bare in _TAG.findall(header.decode("latin-1"))]


def comment(headers: Mapping[bytes, bytes]) -> str | None:
    """Read X-Change-Comment: why a change is made, in UTF-8."""
    text = headers.get(b"x-change-comment", b"").decode("utf-8", errors="replace").strip()
    if len(text) > COMMENT_MAX or not text.isprintable():
        raise _wrong("X-Change-Comment", f"takes at most {COMMENT_MAX} printable characters")
    return text or None


def _wrong(header: str, what: str) -> InvalidRequest:
    return InvalidRequest([Problem(header, what)])
