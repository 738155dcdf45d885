"""The inner loops of the stages, as machine code (see compiled.py). Rows of a compressed list come as their arrays.

A loop holds the interpreter's lock. numpy gives it up in every `take`, in every sort, and in whatever touches more than
500 numbers; under load the server's own thread takes it there, and getting it back costs more than the work.
Loops over many items read one array at a time, so that the processor waits for several of its places at once. A loop
calls only loops of its own file: what numba keeps on disk is made anew when that file changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from recsys.ranking.compiled import Kernel
from recsys.ranking.loops import greedy, pool, tags


def load(folder: Path | None = None) -> None:
    """Load every loop, so that no request does; those that are not on disk yet are compiled first (half a minute).

    *folder* keeps them where neither the package's own folder nor the user's cache can be written.
    """
    for one in _kernels():
        one.load(folder)


@contextmanager
def interpreted() -> Iterator[None]:
    """Run every loop as it is written until the block ends: for a process that ranks once.

    Loading numba and the machine code takes a second, in which the loops as written go through half a million items.
    """
    with ExitStack() as stack:
        for one in _kernels():
            stack.enter_context(one.interpreted())
        yield


def _kernels() -> list[Kernel[..., Any]]:
    return [value for module in (pool, tags, greedy) for value in vars(module).values() if isinstance(value, Kernel)]
