"""Ways in which files go bad, as data: what Hypothesis draws, applies to an honest file, and prints when it finds one.

A change is a tuple of its kind and numbers; places are taken modulo the length, so that every change fits every file
and shrinks well.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from hypothesis import strategies as st

Change = tuple[Any, ...]

_INTEGERS = (0, 1, -1, 2, 7, 127, 128, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, -(2**63))
_WHOLE = [
    struct.pack(f"{order}{form}", value & mask)
    for value in _INTEGERS
    for order in "<>"
    for form, mask in (("I", 2**32 - 1), ("Q", 2**64 - 1))
]
_REAL = [struct.pack(f"<{form}", value) for value in (0.0, -0.0, 1.0, -1.0, 1e-30, 1e30) for form in "fd"]
_REAL += [struct.pack("<d", value) for value in (1e300, -1e300, 5e-324)]
_NOT_FINITE = [struct.pack(f"<{form}", float(value)) for value in ("inf", "-inf", "nan") for form in "fd"]
_SIGNALLING = [bytes.fromhex("0100a07f"), bytes.fromhex("010000000000f47f")]  # NaNs that complain when converted
_WRITTEN = (
    "0", "-1", "1", "3", "255", "1000000", "2147483647", "4294967296", "9223372036854775807", "9223372036854775808",
    "1_0", "+9", "1e9", "9" * 30, "0x10", "nan", "", "٣",
)  # fmt: skip
_NUMBER = re.compile(rb"\d+")
_HEAD = 600  # bytes: where most headers are


def changes() -> st.SearchStrategy[list[Change]]:
    """One to four changes of one file; headers and ends are hit more often than their length deserves."""
    place = st.one_of(st.integers(0, 2**20), st.integers(0, _HEAD), st.integers(-_HEAD, -1))
    length = st.integers(1, 64)
    put = st.sampled_from(["put", "put aligned"])
    change = st.one_of(
        st.tuples(st.just("flip"), place, st.integers(0, 7)),
        st.tuples(put, place, st.sampled_from(_WHOLE)),
        st.tuples(put, place, st.sampled_from(_REAL)),
        st.tuples(put, place, st.sampled_from(_NOT_FINITE)),
        st.tuples(put, place, st.sampled_from(_SIGNALLING)),
        st.tuples(st.just("put"), place, st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("size"), place, st.sampled_from("<>"), st.sampled_from("IQ"), st.integers(-1, 1)),
        st.tuples(st.just("number"), st.integers(0, 24), st.sampled_from(_WRITTEN)),
        st.tuples(st.just("insert"), place, st.binary(min_size=1, max_size=16)),
        st.tuples(st.just("remove"), place, length),
        st.tuples(st.just("cut"), place),
        st.tuples(st.just("repeat"), place, length),
        st.tuples(st.just("swap"), place, place, length),
    )
    return st.lists(change, min_size=1, max_size=4)


def damaged(data: bytes, done: list[Change]) -> bytes:
    """The file with all changes made, in their order."""
    for kind, *numbers in done:
        if not data:
            break
        data = _KINDS[kind](data, *numbers)
    return data


def _put(data: bytes, at: int, new: bytes) -> bytes:
    at %= len(data)
    return (data[:at] + new + data[at + len(new) :])[: len(data)]


def _flip(data: bytes, at: int, bit: int) -> bytes:
    at %= len(data)
    return _put(data, at, bytes([data[at] ^ 1 << bit]))


def _size(data: bytes, at: int, order: str, form: str, more: int) -> bytes:
    return _put(data, at, struct.pack(f"{order}{form}", len(data) + more))


def _number(data: bytes, which: int, text: str) -> bytes:
    """Another number in a header that is text, as PLY's and numpy's are."""
    found = list(_NUMBER.finditer(data[:_HEAD]))
    if not found:
        return data
    match = found[which % len(found)]
    return data[: match.start()] + text.encode() + data[match.end() :]


def _insert(data: bytes, at: int, new: bytes) -> bytes:
    at %= len(data)
    return data[:at] + new + data[at:]


def _remove(data: bytes, at: int, count: int) -> bytes:
    at %= len(data)
    return data[:at] + data[at + count :]


def _repeat(data: bytes, at: int, count: int) -> bytes:
    at %= len(data)
    return data[: at + count] + data[at:]


def _swap(data: bytes, first: int, second: int, count: int) -> bytes:
    first, second = first % len(data), second % len(data)
    one, other = data[first : first + count], data[second : second + count]
    return _put(_put(data, first, other), second, one)


_KINDS = {
    "flip": _flip,
    "put": _put,
    "put aligned": lambda data, at, new: _put(data, at % len(data) // len(new) * len(new), new),
    "size": _size,
    "number": _number,
    "insert": _insert,
    "remove": _remove,
    "cut": lambda data, at: data[: at % len(data)],
    "repeat": _repeat,
    "swap": _swap,
}
