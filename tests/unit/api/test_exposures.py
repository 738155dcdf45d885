"""An exposure is on disk before its list is answered, or the list says that it is not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from recsys import metrics
from recsys.api import exposures
from recsys.api.service import Service
from recsys.events.exposure import Exposure
from recsys.events.room import Bounds
from recsys.events.spool import Spool

RECORD = Exposure(
    id=UUID("0190a0b0-0000-7000-8000-00000000000a"),
    tenant_id=UUID("0190a0b0-0000-7000-8000-000000000001"),
    occurred_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
    request_id="r",
    surface="home",
    segment="default",
    algo_version="1",
    item_ids=("a",),
    scores=(0.5,),
)


def logged(root: Path, bounds: Bounds) -> tuple[bool, int]:
    """Log one exposure to a spool; return whether it was, and how many bytes are on disk by then."""

    async def scenario() -> tuple[bool, int]:
        async with Spool(root, bounds=bounds) as spool:
            service = cast("Service", SimpleNamespace(serving=SimpleNamespace(spool=spool, exposure_log=None)))
            done = await exposures.log(service, RECORD, "shop")
            return done, sum(path.stat().st_size for path in spool.path.rglob("*") if path.is_file())

    return asyncio.run(scenario())


def dropped() -> Any:
    """Read the counter of lists that were served without a record."""
    return metrics.REGISTRY.get_sample_value("recsys_exposures_not_logged_total")


def test_what_is_logged_is_on_disk(tmp_path: Path) -> None:
    """When `log` says so, the record has been written."""
    before = dropped()
    done, size = logged(tmp_path / "spool", Bounds())
    assert done
    assert size > 60
    assert dropped() == before


def test_a_full_spool_is_said_and_counted(tmp_path: Path) -> None:
    """Where there is no room the list is served without, and a counter goes up."""
    before = dropped()
    assert not logged(tmp_path / "spool", Bounds(max_bytes=10))[0]
    assert dropped() == before + 1
