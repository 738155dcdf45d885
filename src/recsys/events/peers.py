"""The processes of a host that serve from one data folder tell each other whose history changed.

Each has a datagram socket in ``RECSYS_DATA_DIR/workers``; a datagram holds the marks of visitors, or nothing at all:
forget everybody. Nothing here waits: whoever can not take a datagram is told to forget everybody a moment later.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from recsys.events.histories import FRESH_SECONDS, MARK_BYTES, Histories
from recsys.identifiers import uuid7

RETRY_SECONDS = 0.05
_AT_ONCE = 2000
"""Marks of one datagram: 32 KB, which a socket's default buffer holds several of."""
_PATH_MAX = 100  # the path of a socket has at most 107 bytes
_EVERYBODY = b""

_log = structlog.get_logger()


class Peers:
    """This process among those of its host: ``async with`` it, and `tell` what changed."""

    def __init__(self, folder: Path, histories: Histories) -> None:
        self._folder = folder
        self._histories = histories
        self._name = uuid7().hex
        self._behind: set[str] = set()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._socket = _datagrams()
        self._socket.bind(_address(self._folder, self._fd, self._name))
        self._loop.add_reader(self._socket.fileno(), self._hear)
        self._sweeper = self._loop.call_later(FRESH_SECONDS, self._sweep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sweeper.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        (self._folder / self._name).unlink(missing_ok=True)
        os.close(self._fd)

    def tell(self, changed: Iterable[bytes]) -> None:
        """Say to this process and to all others that visitors with these marks did something."""
        told = list(dict.fromkeys(changed))
        self._histories.tell(told)
        others = [name for name in _names(self._fd) if name != self._name]
        for begin in range(0, len(told), _AT_ONCE) if others else ():
            datagram = b"".join(told[begin : begin + _AT_ONCE])
            for name in others:
                self._send(name, datagram)

    def _send(self, name: str, datagram: bytes) -> None:
        if name in self._behind:
            return  # it forgets everybody in a moment
        if not _send(self._socket, self._folder, self._fd, name, datagram):
            self._behind.add(name)
            self._loop.call_later(RETRY_SECONDS, self._catch_up, name)

    def _catch_up(self, name: str) -> None:
        self._behind.discard(name)
        if self._socket.fileno() >= 0:
            self._send(name, _EVERYBODY)

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while True:
                datagram = self._socket.recv(_AT_ONCE * MARK_BYTES)
                if datagram == _EVERYBODY:
                    self._histories.forget()
                else:
                    self._histories.tell(
                        datagram[begin : begin + MARK_BYTES] for begin in range(0, len(datagram), MARK_BYTES)
                    )

    def _sweep(self) -> None:
        self._histories.sweep()
        self._sweeper = self._loop.call_later(FRESH_SECONDS, self._sweep)


def forget_everybody(folder: Path) -> int:
    """Tell every process of this host to forget all histories, from any thread or process; return how many heard it.

    One that is too busy to be told has them for FRESH_SECONDS at most.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        with _datagrams() as sender:
            return sum(_send(sender, folder, fd, name, _EVERYBODY) for name in _names(fd))
    finally:
        os.close(fd)


def _names(fd: int) -> list[str]:
    return os.listdir(fd)


def _datagrams() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _address(folder: Path, fd: int, name: str) -> str:
    """Name a socket in a folder whose path may be longer than the path of a socket."""
    path = str(folder / name)
    return path if len(os.fsencode(path)) <= _PATH_MAX else f"/proc/self/fd/{fd}/{name}"


def _send(sender: socket.socket, folder: Path, fd: int, name: str, datagram: bytes) -> bool:
    """Send without waiting; False when it could not be taken. The socket of a dead process is removed."""
    try:
        sender.sendto(datagram, _address(folder, fd, name))
    except BlockingIOError:
        return False
    except (ConnectionRefusedError, FileNotFoundError):
        (folder / name).unlink(missing_ok=True)
    except OSError as error:
        _log.warning("a process of this host can not be told whose history changed", error=str(error))
        return False
    return True
