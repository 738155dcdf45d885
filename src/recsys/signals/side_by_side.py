"""Several days at once, each on a connection of its own; the first error ends all."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TypeVar

import psycopg

Task = TypeVar("Task")
Done = TypeVar("Done")


class Crew:
    """The connections at work: they can be told to stop."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._at_work: set[psycopg.Connection] = set()
        self._over = False

    @contextmanager
    def joined(self, conn: psycopg.Connection) -> Iterator[None]:
        """Count *conn* among those at work; CancelledError when they have been told to stop."""
        with self._guard:
            if self._over:
                raise CancelledError
            self._at_work.add(conn)
        try:
            yield
        finally:
            with self._guard:  # from here on the pool may give it to somebody else
                self._at_work.discard(conn)

    def stop(self) -> None:
        """Cancel what runs, and let nobody begin. One that is between two statements goes on: its day is whole, too."""
        with self._guard:
            self._over = True
            for conn in self._at_work:
                with suppress(psycopg.Error):
                    conn.cancel_safe()


def side_by_side(
    tasks: Iterable[Task], work: Callable[[Task, Crew], Done], jobs: int
) -> Generator[tuple[Task, Done], None, None]:
    """Do *tasks* in their order, *jobs* of them at once; yield each with what came of it, as they are done.

    The first error is raised here, when those under way have ended: nothing begins after it. *work* has its connection
    join the crew, and an interrupted command does not wait for long statements.
    """
    crew = Crew()
    with ThreadPoolExecutor(jobs, thread_name_prefix="signals") as threads:
        begun = {threads.submit(work, task, crew): task for task in tasks}
        try:
            for future in as_completed(begun):
                yield begun[future], future.result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            crew.stop()
            raise
