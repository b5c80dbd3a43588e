"""A row's pixels: found through their references, and made ready for embedding.

A reference is a file relative to the dataset root, or a frame inside a container (``scene.sens#frame=12``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import DatasetError
from ..media import images as codec
from ..media import references
from .markers import paint

__all__ = ["embed", "embed_pixels", "read", "resolve"]

Image = npt.NDArray[np.uint8]
Roots = Path | str | Sequence[Path | str]

_EXIF: Final = b"Exif\x00\x00"
_ORIENTATION: Final = 0x0112


def _roots(root: Roots) -> list[Path]:
    return [Path(root)] if isinstance(root, str | Path) else [Path(one) for one in root]


def read(image_ref: str, root: Roots) -> bytes:
    """The encoded image a reference stands for.

    Args:
        image_ref: as in ``images.path``: ``file`` or ``file#frame=n``, relative to a dataset root.
        root: the dataset root, or several, of which the first that has the file is taken.

    Raises:
        DatasetError: when no root has the file, or the reference leads out of its root; names both.
        SceneError: when the file is there but broken; names it.
    """
    file = PurePosixPath(image_ref.partition("#")[0])
    if file.is_absolute() or ".." in file.parts or not file.parts:
        raise DatasetError(
            f"image reference {image_ref!r} is not a path inside a dataset root",
            remedy="make the rows again; references are relative to the dataset root",
        )
    roots = _roots(root)
    for one in roots:
        if (one / file).is_file():
            return references.read_image(one, image_ref)
    looked_in = ", ".join(str(one) for one in roots) or "no root was given"
    raise DatasetError(
        f"image {image_ref!r} was not found (looked in {looked_in})",
        remedy="give the dataset root that the rows were made from",
    )


def resolve(row: Mapping[str, Any], root: Roots) -> dict[str, Any]:
    """A copy of a row with the bytes of its images filled in from their paths; present bytes are kept.

    Marks are not drawn: ``dataset.markers.draw`` does that.

    Raises:
        DatasetError: when a reference leads to no file; names it and where was looked.
        SceneError: when a file is broken; names it.
    """
    images = []
    for image in row["images"]:
        data = image["bytes"]
        images.append({"bytes": read(image["path"], root) if data is None else data, "path": image["path"]})
    return {**row, "images": images}


def embed(
    encoded: bytes,
    points: Sequence[Mapping[str, Any]],
    boxes: Sequence[Mapping[str, Any]],
    *,
    native_size: tuple[int, int],
    max_side: int | None,
    quality: int,
    draw: bool,
    source: str | None = None,
) -> tuple[bytes, tuple[int, int]]:
    """An image as it is stored in a row: reduced if it must be, marks drawn in, JPEG.

    A JPEG that needs neither passes through untouched.

    Args:
        encoded: JPEG or PNG bytes.
        points: the image's entries of the ``points`` column, native pixels.
        boxes: likewise of the ``boxes`` column.
        native_size: (width, height) that the row states.
        max_side: the longer side at most, in pixels; None keeps the native size.
        quality: of the JPEG, 1–100.
        draw: whether marks are drawn in.
        source: the image's reference, for messages.

    Returns:
        The JPEG bytes and their (width, height).

    Raises:
        DatasetError: when the image does not have the stated size.
        SceneError: when the image cannot be decoded.
    """
    size = codec.image_size(encoded, source=source)
    if size != native_size:
        raise DatasetError(
            f"the image is {size[0]} x {size[1]}, the row says {native_size[0]} x {native_size[1]}",
            path=source,
            remedy="the images have changed since the rows were made; give the root they were made from",
        )
    marked = draw and any(mark.get("color") for mark in (*points, *boxes))
    if not marked and _reduced(native_size, max_side) == native_size and _stored_as_shown(encoded):
        return encoded, native_size
    return embed_pixels(
        codec.decode_rgb(encoded, source=source),
        points if draw else (),
        boxes if draw else (),
        max_side=max_side,
        quality=quality,
    )


def embed_pixels(
    rgb: Image,
    points: Sequence[Mapping[str, Any]],
    boxes: Sequence[Mapping[str, Any]],
    *,
    max_side: int | None,
    quality: int,
) -> tuple[bytes, tuple[int, int]]:
    """``embed`` for an image that is decoded already: reduce, draw every mark that has a colour, encode.

    Args:
        rgb: (h, w, 3) uint8, native size; not changed.
        points: entries of the ``points`` column that belong to this image, native pixels.
        boxes: likewise of the ``boxes`` column.
        max_side: the longer side at most, in pixels; None keeps the native size.
        quality: of the JPEG, 1–100.

    Returns:
        The JPEG bytes and their (width, height).
    """
    height, width = rgb.shape[:2]
    size = _reduced((width, height), max_side)
    if size != (width, height):
        # Area averaging keeps pixel centres where geometry expects them: u' = (u + 0.5) s - 0.5.
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    if any(mark.get("color") for mark in (*points, *boxes)):
        rgb = paint(rgb, points, boxes, (size[0] / width, size[1] / height))
    return codec.encode_jpeg(rgb, quality), size


def _stored_as_shown(encoded: bytes) -> bool:
    """Whether a file is a JPEG that every viewer shows as it is stored: without an EXIF turn or mirroring.

    Viewers (and Hugging Face ``datasets``) apply the turn, and every pixel coordinate of the row would be off.
    """
    if not codec.is_jpeg(encoded):
        return False
    start = encoded.find(_EXIF, 0, 65_536) + len(_EXIF)
    if start < len(_EXIF):
        return True
    order: Literal["little", "big"] = "little" if encoded[start : start + 2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(encoded[start + at : start + at + size], order)

    # TIFF 6.0, section 2: a directory of 12-byte entries (tag, type, count, value) at the offset in the header.
    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * min(number(directory, 2), 512), 12):
        if number(entry, 2) == _ORIENTATION:
            return number(entry + 8, 2) <= 1
    return True


def _reduced(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    longest = max(size)
    if max_side is None or longest <= max_side:
        return size
    return max(1, round(size[0] * max_side / longest)), max(1, round(size[1] * max_side / longest))
