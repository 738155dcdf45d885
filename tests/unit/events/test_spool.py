"""The spool of a process: one write a turn, two promises, bounds."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from recsys.eager import Turn
from recsys.errors import Overloaded, Unavailable
from recsys.events import folder
from recsys.events.reader import read
from recsys.events.room import Bounds
from recsys.events.spool import Spool

_ROOMY = Bounds(max_bytes=2**30, min_free_bytes=0)


def _payloads(root: Path) -> list[bytes]:
    segments = [segment for spool in folder.list_spools(root) for segment in spool.segments]
    return [frame.payload for segment in segments for frame in read(segment, 0, 10**6).frames]


def _run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_all_records_of_a_turn_are_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many handlers append in one turn of the loop, the file is written once."""
    writes: list[int] = []
    real = os.write

    async def test() -> None:
        async with Spool(tmp_path, bounds=_ROOMY) as spool:
            spool.append(1, b"begins the segment")
            await spool.written()
            monkeypatch.setattr(os, "write", lambda file, data: (writes.append(len(data)), real(file, data))[1])

            async def handler(number: int) -> None:
                spool.append(1, b"%d" % number)
                assert await spool.written()

            await asyncio.gather(*map(handler, range(50)))
            monkeypatch.undo()

    _run(test)
    assert len(writes) == 1
    assert sorted(_payloads(tmp_path)) == sorted([b"begins the segment", *(b"%d" % number for number in range(50))])


def test_written_means_in_the_file(tmp_path: Path) -> None:
    """When `written` returns, another process can read the record."""

    async def test() -> None:
        async with Spool(tmp_path, bounds=_ROOMY) as spool:
            spool.append(1, b"a")
            assert _payloads(tmp_path) == []
            assert await spool.written()
            assert _payloads(tmp_path) == [b"a"]
            assert await spool.written()  # nothing new: nothing to wait for

    _run(test)


def test_a_flush_does_not_wait_for_the_end_of_the_turn(tmp_path: Path) -> None:
    """What was appended is in the file when it returns, and an eager coroutine that waits for that has gone on."""

    async def test() -> None:
        async with Spool(tmp_path, bounds=_ROOMY) as spool:
            told: list[bool] = []

            async def handler() -> bool:
                spool.append(1, b"a")
                return await spool.written()

            Turn().begin(handler(), told.append, asyncio.ensure_future)
            assert not told
            spool.flush()
            assert told == [True]
            assert _payloads(tmp_path) == [b"a"]

    _run(test)


@pytest.mark.parametrize("full", [True, False])
def test_synced_means_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool) -> None:
    """`synced`, and `written` under a full sync, return only after an fdatasync that began after the write."""
    done: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: (real(file), done.append(os.fstat(file).st_size))[0])

    async def test() -> None:
        async with Spool(tmp_path, bounds=_ROOMY, full_sync=full, sync_seconds=60.0) as spool:
            spool.append_batch(2, [b"x" * 100])
            await (spool.written() if full else spool.synced())
            assert done
            assert done[-1] > 100

    _run(test)


def test_exposures_are_synced_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks for a sync, and yet it comes within the interval."""

    async def test() -> None:
        seen = asyncio.Event()
        loop = asyncio.get_running_loop()
        real = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", lambda file: (real(file), loop.call_soon_threadsafe(seen.set))[0])
        async with Spool(tmp_path, bounds=_ROOMY, sync_seconds=0.001) as spool:
            spool.append(1, b"a")
            await asyncio.wait_for(seen.wait(), 10)

    _run(test)


def test_a_full_spool_drops_exposures_and_refuses_batches(tmp_path: Path) -> None:
    """Past the bound an exposure is dropped and counted, a batch is refused whole and says when to come again."""

    async def test() -> None:
        async with Spool(tmp_path, bounds=Bounds(max_bytes=300, min_free_bytes=0)) as spool:
            assert spool.append(1, b"x" * 100)
            assert not spool.append(1, b"x" * 200)
            with pytest.raises(Overloaded) as caught:
                spool.append_batch(2, [b"x" * 80, b"x" * 120])
            assert caught.value.retry_after > 0
            assert await spool.written()
            assert (spool.counts.records, spool.counts.dropped, spool.counts.refused) == (1, 1, 1)

    _run(test)
    assert _payloads(tmp_path) == [b"x" * 100]


def test_the_disk_keeps_its_reserve(tmp_path: Path) -> None:
    """With less than the reserve free nothing is taken, however small the spool is."""
    with (
        Spool(tmp_path, bounds=Bounds(max_bytes=2**30, min_free_bytes=2**62)) as spool,
        pytest.raises(Overloaded),
    ):
        spool.append_now(2, [b"a"])


def test_a_spool_that_was_full_takes_records_when_there_is_room(tmp_path: Path) -> None:
    """Once drained segments are gone, the next look finds the room."""

    async def test() -> None:
        async with Spool(tmp_path, bounds=Bounds(max_bytes=300, min_free_bytes=0)) as spool:
            other = tmp_path / "other"
            other.mkdir()
            (other / folder.segment_name(1)).write_bytes(bytes(300))
            spool.look()
            assert not spool.append(1, b"a")
            (other / folder.segment_name(1)).unlink()
            spool.look()
            assert spool.append(1, b"a")

    _run(test)


def test_a_failed_write_is_told_to_all_who_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exposures of the turn count as dropped, interactions are unavailable, and the next turn works again."""

    async def test() -> None:
        async with Spool(tmp_path, bounds=_ROOMY) as spool:
            with monkeypatch.context() as patched:
                patched.setattr(os, "write", _fail)

                async def expose() -> bool:
                    return spool.append(1, b"lost") and await spool.written()

                async def interact() -> None:
                    spool.append_batch(2, [b"lost too"])
                    await spool.synced()

                outcomes = await asyncio.gather(expose(), interact(), return_exceptions=True)
            assert outcomes[0] is False
            assert isinstance(outcomes[1], Unavailable)
            assert spool.counts.dropped == 1
            spool.append(1, b"kept")
            assert await spool.written()

    _run(test)
    assert _payloads(tmp_path) == [b"kept"]


def test_a_failed_sync_is_told_to_all_who_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told that an event is durable when the disk said that it is not."""

    async def test() -> None:
        async with Spool(tmp_path, bounds=_ROOMY) as spool:
            with monkeypatch.context() as patched:
                patched.setattr(os, "fdatasync", _fail)
                spool.append_batch(2, [b"a"])
                with pytest.raises(Unavailable):
                    await spool.synced()
            assert spool.counts.failed_syncs >= 1
            spool.append_batch(2, [b"b"])
            await spool.synced()

    _run(test)
    assert _payloads(tmp_path) == [b"a", b"b"]


def test_whoever_gives_up_waiting_does_not_disturb_the_others(tmp_path: Path) -> None:
    """A cancelled request in the same turn leaves the other answers as they are."""

    async def test() -> None:
        async with Spool(tmp_path, bounds=_ROOMY) as spool:

            async def handler() -> bool:
                return spool.append(1, b"a") and await spool.written()

            impatient, patient = asyncio.ensure_future(handler()), asyncio.ensure_future(handler())
            await asyncio.sleep(0)  # both have appended, nothing is written yet
            impatient.cancel()
            assert await asyncio.wait_for(patient, 10)
            assert impatient.cancelled()

    _run(test)


def test_closing_writes_what_is_pending(tmp_path: Path) -> None:
    """A record appended in the last turn is in the file, and whoever waited for it was told."""

    async def test() -> None:
        spool = Spool(tmp_path, bounds=_ROOMY)
        async with spool:
            spool.append_batch(2, [b"last"])
            waiting = asyncio.ensure_future(spool.synced())
            await asyncio.sleep(0)
        await waiting
        assert not spool.append(1, b"too late")

    _run(test)
    assert _payloads(tmp_path) == [b"last"]


def test_an_unused_spool_leaves_no_folder(tmp_path: Path) -> None:
    """A process that logged nothing leaves nothing behind."""
    with Spool(tmp_path, bounds=_ROOMY):
        assert len(folder.list_spools(tmp_path)) == 1
    assert folder.list_spools(tmp_path) == []


def test_without_a_loop_a_record_is_durable_at_once(tmp_path: Path) -> None:
    """`append_now` writes and syncs before it returns."""
    with Spool(tmp_path, bounds=_ROOMY) as spool:
        spool.append_now(1, [b"a", b"b"])
        assert _payloads(tmp_path) == [b"a", b"b"]


def _fail(*_: object) -> int:
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("batch", [True, False])
def test_a_full_spool_lets_its_segment_go(tmp_path: Path, *, batch: bool) -> None:
    """What fills the bound is all in the open segment: a refusal ends it, once, so that a drain may remove it."""

    async def test() -> None:
        async with Spool(tmp_path, bounds=Bounds(max_bytes=100, min_free_bytes=0)) as spool:
            spool.append(1, b"x" * 60)
            await spool.synced()
            for _ in range(3):
                if batch:
                    with pytest.raises(Overloaded):
                        spool.append_batch(1, [b"y" * 60])
                else:
                    assert not spool.append(1, b"y" * 60)
            first, second = folder.list_spools(tmp_path)[0].segments
            assert (first.closed, second.closed) == (True, False)
            first.path.unlink()
            spool.look()
            spool.append_batch(1, [b"z" * 20])
            await spool.synced()

    _run(test)
