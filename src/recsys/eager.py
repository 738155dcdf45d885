"""Coroutines that begin at once and mostly end without a task, together with the others of their turn.

A task runs when the event loop has read all that has arrived, and is woken a turn after what it waits for has happened.
Beside the work on a list that is a tenth of its processor time, and in a rush most of the time that it takes. So what
begins here goes on in steps, each for all that have arrived in a row, and a task is made only for what has to wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

from recsys.steps import Steps, finished

T = TypeVar("T")

Work = Coroutine[Any, Any, T]


class Promise(asyncio.Future[T]):
    """What is settled in this turn of the loop or the next; an eager coroutine that waits for it is told at once."""

    told: Callable[[], None] | None = None

    def settle(self, value: T) -> None:
        """Tell whoever waits, unless nobody does any more; what fails there is the event loop's to report."""
        if self.done():
            return
        self.set_result(value)
        if self.told is not None:
            self.told()


class Turn:
    """What has begun in one turn of the event loop, and goes on together: step by step, each step for all in a row.

    What is called between two things makes both dearer, for each finds the processor's caches full of the other. So
    when sixteen requests have arrived, all are read, then all are ranked, then all are recorded, and *then* is called.
    """

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self._then = then
        self._waiting: list[_Begun] = []
        self._is_due = False

    def begin(self, work: Work[T], then: Callable[[T], None], in_task: Callable[[Work[None]], object]) -> None:
        """Run *work* up to its first step, and *then* with its result when it has one.

        It goes on when the turn ends or a Promise is settled, and *in_task* if it waits for anything else. *work*
        raises nothing, and asks for no current task before it has waited for something.
        """
        _Begun(self, work, then, in_task).go_on()

    def wait(self, begun: _Begun) -> None:
        """Let *begun* go on when all others have come as far."""
        self._waiting.append(begun)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self.end)

    def end(self) -> None:
        """Let all that has begun go on, as far as it can."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            for begun in waiting:
                begun.tell()
        self._is_due = False
        self._then()


_STEP, _MADE = object(), object()
_in_turn = False
"""Whether what runs now can wait for the others of its turn."""


@coroutine
def step() -> Generator[object, None, None]:
    """Wait until all others of this turn have come as far; in a task, where others wait for nobody, go on."""
    if _in_turn:
        yield _STEP


@coroutine
def stepwise(steps: Steps[T]) -> Generator[object, None, T]:
    """Take *steps* together with the others of this turn; in a task all at once."""
    if not _in_turn:
        return finished(steps)
    try:
        while True:
            next(steps)
            yield _STEP
    except StopIteration as end:
        made: T = end.value
        return made


class _Begun:
    __slots__ = ("_in_task", "_then", "_turn", "_work")

    def __init__(
        self, turn: Turn, work: Work[Any], then: Callable[[Any], None], in_task: Callable[[Work[None]], object]
    ) -> None:
        self._turn, self._work, self._then, self._in_task = turn, work, then, in_task

    def tell(self) -> None:
        """Go on; what fails is the event loop's to report, for there are others to tell."""
        try:
            self.go_on()
        except Exception as error:  # noqa: BLE001
            asyncio.get_running_loop().call_exception_handler({"message": "eager work failed", "exception": error})

    def go_on(self) -> None:
        global _in_turn  # noqa: PLW0603
        before, _in_turn = _in_turn, True
        try:
            awaited = self._work.send(None)
        except StopIteration as end:
            made, awaited = end.value, _MADE
        finally:
            _in_turn = before
        if awaited is _STEP:
            self._turn.wait(self)
        elif awaited is _MADE:
            self._then(made)
        elif type(awaited) is Promise and not awaited.done():
            awaited._asyncio_future_blocking = False  # noqa: SLF001  as a task says that it waits now
            awaited.told = self.tell
        else:
            self._in_task(self._rest(awaited))

    async def _rest(self, awaited: Any) -> None:
        self._then(await _Rest(self._work, awaited))


class _Rest:
    """What is left of a coroutine that waits for something."""

    def __init__(self, work: Work[Any], awaited: Any) -> None:
        self._work, self._awaited = work, awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        try:
            while True:
                try:
                    sent = yield awaited
                except BaseException as error:  # noqa: BLE001  whatever it is, it is for the coroutine
                    awaited = self._work.throw(error)
                else:
                    awaited = self._work.send(sent)
        except StopIteration as end:
            return end.value
