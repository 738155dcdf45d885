"""One worker: the application on an event loop, answering what the shared socket brings until it is told to end."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate

from uvicorn import Config
from uvicorn import Server as UvicornServer

from recsys import logs
from recsys.server.connection import Application, Connection, State
from recsys.ticking import ticking

DRAIN_SECONDS = 10.0
"""How long a worker may take to finish what it has begun when it is told to end."""
LINGER_SECONDS = 1.0
"""How long a worker that ends keeps idle connections: a request that is on its way is answered."""
TICK_SECONDS = 1.0
_LOOK_SECONDS = 0.05


def run(application: str, listening: socket.socket) -> None:
    """Serve what *application* names, a factory as `package.module:function`, until SIGTERM."""
    # Ctrl-C reaches the whole group of processes; who started this one says when it is over.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    logs.forward("uvicorn")
    Server(application).run(sockets=[listening])


class Server(UvicornServer):
    """A server that ends without losing a request."""

    server_state: State

    def __init__(self, application: str | Callable[[], Application]) -> None:
        config = Config(
            application,
            factory=True,
            interface="asgi3",
            lifespan="on",
            loop="uvloop",
            http=Connection,
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        super().__init__(config)
        self.server_state = State()
        self._told = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End when told to, and when the process that started this one is gone: nobody could end it any more."""
        loop, parent = asyncio.get_running_loop(), multiprocessing.parent_process()
        loop.add_signal_handler(signal.SIGTERM, self._end)
        if parent is not None:
            gone = parent.sentinel

            def orphaned() -> None:
                loop.remove_reader(gone)  # it stays readable, and once is enough
                self._end()

            loop.add_reader(gone, orphaned)
        yield

    def _end(self) -> None:
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        """Serve until told to end."""
        self._tick(0)
        with ticking(TICK_SECONDS, self._tick):
            await self._told.wait()

    def _tick(self, _due: float) -> None:
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode("ascii"))]
        now = asyncio.get_running_loop().time()
        for connection in self.server_state.open:
            connection.check(now)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, answer what is under way or comes at once, then end the application."""
        for server in self.servers:
            server.close()
        for held in sockets or ():
            held.close()
        state = self.server_state
        state.retiring = True
        for connection in state.open:
            connection.retire()
        with ticking(TICK_SECONDS, self._tick):
            await self._drain()
        for connection in state.open:
            connection.transport.abort()
        for task in list(state.tasks):
            task.cancel()
        await self.lifespan.shutdown()

    async def _drain(self) -> None:
        state, loop = self.server_state, asyncio.get_running_loop()
        begun = loop.time()
        while loop.time() < begun + DRAIN_SECONDS:
            await asyncio.sleep(_LOOK_SECONDS)  # also at first: a connection is known a turn after it was accepted
            if loop.time() >= begun + LINGER_SECONDS:
                await asyncio.sleep(0)  # what has arrived while others were answered is read before
                for connection in state.open:
                    connection.close_idle()
            if not state.connections and not state.tasks:
                return
