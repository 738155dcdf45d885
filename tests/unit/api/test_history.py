"""A visitor's history while the database is away."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from recsys.api import history
from recsys.api.loads import Loads
from recsys.db.breaker import FAILURES, Breaker
from recsys.errors import DatabaseUnavailable
from recsys.events.histories import Histories
from recsys.ranking.query import NOBODY


class Away:
    """A database that can not be reached, and counts who tried."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, *_: Any, **__: Any) -> Any:
        """Fail, as `Database.ask` does."""
        self.asked += 1
        raise DatabaseUnavailable


@pytest.fixture
def database() -> Away:
    """Give a database that is away."""
    return Away()


@pytest.fixture
def service(database: Away) -> Any:
    """Give as much of a service as reading a history takes; its clocks stand still."""
    serving = SimpleNamespace(histories=Histories(), database=database)
    return SimpleNamespace(
        serving=serving, histories=Loads("history", threads=1, limit=1), history_breaker=Breaker(lambda: 0.0)
    )


def test_after_the_first_failures_nobody_asks_the_database(service: Any, database: Away) -> None:
    """A hundred visitors of an absent database cost it three reads, and each is told that nothing is known."""
    view = SimpleNamespace(tenant=SimpleNamespace(id=UUID(int=1)))

    async def visit(number: int) -> tuple[Any, bool]:
        return await history.visitor(service, view, bytes([number]) * 32, None)  # type: ignore[arg-type]  # a part of it

    async def visits() -> list[tuple[Any, bool]]:
        return [await visit(number) for number in range(100)]

    try:
        assert asyncio.run(visits()) == [(NOBODY, False)] * 100
    finally:
        service.histories.close()
    assert database.asked == FAILURES
