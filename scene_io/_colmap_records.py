"""What the two encodings of a COLMAP model are parsed into, as stated there."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["REMEDY", "CameraRecord", "ImageRecord", "NoModel"]

REMEDY: Final = "copy it again, or export it with: colmap model_converter"


class CameraRecord(NamedTuple):
    """One camera: id, name of the lens model, image size, parameters in the model's order."""

    id: int
    model: str
    width: int
    height: int
    parameters: tuple[float, ...]


class ImageRecord(NamedTuple):
    """One image: id, qw qx qy qz tx ty tz (world to camera), camera id, file name."""

    id: int
    pose: tuple[float, ...]
    camera: int
    name: str


class NoModel(Exception):
    """A file that is not what it should be; ``path`` names it."""

    def __init__(self, what: str, path: Path) -> None:
        super().__init__(what)
        self.path = path
