"""The columns of a row, explicit and versioned (docs/data-format.md says what each means).

Hugging Face ``datasets`` uses the features declared in the schema's metadata only where the Arrow fields equal the
declared ones, and else silently falls back to raw structs; hence nullable fields, ``string``/``binary``/``list``
and never their ``large_`` kinds, and an image as ``struct<bytes, path>`` in that order.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pyarrow as pa

__all__ = ["FRAMES_SCHEMA", "SCHEMA", "SCHEMA_VERSION", "VERSION_KEY", "features"]

SCHEMA_VERSION: Final = "1"
"""Raised when a column changes its type or meaning; stored in every file under ``VERSION_KEY``."""

VERSION_KEY: Final = b"spatialgen_schema"

IMAGE: Final = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SIZE: Final = pa.struct([("width", pa.int32()), ("height", pa.int32())])
_MESSAGE: Final = pa.struct([("role", pa.string()), ("content", pa.string())])
_POINT: Final = pa.struct(
    [
        ("image", pa.int32()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("depth", pa.float64()),
        ("label", pa.string()),
        ("color", pa.string()),
        ("instance_id", pa.string()),
        ("role", pa.string()),
    ]
)
_BOX: Final = pa.struct(
    [
        ("image", pa.int32()),
        ("x1", pa.float64()),
        ("y1", pa.float64()),
        ("x2", pa.float64()),
        ("y2", pa.float64()),
        ("label", pa.string()),
        ("color", pa.string()),
        ("instance_id", pa.string()),
        ("role", pa.string()),
        ("amodal", pa.bool_()),
    ]
)
_OBJECT: Final = pa.struct([("instance_id", pa.string()), ("label", pa.string()), ("role", pa.string())])
_TEXTS: Final = pa.list_(pa.string())
_NUMBERS: Final = pa.list_(pa.float64())

_ROW_FIELDS: Final[list[tuple[str, pa.DataType]]] = [
    ("id", pa.string()),
    ("suite", pa.string()),
    ("task", pa.string()),
    ("variant", pa.string()),
    ("form", pa.string()),
    ("split", pa.string()),
    ("dataset", pa.string()),
    ("scene_id", pa.string()),
    ("scene_group", pa.string()),
    ("frame_ids", _TEXTS),
    ("images", pa.list_(IMAGE)),
    ("marks_drawn", pa.bool_()),
    ("image_sizes", pa.list_(_SIZE)),
    ("embedded_sizes", pa.list_(_SIZE)),
    ("messages", pa.list_(_MESSAGE)),
    ("question", pa.string()),
    ("answer", pa.string()),
    ("answer_short", pa.string()),
    ("answer_type", pa.string()),
    ("value", _NUMBERS),
    ("units", _TEXTS),
    ("options", _TEXTS),
    ("answer_index", pa.int32()),
    ("points", pa.list_(_POINT)),
    ("boxes", pa.list_(_BOX)),
    ("objects", pa.list_(_OBJECT)),
    ("margin", pa.float64()),
    ("overlap", pa.float64()),
    ("occlusion", pa.float64()),
    ("difficulty", pa.string()),
    ("slots", pa.string()),
    ("evidence", pa.string()),
    ("template", pa.string()),
    ("engine", pa.string()),
    ("engine_version", pa.string()),
    ("config_hash", pa.string()),
    ("seed", pa.string()),
]

_FRAME_FIELDS: Final[list[tuple[str, pa.DataType]]] = [
    ("dataset", pa.string()),
    ("scene_id", pa.string()),
    ("frame_id", pa.string()),
    ("image_ref", pa.string()),
    ("depth_ref", pa.string()),
    ("depth_scale", pa.float64()),
    ("camera_to_world", _NUMBERS),
    ("raw_camera_to_world", _NUMBERS),
    ("intrinsics", _NUMBERS),
    ("distortion_model", pa.string()),
    ("distortion", _NUMBERS),
    ("width", pa.int32()),
    ("height", pa.int32()),
    ("depth_intrinsics", _NUMBERS),
    ("depth_width", pa.int32()),
    ("depth_height", pa.int32()),
    ("time", pa.float64()),
    ("world_up", _NUMBERS),
]


def _feature(kind: pa.DataType) -> dict[str, Any]:
    """One column's type in the words of Hugging Face ``datasets``."""
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    # `datasets` names doubles as numpy does; all other names used here are Arrow's own.
    return {"dtype": "float64" if pa.types.is_float64(kind) else str(kind), "_type": "Value"}


def features(fields: list[tuple[str, pa.DataType]]) -> dict[str, Any]:
    """The ``features`` that Hugging Face ``datasets`` and its viewer read, for columns of these names and types."""
    return {name: _feature(kind) for name, kind in fields}


def _schema(fields: list[tuple[str, pa.DataType]]) -> pa.Schema:
    metadata = {
        b"huggingface": json.dumps({"info": {"features": features(fields)}}).encode(),
        VERSION_KEY: SCHEMA_VERSION.encode(),
    }
    return pa.schema([pa.field(name, kind) for name, kind in fields], metadata=metadata)


SCHEMA: Final = _schema(_ROW_FIELDS)
"""Columns of ``data/<task>/*.parquet``."""

FRAMES_SCHEMA: Final = _schema(_FRAME_FIELDS)
"""Columns of ``frames.parquet``."""
