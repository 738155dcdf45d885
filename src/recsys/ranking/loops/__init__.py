"""The inner loops of the stages, as machine code (see compiled.py). Rows of a compressed list come as their arrays.

A call into a loop and the arrays that it returns cost a microsecond or two, and what a loop reads from memory up to a
hundred times more than what it reads again: so there are few large loops, made of small ones, that read an item's card
once. Branches that nobody can guess are avoided where thousands of items pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from recsys.ranking.compiled import Kernel
from recsys.ranking.loops import gathering, greedy, ids, listing, pool, rating


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
    return [
        value
        for module in (pool, rating, gathering, greedy, listing, ids)
        for value in vars(module).values()
        if isinstance(value, Kernel)
    ]
