"""The processes of a data directory, found by the folder they work in, because process ids are used again."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_NAMES = {"postgres", "postmaster"}

Steps = tuple[tuple[signal.Signals, float], ...]
"""Signals, each with the seconds it is given."""


class Process:
    """One process, held by a descriptor that can not come to mean another one. ProcessLookupError when it is gone."""

    _descriptor = -1

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def fileno(self) -> int:
        """Descriptor that becomes readable when the process ends."""
        return self._descriptor

    def ended(self, *, within: float) -> bool:
        """Wait *within* seconds for the process to end."""
        readable, _, _ = select.select([self], [], [], within)
        return bool(readable)

    def end(self, steps: Steps) -> None:
        """Send each signal in turn, and give the process its seconds to end."""
        with suppress(ProcessLookupError):
            for number, patience in steps:
                signal.pidfd_send_signal(self._descriptor, number)
                if self.ended(within=patience):
                    return


def find(pid: int, data: Path) -> Process | None:
    """Hold the process *pid* if it is a Postgres that works in *data*: not in a folder that had the path before."""
    try:
        process = Process(pid)
        name = (_PROC / str(pid) / "comm").read_text(encoding="ascii", errors="replace").strip()
        ours = name in _NAMES and (_PROC / str(pid) / "cwd").samefile(data)
    except OSError:
        return None
    return process if ours else None


def find_all(data: Path) -> list[Process]:
    """Hold every Postgres process that works in *data*."""
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]
    return [process for pid in pids if (process := find(pid, data)) is not None]
