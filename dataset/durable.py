"""Files that are there whole or not at all.

A file is written under a temporary name in its own folder, forced to the disk, and renamed. A crash leaves the old
file or the new one; a temporary name (``.name.tmp``) is never read by anything.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from ..errors import DatasetError, OutOfSpace

__all__ = ["disk_errors", "replacing", "sync_folder", "sync_tree", "write_bytes"]

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turns the operating system's refusals to write in ``folder`` into errors a user can act on.

    Raises:
        OutOfSpace: when the disk or the quota is full.
        DatasetError: when writing is refused for another reason (read-only, permissions, not a folder).
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OutOfSpace(
                "no space left on the disk", path=folder, remedy="free some space and run the same command again"
            ) from error
        reason = (error.strerror or str(error)).lower()
        raise DatasetError(
            f"cannot be written ({reason})", path=folder, remedy="choose a folder that you may write to"
        ) from error


def sync_folder(folder: Path) -> None:
    """Forces a folder's entries (new names, renames) to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Forces the entries of a folder and of all folders below it to the disk."""
    for place, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(place))


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the name ``path`` when the block ends well, and leaves no trace when it does not.

    Raises:
        OutOfSpace: when the disk or the quota is full.
        DatasetError: when the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with disk_errors(path.parent):
        try:
            with temporary.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except BaseException:
            # Also on KeyboardInterrupt: a temporary file is only ever in the way.
            with suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a small file whole or not at all.

    Raises:
        OutOfSpace: when the disk or the quota is full.
        DatasetError: when the folder cannot be written to.
    """
    with replacing(path) as stream:
        stream.write(data)
