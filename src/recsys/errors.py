"""Every error that recsys raises on purpose; a docstring is the default message.

RecsysError
├── Refused                       what the caller sent can not be done (an HTTP status of 4xx)
│   ├── InvalidInput              carries `problems`, one path and message each
│   │   ├── InvalidRequest
│   │   ├── InvalidDocument
│   │   ├── InvalidConfig
│   │   └── InvalidRules
│   ├── NotFound
│   │   ├── TenantNotFound
│   │   ├── ConfigNotFound
│   │   ├── RulesNotFound
│   │   └── VersionNotFound
│   ├── AuthRequired, AuthInvalid
│   ├── Forbidden
│   │   ├── TenantScopeRequired, TenantScopeMismatch
│   │   └── TenantSuspended
│   ├── MethodNotAllowed, BodyTooLarge, UnsupportedMediaType
│   └── Conflict, VersionMismatch, IfMatchRequired
├── TryLater                      nothing is wrong with the request; carries `retry_after`
│   ├── RateLimited
│   ├── Overloaded
│   └── Unavailable
└── OperatorError                 the installation needs a person; the message holds the remedy
    ├── InvalidSetting
    ├── EmbeddedServerError
    ├── DatabaseUnavailable
    ├── OwnerUnavailable
    ├── MigrationError
    ├── IsolationError
    ├── DataSetError
    ├── DataFileError
    └── CheckFailed               a check ran and did not hold (exit code 3)
"""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong: a JSON path (``$.weights.pop``) and a message that holds the remedy."""

    path: str
    message: str


class RecsysError(Exception):
    """Something went wrong inside recsys."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)

    @property
    def message(self) -> str:
        """What went wrong and what to do about it."""
        return str(self.args[0])


class Refused(RecsysError):
    """The request was refused."""


class InvalidInput(Refused):
    """What was sent is not valid."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...] = (), message: str | None = None) -> None:
        self.problems = tuple(problems)
        if message is None and self.problems:
            first = self.problems[0]
            message = f"{first.path}: {first.message}"
        super().__init__(message)


class InvalidRequest(InvalidInput):
    """The request body is not valid."""


class InvalidDocument(InvalidInput):
    """The document is not valid."""


class InvalidConfig(InvalidInput):
    """The config document is not valid."""


class InvalidRules(InvalidInput):
    """The rules document is not valid."""


class NotFound(Refused):
    """There is nothing at this address."""


class TenantNotFound(NotFound):
    """There is no such tenant. Create it with `recsys tenants create`."""


class ConfigNotFound(NotFound):
    """This tenant has no config yet; the defaults apply. PUT a config document to make one."""


class RulesNotFound(NotFound):
    """This tenant has no rules yet. PUT a rules document to make some."""


class VersionNotFound(NotFound):
    """There is no version with this etag. List the versions to see which exist."""


class AuthRequired(Refused):
    """This route needs credentials: an API key in X-API-Key or a bearer token."""


class AuthInvalid(Refused):
    """The credentials were not accepted."""


class Forbidden(Refused):
    """The credentials do not carry the role that this route needs."""


class TenantScopeRequired(Forbidden):
    """Nothing names a tenant: use an API key, a token with a tenant claim, or X-Org-Id."""


class TenantScopeMismatch(Forbidden):
    """The tenants named by credential, header and address do not agree."""


class TenantSuspended(Forbidden):
    """This tenant is suspended."""


class MethodNotAllowed(Refused):
    """This address does not answer that method."""

    def __init__(self, allow: str) -> None:
        self.allow = allow
        super().__init__(f"This address answers {allow}.")


class BodyTooLarge(Refused):
    """The request body is larger than 1 MiB. Send less at once."""


class UnsupportedMediaType(Refused):
    """Only application/json is understood."""


class Conflict(Refused):
    """This is in conflict with what exists already."""


class VersionMismatch(Refused):
    """The document has changed since it was read. Read it again and send its etag in If-Match."""


class IfMatchRequired(Refused):
    """This service demands If-Match: send the etag that was read, or If-None-Match: * for the first version."""


class TryLater(RecsysError):
    """The service can not do this right now."""

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(TryLater):
    """More requests than this tenant or this key may send. Wait as long as Retry-After says."""

    def __init__(self, retry_after: float = 1.0, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(retry_after=retry_after)
        self.headers = headers
        """What is left of the limit, as HTTP says it."""


class Overloaded(TryLater):
    """The service has more to do than it can. Try again."""


class Unavailable(TryLater):
    """What this request needs is not there yet. Try again."""


class OperatorError(RecsysError):
    """The installation needs attention."""


class InvalidSetting(OperatorError):
    """A setting has a value that can not be used."""


class EmbeddedServerError(OperatorError):
    """The embedded Postgres can not be used."""


class DatabaseUnavailable(OperatorError):
    """The database can not be reached."""


class OwnerUnavailable(OperatorError):
    """No login may act as the owner of the tables."""


class MigrationError(OperatorError):
    """The schema can not be migrated."""


class IsolationError(OperatorError):
    """The database would not keep tenants apart with this connection."""


class DataSetError(OperatorError):
    """The data set can not be fetched."""


class DataFileError(OperatorError):
    """The file can not be read."""


class CheckFailed(OperatorError):
    """A check did not hold."""
