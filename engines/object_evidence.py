"""An object as an outside check needs it: its name and its boxes."""

from __future__ import annotations

from typing import Any, Final

from ..core.extents import ObjectBoxes
from ..core.labels import clean
from ..core.types import Instance

__all__ = ["described"]

_DECIMALS: Final = 5  # of metres
_ROTATION_DECIMALS: Final = 9


def described(thing: Instance, boxes: ObjectBoxes, index: int) -> dict[str, Any]:
    """An entry of ``objects.instances`` in the evidence (docs/data-format.md).

    Args:
        thing: the object.
        boxes: of the scene; the object's must be known.
        index: of the object among the scene's instances.
    """
    centre = boxes.centre[index].round(_DECIMALS).tolist()
    return {
        "id": thing.id,
        "label": clean(thing.label),
        "centre": centre,
        "obb": {
            "centre": centre,
            "size": boxes.size[index].round(_DECIMALS).tolist(),
            "rotation": boxes.axes[index].T.round(_ROTATION_DECIMALS).tolist(),
        },
        "aabb": boxes.aligned[index].round(_DECIMALS).tolist(),
    }
