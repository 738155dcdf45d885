"""The one map from an error to what HTTP says about it: status, code, headers, and a problem document (RFC 9457)."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from msgspec import Struct

from recsys import errors
from recsys.errors import RecsysError

MEDIA_TYPE = b"application/problem+json"


class Meaning(NamedTuple):
    """What an error means to a client."""

    status: int
    code: str


MEANINGS: dict[type[RecsysError], Meaning] = {
    errors.InvalidInput: Meaning(400, "RECSYS_INVALID_REQUEST"),
    errors.AuthRequired: Meaning(401, "RECSYS_AUTH_REQUIRED"),
    errors.AuthInvalid: Meaning(401, "RECSYS_AUTH_INVALID"),
    errors.Forbidden: Meaning(403, "RECSYS_FORBIDDEN"),
    errors.TenantScopeRequired: Meaning(403, "RECSYS_TENANT_SCOPE_REQUIRED"),
    errors.TenantScopeMismatch: Meaning(403, "RECSYS_TENANT_SCOPE_MISMATCH"),
    errors.TenantSuspended: Meaning(403, "RECSYS_TENANT_SUSPENDED"),
    errors.NotFound: Meaning(404, "RECSYS_NOT_FOUND"),
    errors.TenantNotFound: Meaning(404, "RECSYS_TENANT_NOT_FOUND"),
    errors.ConfigNotFound: Meaning(404, "RECSYS_CONFIG_NOT_FOUND"),
    errors.RulesNotFound: Meaning(404, "RECSYS_RULES_NOT_FOUND"),
    errors.VersionNotFound: Meaning(404, "RECSYS_VERSION_NOT_FOUND"),
    errors.MethodNotAllowed: Meaning(405, "RECSYS_METHOD_NOT_ALLOWED"),
    errors.Conflict: Meaning(409, "RECSYS_CONFLICT"),
    errors.VersionMismatch: Meaning(412, "RECSYS_VERSION_MISMATCH"),
    errors.IfMatchRequired: Meaning(428, "RECSYS_IF_MATCH_REQUIRED"),
    errors.BodyTooLarge: Meaning(413, "RECSYS_BODY_TOO_LARGE"),
    errors.UnsupportedMediaType: Meaning(415, "RECSYS_UNSUPPORTED_MEDIA_TYPE"),
    errors.InvalidDocument: Meaning(422, "RECSYS_UNPROCESSABLE_ENTITY"),
    errors.InvalidConfig: Meaning(422, "RECSYS_INVALID_CONFIG"),
    errors.InvalidRules: Meaning(422, "RECSYS_INVALID_RULES"),
    errors.RateLimited: Meaning(429, "RECSYS_RATE_LIMITED"),
    errors.Overloaded: Meaning(503, "RECSYS_OVERLOADED"),
    errors.Unavailable: Meaning(503, "RECSYS_UNAVAILABLE"),
    errors.DatabaseUnavailable: Meaning(503, "RECSYS_UNAVAILABLE"),
}
"""An error means what the nearest class above it means here."""

encode = msgspec.json.Encoder().encode
INTERNAL = Meaning(500, "RECSYS_INTERNAL")


class ProblemEntry(Struct, frozen=True):
    """One thing that is wrong with a body or a document."""

    path: str
    message: str


class ProblemDocument(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Every error that this service answers."""

    type: str = msgspec.field(default_factory=lambda: "about:blank")  # what a factory makes is never left out
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: tuple[ProblemEntry, ...] | None = None


def meaning(error: BaseException) -> Meaning:
    """Say what an error means; one that nobody planned is internal."""
    for cls in type(error).__mro__:
        if cls in MEANINGS:
            return MEANINGS[cls]
    return INTERNAL


def describe(error: BaseException, *, instance: str, request_id: str) -> ProblemDocument:
    """Make the document of an error. Messages meant for an operator are not shown."""
    status, code = meaning(error)
    return ProblemDocument(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=_detail(error),
        instance=instance,
        code=code,
        request_id=request_id,
        errors=_entries(error),
    )


def headers(error: BaseException) -> tuple[tuple[bytes, bytes], ...]:
    """List what an error says in headers: when to come back, which methods there are, how to identify oneself."""
    if isinstance(error, errors.MethodNotAllowed):
        return ((b"allow", error.allow.encode("ascii")),)
    if isinstance(error, errors.RateLimited):
        return ((b"retry-after", str(max(1, math.ceil(error.retry_after))).encode("ascii")), *error.headers)
    if isinstance(error, errors.TryLater):
        return ((b"retry-after", str(max(1, math.ceil(error.retry_after))).encode("ascii")),)
    if isinstance(error, errors.DatabaseUnavailable):
        return ((b"retry-after", b"1"),)
    if isinstance(error, errors.AuthRequired | errors.AuthInvalid):
        return ((b"www-authenticate", b"Bearer"),)
    return ()


def _detail(error: BaseException) -> str:
    if isinstance(error, errors.Refused | errors.TryLater):
        return error.message
    if isinstance(error, errors.DatabaseUnavailable):
        return "The database can not be reached right now. Try again."
    return "Something went wrong here. The request id finds it in the log."


def _entries(error: BaseException) -> tuple[ProblemEntry, ...] | None:
    if not isinstance(error, errors.InvalidInput) or not error.problems:
        return None
    return tuple(ProblemEntry(problem.path, problem.message) for problem in error.problems)
