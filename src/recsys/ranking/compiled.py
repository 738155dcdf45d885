"""Loops that run as machine code: compiled once, kept on disk, loaded when the first list is made (pure).

numba is imported with the first call, not with this module: a command that ranks nothing does not pay for it. Types
come from annotations, so that a loop is compiled once, for what its callers pass, and never while a request waits;
what is compiled is kept beside the package, or in the user's cache where the package can not be written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar, Final, Generic, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from recsys.rules.live import Steering
from recsys.snapshot.rows import Scores
from recsys.snapshot.vocabulary import Numbers

P = ParamSpec("P")
T = TypeVar("T")

Index = npt.NDArray[np.intp]
"""Item numbers, or places in a list."""
Mask = npt.NDArray[np.bool_]
Lists = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
"""Rows without values: where each begins, and the entries."""
Vectors = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32]]
"""Rows with values."""
Unsigned = npt.NDArray[np.uint32]
"""Item numbers, or places: of those with a sign machine code asks each time whether they count from the end."""
Places = npt.NDArray[np.uint16]
Bits = npt.NDArray[np.uint8]
"""Bits of items, or bytes of a text."""
Taste = tuple[npt.NDArray[np.uint16], npt.NDArray[np.float64]]
"""By tag its place among a taste's own, 0 where it has none, and what each place adds to a product."""
Bounds = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Where ranges of numbers begin, and what holds within each."""
Cards = tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int32]]
"""The cards of all items (snapshot/cards.py), and the rows of their tags."""
Filters = tuple[Index, Index, Index, Index]
"""What a request keeps out: excluded items, settled items, all tags but these, these tags; tags ascend."""
Wanted = tuple[
    Index, Scores, Scores, Taste, int, int, int, Numbers, Numbers, Numbers, Numbers, Index, Numbers, Scores, Index, int
]
"""What a request wants: anchors and how much each counts; the shares of the signals; the visitor's taste; how many
neighbours of an anchor, how many similar items, of how many leading tags; popular, pinned and promoted items, further
ones and the bit of each one's source; what sessions say, items ascending; the allow-list, and whether there is one."""
Held = tuple[Vectors, Vectors, Scores, Lists, Cards, Filters, Steering, float, int]
"""What it is read from: neighbours, tags of items, weights of tags, items of tags, cards; what sifts and moves it:
filters and rules; a doubt of ties, and the units that scores are counted in."""
Grid = npt.NDArray[np.float64]
"""Two dimensions."""
Signals = tuple[Scores, Scores, Scores, Scores, Scores]
"""What is known of each item, in the order of SIGNALS; of a signal without a say nothing."""
Written = npt.NDArray[np.int32]
"""An array that the loop writes to; it writes to no other but a `Text`."""
Text = npt.NDArray[np.uint8]
"""Bytes that the loop writes to."""

_ARRAYS: Final = {
    "Index": "int64",
    "Scores": "float64",
    "Numbers": "int32",
    "Values": "float32",
    "Mask": "boolean",
    "Places": "uint16",
    "Bits": "uint8",
}
_TUPLES: Final = {
    "Lists": ("Index", "Numbers"),
    "Vectors": ("Index", "Numbers", "Values"),
    "Taste": ("Places", "Scores"),
    "Bounds": ("Index", "Index"),
    "Cards": ("Numbers", "Index", "Numbers"),
    "Wanted": (
        *("Index", "Scores", "Scores", "Taste", "int", "int", "int"),
        *("Numbers", "Numbers", "Numbers", "Numbers", "Index", "Numbers", "Scores", "Index", "int"),
    ),
    "Held": ("Vectors", "Vectors", "Scores", "Lists", "Cards", "Filters", "Steering", "float", "int"),
    "Pinning": ("Numbers", "Index", "Index", "Index"),
    "Filters": ("Index", "Index", "Index", "Index"),
    "Steering": ("Numbers", "int", "Scores"),
    "Spelling": ("Bits", "Index", "Numbers", "Numbers"),
}


class Kernel(Generic[P, T]):
    """A function of arrays, integers and floats that is called as machine code."""

    checked: ClassVar[bool] = False
    """Whether calls ask if arguments are what annotations say, as tests do: it takes a tenth of the time of a list."""

    def __init__(self, loop: Callable[P, T]) -> None:
        self.loop = loop
        """As it is written: the same results, a hundred times slower."""
        self.compiled: Any = None
        """What other loops call."""
        self._machine_code: Callable[P, T] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it."""
        return (self._machine_code or self.load())(*args, **kwargs)

    def load(self, folder: Path | None = None) -> Callable[P, T]:
        """Load the machine code, or compile it (a second) and keep it, in *folder* where no usual place is writable."""
        if self._machine_code is None:
            self.compiled = _compile(self.loop, folder)
            self._machine_code = self.compiled if self.checked else _entry(self.compiled)
        return self._machine_code

    @contextmanager
    def interpreted(self) -> Iterator[None]:
        """Run it as it is written until the block ends."""
        kept, self._machine_code = self._machine_code, self.loop
        try:
            yield
        finally:
            self._machine_code = kept


def kernel(loop: Callable[P, T]) -> Kernel[P, T]:
    """Let *loop* be compiled; it may call other kernels."""
    return Kernel(loop)


def _compile(loop: Callable[..., Any], folder: Path | None) -> Any:
    import numba  # noqa: PLC0415  takes half a second and 60 MB, which only ranking should pay

    signature = tuple(_type(numba.types, word) for name, word in loop.__annotations__.items() if name != "return")
    linked = _linked(loop, folder)
    for parent in _parents(Path(loop.__code__.co_filename), folder):
        kept = parent / _digest(Path(loop.__code__.co_filename).parent)
        if _writable(kept):
            numba.config.CACHE_DIR = str(kept)  # type: ignore[attr-defined]  # made from the environment
            return numba.njit(signature, cache=True)(linked)
    return numba.njit(signature)(linked)


def _entry(compiled: Any) -> Any:
    """Return the machine code of the one signature that there is."""
    (only,) = compiled.overloads.values()
    return only.entry_point


def _parents(file: Path, folder: Path | None) -> Iterator[Path]:
    """Give the places where machine code may be kept, best first."""
    yield file.parent / "__pycache__"
    yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "recsys"
    if folder is not None:
        yield folder


@cache
def _digest(sources: Path) -> str:
    """Name what is kept after all loops of a folder: they call each other, and numba looks at one file's date only."""
    digest = blake2b(digest_size=8)
    for file in sorted(sources.glob("*.py")):
        digest.update(file.read_bytes())
    return f"loops-{digest.hexdigest()}"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _type(types: Any, word: str) -> Any:
    """Say in numba's words what an annotation means."""
    if word in _TUPLES:
        return types.Tuple([_type(types, part) for part in _TUPLES[word]])
    if word in _ARRAYS:
        return types.Array(getattr(types, _ARRAYS[word]), 1, "C", readonly=True)
    return {
        "int": types.int64,
        "float": types.float64,
        "Grid": types.Array(types.float64, 2, "C"),
        "Written": types.Array(types.int32, 1, "C"),
        "Text": types.Array(types.uint8, 1, "C"),
        "Unsigned": types.Array(types.uint32, 1, "C"),
        "Signals": types.UniTuple(types.Array(types.float64, 1, "C"), 5),
    }[word]


def _linked(loop: Callable[..., Any], folder: Path | None) -> FunctionType:
    """Give a loop that calls other kernels their machine code in the place of their wrappers."""
    assert isinstance(loop, FunctionType)  # noqa: S101  kernels are made of plain functions
    names = {name: loop.__globals__[name] for name in loop.__code__.co_names if name in loop.__globals__}
    kernels = {name: value for name, value in names.items() if isinstance(value, Kernel)}
    for value in kernels.values():
        value.load(folder)
    compiled = {name: value.compiled for name, value in kernels.items()}
    linked = FunctionType(loop.__code__, {**loop.__globals__, **compiled}, loop.__name__)
    linked.__qualname__, linked.__module__ = loop.__qualname__, loop.__module__
    return linked
