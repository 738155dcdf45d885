"""Requests go before what is refreshed beside them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

from recsys.precedence import NICENESS, TURN_SECONDS, short_turns, step_back

LOADER = """
import os
from recsys.precedence import step_back
step_back(os.getppid())
print(os.getpriority(os.PRIO_PROCESS, 0))
"""


def priority() -> int:
    """Read the priority of the calling thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def aside(work: Callable[[], object]) -> None:
    """Run *work* in a thread that has stepped back."""

    def run() -> None:
        step_back(os.getpid())
        work()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_a_thread_steps_back_alone() -> None:
    """The thread that steps back is later by NICENESS, twice as well as once; the first thread stays where it is."""
    found: list[int] = []
    aside(lambda: (found.append(priority()), step_back(os.getpid()), found.append(priority())))
    assert found == [priority() + NICENESS] * 2


def test_a_loader_is_as_late_as_who_started_it() -> None:
    """A process that steps back behind the one that started it does not add to the steps of the thread it came from."""
    found: list[int] = []

    def start() -> None:
        found.append(int(subprocess.run([sys.executable, "-c", LOADER], capture_output=True, check=True).stdout))

    aside(start)
    assert found == [priority() + NICENESS]


def test_turns_are_short_inside_and_as_before_outside() -> None:
    """The interpreter switches threads after TURN_SECONDS, and as it did before once the block has ended."""
    before = sys.getswitchinterval()
    with short_turns():
        assert sys.getswitchinterval() == TURN_SECONDS
    assert sys.getswitchinterval() == before
