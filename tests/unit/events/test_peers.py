"""The processes of a host tell each other whose history changed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from recsys.events import peers as module
from recsys.events.histories import FRESH_SECONDS, Histories, marks
from recsys.events.peers import Peers, forget_everybody

_ADA = marks(UUID(int=1), b"ada", None)


class Noted(Histories):
    """Histories that remember what they were told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bytes] = []
        self.forgotten = 0

    def tell(self, changed: object) -> None:
        """Remember."""
        self.told += list(changed)  # type: ignore[call-overload]  # an iterable of bytes

    def forget(self) -> None:
        """Count."""
        self.forgotten += 1


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a datagram."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  nothing to wait for but the datagram itself
            await asyncio.sleep(0.001)


def test_everybody_on_the_host_is_told(tmp_path: Path) -> None:
    """What one process tells reaches itself and each other process, once."""

    async def play() -> None:
        first, second, third = Noted(), Noted(), Noted()
        async with Peers(tmp_path, first) as teller, Peers(tmp_path, second), Peers(tmp_path, third):
            teller.tell([*_ADA, *_ADA])
            await until(lambda: bool(second.told and third.told))
            assert first.told == second.told == third.told == list(_ADA)

    asyncio.run(play())
    assert list(tmp_path.iterdir()) == []


def test_a_path_longer_than_a_socket_takes_is_no_hindrance(tmp_path: Path) -> None:
    """A data folder may lie deep."""

    async def play() -> None:
        folder, heard = tmp_path / ("x" * 120), Noted()
        async with Peers(folder, Noted()) as teller, Peers(folder, heard):
            teller.tell(_ADA)
            await until(lambda: bool(heard.told))

    asyncio.run(play())


def test_a_dead_process_is_forgotten(tmp_path: Path) -> None:
    """The socket that a killed process left behind goes away with the first message, which reaches the others."""

    async def play() -> None:
        left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        left.bind(str(tmp_path / "killed"))
        left.close()
        heard = Noted()
        async with Peers(tmp_path, Noted()) as teller, Peers(tmp_path, heard):
            teller.tell(_ADA)
            assert not (tmp_path / "killed").exists()
            await until(lambda: bool(heard.told))

    asyncio.run(play())


def test_who_is_too_busy_forgets_everybody_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that could not be taken is not waited for; in its place comes one that says: forget everybody."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.001)

    async def play() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as busy:
            busy.bind(str(tmp_path / "busy"))
            async with Peers(tmp_path, Noted()) as teller:
                for number in range(20_000):
                    teller.tell([number.to_bytes(16, "big")])
                heard = []
                busy.settimeout(5)
                while b"" not in heard:
                    await asyncio.sleep(0.001)
                    heard.append(busy.recv(1_000_000))

    asyncio.run(play())


def test_an_erasure_reaches_every_process(tmp_path: Path) -> None:
    """From outside, without a loop, all histories of a host can be dropped; where nobody serves that is nobody."""

    async def play() -> None:
        first, second = Noted(), Noted()
        async with Peers(tmp_path, first), Peers(tmp_path, second):
            assert await asyncio.to_thread(forget_everybody, tmp_path) == 2
            await until(lambda: first.forgotten == second.forgotten == 1)

    asyncio.run(play())
    assert forget_everybody(tmp_path / "absent") == 0


def test_what_is_too_old_leaves_memory_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a process that nobody asks anything lets go of histories."""
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.01)

    async def play() -> None:
        histories = Histories()
        histories.put(_ADA, (), histories.now() - FRESH_SECONDS + 0.05)
        async with Peers(tmp_path, histories):
            await until(lambda: len(histories) == 0)

    asyncio.run(play())
