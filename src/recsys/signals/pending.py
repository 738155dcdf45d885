"""Build what waits to be built, for every tenant: one bounded pass, for a schedule."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import RecsysError
from recsys.signals.build import Built, build
from recsys.tenancy.config import DEFAULTS
from recsys.tenancy.directory import load_view

_log = structlog.get_logger()


def build_pending(
    database: Database, stopping: Callable[[], bool] = lambda: False, *, jobs: int = 1
) -> dict[str, Built]:
    """Build the touched days of every active tenant, *jobs* at once; answer what was built by external id.

    A tenant that fails is logged and does not hold up the others. *stopping* is asked between two tenants.
    """
    with database.system() as conn:
        waiting = [tenant_id for (tenant_id,) in conn.execute(sql("signals.waiting"))]
    built: dict[str, Built] = {}
    for tenant_id in waiting:
        if stopping():
            break
        try:
            with database.system() as conn:
                view = load_view(conn, tenant_id)
            built[view.tenant.external_id] = build(database, tenant_id, view.config or DEFAULTS, jobs=jobs)
        except RecsysError as error:
            _log.warning("signals not built", tenant=str(tenant_id), error=error.message)
    return built
