"""The HTTP face: one outer callable for what all routes share, the hot routes behind it, Litestar for the others."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import structlog

from recsys import eager, logs, metrics
from recsys.api import body, problems
from recsys.api.access_log import AccessLog
from recsys.api.admission import Admission
from recsys.api.call import Answer, Call, Scope
from recsys.api.cold import Cold
from recsys.api.cors import Cors
from recsys.api.deadlines import Deadlines
from recsys.api.gauges import observed
from recsys.api.heads import head
from recsys.api.hot import HOT
from recsys.api.overload import Overload
from recsys.api.route import Route
from recsys.api.service import Service
from recsys.api.traces import exported
from recsys.api.turned_away import TurnedAway
from recsys.errors import RecsysError, Unavailable
from recsys.runtime import Serving, serving
from recsys.server.connection import AT_ONCE, LAST, InTask, Whole, Write
from recsys.settings import Settings

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_WITH_BODY = {"POST", "PUT", "PATCH"}
_SERVER_ERROR = 500
_REFUSED = 400

_ALLOCATIONS = 20_000
"""New objects before the collector looks for cycles among them; it costs 10 us a request at Python's own 700."""

_log = structlog.get_logger()


def asgi() -> ASGIApp:
    """Make the application of one worker process; it opens what it needs when the server starts it."""
    settings = Settings.from_environment()
    logs.configure(settings)
    return Lifespan(partial(serving, settings))


def create_app(opened: Serving) -> Application:
    """Make the application over parts that are open."""
    return Application(Service.over(opened))


class Application:
    """Request id, load, admission, deadline, body, problems, metrics: for every route, here and nowhere else."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._cold = Cold()
        self._admission = Admission(service)
        self._overload = Overload(
            service.settings, (service.tenants, service.snapshots, service.histories, service.writes)
        )
        self._access_log = AccessLog(service.settings)
        self._traces = exported(service.settings)
        self._cors = Cors(service.settings.cors_origins)
        self._turned_away = TurnedAway(HOT, self._cors, self._access_log)
        self._turn = eager.Turn(service.serving.spool.flush)
        self._deadlines = Deadlines(service.settings.request_timeout_seconds)

    def is_eager(self, scope: Scope) -> bool:
        """Tell whether this is a request for a list, which is answered as soon as it has arrived."""
        # Where spans are sent, a refusal has one too.
        return scope["method"] == "POST" and scope["path"] in HOT and self._traces is None

    def put_aside(self, go_on: Callable[[], None]) -> bool:
        """Let what has arrived wait a little if there is too much to do just now."""
        return self._overload.put_aside(go_on)

    def answer(self, scope: Scope, arrived: bytes, write: Write, in_task: InTask) -> None:
        """Answer a request for a list, whose body has *arrived*: refused where there is too much to do, ranked else."""
        if self._overload.is_full:
            self._turn.end()
            write(self._turned_away.refusal(scope["path"], scope))
        else:
            call = Call.begin(scope)
            call.taken_on = True
            self._overload.take_on()
            work = self._respond(call, scope, body.Arrived(arrived))
            self._turn.begin(work, write, lambda rest: in_task(self._deadlines.bound(rest)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            whole = await self._deadlines.bound(self._respond(Call.begin(scope), scope, body.Incoming(receive)))
        except body.Disconnected:
            return
        at_once = scope.get(AT_ONCE)
        if at_once is None or not at_once(whole):
            await _send(whole, send, with_body=scope["method"] != "HEAD")

    async def _respond(self, call: Call, scope: Scope, incoming: body.Incoming) -> Whole:
        """Make the whole answer, whatever happens; Disconnected where nobody is left to hear it."""
        await eager.step()  # all that has arrived is read
        try:
            answer = await self._answer(call, scope, incoming)
        except body.Disconnected:
            raise
        except asyncio.CancelledError:
            if not self._deadlines.passed():
                raise
            answer = _problem(call, Unavailable("This took longer than a request may. Try again."))
        except Exception as error:  # noqa: BLE001  whatever happens is answered, and logged if nobody planned it
            answer = _problem(call, error)
        _count(call, answer)
        self._access_log.note(call, answer)
        if self._traces is not None:
            self._traces.note(call, answer)
        headers = (*call.limits, *self._cors.headers(call.headers, preflight=call.method == "OPTIONS"))
        if call.method in _WITH_BODY and not incoming.ended:
            headers += () if await incoming.discard() else LAST
        return Whole(answer.status, head(answer, call.request_id, headers), answer.body)

    async def _answer(self, call: Call, scope: Scope, incoming: body.Incoming) -> Answer:
        if call.method == "OPTIONS":
            return self._cold.options(call)
        route = self._route(call)
        call.endpoint = route.endpoint
        if route.sheds and not call.taken_on:
            self._overload.enter()
            call.taken_on = True
        try:
            if route.requires:
                await self._admission.admit(call, route, scope)
            if call.method in _WITH_BODY:
                body.require_json(call.headers)
                call.body = await incoming.read(call.headers)
            return await route.answer(self._service, call, scope)
        finally:
            if call.taken_on:
                self._overload.leave()

    def _route(self, call: Call) -> Route:
        hot = HOT.get(call.path) if call.method == "POST" else None
        return hot or self._cold.route(call)

    def close(self) -> None:
        """Begin no more blocking work."""
        self._admission.close()
        self._service.close()
        metrics.TALLY.write()
        if self._traces is not None:
            self._traces.close()


class Lifespan:
    """Opens what the application needs when the server starts, and closes it when the server stops."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Serving]]) -> None:
        self._opening = opening
        self._app: Application | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or follow the server's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)

    def is_eager(self, scope: Scope) -> bool:
        """Tell whether a request is answered by `answer`."""
        return self._app is not None and self._app.is_eager(scope)

    def put_aside(self, go_on: Callable[[], None]) -> bool:
        """Let what has arrived wait a little if there is too much to do just now."""
        return self._app is not None and self._app.put_aside(go_on)

    def answer(self, scope: Scope, arrived: bytes, write: Write, in_task: InTask) -> None:
        """Answer a request whose body has *arrived*."""
        assert self._app is not None  # noqa: S101  is_eager() said so
        self._app.answer(scope, arrived, write, in_task)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        phase = "startup"
        try:
            async with self._opening() as opened:
                self._app = create_app(opened)
                _spare_the_collector()
                with observed(opened):
                    await send({"type": "lifespan.startup.complete"})
                    await receive()
                phase = "shutdown"
                self._app.close()
        except Exception as error:  # noqa: BLE001  the server hears of it, and whoever started it
            unexpected = None if isinstance(error, RecsysError) else error
            _log.error("can not serve", phase=phase, reason=str(error), exc_info=unexpected)
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})


def _spare_the_collector() -> None:
    """Leave what a worker holds for good out of every collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])


def _problem(call: Call, error: Exception) -> Answer:
    document = problems.describe(error, instance=call.path, request_id=call.request_id)
    metrics.TALLY.count(metrics.refused(document.code))
    if document.status >= _SERVER_ERROR and not isinstance(error, RecsysError):
        call.logged = True
        _log.error("failed", request_id=call.request_id, endpoint=call.endpoint, exc_info=error)
    return Answer(document.status, problems.encode(document), problems.MEDIA_TYPE, problems.headers(error))


def _count(call: Call, answer: Answer) -> None:
    tally = metrics.TALLY
    tally.count(metrics.http_requests(call.endpoint, str(answer.status)))
    if call.endpoint in HOT:
        outcome = "success" if answer.status < _REFUSED else "refused" if answer.status < _SERVER_ERROR else "error"
        tally.count(metrics.recommendations(call.endpoint, outcome, "true" if call.empty else "false"))
        tally.observe(metrics.recommendation_seconds(call.endpoint, outcome), call.seconds())


async def _send(whole: Whole, send: Send, *, with_body: bool) -> None:
    await send({"type": "http.response.start", "status": whole.status, "headers": list(whole.headers)})
    await send({"type": "http.response.body", "body": whole.body if with_body else b""})
