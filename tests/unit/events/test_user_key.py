"""User keys: stable, separate, and never for nobody."""

from __future__ import annotations

from uuid import UUID

from recsys.events.user_key import user_key

_A, _B = UUID(int=1), UUID(int=2)


def test_a_key_depends_on_secret_tenant_and_kind_of_id() -> None:
    """The same id gives one key; another secret, another tenant, or the same text as anonymous id another one."""
    keys = [
        user_key(b"secret", _A, "u", None),
        user_key(b"other", _A, "u", None),
        user_key(b"secret", _B, "u", None),
        user_key(b"secret", _A, None, "u"),
        user_key(b"secret", _A, "u2", None),
    ]

    assert len(set(keys)) == len(keys)
    assert keys[0] == user_key(b"secret", _A, "u", "ignored beside a user id")
    assert {len(key or b"") for key in keys} == {32}


def test_nobody_has_no_key() -> None:
    """Absent and empty ids name nobody."""
    assert user_key(b"secret", _A, None, None) is None
    assert user_key(b"secret", _A, "", "") is None


def test_a_key_never_changes() -> None:
    """Stored keys must still match after an upgrade."""
    assert user_key(b"secret", _A, "u", None) == bytes.fromhex(
        "ef6074b571fdad39c329f8c164599146994679e00f5b36b25a6f3e7ac7753523"
    )
