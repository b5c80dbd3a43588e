"""Members of a ``.npz`` archive: described from their headers, numbers read, nothing ever unpickled.

A ``.npz`` file is a zip archive of ``.npy`` files; members are stored as they are (``np.savez``) or deflated
(``np.savez_compressed``). What a header announces is compared with the archive's own directory before anything is
allocated.
"""

from __future__ import annotations

import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError

__all__ = ["REPAIR", "Member", "describe", "member_names", "open_payload", "read_numbers"]

REPAIR: Final = "download or generate the file again"

_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError, struct.error, MemoryError,
    OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """An array in an archive, unread.

    Attributes:
        shape, dtype, fortran: as its header says; an object dtype means that the payload is a pickle.
        header_bytes: before the payload.
        payload_bytes: of the payload, not compressed.
        compressed_bytes: of the member as it lies in the archive.
        offset: where the payload starts in the file, or None where it is compressed.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    header_bytes: int
    payload_bytes: int
    compressed_bytes: int
    offset: int | None


def member_names(path: Path) -> frozenset[str]:
    """Names of an archive's arrays.

    Raises:
        SceneError: when the file cannot be opened or is no archive (cut short, for instance).
    """
    with _archive(path) as archive:
        return frozenset(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))


def describe(path: Path, name: str) -> Member:
    """What the header of an array says, checked against the archive's directory.

    Raises:
        SceneError: when the array is missing or its header contradicts its size; names file and array.
    """
    with _archive(path) as archive, _opened(archive, path, name) as stream:
        return _describe(archive, stream, path, name)


def read_numbers(path: Path, name: str) -> npt.NDArray[Any]:
    """An array of booleans, integers or floating point numbers.

    Returns:
        Read-only, in the shape and type it is stored in.

    Raises:
        SceneError: when it is missing, damaged or holds anything else (Python objects, text); names file and array.
    """
    with _archive(path) as archive, _opened(archive, path, name) as stream:
        member = _describe(archive, stream, path, name)
        if member.dtype.kind not in "biuf":
            kind = "Python objects" if member.dtype.hasobject else f"values of type {member.dtype}"
            raise SceneError(f"{name} holds {kind}, not numbers", path=path, remedy="store it as an array of numbers")
        data = stream.read()
        if len(data) != member.payload_bytes:
            raise SceneError(f"{name} is cut short", path=path, remedy=REPAIR)
        return np.frombuffer(data, member.dtype).reshape(member.shape, order="F" if member.fortran else "C")


@contextmanager
def open_payload(path: Path, name: str, member: Member) -> Iterator[IO[bytes]]:
    """A stream over an array's payload, inflated where it is compressed.

    Raises:
        SceneError: when the archive is damaged, also where that only shows while reading; names file and array.
    """
    with _archive(path) as archive, _opened(archive, path, name) as stream:
        stream.read(member.header_bytes)
        yield stream


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror or error})", path=path, remedy=REPAIR) from None
    except _DAMAGED as error:
        raise SceneError(f"it is not a whole .npz archive ({error})", path=path, remedy=REPAIR) from None


@contextmanager
def _opened(archive: zipfile.ZipFile, path: Path, name: str) -> Iterator[IO[bytes]]:
    try:
        info = archive.getinfo(f"{name}.npy")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("it is compressed in a way that numpy does not use")
        if info.header_offset + info.compress_size > path.stat().st_size:  # zipfile would set as much aside
            raise ValueError(f"the archive's directory says that {info.compress_size} bytes of the file are its")
        with archive.open(f"{name}.npy") as stream:
            yield stream
    except KeyError:
        raise SceneError(f"it has no array {name}", path=path, remedy=REPAIR) from None
    except _DAMAGED as error:
        raise SceneError(f"{name} is damaged ({error})", path=path, remedy=REPAIR) from None


def _describe(archive: zipfile.ZipFile, stream: IO[bytes], path: Path, name: str) -> Member:
    shape, fortran, dtype = _array_header(stream)
    info = archive.getinfo(f"{name}.npy")
    header_bytes = stream.tell()
    payload_bytes = info.file_size - header_bytes
    if min(shape, default=0) < 0:
        raise ValueError(f"its header says shape {shape}")
    count = math.prod(shape)
    # In a pickle an element takes a byte at least.
    if count > payload_bytes if dtype.hasobject else count * dtype.itemsize != payload_bytes:
        raise ValueError(f"its header says shape {shape} of {dtype}, but it has {payload_bytes} bytes")
    stored = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1
    offset = _payload_offset(path, info.header_offset) + header_bytes if stored else None
    return Member(shape, dtype, fortran, header_bytes, payload_bytes, info.compress_size, offset)


def _array_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order and type as a ``.npy`` header states them."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"unknown version {version[0]}.{version[1]} of the .npy format")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        with warnings.catch_warnings():  # about headers that Python 2 wrote, and old names of types
            warnings.simplefilter("ignore")
            return read(stream)
    except (SyntaxError, tokenize.TokenError, TypeError, LookupError, AttributeError):
        # The header is a Python literal, and damaged ones get further into numpy than it expects.
        raise ValueError("its header is not one that numpy writes") from None


def _payload_offset(path: Path, header_offset: int) -> int:
    """Where a member's bytes begin: after its local header, a name and extra fields (APPNOTE.TXT, 4.3.7)."""
    with path.open("rb") as stream:
        stream.seek(header_offset)
        _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
    return header_offset + _LOCAL_HEADER.size + int(name_bytes) + int(extra_bytes)
