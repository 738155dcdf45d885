"""Who goes first in a process that serves: requests, before what is refreshed beside them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

TURN_SECONDS = 0.0005
"""What a thread may keep the interpreter for while another one waits. A list takes two or three turns: at the default
of 5 ms each, it would wait for 15 ms beside a thread that never waits."""
NICENESS = 5
"""Steps behind who answers. Ten were measured to be no better, and a thread that a busy machine stops in the middle of
a turn holds up all others."""


@contextmanager
def short_turns() -> Iterator[None]:
    """Let threads of this process take turns of TURN_SECONDS until the block ends."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def step_back(behind: int) -> None:
    """Put the calling thread, and the processes that it starts, NICENESS behind the first thread of process *behind*.

    Only Linux gives threads priorities of their own. Where it is refused, nobody steps back.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            priority = os.getpriority(os.PRIO_PROCESS, behind) + NICENESS
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), priority)
