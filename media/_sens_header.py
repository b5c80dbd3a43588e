"""The header of a ``.sens`` file, field by field; the format is drawn in ``media/sens.py``."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import SceneError

__all__ = ["DOWNLOAD", "Descriptor", "SensHeader", "cut_short", "read_header"]

VERSION: Final = 4
COLOR_CODECS: Final = {0: "raw", 1: "png", 2: "jpeg"}
DEPTH_CODECS: Final = {0: "raw", 1: "zlib"}
_REFUSED_DEPTH_CODECS: Final = {2: "occi"}

# No sensor writes more; larger numbers are a damaged header, and must not become an allocation.
MAX_NAME_LENGTH: Final = 4096
MAX_SIDE: Final = 16_384
MAX_FRAMES: Final = 10_000_000

DOWNLOAD: Final = "download or copy it again"


@dataclass(frozen=True, slots=True, eq=False)
class SensHeader:
    """What the file says about all its frames.

    Attributes:
        sensor_name: as written by the recorder.
        intrinsic_color, intrinsic_depth: (4, 4), pixels of the stored images.
        extrinsic_color, extrinsic_depth: (4, 4); identity in every ScanNet scan.
        color_codec, depth_codec: ``raw``, ``png``, ``jpeg``; ``raw``, ``zlib``.
        color_width, color_height, depth_width, depth_height: pixels.
        depth_shift: stored depth units per metre.
        frames: number of frames.
    """

    sensor_name: str
    intrinsic_color: npt.NDArray[np.float64]
    extrinsic_color: npt.NDArray[np.float64]
    intrinsic_depth: npt.NDArray[np.float64]
    extrinsic_depth: npt.NDArray[np.float64]
    color_codec: str
    depth_codec: str
    color_width: int
    color_height: int
    depth_width: int
    depth_height: int
    depth_shift: float
    frames: int


class Descriptor:
    """A file descriptor and the file's size, for the length of one ``with``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Descriptor:
        try:
            self.number = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise SceneError(
                f"cannot be opened ({error.strerror})", path=self.path, remedy="check that it is there and readable"
            ) from None
        self.size = os.fstat(self.number).st_size
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.number)


def read_header(path: Path, descriptor: int, size: int) -> tuple[SensHeader, int]:
    """The header and the byte where the frames begin.

    Raises:
        SceneError: when it is missing, cut short, absurd, of another version or of a codec nobody can read.
    """
    return _HeaderReader(path, descriptor, size).read()


def cut_short(path: Path, where: str, byte: int) -> NoReturn:
    raise SceneError(f"is cut short {where}: it ends at byte {byte}", path=path, remedy=DOWNLOAD)


class _HeaderReader:
    """Reads the header field by field, believing no number before it is checked."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path, self.descriptor, self.size, self.at = path, descriptor, size, 0

    def read(self) -> tuple[SensHeader, int]:
        """The header and the byte where the frames begin."""
        (version,) = self._unpack("<I")
        if version != VERSION:
            self._refuse(
                f"is version {version} of the format, not {VERSION}", "give a .sens file of the ScanNet v2 release"
            )
        (length,) = self._unpack("<Q")
        if length > MAX_NAME_LENGTH:
            self._absurd(f"a sensor name of {length} bytes")
        name = self._take(length).decode("utf-8", "replace")
        with np.errstate(invalid="ignore"):  # a signalling NaN, as damaged files have, complains about being converted
            matrices = np.frombuffer(self._take(4 * 64), "<f4").reshape(4, 4, 4).astype(np.float64)
        color_codec, depth_codec = self._unpack("<ii")
        if color_codec not in COLOR_CODECS:
            self._refuse(f"has colour codec {color_codec} (unknown)", "known: raw (0), PNG (1), JPEG (2)")
        if depth_codec not in DEPTH_CODECS:
            name_of_codec = _REFUSED_DEPTH_CODECS.get(depth_codec, "unknown")
            self._refuse(
                f'has depth codec {depth_codec} ("{name_of_codec}"), which cannot be read',
                "write it again with raw (0) or zlib (1) depth",
            )
        sizes = self._unpack("<IIII")
        if min(sizes) < 1 or max(sizes) > MAX_SIDE:
            self._absurd(f"images of {sizes[0]} x {sizes[1]} (colour) and {sizes[2]} x {sizes[3]} (depth) pixels")
        (shift,) = self._unpack("<f")
        if not (np.isfinite(shift) and 1e-3 <= shift <= 1e9):
            self._absurd(f"a depth shift of {shift}")
        (frames,) = self._unpack("<Q")
        if frames > MAX_FRAMES:
            self._absurd(f"{frames} frames")
        header = SensHeader(
            sensor_name=name,
            intrinsic_color=matrices[0],
            extrinsic_color=matrices[1],
            intrinsic_depth=matrices[2],
            extrinsic_depth=matrices[3],
            color_codec=COLOR_CODECS[color_codec],
            depth_codec=DEPTH_CODECS[depth_codec],
            color_width=sizes[0],
            color_height=sizes[1],
            depth_width=sizes[2],
            depth_height=sizes[3],
            depth_shift=float(shift),
            frames=frames,
        )
        return header, self.at

    def _take(self, count: int) -> bytes:
        data = os.pread(self.descriptor, count, self.at)
        if len(data) != count:
            cut_short(self.path, "in its header", self.size)
        self.at += count
        return data

    def _unpack(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self._take(struct.calcsize(form)))

    def _absurd(self, claim: str) -> NoReturn:
        self._refuse(f"is damaged: its header claims {claim}", DOWNLOAD)

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        raise SceneError(what, path=self.path, remedy=remedy)
