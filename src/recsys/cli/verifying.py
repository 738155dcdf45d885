"""`recsys signals status --verify`: hold what this host's processes serve against a full load."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from recsys.db.pool import Database
from recsys.errors import OperatorError
from recsys.snapshot.freeze import day_of, signals_of
from recsys.snapshot.load import load
from recsys.snapshot.served import Served, read
from recsys.tenancy.config import DEFAULTS, Config
from recsys.tenancy.directory import TenantView

PATIENCE_SECONDS = 10.0
"""A change that was committed just now is given so long to be noticed."""
LONGEST_SECONDS = 180.0
"""What a process knows to be behind, because it is loading, is given so long."""
_PAUSE_SECONDS = 1.0


class Verdict(NamedTuple):
    """One namespace that is served."""

    namespace: str
    processes: int
    served: str
    """Versions of the signals that the processes serve, usually one."""
    loaded: str
    """The version that a full load of the same day gives."""
    same: bool
    behind: bool
    """Whether a process knows that it is behind, and is reading what is newer."""


def verdicts(database: Database, view: TenantView, folder: Path) -> list[Verdict]:
    """Compare every namespace of a tenant that a process of this host serves; OperatorError where none does.

    What differs is looked at again: for PATIENCE_SECONDS, or LONGEST_SECONDS while a process is still reading.
    """
    began = time.monotonic()
    while True:
        found = _compare(database, view, folder)
        waited = time.monotonic() - began
        behind = any(one.behind for one in found)
        if all(one.same for one in found) or waited > (LONGEST_SECONDS if behind else PATIENCE_SECONDS):
            return found
        time.sleep(_PAUSE_SECONDS)


def _compare(database: Database, view: TenantView, folder: Path) -> list[Verdict]:
    serving = [one for process in read(folder) for one in process if one.tenant_id == view.tenant.id]
    if not serving:
        raise OperatorError(
            f"No process that serves tenant {view.tenant.external_id} was found in {folder}: there is nothing to "
            "compare. Run this on a host of the service with its RECSYS_DATA_DIR, after a first request."
        )
    namespaces = sorted({one.namespace for one in serving})
    return [_verdict(database, view, [one for one in serving if one.namespace == name]) for name in namespaces]


def _verdict(database: Database, view: TenantView, serving: list[Served]) -> Verdict:
    namespace, config = serving[0].namespace, view.config or DEFAULTS
    loaded = _loaded(database, view.tenant.id, namespace, config, serving)
    same = all(one.version == version for one, version in zip(serving, loaded, strict=True))
    behind = any(one.behind for one in serving)
    return Verdict(namespace, len(serving), _several(one.version for one in serving), _several(loaded), same, behind)


def _loaded(database: Database, tenant_id: UUID, namespace: str, config: Config, serving: list[Served]) -> list[str]:
    """Return the version that each of *serving* should have; around midnight they may serve two days."""
    versions: dict[int, str] = {}
    for one in serving:
        if day_of(one.as_of) not in versions:
            with database.reading() as conn:
                snapshot = load(conn, tenant_id, namespace, config.signals(namespace), now=one.as_of)
            versions[day_of(one.as_of)] = signals_of(snapshot.version)
    return [versions[day_of(one.as_of)] for one in serving]


def _several(versions: Iterable[str]) -> str:
    return ", ".join(sorted(set(versions)))
