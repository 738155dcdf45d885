"""API keys: made, listed, revoked. A key is shown once; what is stored is its SHA-256 and a public prefix."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import psycopg
from msgspec import Meta, Struct
from psycopg.rows import class_row

from recsys.db.queries import sql
from recsys.errors import InvalidDocument, NotFound, Problem
from recsys.identifiers import uuid7
from recsys.tenancy.audit import SYSTEM, Actor, Change, record
from recsys.tenancy.roles import Role

PREFIX_BYTES = 5
"""Ten hex digits: enough to tell a tenant's keys apart, and nothing that helps to guess one."""
SECRET_BYTES = 32

_SHAPE = re.compile(rb"rk_[0-9A-Za-z]{1,32}_[0-9A-Za-z_-]{16,128}")


class Key(NamedTuple):
    """What is known of a key; who holds its text is known to nobody here."""

    id: UUID
    tenant_id: UUID
    name: str
    key_prefix: str
    roles: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class Created(NamedTuple):
    """A new key, and its text, which is shown this once."""

    key: Key
    text: str


KeyName = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\u0000-\u001f\u007f-\u009f]+(?![\s\S])")]


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    """What makes a key."""

    name: KeyName
    """For people."""
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=5)] = (Role.SERVE,)
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    """From when on it is refused; never if it is left out."""


class Generated(NamedTuple):
    """A new key, stored nowhere yet."""

    text: str
    prefix: str
    """The part that may be shown."""
    key_hash: bytes


def digest(text: bytes) -> bytes | None:
    """Return what is stored of a key; None for what can not be a key."""
    return _hashed(text) if _SHAPE.fullmatch(text) else None


def generate() -> Generated:
    """Make a key."""
    prefix = secrets.token_hex(PREFIX_BYTES)
    text = f"rk_{prefix}_{secrets.token_hex(SECRET_BYTES)}"
    return Generated(text, prefix, _hashed(text.encode("ascii")))


def _hashed(text: bytes) -> bytes:
    """Return the SHA-256: a key holds 256 random bits, so nobody can guess, and it needs no salt and no slowness."""
    return hashlib.sha256(text).digest()


def create(conn: psycopg.Connection, tenant_id: UUID, new: NewKey, *, now: datetime, actor: Actor = SYSTEM) -> Created:
    """Make a key of *tenant_id*; InvalidDocument where it would be expired already."""
    if new.expires_at is not None and new.expires_at <= now:
        raise InvalidDocument([Problem("$.expires_at", "lies in the past; give a later time, or none")])
    made = generate()
    values = {
        "id": uuid7(),
        "tenant_id": tenant_id,
        "name": new.name,
        "key_prefix": made.prefix,
        "key_hash": made.key_hash,
        "roles": sorted(set(new.roles)),
        "expires_at": new.expires_at,
    }
    key = _rows(conn, "keys.create", values)[0]
    record(conn, tenant_id, Change("key.create", "api_key", str(key.id), after=_state(key)), actor)
    return Created(key, made.text)


def list_all(conn: psycopg.Connection, tenant_id: UUID) -> list[Key]:
    """List a tenant's keys, newest first, revoked and expired ones too."""
    return _rows(conn, "keys.list", {"tenant_id": tenant_id})


def revoke(conn: psycopg.Connection, tenant_id: UUID, name: str, *, actor: Actor = SYSTEM) -> Key:
    """Refuse a key, named by its id or its prefix, from now on; every host follows within a second.

    NotFound if the tenant has no such key. One that was revoked before stays as it was.
    """
    found = _rows(conn, "keys.find", {"tenant_id": tenant_id, "name": name.replace("\0", "?")})
    if len(found) != 1:
        raise NotFound("This tenant has no such key. List its keys to see their ids.")
    before = found[0]
    if before.revoked_at is not None:
        return before
    after = _rows(conn, "keys.revoke", {"tenant_id": tenant_id, "id": before.id})[0]
    record(conn, tenant_id, Change("key.revoke", "api_key", str(after.id), _state(before), _state(after)), actor)
    return after


def _rows(conn: psycopg.Connection, query: str, parameters: dict[str, Any]) -> list[Key]:
    with conn.cursor(row_factory=class_row(Key)) as cursor:
        return cursor.execute(sql(query), parameters).fetchall()


def _state(key: Key) -> dict[str, Any]:
    return {
        "name": key.name,
        "key_prefix": key.key_prefix,
        "roles": key.roles,
        "expires_at": key.expires_at and key.expires_at.isoformat(),
        "revoked_at": key.revoked_at and key.revoked_at.isoformat(),
    }
