"""A connection, written to byte by byte: what a client may do, what it may not, and how a worker that ends parts."""

from __future__ import annotations

import asyncio
import gc
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import pytest
import uvloop

from recsys.eager import Turn
from recsys.errors import OperatorError
from recsys.server import connection, worker
from recsys.server.connection import AT_ONCE, InTask, Whole, Write
from recsys.server.listening import listen
from recsys.server.worker import Server

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
SECONDS = 30.0
"""A deadline for a busy machine."""


class Application:
    """Answers with the path, or with the body; `/wait` waits until it is let go, `/much` answers ten megabytes."""

    def __init__(self, *, at_once: bool = False, eager: bool = False, busy: bool = False) -> None:
        self.at_once = at_once
        """Whether whole answers are given to the connection, where it takes them."""
        self.eager = eager
        """Whether requests are answered without a task, where that is possible."""
        self.busy = busy
        """Whether what arrives is put aside,"""
        self.aside_seconds = 0.0
        """and for how long."""
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()
        self.gone = asyncio.Event()
        """Whether a client went away before its body was there."""
        self.scopes: list[Any] = []
        self.lasting = True
        """Whether it can start."""

    def is_eager(self, scope: Any) -> bool:
        """Refuse `/full` without a task; and answer all others so, or none."""
        return scope["path"] == "/full" or self.eager

    def put_aside(self, go_on: Callable[[], None]) -> bool:
        """Put everything aside, or nothing."""
        if self.busy:
            asyncio.get_running_loop().call_later(self.aside_seconds, go_on)
        return self.busy

    def answer(self, scope: Any, arrived: bytes, write: Write, in_task: InTask) -> None:
        """Answer a request that has arrived whole."""
        if scope["path"] == "/full":
            write(Whole(503, [(b"content-length", b"3")], b"no."))
        else:
            Turn().begin(self._respond(scope, arrived), write, in_task)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or follow the server's life."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete" if self.lasting else "lifespan.startup.failed"})
            if self.lasting:
                await receive()
                await send({"type": "lifespan.shutdown.complete"})
            return
        arrived = b""
        if scope["path"] == "/echo":
            more = True
            while more:
                self.begun.set()
                message = await receive()
                if message["type"] == "http.disconnect":
                    self.gone.set()
                    return
                arrived, more = arrived + message["body"], message["more_body"]
        whole = await self._respond(scope, arrived)
        if self.at_once and scope[AT_ONCE](whole):
            return
        await send({"type": "http.response.start", "status": whole.status, "headers": whole.headers})
        await send({"type": "http.response.body", "body": whole.body})

    async def _respond(self, scope: Any, arrived: bytes) -> Whole:
        self.scopes.append(scope)
        self.begun.set()
        body = arrived if scope["path"] == "/echo" else scope["path"].encode()
        if scope["path"] == "/wait":
            await self.let_go.wait()
        elif scope["path"] == "/much":
            body = bytes(10_000_000)
        headers = [(b"content-length", str(len(body)).encode())]
        if scope["path"] == "/torn":
            headers.append((b"x-torn", b"a\r\nset-cookie: b"))
        return Whole(200, headers, body)


class Client:
    """A connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        """Write bytes."""
        self._writer.write(data)

    def pause(self) -> None:
        """Read no more."""
        cast("asyncio.ReadTransport", self._writer.transport).pause_reading()

    def go_on(self) -> None:
        """Read on."""
        cast("asyncio.ReadTransport", self._writer.transport).resume_reading()

    async def close(self) -> None:
        """Go away."""
        self._writer.transport.abort()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def answer(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Read one answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        headers = {name.lower(): value for name, value in re.findall(r"([\w-]+): (.*)\r\n", head)}
        length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
        return int(head.split()[1]), headers, await self._reader.readexactly(length)

    async def closed(self) -> bool:
        """Wait until the server closes; tell whether nothing came before."""
        return await self.rest() == b""

    async def rest(self) -> bytes:
        """Wait until the server closes; return what came before."""
        return await self._reader.read()


Connect = Callable[[], Awaitable[Client]]


@asynccontextmanager
async def served(application: Application) -> AsyncIterator[Connect]:
    """Serve *application* until the block ends."""
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = Server(lambda: application)
    serving = asyncio.create_task(server.serve([listening]))

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
        return clients[-1]

    clients: list[Client] = []
    try:
        async with asyncio.timeout(SECONDS):
            yield connect
    finally:
        application.let_go.set()
        for client in clients:
            await client.close()
        if not serving.done():
            signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(serving, SECONDS)


Scene = Callable[[Application, Connect], Awaitable[None]]


def play(scene: Scene) -> None:
    """Serve while *scene* plays: with answers as ASGI has them, with whole ones, and with eager ones."""

    async def run(**manner: bool) -> None:
        application = Application(**manner)
        async with served(application) as connect:
            await scene(application, connect)

    for manner in ({}, {"at_once": True}, {"eager": True}, {"eager": True, "busy": True}):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(**manner))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for a tenth of a second for everything."""
    for name in ("READ_SECONDS", "KEEP_ALIVE_SECONDS", "LINGER_SECONDS"):
        monkeypatch.setattr(connection, name, 0.1)
    monkeypatch.setattr(worker, "TICK_SECONDS", 0.02)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("half", [b"GET / HT", (GET % b"/")[:-2], POST + b"\r\n12"])
def test_half_a_request_is_given_up(half: bytes) -> None:
    """A client that begins a request and stops is told so with 408, and its connection is closed."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        client.send(half)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (408, "close")
        assert await client.closed()
        if half.startswith(b"POST") and not application.eager:
            await application.gone.wait()

    play(scene)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("before", [b"", b"\r\n", GET % b"/a"])
def test_an_idle_connection_is_closed(before: bytes) -> None:
    """A connection on which nothing is asked any more is closed without a word."""

    async def scene(_: Application, connect: Connect) -> None:
        client = await connect()
        client.send(before)
        if before.startswith(b"GET"):
            assert (await client.answer())[2] == b"/a"
        assert await client.closed()

    play(scene)


@pytest.mark.usefixtures("hasty")
def test_what_is_put_aside_is_not_idle() -> None:
    """A request that has arrived is answered however long it lay unread."""

    async def scene(application: Application, connect: Connect) -> None:
        application.busy, application.aside_seconds = True, 0.5
        client = await connect()
        client.send(GET % b"/a")
        assert (await client.answer())[2] == b"/a"

    play(scene)


@pytest.mark.usefixtures("hasty")
def test_an_answer_that_takes_long_is_waited_for() -> None:
    """The clocks are for clients: a request that is there is answered whenever the application does."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        client.send(GET % b"/wait")
        await asyncio.sleep(0.5)
        application.let_go.set()
        assert (await client.answer())[0] == 200

    play(scene)


@pytest.mark.usefixtures("hasty")
def test_a_client_that_does_not_read_is_given_up() -> None:
    """An answer that nobody takes does not hold its connection for ever."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        client.pause()
        client.send(GET % b"/much")
        await application.begun.wait()
        await asyncio.sleep(0.5)
        client.go_on()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.answer()

    play(scene)


@pytest.mark.parametrize(
    "wrong",
    [
        b"GARBAGE\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET http://a HTTP/1.1\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused(wrong: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """400 and a closed connection, and no line in the log, which a scanner would fill."""

    async def scene(_: Application, connect: Connect) -> None:
        client = await connect()
        client.send(wrong)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (400, "close")
        assert await client.closed()

    play(scene)
    assert capsys.readouterr().out == ""


def test_what_came_before_is_answered_before_a_refusal() -> None:
    """Two requests and then garbage, all at once: two answers in their order, then 400."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        client.send(GET % b"/wait" + GET % b"/b" + b"GARBAGE\r\n\r\n")
        await application.begun.wait()
        application.let_go.set()
        assert [(await client.answer())[::2] for _ in range(3)] == [(200, b"/wait"), (200, b"/b"), (400, b"")]
        assert await client.closed()

    play(scene)


def test_a_body_that_is_no_http_does_not_overtake() -> None:
    """A request whose body breaks off in garbage is refused after the answer of the one before it."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        broken = b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        client.send(GET % b"/wait" + broken)
        await application.begun.wait()
        application.let_go.set()
        assert [(await client.answer())[::2] for _ in range(2)] == [(200, b"/wait"), (400, b"")]
        assert [scope["path"] for scope in application.scopes] == ["/wait"]

    play(scene)


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([b"x: ", b"y" * 60_000, b"\r\n\r\n"], 200),
        ([b"x: ", b"y" * 70_000, b"\r\n\r\n"], 431),
        ([b"x: y\r\n" * 99, b"\r\n"], 200),
        ([b"x: y\r\n" * 101, b"\r\n"], 431),
        ([b"x: ", *[b"y" * 100_000] * 5], 431),
    ],
)
def test_a_head_has_its_bounds(pieces: list[bytes], status: int) -> None:
    """64 KiB and 100 headers; more is refused, also before it is all there."""

    async def scene(_: Application, connect: Connect) -> None:
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\n" + b"".join(pieces))
        assert (await client.answer())[0] == status

    play(scene)


def test_a_large_body_before_a_head_is_not_counted_with_it() -> None:
    """A request that follows a body of a megabyte on the same connection is read like any other."""

    async def scene(_: Application, connect: Connect) -> None:
        client = await connect()
        body, after = bytes(1_000_000), GET % b"/b"
        client.send(b"POST /echo HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + body + after[:10])
        assert (await client.answer())[2] == body
        client.send(after[10:])
        assert (await client.answer())[::2] == (200, b"/b")

    play(scene)


def test_pipelined_requests_are_answered_in_order() -> None:
    """What was asked later is answered later, however long the first takes."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        paths = [b"/wait", *(b"/%d" % number for number in range(50))]
        client.send(b"".join(GET % path for path in paths))
        await application.begun.wait()
        application.let_go.set()
        assert [(await client.answer())[2] for _ in paths] == paths

    play(scene)


def test_a_request_leaves_nothing_for_the_collector() -> None:
    """What is only found by a collection stops a busy worker, and takes memory that is cold by then."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                client.send(GET % b"/")
                await client.answer()
            application.scopes.clear()
            assert gc.collect() < 50
        finally:
            gc.enable()

    play(scene)


def test_no_header_ends_its_line() -> None:
    """What somebody smuggles into a header becomes no header: the connection ends, with 500 or without a word."""

    async def scene(_: Application, connect: Connect) -> None:
        client = await connect()
        client.send(GET % b"/torn")
        assert b"set-cookie" not in await client.rest()

    play(scene)


def test_head_has_no_body() -> None:
    """HEAD says how long the body would be and sends none: the next answer begins where it should."""

    async def scene(_: Application, connect: Connect) -> None:
        client = await connect()
        client.send((GET % b"/a").replace(b"GET", b"HEAD") + GET % b"/b")
        assert (await client.answer("HEAD"))[1]["content-length"] == "2"
        assert (await client.answer())[2] == b"/b"

    play(scene)


def test_a_client_that_asks_whether_to_go_on_is_told_to() -> None:
    """`Expect: 100-continue` is answered before the body is there, once the application wants it."""

    async def scene(_: Application, connect: Connect) -> None:
        client = await connect()
        client.send(POST + b"Expect: 100-continue\r\n\r\n")
        assert (await client.answer())[0] == 100
        client.send(b"abcd")
        assert (await client.answer())[::2] == (200, b"abcd")

    play(scene)


def test_what_is_answered_without_a_task_is_answered_once_it_is_there() -> None:
    """The answer is whole and the connection of further use, also where the body comes later or in pieces."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        full = POST.replace(b"/echo", b"/full") + b"\r\n"
        client.send(GET % b"/full" + full + b"a")
        assert (await client.answer())[::2] == (503, b"no.")
        client.send(b"bc")
        client.send(b"d" + GET % b"/a")
        assert [(await client.answer())[::2] for _ in range(2)] == [(503, b"no."), (200, b"/a")]
        assert [scope["path"] for scope in application.scopes] == ["/a"]

    play(scene)


@pytest.mark.parametrize("header", [b"Connection: close", b"Expect: 100-continue"])
def test_it_is_for_a_task_where_reading_on_is_not_enough(header: bytes) -> None:
    """A connection that is to be closed, or whose client waits for leave to send its body, is the application's."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        client.send(b"GET /full HTTP/1.1\r\n" + header + b"\r\n\r\n")
        assert (await client.answer())[::2] == (200, b"/full")
        assert [scope["path"] for scope in application.scopes] == ["/full"]

    play(scene)


def test_a_large_body_is_for_a_task() -> None:
    """One that is larger than what a connection reads ahead is read by the application, as it can."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        body = bytes(range(256)) * 4000
        client.send(POST.replace(b" 4", b" %d" % len(body)) + b"\r\n" + body + GET % b"/a")
        assert [(await client.answer())[2] for _ in range(2)] == [body, b"/a"]
        assert [scope["path"] for scope in application.scopes] == ["/echo", "/a"]

    play(scene)


def test_what_comes_while_another_is_under_way_is_for_a_task() -> None:
    """Answers keep their order."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        client.send(GET % b"/wait" + GET % b"/full" + GET % b"/full")
        await application.begun.wait()
        application.let_go.set()
        assert [(await client.answer())[2] for _ in range(3)] == [b"/wait", b"/full", b"/full"]

    play(scene)


def test_an_upgrade_is_not_made() -> None:
    """Who asks for another protocol is answered in this one, and must connect anew."""

    async def scene(_: Application, connect: Connect) -> None:
        client = await connect()
        client.send((GET % b"/a")[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        status, headers, body = await client.answer()
        assert (status, headers["connection"], body) == (200, "close", b"/a")
        assert await client.closed()

    play(scene)


def test_the_application_is_told_as_asgi_says() -> None:
    """Names of headers in lower case, a path that is decoded, the address of the other end whatever headers claim."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        client.send(b"GET /a%20b?c=d HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
        _, headers, _ = await client.answer()
        assert "date" in headers
        assert "server" not in headers
        (scope,) = application.scopes
        assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"c=d")
        assert scope["headers"] == [(b"host", b"x"), (b"x-forwarded-for", b"1.2.3.4")]
        assert scope["client"][0] == "127.0.0.1"

    play(scene)


def test_a_worker_that_ends_answers_what_is_under_way() -> None:
    """An answer that is being made, half a request, and a connection that has just been opened: all are answered."""

    async def scene(application: Application, connect: Connect) -> None:
        waiting, half, silent, kept = [await connect() for _ in range(4)]
        kept.send(GET % b"/kept")
        assert "connection" not in (await kept.answer())[1]
        waiting.send(GET % b"/wait")
        half.send(POST + b"\r\nab")
        await application.begun.wait()
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        half.send(b"cd")
        silent.send(GET % b"/silent")
        kept.send(GET % b"/again")
        application.let_go.set()
        for client, body in [(waiting, b"/wait"), (half, b"abcd"), (silent, b"/silent"), (kept, b"/again")]:
            assert [(status, headers["connection"], got) for status, headers, got in [await client.answer()]] == [
                (200, "close", body)
            ]
            assert await client.closed()

    play(scene)


def test_a_worker_that_ends_closes_idle_connections_and_accepts_none() -> None:
    """Nobody waits for a client that asks nothing, and the socket that was shared is let go at once."""

    async def scene(_: Application, connect: Connect) -> None:
        idle = await connect()
        idle.send(GET % b"/a")
        await idle.answer()
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        with pytest.raises(ConnectionRefusedError):
            await connect()
        assert await idle.closed()

    play(scene)


def test_the_last_of_several_requests_closes_the_connection() -> None:
    """A worker that ends answers a whole pipeline, and only the last answer says that it is the last."""

    async def scene(application: Application, connect: Connect) -> None:
        client = await connect()
        client.send(GET % b"/wait")
        await application.begun.wait()
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        client.send(GET % b"/b" + GET % b"/c")
        await asyncio.sleep(0.1)
        application.let_go.set()
        answers = [await client.answer() for _ in range(3)]
        assert [body for _, _, body in answers] == [b"/wait", b"/b", b"/c"]
        assert [headers.get("connection") for _, headers, _ in answers] == [None, None, "close"]

    play(scene)


def test_a_start_that_fails_ends_the_process() -> None:
    """An application that says it can not start is not served: the process ends with a code of its own."""

    async def run() -> None:
        application = Application()
        application.lasting = False
        with listen("127.0.0.1", 0) as listening:
            await Server(lambda: application).serve([listening])

    with pytest.raises(SystemExit) as ended:
        asyncio.run(run())
    assert ended.value.code == 3


def test_a_port_has_one_service() -> None:
    """Whoever listens on a port that is taken is told so, with the way out."""
    with listen("127.0.0.1", 0) as first, pytest.raises(OperatorError, match="Choose another --port"):
        listen(*first.getsockname())
