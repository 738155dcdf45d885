"""Coroutines that begin at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from recsys.eager import Promise, Turn, step, stepwise
from recsys.steps import Steps


class Tasks:
    """Runs what an eager coroutine leaves for a task."""

    def __init__(self) -> None:
        self.begun: list[asyncio.Task[None]] = []

    def __call__(self, rest: Coroutine[Any, Any, None]) -> None:
        """Begin a task."""
        self.begun.append(asyncio.create_task(rest))


def played(scene: Callable[[Tasks, list[str]], Awaitable[None]]) -> list[str]:
    """Play a scene; return what was said."""

    async def run() -> list[str]:
        said: list[str] = []
        await scene(Tasks(), said)
        return said

    return asyncio.run(run())


def test_what_waits_for_nothing_is_done_at_once() -> None:
    """Its result is there before `begin` returns, and no task was made."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        async def work() -> str:
            return "done"

        Turn().begin(work(), said.append, tasks)
        said.append("begun")
        assert not tasks.begun

    assert played(scene) == ["done", "begun"]


def test_a_promise_is_heard_of_as_it_is_settled() -> None:
    """Work that waits for promises goes on within `settle`, as often as it waits, and no task is made."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        promises = [Promise[str]() for _ in range(2)]

        async def work() -> str:
            return "+".join([await promise for promise in promises])

        Turn().begin(work(), said.append, tasks)
        for number, promise in enumerate(promises):
            said.append("settling")
            promise.settle(str(number))
            promise.settle("again")
        assert not tasks.begun

    assert played(scene) == ["settling", "settling", "0+1"]


def test_whoever_fails_does_not_keep_others_from_being_told() -> None:
    """The event loop hears of it, not who settles the promise."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        def fail(_: str) -> None:
            raise ValueError("failed")

        asyncio.get_running_loop().set_exception_handler(lambda _, about: said.append(str(about["exception"])))
        promise = Promise[str]()
        Turn().begin(one(promise), fail, tasks)
        promise.settle("done")
        said.append("settled")

    assert played(scene) == ["failed", "settled"]


def test_a_promise_that_is_settled_before_is_not_waited_for() -> None:
    """As with every future."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        promise = Promise[str]()
        promise.settle("done")
        Turn().begin(one(promise), said.append, tasks)
        assert not tasks.begun

    assert played(scene) == ["done"]


def test_what_waits_for_something_else_goes_on_in_a_task() -> None:
    """It has a current task from then on, in which it waits for promises too, and hears of what fails."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        promise, failing = Promise[str](), asyncio.get_running_loop().create_future()

        async def work() -> str:
            said.append(str(asyncio.current_task() in tasks.begun))
            await asyncio.sleep(0)
            said.append(str(asyncio.current_task() in tasks.begun))
            try:
                await failing
            except ValueError as error:
                said.append(str(error))
            return await promise

        Turn().begin(work(), said.append, tasks)
        (task,) = tasks.begun
        await asyncio.sleep(0)
        failing.set_exception(ValueError("failed"))
        await asyncio.sleep(0.01)
        promise.settle("done")
        await task

    assert played(scene) == ["False", "True", "failed", "done"]


def test_a_task_that_is_cancelled_may_answer() -> None:
    """The work is told of it where it waits, and what it makes of that is its result."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        async def work() -> str:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return "late"
            return "in time"

        Turn().begin(work(), said.append, tasks)
        (task,) = tasks.begun
        await asyncio.sleep(0)
        task.cancel()
        await task

    assert played(scene) == ["late"]


def test_what_has_begun_in_a_turn_takes_each_step_together() -> None:
    """All take their first step before one takes its second; when none goes on, what comes behind the turn is done."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        def steps(name: str) -> Steps[str]:
            said.append(f"{name}1")
            yield
            said.append(f"{name}2")
            return name

        async def work(name: str) -> str:
            said.append(f"{name}0")
            await step()
            return await stepwise(steps(name))

        turn = Turn(lambda: said.append("then"))
        for name in "abc":
            turn.begin(work(name), said.append, tasks)
        await asyncio.sleep(0)
        assert not tasks.begun

    assert played(scene) == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "a", "b2", "b", "c2", "c", "then"]


def test_a_turn_ends_early_where_that_is_asked_for() -> None:
    """Who has begun goes on at once, and again with the next turn if there is more to wait for."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        turn, promise = Turn(), Promise[str]()

        async def work() -> str:
            await step()
            said.append(await promise)
            await step()
            return "done"

        turn.begin(work(), said.append, tasks)
        turn.end()
        promise.settle("told")
        said.append("settled")
        await asyncio.sleep(0)
        assert not tasks.begun

    assert played(scene) == ["told", "settled", "done"]


def test_a_failure_in_a_step_is_that_of_one() -> None:
    """The event loop hears of it, and the others of the turn go on."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        async def work(name: str) -> str:
            await step()
            if name == "a":
                raise ValueError("failed")
            return name

        asyncio.get_running_loop().set_exception_handler(lambda _, about: said.append(str(about["exception"])))
        turn = Turn()
        for name in "ab":
            turn.begin(work(name), said.append, tasks)
        await asyncio.sleep(0)

    assert played(scene) == ["failed", "b"]


def test_nobody_is_waited_for_in_a_task() -> None:
    """What began in a turn and waits for something else takes its further steps alone, as any task does."""

    async def scene(tasks: Tasks, said: list[str]) -> None:
        def steps(name: str) -> Steps[str]:
            yield
            return name

        async def work(name: str) -> str:
            await asyncio.sleep(0)
            await step()
            said.append(name)
            return await stepwise(steps(name))

        turn = Turn(lambda: said.append("then"))
        turn.begin(work("a"), said.append, tasks)
        await asyncio.gather(*tasks.begun)
        said.append(await work("b"))

    assert played(scene) == ["a", "a", "b", "b"]


async def one(promise: Promise[str]) -> str:
    """Wait for one promise."""
    return await promise
