"""Whether a video file is all there, from the sizes its container states: Matroska (``.mkv``), MP4 and QuickTime.

Decoders play a file that was cut short up to where it ends and say nothing. The container knows how long it should be:
the Matroska segment states its length (RFC 9559), an MP4 file is a row of boxes that state theirs (ISO/IEC 14496-12).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ..errors import SceneError
from ._sens_header import DOWNLOAD, Descriptor

__all__ = ["check_video_file"]

_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = b"\x18\x53\x80\x67"
_FIRST_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")
_MAX_BOXES: Final = 4096  # at the top level, where a file has a handful


def check_video_file(path: Path) -> None:
    """Refuse a video file that is empty, cut short or of another kind, from a few reads.

    Raises:
        SceneError: naming it.
    """
    with Descriptor(path) as file:
        head = os.pread(file.number, 64, 0)
        if not head:
            raise SceneError("is empty", path=path, remedy=DOWNLOAD)
        if head.startswith(_EBML):
            ends = _matroska_end(head)
        elif head[4:8] in _FIRST_BOXES:
            ends = _mp4_end(file)
        else:
            raise SceneError("is no Matroska or MP4 video", path=path, remedy=DOWNLOAD)
        if ends is None:
            raise SceneError("is cut short or damaged in its header", path=path, remedy=DOWNLOAD)
        if ends > file.size:
            what = f"is cut short: it ends at byte {file.size}, its container at byte {ends}"
            raise SceneError(what, path=path, remedy=DOWNLOAD)


def _matroska_end(head: bytes) -> int | None:
    """Where the segment ends; 0 where it was written without a length (a live recording)."""
    length, at = _vint(head, 4)
    if length is None:
        return None
    at += length
    if head[at : at + 4] != _SEGMENT:
        return None
    length, start = _vint(head, at + 4)
    if length is None:
        return None
    unknown = length == (1 << 7 * (start - at - 4)) - 1
    return 0 if unknown else start + length


def _vint(data: bytes, at: int) -> tuple[int | None, int]:
    """A Matroska number of variable length, and the byte after it."""
    if at >= len(data) or not data[at]:
        return None, at
    size = 9 - data[at].bit_length()
    if at + size > len(data):
        return None, at
    value = int.from_bytes(data[at : at + size], "big") & ((1 << 7 * size) - 1)
    return value, at + size


def _mp4_end(file: Descriptor) -> int | None:
    """Where the last box ends; None where there is no ``moov``, without which nothing can be decoded."""
    at, movie = 0, False
    for _ in range(_MAX_BOXES):
        head = os.pread(file.number, 16, at)
        if len(head) < 8:
            break
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = file.size - at
        if length < 8:
            return None
        movie |= kind == b"moov"
        at += length
    # Cut in its data, a file has no moov after it: how long it should be is the better thing to say.
    return at if movie or at > file.size else None
