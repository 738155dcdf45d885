"""Who may call, and for whom."""

from __future__ import annotations

import pytest

from recsys.api.identity import ALL_ROLES, INCLUDES, Caller, Role, identify, refuse_repeated
from recsys.errors import AuthRequired, Forbidden, TenantScopeMismatch
from recsys.settings import Settings

DEVELOPMENT = Settings(dev_mode=True)
OPEN = Settings(dev_mode=False, auth_required=False)
CLOSED = Settings(dev_mode=False)


def test_a_header_names_the_tenant_only_where_authentication_is_off() -> None:
    """X-Org-Id alone is believed without authentication, and not otherwise."""
    assert identify({b"x-org-id": b"acme"}, OPEN).tenants == ("acme",)
    with pytest.raises(AuthRequired):
        identify({b"x-org-id": b"acme"}, CLOSED)


def test_development_headers_count_only_in_development() -> None:
    """Elsewhere X-Dev-Org-Id names nobody, and X-Dev-Roles gives and takes nothing."""
    headers = {b"x-dev-org-id": b"acme", b"x-dev-user-id": b"ada", b"x-dev-roles": b"viewer"}
    assert identify(headers, DEVELOPMENT) == Caller("ada", frozenset({Role.VIEWER}), ("acme",))
    assert identify(headers, OPEN).tenants == ()
    assert identify(headers | {b"x-org-id": b"acme"}, OPEN) == Caller("anonymous", ALL_ROLES, ("acme",))


def test_a_developer_has_all_roles_unless_they_say_otherwise() -> None:
    """Without X-Dev-Roles every role is there; with it those it names and what they include, unknown words aside."""
    assert identify({b"x-org-id": b"a"}, DEVELOPMENT).roles == ALL_ROLES
    assert identify({b"x-org-id": b"a", b"x-dev-roles": b"ingest, king"}, DEVELOPMENT).roles == {"ingest", "serve"}
    assert identify({b"x-org-id": b"a", b"x-dev-roles": b""}, DEVELOPMENT).roles == frozenset()


def test_every_name_of_a_tenant_is_kept() -> None:
    """Headers and address are all handed on, so that they can be held against each other."""
    caller = identify({b"x-org-id": b"acme", b"x-dev-org-id": b"other"}, DEVELOPMENT, path_tenant="third")
    assert caller.tenants == ("acme", "other", "third")
    assert identify({b"x-org-id": b"acme"}, DEVELOPMENT, path_tenant="acme").tenants == ("acme",)


def test_a_blank_header_names_nobody() -> None:
    """What is empty or blank is no tenant's name."""
    assert identify({b"x-org-id": b" "}, DEVELOPMENT).tenants == ()


def test_a_header_that_says_two_things_is_refused() -> None:
    """The same header twice with one value passes, with two values it does not; other headers may repeat."""
    refuse_repeated([(b"x-org-id", b"a"), (b"x-org-id", b"a"), (b"accept", b"x"), (b"accept", b"y")])
    with pytest.raises(TenantScopeMismatch):
        refuse_repeated([(b"x-org-id", b"a"), (b"x-org-id", b"b")])


def test_roles_include_what_they_build_on() -> None:
    """An operator may do what serving and ingest may; a viewer only looks; an admin may everything."""
    assert INCLUDES[Role.OPERATOR] >= {Role.SERVE, Role.INGEST, Role.VIEWER}
    assert INCLUDES[Role.VIEWER] == {Role.VIEWER}
    assert INCLUDES[Role.ADMIN] == ALL_ROLES


def test_a_missing_role_is_named() -> None:
    """Forbidden says which role would do."""
    viewer = Caller("v", INCLUDES[Role.VIEWER], ("acme",))
    viewer.require(Role.INGEST, Role.VIEWER)
    with pytest.raises(Forbidden, match="ingest or operator"):
        viewer.require(Role.INGEST, Role.OPERATOR)
