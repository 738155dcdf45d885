"""Ids between text and numbers: what loops find and write is what Python and msgspec find and write."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from zlib import crc32

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.unit.ranking.shop import shop

from recsys.api.wire import RankedItem
from recsys.ranking import loops
from recsys.ranking.itemlist import UNIT
from recsys.ranking.loops.ids import found, hashed, joined, written
from recsys.snapshot import filed
from recsys.snapshot.vocabulary import Vocabulary

HARD = (
    *("", " ", "a", "/", "\x7f\x80", '"', "\\", '\\"\\', "é", "\u2028", "\ud7ff", "\uffff", "😀", "😀" * 8),
    *(chr(code) for code in range(1, 0x20)),
    *("z" * length for length in (15, 16, 31, 32, 33, 255, 256, 257, 65_535, 65_536)),
    *("é" * 16, "é" * 128, '"' * 200, "\x01" * 300),
)
ONE, FEWEST_DIGITS, EXACT = UNIT, UNIT << 33, 1 << 53
UNITS = (
    *(0, 1, 2, 9, 10, 11, 15, 50, 99, 100, 101, 1_000, 123_450, 500_000, 999_999, ONE, ONE + 1, 10 * ONE, 200 * ONE),
    *(10**14, 10**15 - 1, 10**15, 10**15 + 1, FEWEST_DIGITS - 1, FEWEST_DIGITS - 10),
)
ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300) | st.sampled_from(HARD)
units = (
    st.floats(min_value=-FEWEST_DIGITS, max_value=FEWEST_DIGITS, exclude_min=True, exclude_max=True)
    .map(round)
    .map(float)
)
scores = st.sampled_from(UNITS).map(float) | st.integers(-200 * ONE, 200 * ONE).map(float) | units
twice = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["machine code", "as written"])
def either_way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test with compiled loops, and with loops as they are written."""
    with nullcontext() if request.param == "machine code" else loops.interpreted():
        yield


def by_loop(vocabulary: Vocabulary, numbers: Sequence[int], scores: Sequence[float]) -> tuple[bytes, bytes, bytes]:
    """Write a list: its ids, its scores, its items."""
    made, first, second = written(vocabulary.spelling, np.array(numbers, np.int64), np.array(scores, np.float64))
    text = made.tobytes()
    return text[:first], text[first:second], text[second:]


def by_msgspec(vocabulary: Vocabulary, numbers: Sequence[int], scores: Sequence[float]) -> tuple[bytes, bytes, bytes]:
    """Write the same without loops."""
    shown, values = tuple(vocabulary.ids[number] for number in numbers), tuple(score / UNIT for score in scores)
    items = tuple(RankedItem(one, rank, value) for rank, (one, value) in enumerate(zip(shown, values, strict=True), 1))
    return msgspec.msgpack.encode(shown), msgspec.msgpack.encode(values), msgspec.json.encode(items)


@pytest.mark.usefixtures("either_way")
@twice
@given(st.lists(ids, max_size=40), st.lists(ids | st.text(st.characters(exclude_characters="\0")), max_size=12))
@example([], ["", "a"])
@example([""], [])
@example([""], ["", "", "\ud800"])
def test_each_id_is_found_in_its_place(held: list[str], others: list[str]) -> None:
    """Known and unknown ids, doubled ones too, have the numbers that the vocabulary gives them."""
    vocabulary = Vocabulary(held)
    asked = [*others, *held[::2], *others[:2]]
    expected = [-1 if number is None else number for number in vocabulary.numbers(asked)]
    assert found(vocabulary.spelling, joined(asked)).tolist() == expected


@pytest.mark.usefixtures("either_way")
@twice
@given(st.lists(st.tuples(ids, scores), max_size=20))
@example([(one, UNITS[place % len(UNITS)]) for place, one in enumerate(HARD) if len(one) < 1000])
@example([("a", sign * float(one)) for one in UNITS for sign in (1, -1)])
@example([("a", 1.0)] * 15)
@example([("a", 1.0)] * 16)
@example([("a", 1.0)] * 101)
def test_a_list_is_written_as_msgspec_writes_it(items: list[tuple[str, float]]) -> None:
    """Ids, scores and items are the same bytes, whatever an id holds and however small or large a score is."""
    vocabulary = Vocabulary(one for one, _ in items)
    numbers, scores = [vocabulary.ids.index(one) for one, _ in items], [score for _, score in items]
    assert by_loop(vocabulary, numbers, scores) == by_msgspec(vocabulary, numbers, scores)


def test_no_list_and_no_id_is_too_long() -> None:
    """Sizes of one, two and four bytes are those of msgpack."""
    vocabulary = Vocabulary(HARD)
    numbers = [*range(len(HARD)), *[vocabulary.ids.index("a")] * 70_000]
    for m in (0, len(HARD), 65_535, 65_536, len(numbers)):
        scores = [float(place) for place in range(m)]
        assert by_loop(vocabulary, numbers[:m], scores) == by_msgspec(vocabulary, numbers[:m], scores)


@given(st.integers(-EXACT, EXACT))
def test_larger_scores_are_read_as_what_they_are(score: int) -> None:
    """Where the fewest digits are others than the six decimals, these are still read as the same number."""
    _, _, items = by_loop(Vocabulary(["a"]), [0], [float(score)])
    (item,) = msgspec.json.decode(items)
    assert item == {"item_id": "a", "rank": 1, "score": score / UNIT}


@given(st.lists(ids, max_size=5))
def test_the_table_is_that_of_zlib(asked: list[str]) -> None:
    """Loops look where the arrays were made to be looked at."""
    crcs, begins = hashed(joined(asked))
    encoded = [one.encode() for one in asked]
    assert crcs.tolist() == [crc32(one) for one in encoded]
    assert begins.tolist() == [sum(len(one) + 1 for one in encoded[:place]) for place in range(len(asked) + 1)]


@pytest.mark.parametrize(("names", "numbers"), [("a b c", [2, -1, 0]), ("", [-1, -1, -1])])
def test_ids_are_read_where_a_file_holds_them(names: str, numbers: list[int], tmp_path: Path) -> None:
    """Loops take the arrays of a mapped file, an empty one's too."""
    with (tmp_path / "file").open("wb") as file:
        filed.write(file, shop(names))
    items = filed.read(tmp_path / "file").items
    assert found(items.spelling, joined(["c", "x", "a"])).tolist() == numbers
    known = list(range(len(items)))
    assert by_loop(items, known, [0.0] * len(known)) == by_msgspec(items, known, [0.0] * len(known))


def test_arrays_are_made_once_and_counted() -> None:
    """A vocabulary in memory keeps its arrays from the first use on, and says what they take."""
    vocabulary = Vocabulary(["b", "a"])
    before, words = vocabulary.nbytes, vocabulary.words()
    assert vocabulary.words() is words
    assert vocabulary.nbytes == before + words.nbytes
    assert Vocabulary(words).nbytes == words.nbytes
    assert all(one is other for one, other in zip(vocabulary.spelling, words, strict=True))
