"""Loops between ids as text and the numbers that ranking works on: what a request names, what an answer says (pure).

Both go stage by stage over all ids, not id by id: what a stage reads from memory for one id does not wait for what it
reads for another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from zlib import crc32

import numpy as np

from recsys.ranking.compiled import Bits, Index, Text, kernel
from recsys.ranking.itemlist import DECIMALS, UNIT
from recsys.snapshot.rows import Scores
from recsys.snapshot.words import Spelling

END: Final = 0
"""The byte behind each id of a text. No id holds it: Postgres can not store it, and no request may say it."""

_ONES: Final = 0xFFFF_FFFF
_CRC: Final = np.array([crc32(bytes([byte ^ 0xFF])) ^ 0xFF00_0000 for byte in range(256)], np.int64)
"""What a byte does to a CRC-32: zlib's own table, which it shows in its answers for single bytes."""
_BEFORE_ID: Final = np.frombuffer(b'{"item_id":"', np.uint8)
_BEFORE_RANK: Final = np.frombuffer(b'","rank":', np.uint8)
_BEFORE_SCORE: Final = np.frombuffer(b',"score":', np.uint8)
_BEFORE_DIGITS: Final = np.frombuffer(b"\\u00", np.uint8)
_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_COMMA, _MINUS, _POINT, _ZERO, _OPEN, _BACKSLASH, _CLOSE, _E, _U, _BRACE = b",-.0[\\]eu}"
_FIXED_ARRAY, _FIXED_TEXT, _FLOAT = 0x90, 0xA0, 0xCB
"""First bytes of msgpack (its specification, "Formats"); in those that are fixed the size stands too."""
_SHORT_ARRAY, _SHORT_TEXT, _ARRAY, _TEXT = 16, 32, 0xDB, 0xD9
"""The smallest sizes that are not, and the first byte of one in a byte of its own; of two and of four the next ones."""
_AROUND: Final = 128
"""More than an item takes in all three texts without its id, and more than what stands around all items."""


def _escapes() -> Text:
    """Give by byte what stands behind its backslash in JSON (RFC 8259, section 7), 0 where the byte stands itself."""
    table = np.zeros(256, np.uint8)
    table[:0x20] = _U
    for plain, escape in zip(b'"\\\b\f\n\r\t', b'"\\bfnrt', strict=True):
        table[plain] = escape
    return table


_ESCAPES: Final = _escapes()


def joined(ids: Iterable[str]) -> Bits:
    """Return *ids* in UTF-8, each with END behind it. A lone surrogate is encoded as well; no id holds one."""
    return np.frombuffer("\0".join((*ids, "")).encode("utf-8", "surrogatepass"), np.uint8)


@kernel
def hashed(text: Bits) -> tuple[Index, Index]:
    """Return each id's CRC-32, zlib's, (m,), and where each begins and at last where the text ends, (m + 1,)."""
    m, count, crc = 0, 0, np.int64(_ONES)
    for byte in text:
        m += byte == END
    crcs, begins = np.empty(m, np.int64), np.zeros(m + 1, np.int64)
    for at in range(len(text)):
        if text[at] == END:
            crcs[count], begins[count + 1], crc = crc ^ _ONES, at + 1, np.int64(_ONES)
            count += 1
        else:
            crc = _CRC[(crc ^ text[at]) & 0xFF] ^ crc >> 8
    return crcs, begins


@kernel
def suspected(words: Spelling, crcs: Index) -> tuple[Index, Index]:
    """Return, for each id in the buckets of these CRC-32, the place of the one that leads there, and its number."""
    _, _, buckets, order = words
    m, size, count, mask = len(crcs), 0, 0, len(buckets) - 2
    first, last = np.empty(m, np.int64), np.empty(m, np.int64)
    for place in range(m):
        first[place], last[place] = buckets[crcs[place] & mask], buckets[(crcs[place] & mask) + 1]
        size += last[place] - first[place]
    asked, numbers = np.empty(size, np.int64), np.empty(size, np.int64)
    for place in range(m):
        for entry in range(first[place], last[place]):
            asked[count], numbers[count] = place, order[entry]
            count += 1
    return asked, numbers


@kernel
def found(words: Spelling, text: Bits) -> Index:
    """Return the number of each id of a text that `joined` made, in its order, -1 for one that is not there, (m,)."""
    blob, ends, _, _ = words
    crcs, begins = hashed(text)
    asked, suspects = suspected(words, crcs)
    size, numbers = len(suspects), np.full(len(crcs), -1)
    begin, length, tail = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    for place in range(size):
        begin[place] = ends[suspects[place]]
        length[place] = ends[suspects[place] + 1] - begin[place]
    for place in range(size):  # nobody can guess whether ids are the same: the first look at each waits for no other
        if length[place]:
            tail[place] = blob[begin[place] + length[place] - 1]
    for place in range(size):
        at, left = begins[asked[place]], length[place]
        if left == begins[asked[place] + 1] - at - 1 and (left == 0 or tail[place] == text[at + left - 1]):
            while left and blob[begin[place] + left - 1] == text[at + left - 1]:
                left -= 1
            if left == 0:
                numbers[asked[place]] = suspects[place]
    return numbers


@kernel
def distinct(words: Spelling, text: Bits) -> tuple[Index, int]:
    """Return the numbers of the ids of a text that are there, each once, as they stand, and how many are not there.

    There are few: each is looked for among all before it.
    """
    numbers, count, unknown = found(words, text), 0, 0
    for number in numbers:
        before = 0
        while before < count and numbers[before] != number:
            before += 1
        if number < 0:
            unknown += 1
        elif before == count:
            numbers[count] = number
            count += 1
    return numbers[:count], unknown


@kernel
def written(words: Spelling, numbers: Index, units: Scores) -> tuple[Bits, int, int]:
    """Write a list of m items, whose scores are given in whole units, as three texts, one behind the other.

    The ids in msgpack; from the first number that is returned on the scores in msgpack; from the second on the items in
    JSON, as `RankedItem` with neither reasons nor explanation. All are byte by byte what msgspec makes of them.
    """
    blob, ends, _, _ = words
    m, size = len(numbers), 0
    begin, length = np.empty(m, np.int64), np.empty(m, np.int64)
    for place in range(m):
        begin[place] = ends[numbers[place]]
        length[place] = ends[numbers[place] + 1] - begin[place]
        size += length[place]
    text = np.empty((m + 1) * _AROUND + size * 7, np.uint8)  # an id once, and once as six bytes for each of its own
    for place in range(m):
        if length[place]:
            text[place] = blob[begin[place]]  # written over below: a first look at all before any of them is waited for
    at = put_size(text, 0, m, _FIXED_ARRAY, _SHORT_ARRAY, _ARRAY, 1)
    for place in range(m):
        at = put_size(text, at, length[place], _FIXED_TEXT, _SHORT_TEXT, _TEXT, 0)
        at = put(text, at, blob[begin[place] : begin[place] + length[place]])
    behind_ids, at = at, put_size(text, at, m, _FIXED_ARRAY, _SHORT_ARRAY, _ARRAY, 1)
    for score in (units / UNIT).view(np.int64):
        text[at] = _FLOAT
        at = put_bytes(text, at + 1, score, 8)
    behind_scores, text[at] = at, _OPEN
    for place in range(m):
        at = put(text, at + 1, _BEFORE_ID)
        at = put_escaped(text, at, blob[begin[place] : begin[place] + length[place]])
        at = put(text, at, _BEFORE_RANK)
        at = put_digits(text, at, place + 1, 1)
        at = put(text, at, _BEFORE_SCORE)
        at = put_score(text, at, units[place])
        text[at], text[at + 1] = _BRACE, _COMMA
        at += 1
    at = max(at, behind_scores + 1)  # the last comma, or what follows the bracket
    text[at] = _CLOSE
    return text[: at + 1], behind_ids, behind_scores


@kernel
def put(text: Text, at: int, piece: Bits) -> int:
    """Write *piece* at *at*; return where it ends, as all that follow do."""
    for place in range(len(piece)):
        text[at + place] = piece[place]
    return at + len(piece)


@kernel
def put_bytes(text: Text, at: int, value: int, size: int) -> int:
    """Write an integer in *size* bytes, the highest one first."""
    for place in range(size):
        text[at + place] = value >> 8 * (size - 1 - place) & 0xFF
    return at + size


@kernel
def put_size(text: Text, at: int, size: int, fixed: int, short: int, longer: int, power: int) -> int:
    """Write the size of an array or a text of msgpack: in the first byte below *short*, else in 2^*power* or more."""
    if size < short:
        text[at] = fixed | size
        return at + 1
    while size >> (8 << power):
        power += 1
    text[at] = longer + power
    return put_bytes(text, at + 1, size, 1 << power)


@kernel
def put_escaped(text: Text, at: int, piece: Bits) -> int:
    """Write *piece* as it stands in a text of JSON."""
    for byte in piece:
        escape = _ESCAPES[byte]
        if escape == 0:
            text[at] = byte
            at += 1
        elif escape == _U:
            at = put(text, at, _BEFORE_DIGITS)
            text[at], text[at + 1] = _HEX[byte >> 4], _HEX[byte & 15]
            at += 2
        else:
            text[at], text[at + 1] = _BACKSLASH, escape
            at += 2
    return at


@kernel
def put_digits(text: Text, at: int, number: int, least: int) -> int:
    """Write an integer, at least 0, in decimal, with zeros in front up to *least* digits."""
    size, rest = 1, number // 10
    while rest > 0 or size < least:
        size, rest = size + 1, rest // 10
    for place in range(at + size - 1, at - 1, -1):
        text[place] = _ZERO + number % 10
        number //= 10
    return at + size


@kernel
def put_score(text: Text, at: int, units: float) -> int:
    """Write so many units as the score that they are, in the fewest digits that are read as the same number.

    Up to 15 digits, any number of units is the only one that is read as its score; up to 2^33 it is the only one with
    six decimals. From there on msgspec may choose another last digit, or leave it out, for the same number.
    """
    if np.signbit(units):  # of -0.0 too
        text[at] = _MINUS
        at += 1
    whole, part = divmod(int(abs(units)), UNIT)
    if whole == 0 and 0 < part < 10:  # noqa: PLR2004  one digit: from 1e-5 on there are zeros and no exponent
        text[at], text[at + 1], text[at + 2], text[at + 3] = _ZERO + part, _E, _MINUS, _ZERO + DECIMALS
        return at + 4
    at = put_digits(text, at, whole, 1)
    text[at] = _POINT
    decimals = DECIMALS
    while decimals > 1 and part % 10 == 0:
        part //= 10
        decimals -= 1
    return put_digits(text, at + 1, part, decimals)
