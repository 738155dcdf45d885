"""The inner loops of the stages, as machine code (see compiled.py). Rows of a compressed list come as their arrays.

Loops over many items read one array at a time, so that the processor waits for several of its places at once. A loop
calls only loops of its own file: what numba keeps on disk is made anew when that file changes.
"""

from __future__ import annotations

from pathlib import Path

from recsys.ranking.compiled import Kernel
from recsys.ranking.loops import greedy, pool, tags


def load(folder: Path | None = None) -> None:
    """Load every loop, so that no request does; those that are not on disk yet are compiled first (half a minute).

    *folder* keeps them where neither the package's own folder nor the user's cache can be written.
    """
    for module in (pool, tags, greedy):
        for value in vars(module).values():
            if isinstance(value, Kernel):
                value.load(folder)
