"""The secret of the user keys."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.errors import InvalidSetting
from recsys.secret import user_key_secret
from recsys.settings import Settings


def test_an_embedded_installation_keeps_its_secret(tmp_path: Path) -> None:
    """The secret is made once, is readable by its owner alone, and a second process reads the same."""
    settings = Settings(data_dir=tmp_path / "data")
    secret = user_key_secret(settings)
    assert len(secret) == 64
    assert user_key_secret(settings) == secret
    assert stat.S_IMODE((tmp_path / "data" / "user-key.secret").stat().st_mode) == 0o600


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    """Eight processes that need the secret at once all read one and the same."""
    code = (
        "from recsys.settings import Settings; from recsys.secret import user_key_secret;"
        "print(user_key_secret(Settings.from_environment()))"
    )
    environ = {**os.environ, "RECSYS_DATA_DIR": str(tmp_path)}
    environ.pop("DATABASE_URL", None)
    running = [
        subprocess.Popen([sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, text=True) for _ in range(8)
    ]
    said = {process.communicate(timeout=30)[0] for process in running}
    assert len(said) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["user-key.secret"]


def test_a_database_of_the_operators_needs_a_secret_of_the_operators() -> None:
    """With DATABASE_URL and no secret the start is refused, naming the variable and how to make one."""
    with pytest.raises(InvalidSetting, match=r"RECSYS_USER_KEY_SECRET.*openssl"):
        user_key_secret(Settings(database_url="postgresql:///x"))
