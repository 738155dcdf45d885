"""Publishing, reading and taking back versions, on a real Postgres."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.errors import ConfigNotFound, InvalidConfig, RulesNotFound, VersionMismatch, VersionNotFound
from recsys.tenancy import tenants
from recsys.tenancy.audit import Actor, AuditEntry, page
from recsys.tenancy.store import CONFIG, NO_VERSION, RULES, SOME_VERSION, Expected, Published, Versions
from recsys.tenancy.tenants import Tenant

ANNA = Actor("user", "anna", ("operator",), request_id="r-1", ip="192.0.2.1", user_agent="curl")


@pytest.fixture
def acme(database: Database) -> Tenant:
    """Create a tenant."""
    with database.system() as conn:
        return tenants.create(conn, "acme", "Acme")


@pytest.fixture
def configs(database: Database, acme: Tenant) -> Iterator[Versions]:
    """Open the tenant's configs in one transaction of the service role."""
    with database.service(acme.id) as conn:
        yield Versions(conn, acme.id, CONFIG)


def config(max_k: int) -> bytes:
    """Make one of 200 different documents."""
    return json.dumps({"limits": {"max_k": max_k}}).encode()


def audited(database: Database, tenant: Tenant) -> list[AuditEntry]:
    """List the audit rows about documents, newest first."""
    with database.service(tenant.id) as conn:
        return [entry for entry in page(conn, tenant.id, limit=200) if entry.entity_type != "tenant"]


def put(database: Database, tenant: Tenant, document: bytes, expected: Expected = None) -> Published:
    """Publish a config in a transaction of its own."""
    with database.service(tenant.id) as conn:
        return Versions(conn, tenant.id, CONFIG).publish(document, expected=expected, actor=ANNA, comment="because")


def test_nothing_is_there_before_the_first_version(database: Database, acme: Tenant) -> None:
    """Each kind of document says by its own error that there is none."""
    with database.service(acme.id) as conn:
        with pytest.raises(ConfigNotFound):
            Versions(conn, acme.id, CONFIG).current()
        with pytest.raises(RulesNotFound):
            Versions(conn, acme.id, RULES).current()


def test_what_was_published_is_live(configs: Versions) -> None:
    """The live version holds the document, who published it, and why."""
    published = configs.publish(config(7), actor=ANNA, comment="fewer")
    version = configs.current()
    assert version == published.version._replace(current=True)
    assert (version.document, version.created_by_sub, version.comment) == ({"limits": {"max_k": 7}}, "anna", "fewer")
    assert (published.new, published.changed, published.previous) == (True, True, None)


def test_rules_have_versions_of_their_own(database: Database, acme: Tenant) -> None:
    """An array is stored as the array that it is."""
    document = b'[{"action": "block", "item_ids": ["a"]}]'
    with database.service(acme.id) as conn:
        rules = Versions(conn, acme.id, RULES)
        rules.publish(document)
        assert rules.current().document == json.loads(document)


def test_an_identical_document_changes_nothing(database: Database, acme: Tenant) -> None:
    """Whitespace and the order of keys do not make another document, and nothing is audited."""
    first = put(database, acme, b'{"algo": "blend", "limits": {"max_k": 7}}')
    again = put(database, acme, b'{"limits":{"max_k":7},"algo":"blend"}')
    assert again.version.etag == first.version.etag
    assert (again.new, again.changed) == (False, False)
    assert len(audited(database, acme)) == 1


def test_an_old_document_points_back_to_its_version(database: Database, acme: Tenant) -> None:
    """Publishing what was live once moves the pointer, is audited, and makes no new row."""
    first = put(database, acme, config(1))
    put(database, acme, config(2))
    third = put(database, acme, config(1))
    assert (third.version.id, third.new, third.changed) == (first.version.id, False, True)
    assert [entry.action for entry in audited(database, acme)] == ["config.publish"] * 3


def test_an_invalid_document_is_not_stored(configs: Versions) -> None:
    """A document with problems is refused before anything is written."""
    with pytest.raises(InvalidConfig):
        configs.publish(b'{"weigths": {}}')
    assert configs.list() == []


@pytest.mark.parametrize(
    ("expected", "fits_none", "fits_one"),
    [
        (None, True, True),
        (SOME_VERSION, False, True),
        (NO_VERSION, True, False),
        (frozenset({"0" * 64}), False, False),
        (frozenset(), False, False),
    ],
)
def test_a_document_is_replaced_only_if_it_is_as_expected(
    database: Database, acme: Tenant, expected: Expected, *, fits_none: bool, fits_one: bool
) -> None:
    """Every precondition holds or fails as If-Match and If-None-Match say, for the first version and the next."""
    for fits in (fits_none, fits_one):
        before = len(audited(database, acme))
        if fits:
            put(database, acme, config(before + 1), expected)
        else:
            with pytest.raises(VersionMismatch):
                put(database, acme, config(before + 1), expected)
            put(database, acme, config(before + 1))


def test_the_audit_row_says_who_and_what(database: Database, acme: Tenant) -> None:
    """Actor, request, address, agent, comment, and the document before and after."""
    first = put(database, acme, config(1))
    second = put(database, acme, config(2), frozenset({first.version.etag}))
    entry = audited(database, acme)[0]
    assert (entry.actor_sub, entry.actor_type, entry.request_id) == ("anna", "user", "r-1")
    assert (entry.ip, entry.user_agent) == ("192.0.2.1", "curl")
    assert entry.extra == {"comment": "because", "roles": ["operator"]}
    assert entry.before_state == {"etag": first.version.etag, "config": {"limits": {"max_k": 1}}}
    assert entry.after_state == {"etag": second.version.etag, "config": {"limits": {"max_k": 2}}}


def test_rolling_back_moves_only_the_pointer(database: Database, acme: Tenant) -> None:
    """From version 30 to version 3 and forward again: the same etags, two audit rows, no new version."""
    etags = [put(database, acme, config(number)).version.etag for number in range(1, 31)]
    for target in (etags[2], etags[29]):
        with database.service(acme.id) as conn:
            configs = Versions(conn, acme.id, CONFIG)
            configs.roll_back(target, actor=ANNA)
            assert configs.current().etag == target
            assert len(configs.list()) == 30
    assert [entry.action for entry in audited(database, acme)][:3] == ["config.rollback"] * 2 + ["config.publish"]
    assert len(audited(database, acme)) == 32


def test_versions_are_listed_newest_first(database: Database, acme: Tenant) -> None:
    """The list marks the live one and leaves the documents out."""
    etags = [put(database, acme, config(number)).version.etag for number in (1, 2, 3)]
    with database.service(acme.id) as conn:
        listed = Versions(conn, acme.id, CONFIG).list()
    assert [version.etag for version in listed] == etags[::-1]
    assert [version.current for version in listed] == [True, False, False]
    assert {version.document for version in listed} == {None}


def test_a_version_is_found_by_the_beginning_of_its_etag(configs: Versions) -> None:
    """A prefix that names one version resolves; an unknown or an ambiguous one does not."""
    etag = configs.publish(config(1)).version.etag
    assert configs.resolve(etag[:8]) == etag
    configs.publish(config(2))
    for prefix in ("", "x", "\0", "ä"):
        with pytest.raises(VersionNotFound):
            configs.resolve(prefix)


@pytest.mark.parametrize("etag", ["", "f" * 64, "\0", "ä", "\ud800"])
def test_an_unknown_version_is_not_found(configs: Versions, etag: str) -> None:
    """Reading and rolling back to what is no version say so."""
    with pytest.raises(VersionNotFound):
        configs.get(etag)
    with pytest.raises(VersionNotFound):
        configs.roll_back(etag)


def test_another_tenants_version_can_not_be_reached(database: Database, acme: Tenant) -> None:
    """An etag is a tenant's own: the same etag of another tenant is not found."""
    with database.system() as conn:
        other = tenants.create(conn, "other")
    etag = put(database, acme, config(1)).version.etag
    with database.service(other.id) as conn, pytest.raises(VersionNotFound):
        Versions(conn, other.id, CONFIG).roll_back(etag)


@pytest.mark.parametrize("first", [NO_VERSION, None])
def test_of_racing_writers_exactly_one_wins(database: Database, acme: Tenant, first: Expected) -> None:
    """Fifty writers who read the same version: one succeeds, 49 learn that it has changed, one audit row is added."""
    expected = first or frozenset({put(database, acme, config(200)).version.etag})
    audit_before = len(audited(database, acme))
    outcomes: list[str] = []

    def write(number: int) -> None:
        try:
            put(database, acme, config(number + 1), expected)
            outcomes.append("won")
        except VersionMismatch:
            outcomes.append("lost")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(50)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcomes) == ["lost"] * 49 + ["won"]
    assert len(audited(database, acme)) == audit_before + 1


def test_pages_of_the_audit_log_meet(database: Database, acme: Tenant, operator: psycopg.Connection) -> None:
    """Paging by time and id skips and repeats nothing, also among rows of one moment."""
    with database.service(acme.id) as conn:
        configs = Versions(conn, acme.id, CONFIG)
        for number in range(1, 8):
            configs.publish(config(number))
    seen: list[AuditEntry] = []
    with database.service(acme.id) as conn:
        while entries := page(
            conn,
            acme.id,
            limit=3,
            before=seen[-1].occurred_at if seen else None,
            before_id=seen[-1].id if seen else None,
        ):
            seen += entries
    total = operator.execute("select count(*) from audit_log where tenant_id = %s", (acme.id,)).fetchone()
    assert total == (len({entry.id for entry in seen}),) == (len(seen),) == (8,)
