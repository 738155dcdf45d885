"""Versions of config and rules: append one, move the pointer, write the audit row, in the caller's transaction.

A version is never changed. Its etag is the hex SHA-256 of the document as Postgres spells it, so one tenant has
each document once, and publishing an old document again points back to its version.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from recsys.db.queries import sql
from recsys.errors import ConfigNotFound, NotFound, RulesNotFound, VersionMismatch, VersionNotFound
from recsys.identifiers import uuid7
from recsys.rules.parse import parse_rules
from recsys.tenancy.audit import SYSTEM, Actor, Change, record
from recsys.tenancy.config import parse_config
from recsys.tenancy.document import read_document

SOME_VERSION: Literal["*"] = "*"
"""Expect that there is a version, whichever it is (If-Match: *)."""

NO_VERSION: Literal["-"] = "-"
"""Expect that there is no version yet (If-None-Match: *)."""

Expected = frozenset[str] | Literal["*", "-"] | None
"""The etags of which one must be live, SOME_VERSION, NO_VERSION, or None: whatever is live may be replaced."""


class Kind(NamedTuple):
    """One of the two documents that have versions."""

    name: Literal["config", "rules"]
    parse: Callable[[bytes], object]
    missing: type[NotFound]


CONFIG = Kind("config", parse_config, ConfigNotFound)
RULES = Kind("rules", parse_rules, RulesNotFound)


class Version(NamedTuple):
    """One version of a document."""

    id: UUID
    etag: str
    document: Any
    """The JSON value; None in a list of versions."""
    created_at: datetime
    created_by_sub: str | None
    comment: str | None
    current: bool


class Published(NamedTuple):
    """What publishing did."""

    version: Version
    previous: str | None
    """Etag of what was live before."""
    new: bool
    """Whether there was no such version yet."""

    @property
    def changed(self) -> bool:
        """Whether another version is live now than before."""
        return self.version.etag != self.previous


class Versions:
    """The versions of one tenant's config or rules, in the transaction of *conn* (as service or system)."""

    def __init__(self, conn: psycopg.Connection, tenant_id: UUID, kind: Kind) -> None:
        self._conn = conn
        self._tenant_id = tenant_id
        self._kind = kind

    def current(self) -> Version:
        """Return the live version; raises ConfigNotFound or RulesNotFound where there is none."""
        version = self._one("current")
        if version is None:
            raise self._kind.missing
        return version

    def get(self, etag: str) -> Version:
        """Return the version with this etag; raises VersionNotFound."""
        version = self._one("by_etag", etag=_storable(etag))
        if version is None:
            raise VersionNotFound
        return version

    def list(self, limit: int = 100) -> list[Version]:
        """List versions, newest first, without their documents."""
        with self._conn.cursor(row_factory=class_row(Version)) as cursor:
            return cursor.execute(self._query("list"), {"tenant_id": self._tenant_id, "limit": limit}).fetchall()

    def resolve(self, prefix: str) -> str:
        """Return the one etag that begins with *prefix*; VersionNotFound if none or more than one does."""
        parameters = {"tenant_id": self._tenant_id, "prefix": _storable(prefix)}
        found = [str(etag) for (etag,) in self._conn.execute(self._query("etags"), parameters)]
        if len(found) > 1:
            raise VersionNotFound(f"More than one version begins with {prefix!r}. Give more of the etag.")
        if not found:
            raise VersionNotFound
        return found[0]

    def etag_of(self, document: bytes) -> str:
        """Return the etag that a document has, or would have."""
        row = self._conn.execute(sql("versions.etag"), {"document": _canonical(document)}).fetchone()
        assert row is not None  # noqa: S101  a select without from has one row
        return str(row[0])

    def publish(
        self, document: bytes, *, expected: Expected = None, actor: Actor = SYSTEM, comment: str | None = None
    ) -> Published:
        """Make *document* the live one; what is live already changes nothing and leaves no audit row.

        Raises InvalidConfig or InvalidRules with every problem, VersionMismatch if what is live is not as *expected*.
        """
        self._kind.parse(document)
        before = self._locked(expected)
        parameters = {"tenant_id": self._tenant_id, "id": uuid7(), "document": _canonical(document)}
        appended = self._conn.execute(self._query("append"), parameters | {"actor": actor.sub, "comment": comment})
        after = self.get(self.etag_of(document))
        self._point("publish", before, after, actor, comment)
        return Published(after, before and before.etag, new=appended.rowcount == 1)

    def roll_back(
        self, to: str, *, expected: Expected = None, actor: Actor = SYSTEM, comment: str | None = None
    ) -> Published:
        """Make the version with etag *to* the live one. Raises VersionNotFound, VersionMismatch.

        A document that this release would not accept any more is refused with InvalidConfig or InvalidRules.
        """
        before = self._locked(expected)
        after = self.get(to)
        self._kind.parse(json.dumps(after.document).encode())
        self._point("rollback", before, after, actor, comment)
        return Published(after, before and before.etag, new=False)

    def _locked(self, expected: Expected) -> Version | None:
        """Return the live version when nobody else can move the pointer; raises VersionMismatch."""
        self._conn.execute(sql("versions.lock"), {"tenant_id": self._tenant_id})
        before = self._one("current")
        if not _as_expected(before and before.etag, expected):
            raise VersionMismatch
        return before

    def _point(self, verb: str, before: Version | None, after: Version, actor: Actor, comment: str | None) -> None:
        if after.current:
            return
        parameters = {"tenant_id": self._tenant_id, "version_id": after.id, "actor": actor.sub}
        self._conn.execute(self._query("point"), parameters)
        name = self._kind.name
        change = Change(
            f"{name}.{verb}",
            name,
            after.etag,
            before and {"etag": before.etag, name: before.document},
            {"etag": after.etag, name: after.document},
            {"comment": comment} if comment else None,
        )
        record(self._conn, self._tenant_id, change, actor)

    def _one(self, query: str, **parameters: str) -> Version | None:
        with self._conn.cursor(row_factory=class_row(Version)) as cursor:
            return cursor.execute(self._query(query), {"tenant_id": self._tenant_id, **parameters}).fetchone()

    def _query(self, name: str) -> LiteralString:
        return sql(f"versions.{self._kind.name}_{name}")


def _as_expected(etag: str | None, expected: Expected) -> bool:
    if expected is None:
        return True
    if expected == NO_VERSION:
        return etag is None
    return etag is not None and (expected == SOME_VERSION or etag in expected)


def _storable(text: str) -> str:
    """Replace what no etag holds and Postgres would not take."""
    return text.encode("ascii", "replace").decode().replace("\0", "?")


def _canonical(document: bytes) -> str:
    return json.dumps(read_document(document).value, ensure_ascii=False)
