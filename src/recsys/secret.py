"""The secret from which user keys are made: set by the operator, or made once for an embedded installation."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from recsys.errors import InvalidSetting
from recsys.settings import Settings, variable

_BYTES = 32


def user_key_secret(settings: Settings) -> bytes:
    """Return the secret; an embedded installation without one makes it in its data folder and keeps it there.

    Raises InvalidSetting where a database of the operator's is used and no secret is set: keys made from a
    secret that a restart forgets would tear every visitor's history apart.
    """
    if settings.user_key_secret is not None:
        return settings.user_key_secret.encode()
    if not settings.embedded:
        name = variable("user_key_secret")
        raise InvalidSetting(f"{name} must be set when DATABASE_URL is. Make one with `openssl rand -hex 32`, keep it.")
    return _kept(settings.data_dir / "user-key.secret")


def user_key_secrets(settings: Settings) -> tuple[bytes, ...]:
    """Return every secret under which a person may have been stored, the one in use first."""
    return (user_key_secret(settings), *(secret.encode() for secret in settings.user_key_secrets_old))


def _kept(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    return path.read_bytes().strip()


def _make(path: Path) -> None:
    """Make the file whole before it gets its name, so that two processes that start at once read one secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_hex(_BYTES) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its secret is the one
    finally:
        draft.unlink()
