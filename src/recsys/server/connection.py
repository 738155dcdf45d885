"""One HTTP connection: what a client may send and how long it may take, and how it ends without a lost answer.

uvicorn reads HTTP and speaks ASGI. What is added here: bounds for the head and for the time a request may take to
arrive, answers in order also where one of the requests is no HTTP, and an end that waits for what is under way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol, cast

import httptools
import structlog
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

AT_ONCE = "recsys.at_once"
"""In the scope of a request: what takes a `Whole` answer and says whether it has been written. ASGI has a message for
the head and one for the body, and each is a call of the system, and a packet."""
HEAD_MAX = 1 << 16
"""Bytes that the request line and the headers may have together."""
HEADERS_MAX = 100
READ_MAX = 1 << 18
"""Bytes that are read at once, at most: so many of other requests may be counted with a head."""
READ_SECONDS = 30.0
"""How long a request may take to arrive, and a client to make room for an answer."""
KEEP_ALIVE_SECONDS = 75.0
"""How long a connection may be idle: longer than a balancer keeps its own, or it would use one that just closed."""
LINGER_SECONDS = 2.0
"""How long a client is listened to after it was refused: closed before, a reset would destroy the answer."""
LAST = ((b"connection", b"close"),)
"""Says with an answer that it is the last of its connection."""

_log = structlog.get_logger()


Write = Callable[["Whole"], None]
"""Writes an answer."""
InTask = Callable[[Coroutine[Any, Any, None]], object]
"""Runs the rest of a request in a task."""


class Application(Protocol):
    """What is served: an ASGI application that answers some requests as soon as they are there, without a task."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or follow the server's life."""

    def is_eager(self, scope: Any) -> bool:
        """Tell whether the request whose head has just been read is for `answer`."""

    def put_aside(self, go_on: Callable[[], None]) -> bool:
        """Say whether what has just arrived must wait, and if so call *go_on* when it need not any more."""

    def answer(self, scope: Any, arrived: bytes, write: Write, in_task: InTask) -> None:
        """Answer a request whose whole body has *arrived*: now, or later *in_task*."""


class Whole(NamedTuple):
    """A whole answer."""

    status: int
    headers: Iterable[tuple[bytes, bytes]]
    body: bytes


class State(ServerState):
    """What the connections of a worker share."""

    retiring = False
    """Whether the worker ends: every answer is the last of its connection then."""

    @property
    def open(self) -> list[Connection]:
        """List the connections there are."""
        return cast("list[Connection]", list(self.connections))


class Connection(HttpToolsProtocol):
    """Reads requests, has them answered one after the other, and closes when it is time."""

    server_state: State

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._application = cast("Application", self.app)
        self._in_head = self._in_body = False
        self._head_most = 0
        """Bytes read since the head began, and perhaps some of what came before it."""
        self._aside: list[bytes] = []
        """What has arrived and is not read yet, because there was too much to do."""
        self._refusal: HTTPStatus | None = None
        """What is wrong with what the client sent; nothing more is read then."""
        self._held: RequestResponseCycle | None = None
        """A request that is answered as soon as its body is there."""
        self._begun: RequestResponseCycle | None = None
        """The request that was given to a task last."""
        self._made_last: RequestResponseCycle | None = None
        """The request whose answer was made the last of this connection, while no other has come."""
        self._due = self.loop.time() + KEEP_ALIVE_SECONDS
        """When the client has waited too long with what it owes: a request, the rest of one, or room for an answer."""

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Read what has arrived, now or when there is less to do."""
        if self._aside:
            self._aside.append(data)
            self.flow.pause_reading()
        elif self._application.put_aside(self._take_up):
            self._aside.append(data)
        else:
            self._read(data)

    def _take_up(self) -> None:
        """Read what was put aside."""
        pieces, self._aside = self._aside, []
        if self.transport.is_closing():
            return
        if len(pieces) > 1:
            self.flow.resume_reading()
        for piece in pieces:
            self._read(piece)

    def _read(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        self._head_most = len(data) + (self._head_most if self._in_head else 0)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # there is no protocol but this one; what the client sends next is unsure
        except httptools.HttpParserError as error:
            self._refuse_unread(error)
        else:
            if self._in_head and self._head_most > HEAD_MAX + READ_MAX:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        self._in_head = True
        self._due = self.loop.time() + READ_SECONDS
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Have a request answered, or wait for the answer of the one before it."""
        if len(self.headers) > HEADERS_MAX or (self._head_most > HEAD_MAX and self._head_bytes() > HEAD_MAX):
            raise _HeadTooLarge
        super().on_headers_complete()
        self._in_head, self._in_body = False, True
        if self.server_state.retiring:
            if self._made_last is not None and not self._made_last.response_started:
                self._made_last.keep_alive = True
            self._make_last()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Have a request answered: when its body has arrived if the application is eager, else by a task of its own.

        It is for a task where the client waits for leave to send its body or announces a large one, which may have to
        be refused unread; and where this is the last answer of the connection: the body is read to its end before that,
        for whoever is closed upon while sending hears nothing.
        """
        last = not cycle.keep_alive or self.server_state.retiring or self.parser.should_upgrade()
        waits = cycle.waiting_for_100_continue or self.flow.write_paused or self._announced() > HIGH_WATER_LIMIT
        if not last and not waits and self._application.is_eager(cycle.scope):
            self._held = cycle
        else:
            self._start_task(cycle, app)

    def _announced(self) -> int:
        """Return how many bytes of body the request says that it has; 0 where it does not."""
        for name, value in self.headers:
            if name == b"content-length":
                return int(value)
        return 0

    def _start_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._begun = cycle
        cast("dict[str, Any]", cycle.scope)[AT_ONCE] = self._answer_at_once
        super()._start_asgi_task(cycle, app)

    def _keep_task(self, rest: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(rest)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; one that is larger than what is read ahead is for a task to read."""
        super().on_body(body)
        if self._held is not None and self.flow.read_paused:
            held, self._held = self._held, None
            self._start_task(held, self.app)

    def _answer_at_once(self, answer: Whole) -> bool:
        """Write *answer* with one call of the system instead of two; False where it must go the usual way.

        It knows its request by the connection. Were it held by the scope, which the request holds, a ring would be left
        of each request, and the collector stops a busy worker for 8 ms to find those.
        """
        cycle = self._begun
        if cycle is None or not cycle.keep_alive or cycle.waiting_for_100_continue or self.flow.write_paused:
            return False
        if cycle.disconnected or cycle.scope["method"] == "HEAD":
            return False
        self._write_whole(cycle, answer)
        cycle.message_event.set()
        return True

    def _write_eager(self, cycle: RequestResponseCycle, answer: Whole) -> None:
        if cycle.disconnected:
            return
        try:
            self._write_whole(cycle, answer)
        except Exception as error:  # noqa: BLE001  whoever settles a promise has others to tell
            _log.error("answer not written", path=cycle.scope["path"], exc_info=error)
            self.transport.abort()

    def _write_whole(self, cycle: RequestResponseCycle, answer: Whole) -> None:
        lines = [STATUS_LINE[answer.status]]
        headers = (*self.server_state.default_headers, *answer.headers, *(() if cycle.keep_alive else LAST))
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        head = b"".join((*lines, b"\r\n"))
        if head.count(b"\n") != len(headers) + 2 or b"\0" in head:
            raise ValueError("A header holds the end of a line.")
        self.transport.write(head + answer.body)
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self._close()
        self.on_response_complete()

    def on_message_complete(self) -> None:
        """Stop the clock; it is for the service to answer now."""
        self._in_body = False
        super().on_message_complete()
        if self._held is not None:
            held, self._held = self._held, None
            self._application.answer(held.scope, bytes(held.body), partial(self._write_eager, held), self._keep_task)
        self._due = math.inf if self._answering else self.loop.time() + KEEP_ALIVE_SECONDS

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_task(*self.pipeline.pop())
        elif self._refusal is not None:
            self._end_refused(self._refusal)
        elif not self._in_head and not self._in_body:
            self._due = self.loop.time() + KEEP_ALIVE_SECONDS

    def pause_writing(self) -> None:
        """Start the clock of a client that does not read its answer."""
        super().pause_writing()
        self._due = self.loop.time() + READ_SECONDS

    def resume_writing(self) -> None:
        """Stop it."""
        super().resume_writing()
        self._due = math.inf if self._answering else self.loop.time() + KEEP_ALIVE_SECONDS

    def check(self, now: float) -> None:
        """Give up a client that has let too much time pass."""
        if now < self._due or self._aside:
            return
        if self.flow.write_paused or self.transport.is_closing():
            self.transport.abort()
        elif self._in_head or self._in_body:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self._close()

    def retire(self) -> None:
        """Make the answer that is under way the last of this connection."""
        if self._answering:
            self._make_last()

    def _make_last(self) -> None:
        if self.cycle.keep_alive:
            self._made_last, self.cycle.keep_alive = self.cycle, False

    def close_idle(self) -> None:
        """Close it unless a request is under way."""
        if not self._in_head and not self._in_body and not self._answering and not self._aside:
            self._close()

    def _close(self) -> None:
        self._due = self.loop.time() + LINGER_SECONDS
        self.transport.close()

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _refuse_unread(self, error: httptools.HttpParserError) -> None:
        """Refuse what is no HTTP; an error of our own in reading it is ours to know."""
        cause = error.__context__
        if isinstance(cause, _HeadTooLarge):
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        # AttributeError: an address without a path, which uvicorn does not expect.
        if cause is not None and not isinstance(cause, ValueError | AttributeError | httptools.HttpParserError):
            _log.error("request not read", exc_info=cause)
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer *status* when what came before is answered, and read no more."""
        answered, unfinished = self._in_body and not self._answering, self.cycle if self._in_body else None
        self._refusal, self._due, self._in_head, self._in_body = status, math.inf, False, False
        if answered:
            self._close()
        elif unfinished is not None and self.pipeline:
            self.pipeline.popleft()  # it is the newest, and has not begun
        elif unfinished is not None and unfinished.response_started:
            self._close()
        elif unfinished is not None:
            unfinished.disconnected = True  # to the application it is as if the client had gone
            unfinished.message_event.set()
            self._end_refused(status)
        elif not self._answering:
            self._end_refused(status)

    def _end_refused(self, status: HTTPStatus) -> None:
        """Write the refusal and say that it is the last; the client closes, or the clock does."""
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        self.transport.write(head.encode("ascii"))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._due = self.loop.time() + LINGER_SECONDS


class _HeadTooLarge(Exception):
    """A head has more bytes or more headers than it may have."""
