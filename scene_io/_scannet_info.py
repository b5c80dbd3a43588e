"""``<id>.txt``: the axis alignment of a scan and the sizes its cameras recorded, as ``key = value`` lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ._poses import judge_poses, numbers_in

__all__ = ["SceneInfo", "read_info"]


@dataclass(frozen=True, slots=True, eq=False)
class SceneInfo:
    """What a scan says about itself.

    Attributes:
        alignment: (4, 4), metres, raw world to aligned world, rigid; identity where none is stated.
        sizes: width and height recorded, under ``color`` and ``depth``, where stated.
        aligned: whether an alignment was stated.
    """

    alignment: npt.NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    aligned: bool = False


def read_info(path: Path | None) -> SceneInfo:
    """The alignment and sizes in a scan's text file; without file (or without the line, in test scans) the identity.

    Raises:
        SceneError: when the file cannot be read or its alignment is not a rigid motion.
    """
    if path is None:
        return SceneInfo()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy="download it again") from None
    values = {
        key.strip(): value.strip() for key, separator, value in (line.partition("=") for line in lines) if separator
    }
    sizes = {}
    for kind in ("color", "depth"):
        width, height = values.get(f"{kind}Width", ""), values.get(f"{kind}Height", "")
        if width.isdigit() and height.isdigit() and int(width) > 1 and int(height) > 1:
            sizes[kind] = (int(width), int(height))
    if "axisAlignment" not in values:
        return SceneInfo(sizes=sizes)
    try:
        numbers = numbers_in(values["axisAlignment"])
    except ValueError:
        numbers = []
    if len(numbers) != 16:
        raise SceneError("axisAlignment does not hold 16 numbers", path=path, remedy="download it again")
    alignment, verdict, reasons = judge_poses(np.array(numbers).reshape(1, 4, 4))
    if verdict[0]:
        reason = reasons[verdict[0] - 1].removeprefix("pose ")
        raise SceneError(f"axisAlignment is {reason}", path=path, remedy="download it again")
    return SceneInfo(alignment[0], sizes, aligned=True)
