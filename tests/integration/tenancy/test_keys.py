"""API keys on a real Postgres: shown once, kept as hashes, followed by every process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.errors import InvalidDocument, NotFound
from recsys.snapshot.refresh import Follower
from recsys.snapshot.snapshots import Snapshots
from recsys.tenancy import keys, tenants
from recsys.tenancy.audit import page
from recsys.tenancy.keyring import Holder, Keyring
from recsys.tenancy.keys import Created, NewKey, digest
from recsys.tenancy.roles import Role
from recsys.tenancy.tenants import Tenant

NOW = datetime.now(UTC)


@pytest.fixture
def acme(database: Database) -> Tenant:
    """Create a tenant."""
    with database.system() as conn:
        return tenants.create(conn, "acme", "Acme")


@pytest.fixture
def make(database: Database, acme: Tenant) -> Callable[[NewKey], Created]:
    """Create keys of that tenant."""

    def create(new: NewKey) -> Created:
        with database.service(acme.id) as conn:
            return keys.create(conn, acme.id, new, now=NOW)

    return create


@pytest.fixture
def keyring(database: Database) -> Keyring:
    """Remember nothing yet."""
    return Keyring(database)


@pytest.fixture
def follower(database: Database, keyring: Keyring) -> Follower:
    """Follow the log of changes by hand; what was written before the first look is behind."""
    follower = Follower(database, Snapshots(database), keyring)
    follower.look_once()
    return follower


def hash_of(created: Created) -> bytes:
    """Hash a key as a request does."""
    found = digest(created.text.encode())
    assert found is not None
    return found


def known(keyring: Keyring, key_hash: bytes) -> Holder:
    """Return what is known of a key without asking the database."""
    holder = keyring.get(key_hash)
    assert holder is not None
    return holder


def test_only_a_hash_is_stored(make: Callable[[NewKey], Created], operator: psycopg.Connection) -> None:
    """No column of the row, and no audit row, holds the key or its secret; the hash is the SHA-256 of the whole key."""
    created = make(NewKey("shop"))
    secret = created.text.rpartition("_")[2]
    for table in ("tenant_api_keys", "audit_log"):
        texts = operator.execute(f"select row_to_json(t)::text from {table} as t").fetchall()  # noqa: S608  two constants
        assert texts
        assert not any(secret in text for (text,) in texts)
    assert operator.execute("select key_hash, key_prefix from tenant_api_keys").fetchall() == [
        (hashlib.sha256(created.text.encode()).digest(), created.text.split("_")[1])
    ]


def test_a_key_holds_256_random_bits(make: Callable[[NewKey], Created]) -> None:
    """Two keys share nothing, and the secret is 64 hex digits long."""
    first, second = (make(NewKey("shop")).text.split("_") for _ in range(2))
    assert (first[0], len(bytes.fromhex(first[2]))) == ("rk", 32)
    assert (first[1], first[2]) != (second[1], second[2])


def test_a_new_key_may_serve_and_nothing_else(make: Callable[[NewKey], Created], keyring: Keyring) -> None:
    """Roles are those asked for with what they include; without any it is `serve`."""
    plain, operator = make(NewKey("shop")), make(NewKey("desk", (Role.OPERATOR,)))
    assert keyring.fetch(hash_of(plain)).roles == {Role.SERVE}  # type: ignore[union-attr]  # None would fail here too
    assert keyring.fetch(hash_of(operator)).roles == {  # type: ignore[union-attr]  # None would fail here too
        Role.OPERATOR,
        Role.VIEWER,
        Role.INGEST,
        Role.SERVE,
    }


def test_what_is_known_needs_no_database(make: Callable[[NewKey], Created], keyring: Keyring) -> None:
    """A key that was fetched once is answered from memory; one that was not is not."""
    key_hash = hash_of(make(NewKey("shop")))
    assert keyring.get(key_hash) is None
    assert keyring.fetch(key_hash) == keyring.get(key_hash)


def test_revocation_is_followed(
    make: Callable[[NewKey], Created], keyring: Keyring, follower: Follower, database: Database, acme: Tenant
) -> None:
    """A key that is revoked elsewhere is refused after the next look at the log, and stays refused."""
    created = make(NewKey("shop"))
    keyring.fetch(hash_of(created))
    with database.service(acme.id) as conn:
        keys.revoke(conn, acme.id, str(created.key.id))
    assert known(keyring, hash_of(created)).objection(NOW) is None
    follower.look_once()
    assert known(keyring, hash_of(created)).objection(NOW) == "revoked"


def test_an_operators_sql_is_followed_too(
    make: Callable[[NewKey], Created], keyring: Keyring, follower: Follower, operator: psycopg.Connection
) -> None:
    """Deleting the row, or taking a role from it, counts after the next look."""
    gone, less = make(NewKey("shop")), make(NewKey("desk", (Role.ADMIN,)))
    for created in (gone, less):
        keyring.fetch(hash_of(created))
    operator.execute("delete from tenant_api_keys where id = %s", (gone.key.id,))
    operator.execute("update tenant_api_keys set roles = '{viewer}' where id = %s", (less.key.id,))
    follower.look_once()
    assert keyring.get(hash_of(gone)) is None
    assert known(keyring, hash_of(less)).roles == {Role.VIEWER}


def test_a_key_that_nobody_has_is_remembered_as_such(
    make: Callable[[NewKey], Created], keyring: Keyring, follower: Follower, operator: psycopg.Connection
) -> None:
    """Guesses do not reach the database twice, and an operator who inserts that very hash is followed."""
    tenant_id = make(NewKey("shop")).key.tenant_id
    follower.look_once()
    guess = digest(b"rk_guess_" + b"0" * 64)
    assert guess is not None
    assert keyring.fetch(guess) is None
    assert keyring.is_unknown(guess)
    operator.execute(
        "insert into tenant_api_keys (tenant_id, name, key_prefix, key_hash) values (%s, 'x', 'guess', %s)",
        (tenant_id, guess),
    )
    follower.look_once()
    assert not keyring.is_unknown(guess)
    assert keyring.fetch(guess) is not None


def test_a_key_expires_by_the_clock(make: Callable[[NewKey], Created], keyring: Keyring) -> None:
    """At its time it is refused, a moment before it is not; nobody has to write anything for that."""
    end = NOW + timedelta(days=1)
    created = make(NewKey("shop", expires_at=end))
    keyring.fetch(hash_of(created))
    holder = known(keyring, hash_of(created))
    assert holder.objection(end - timedelta(microseconds=1)) is None
    assert holder.objection(end) == "expired"


def test_uses_are_written_together(
    make: Callable[[NewKey], Created], keyring: Keyring, follower: Follower, operator: psycopg.Connection
) -> None:
    """A thousand uses of two keys become one statement, which no host takes for a change of the keys."""
    for name in ("one", "two"):
        keyring.fetch(hash_of(make(NewKey(name))))
    follower.look_once()
    for holder in list(keyring._holders.values()) * 500:
        keyring.note_use(holder, NOW)
    before = operator.execute("select count(*) from signal_changes").fetchone()
    keyring.write_uses()
    assert operator.execute("select distinct last_used_at from tenant_api_keys").fetchall() == [(NOW,)]
    assert operator.execute("select count(*) from signal_changes").fetchone() == before


def test_revoking_is_audited_once(make: Callable[[NewKey], Created], database: Database, acme: Tenant) -> None:
    """A key is revoked by its id or its prefix; the second time changes nothing and says nothing."""
    created = make(NewKey("shop"))
    with database.service(acme.id) as conn:
        first = keys.revoke(conn, acme.id, created.key.key_prefix)
        assert keys.revoke(conn, acme.id, str(created.key.id)) == first
        actions = [entry.action for entry in page(conn, acme.id)]
    assert sorted(actions) == ["key.create", "key.revoke", "tenant.create"]


@pytest.mark.parametrize("name", ["6f1c2e0a-6f0b-4d0e-9f8a-0b7c6a5d4e3f", "nonsense", "a\0b", ""])
def test_a_key_of_somebody_else_is_no_key(database: Database, acme: Tenant, name: str) -> None:
    """What does not exist here can not be revoked."""
    with database.service(acme.id) as conn, pytest.raises(NotFound):
        keys.revoke(conn, acme.id, name)


def test_another_tenants_key_can_not_be_revoked(
    make: Callable[[NewKey], Created], database: Database, acme: Tenant
) -> None:
    """Neither its id nor its prefix means anything to another tenant."""
    created = make(NewKey("shop"))
    with database.system() as conn:
        other: UUID = tenants.create(conn, "other").id
    with database.service(other) as conn:
        for name in (str(created.key.id), created.key.key_prefix):
            with pytest.raises(NotFound):
                keys.revoke(conn, other, name)
    with database.service(acme.id) as conn:
        assert [key.revoked_at for key in keys.list_all(conn, acme.id)] == [None]


def test_an_expired_key_is_not_made(make: Callable[[NewKey], Created]) -> None:
    """A time in the past would make a key that never works."""
    with pytest.raises(InvalidDocument, match="expires_at"):
        make(NewKey("shop", expires_at=NOW))


@pytest.mark.parametrize("text", [b"", b"rk_", b"rk_a_b", b"rk_a_" + b"0" * 200, b"rk_a_" + b"\xff" * 64, b"x" * 70])
def test_what_can_not_be_a_key_is_not_looked_for(text: bytes) -> None:
    """Anything without the shape of a key has no hash, so it costs no look into the database."""
    assert digest(text) is None
