"""Files as the readers take them, with the error that names the file and what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ..errors import SceneError
from ..media.images import image_size

__all__ = ["file_state", "mean_bytes", "read_bytes", "read_json", "read_text", "size_of"]

_HEADER_BYTES: Final = 1 << 16
_SAMPLED: Final = 16  # files of many that are asked for their size
_REMEDY: Final = "copy or export it again"


def read_bytes(path: Path, *, remedy: str = _REMEDY) -> bytes:
    """A whole file.

    Raises:
        SceneError: when it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(error, path, remedy) from None


def read_text(path: Path, *, remedy: str = _REMEDY) -> str:
    """A whole file of text in UTF-8, without the mark that some editors put before it.

    Raises:
        SceneError: when it cannot be read, or is not text.
    """
    try:
        return read_bytes(path, remedy=remedy).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SceneError("is not a text file", path=path, remedy=remedy) from None


def read_json(path: Path, *, remedy: str = _REMEDY) -> Any:
    """What a JSON file holds.

    Raises:
        SceneError: when it cannot be read, is cut short or not JSON.
    """
    try:
        return json.loads(read_bytes(path, remedy=remedy))
    except (ValueError, RecursionError) as error:  # bad JSON, bad UTF-8, integers of thousands of digits, deep nesting
        raise SceneError(f"is cut short or not JSON ({error})", path=path, remedy=remedy) from None


def size_of(path: Path, *, remedy: str = _REMEDY) -> tuple[int, int]:
    """Width and height of an image, from its header.

    Raises:
        SceneError: when it cannot be read or has no such header.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEADER_BYTES)
    except OSError as error:
        raise _unreadable(error, path, remedy) from None
    try:
        return image_size(head, source=path)
    except SceneError:
        if len(head) < _HEADER_BYTES:
            raise
    return image_size(read_bytes(path, remedy=remedy), source=path)  # a header behind a large thumbnail


def mean_bytes(files: Sequence[Path], *, remedy: str = _REMEDY) -> int:
    """Mean size of files, of which there is at least one; of many it is that of some, evenly spread.

    Raises:
        SceneError: when one is not there.
    """
    sampled = files[:: max(1, len(files) // _SAMPLED)]
    try:
        return sum(path.stat().st_size for path in sampled) // len(sampled)
    except OSError as error:
        raise _unreadable(error, Path(error.filename), remedy) from None


def file_state(path: Path, *, remedy: str = _REMEDY) -> str:
    """Size and time of a file, which change when it does.

    Raises:
        SceneError: when it is not there.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise _unreadable(error, path, remedy) from None
    return f"{state.st_size}:{state.st_mtime_ns}"


def _unreadable(error: OSError, path: Path, remedy: str) -> SceneError:
    return SceneError(f"cannot be read ({error.strerror})", path=path, remedy=remedy)
