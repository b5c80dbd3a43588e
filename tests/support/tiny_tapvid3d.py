"""A TAPVid-3D video in every layout, for the contract all readers share (see ``tiny_scannet``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .tapvid3d_writer import take, write

ADT = "Apartment_release_meal_seq136_8"
DRIVETRACK = "tapvid3d_9142545919543484617_86_000_106_000_2_5AKc-TYQochsSWXpv376cA"


def adt(root: Path) -> Path:
    return write(root / "adt" / f"{ADT}.npz", take(), images="object")


def adt_without_poses(root: Path) -> Path:
    return write(root / "adt" / f"{ADT}.npz", take(), extrinsics=False, compressed=True)


def pstudio(root: Path) -> Path:
    return write(root / "pstudio" / "juggle_8.npz", take(moving_camera=False), extrinsics=False, readme_names=True)


def drivetrack(root: Path) -> Path:
    return write(root / "drivetrack" / f"{DRIVETRACK}.npz", take())


def flat(root: Path) -> Path:
    return write(root / f"{DRIVETRACK}.npz", take(), images="uint8", compressed=True)


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "adt": adt,
    "adt_without_poses": adt_without_poses,
    "pstudio": pstudio,
    "drivetrack": drivetrack,
    "flat": flat,
}
