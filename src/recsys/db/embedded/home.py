"""The folder of an embedded server: where its files are, and that it is ours."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import NamedTuple

from recsys.db.embedded.privileges import require_reachable
from recsys.errors import EmbeddedServerError

_LONGEST = 900
"""Bytes of the folder's path. Postgres cuts paths off at 1024, and its own names within the folder come on top."""


class Home(NamedTuple):
    """Paths of everything that belongs to one embedded server. The locks are `flock`s on files of their own."""

    folder: Path

    @property
    def data(self) -> Path:
        """The data directory of Postgres."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server and its supervisor say."""
        return self.folder / "server.log"

    @property
    def state(self) -> Path:
        """How to reach the server; written by the supervisor when the server is ready, gone when it is not."""
        return self.folder / "server.json"

    @property
    def users_lock(self) -> Path:
        """Shared by all who use the server; the supervisor gets it when nobody does, and keeps it while stopping."""
        return self.folder / "users.lock"

    @property
    def start_lock(self) -> Path:
        """Held by the process that looks whether the server runs, and starts it."""
        return self.folder / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.folder / "supervisor.lock"


def open_home(data_dir: Path) -> Home:
    """Make the folder, or see that the one that is there is ours; EmbeddedServerError when it can not be used."""
    home = Home(data_dir.absolute() / "postgres")
    if len(os.fsencode(home.folder)) > _LONGEST:
        raise EmbeddedServerError(
            f"The path of the data folder is longer than Postgres can take ({_LONGEST} bytes): {data_dir}. "
            "Set RECSYS_DATA_DIR to a folder with a shorter path."
        )
    try:
        if not home.folder.exists():
            require_reachable(home.folder, "RECSYS_DATA_DIR")  # before a folder of root's is left there
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.folder.mkdir(mode=0o700, exist_ok=True)
        owner = home.folder.stat().st_uid
    except OSError as error:
        raise EmbeddedServerError(
            f"The data folder {data_dir.absolute()} can not be used ({error.strerror}). Set RECSYS_DATA_DIR to a "
            "folder that you may write to, or DATABASE_URL to use a Postgres that runs already."
        ) from error
    if owner != os.geteuid():
        raise EmbeddedServerError(
            f"The data folder {data_dir.absolute()} belongs to {_account(owner)}, and you are "
            f"{_account(os.geteuid())}. Run as {_account(owner)}, or set RECSYS_DATA_DIR to a folder of your own."
        )
    return home


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
