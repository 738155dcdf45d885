"""Coroutines that begin at once and mostly end without a task: one is made only for those that have to wait.

A task runs when the event loop has read all that has arrived, and is woken a turn after what it waits for has happened.
Beside the work on a list that is a tenth of its processor time, and in a rush most of the time that it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

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
            try:
                self.told()
            except Exception as error:  # noqa: BLE001  there are others to tell
                self.get_loop().call_exception_handler({"message": "eager work failed", "exception": error})


def begin(work: Work[T], then: Callable[[T], None], in_task: Callable[[Work[None]], object]) -> None:
    """Run *work*, and *then* with its result: now, when a Promise is settled, or *in_task* if it waits for more.

    *work* raises nothing, and asks for no current task before it has waited for something.
    """
    _Begun(work, then, in_task).go_on()


class _Begun:
    __slots__ = ("_in_task", "_then", "_work")

    def __init__(self, work: Work[Any], then: Callable[[Any], None], in_task: Callable[[Work[None]], object]) -> None:
        self._work, self._then, self._in_task = work, then, in_task

    def go_on(self) -> None:
        try:
            awaited = self._work.send(None)
        except StopIteration as end:
            self._then(end.value)
            return
        if type(awaited) is Promise and not awaited.done():
            awaited._asyncio_future_blocking = False  # noqa: SLF001  as a task says that it waits now
            awaited.told = self.go_on
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
