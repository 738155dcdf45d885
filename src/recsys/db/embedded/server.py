"""How to reach an embedded server, and whether it answers."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SUPERUSER = "postgres"
PORT = 5432
"""Names the socket file; no TCP port is opened."""

_SSL_REQUEST = struct.pack("!II", 8, 80877103)
"""The shortest thing a client may say. A child of the postmaster answers it with one byte, before any login."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded server: the folder of its socket, the port in the socket's name, its version."""

    socket_dir: Path
    port: int
    version: tuple[int, int]

    def superuser_conninfo(self, dbname: str = "postgres") -> str:
        """Give the connection string (libpq, key=value) of the superuser, for making roles and databases.

        No password: who may enter the folder of the socket is the owner of the server. `hostaddr` is said to be empty,
        or PGHOSTADDR in the environment would lead elsewhere.
        """
        parts = {"host": self.socket_dir, "hostaddr": "", "port": self.port, "user": SUPERUSER, "dbname": dbname}
        return " ".join(f"{name}={_quoted(str(value))}" for name, value in parts.items())

    @property
    def socket(self) -> Path:
        """The socket itself."""
        return self.socket_dir / f".s.PGSQL.{self.port}"

    def answers(self, *, timeout: float = 5.0) -> bool:
        """Ask the server for a sign of life, and wait *timeout* seconds for it."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(timeout)
                client.connect(str(self.socket))
                client.sendall(_SSL_REQUEST)
                return client.recv(1) != b""
        except OSError:
            return False

    def write(self, path: Path) -> None:
        """Write this down at *path*, all at once."""
        draft = path.with_suffix(".new")
        draft.write_text(
            json.dumps({"socket_dir": str(self.socket_dir), "port": self.port, "version": self.version}),
            encoding="utf-8",
        )
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read what was written at *path*; None when there is nothing."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        major, minor = fields["version"]
        return cls(Path(fields["socket_dir"]), fields["port"], (major, minor))


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
