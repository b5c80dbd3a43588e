"""What a run will do: which scenes, and about how much comes of them."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .. import scene_io
from ..core.counted import counted
from ..core.types import TaskSpec
from ..errors import ConfigError, SceneError, UnknownName
from ..scene_io import Reader, SceneRef
from .config import RunConfig
from .frames import expected_frames

__all__ = ["Estimate", "check_labels", "dataset_roots", "estimate", "find_scenes", "reader_for", "scene_key"]

_log = logging.getLogger(__name__)

OFFICIAL_SPLITS: Final = ("train", "val", "test")
_LOOKED_AT: Final = 16  # scenes whose headers are read for the estimate; more would delay the start of large runs
_JPEG_BYTES_PER_PIXEL: Final = 0.25  # about 2 bits a pixel: indoor photographs at quality 90
_ROW_BYTES: Final = 1_200  # texts and numbers of one row after compression, measured on depth questions


def scene_key(ref: SceneRef) -> str:
    """A scene's folder name under ``parts/``: readable, and unique for every dataset and id."""
    name = f"{ref.dataset}--{ref.id}"
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")
    if safe == name and len(name) <= 120:
        return name
    # Two ids may differ only in characters that a file name cannot hold.
    return f"{safe[:100]}-{hashlib.blake2b(name.encode(), digest_size=6).hexdigest()}"


def dataset_roots(paths: Iterable[Path], format: str | None = None) -> tuple[Path, ...]:
    """The roots that image references of the scenes at some paths are relative to.

    Raises:
        SceneError: when a path holds no scenes.
    """
    return tuple(dict.fromkeys(scene_io.detect(Path(path), format)[1] for path in paths))


def reader_for(ref: SceneRef) -> Reader:
    """The reader of the scene's format."""
    return scene_io.load(ref.format)


def check_labels(refs: Iterable[SceneRef], labels: str) -> None:
    """Refuse a label set that cannot be used, once for all scenes of a dataset root.

    Raises:
        ConfigError: when the mapping file is missing or not one.
        SceneError: when a dataset lacks the table that the label set needs.
    """
    for name, root in dict.fromkeys((ref.format, ref.root) for ref in refs):
        scene_io.load(name).check_labels(labels, root)


def find_scenes(
    paths: Sequence[Path],
    *,
    format: str | None = None,
    split: str = "train",
    scene_ids: Iterable[str] = (),
    stream: str | None = None,
) -> tuple[SceneRef, ...]:
    """The scenes at some paths that belong to a split, sorted by dataset and id.

    Where a dataset root has official lists, only scenes of the split's list are taken; where it has none, all are,
    as ``train``. ``all`` takes every scene.

    Raises:
        SceneError: when a path holds no scenes.
        UnknownName: for a scene id or split that is not there.
        ConfigError: when two roots hold the same scene, a format has no such stream, no scene is of the split, or
            a dataset without official lists is asked for another split than ``train``.
    """
    if not paths:
        raise ConfigError("no scenes given", remedy="add --scenes with a scene, a folder of scenes or a dataset root")
    found: dict[tuple[str, str], SceneRef] = {}
    for path in paths:
        reader, root = scene_io.detect(Path(path), format)
        for ref in reader.scenes(Path(path), **_stream_option(reader, stream)):
            other = found.setdefault((ref.dataset, ref.id), ref)
            if other.root != ref.root:
                raise ConfigError(
                    f"scene {ref.id} is under {other.root} and under {ref.root}",
                    remedy="give only one of the two roots",
                )
        for place, hint in scene_io.incomplete(root, format) if root == Path(path) else ():
            _log.warning("%s left out: looks like %s, but %s; %s", place, hint.kind, hint.lacks, hint.remedy)
    refs = [found[key] for key in sorted(found)]
    # Held-out test scans can be told by their folder alone; lists are there when other scenes have a split.
    listed = {ref.root for ref in refs if ref.split not in {None, "test"}}
    return _of_split(_named(refs, tuple(scene_ids)), split, listed)


def _stream_option(reader: Reader, stream: str | None) -> dict[str, Any]:
    """Only readers of datasets with several cameras have ``streams``, and their ``scenes`` takes one."""
    if stream is None:
        return {}
    known: tuple[str, ...] = getattr(reader, "streams", ())
    if not known:
        raise ConfigError(f"format {reader.name} has no streams to choose from", remedy="leave --stream away")
    if stream not in known:
        raise UnknownName(f"stream of {reader.name}", stream, known)
    return {"stream": stream}


def _named(refs: Sequence[SceneRef], ids: tuple[str, ...]) -> Sequence[SceneRef]:
    known = {ref.id for ref in refs}
    for name in ids:
        if name not in known:
            raise UnknownName("scene", name, known)
    return [ref for ref in refs if not ids or ref.id in ids]


def _of_split(refs: Sequence[SceneRef], split: str, listed: Container[Path]) -> tuple[SceneRef, ...]:
    """Those of a split; ``listed`` are the dataset roots that have official lists."""
    if split == "all":
        return tuple(refs)
    splits = Counter(ref.split for ref in refs if ref.split is not None)
    if split not in {*OFFICIAL_SPLITS, *splits}:
        raise UnknownName("split", split, {*OFFICIAL_SPLITS, *splits, "all"})
    unlisted = [ref for ref in refs if ref.split is None and ref.root in listed]
    whole = [ref for ref in refs if ref.split is None and ref.root not in listed]
    # Without lists nobody knows which scenes are held out: they may train, but never pass for a test.
    if split != "train" and whole:
        raise ConfigError(
            f"no official split lists were found, so there is no split {split!r}",
            path=whole[0].root,
            remedy=f"take --split train or all, or put the dataset's list (scannetv2_{split}.txt) beside the scans",
        )
    chosen = tuple(ref for ref in refs if ref.split == split or (ref.split is None and ref.root not in listed))
    if not chosen:
        there = [f"{count} of {name}" for name, count in sorted(splits.items())]
        there += [f"{len(unlisted)} in no official list"] if unlisted else []
        raise ConfigError(
            f"no scene of split {split!r} (there are {', '.join(there)})",
            remedy=f"choose another --split, or all, or put the list of split {split} beside the scans",
        )
    if unlisted:
        _log.warning(
            "%s in no official list of %s and left out; --split all takes all",
            f"{counted(len(unlisted), 'scene')} {'is' if len(unlisted) == 1 else 'are'}",
            ", ".join(sorted({str(ref.root) for ref in unlisted})),
        )
    if len(chosen) < len(refs):
        _log.info("%d of %s are of split %s", len(chosen), counted(len(refs), "scene"), split)
    return chosen


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run comes to at most, from a look at some scenes' headers."""

    scenes: int
    frames: int
    rows: int
    bytes: int

    def sentence(self) -> str:
        return (
            f"{counted(self.scenes, 'scene')}, about {counted(self.frames, 'frame')}, "
            f"up to {counted(self.rows, 'row')}, about {_size(self.bytes)}"
        )


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def estimate(refs: Sequence[SceneRef], config: RunConfig, out: Path) -> Estimate:
    """Scenes, frames, rows and bytes a run comes to; warns when the disk is smaller.

    Scenes whose headers cannot be read are left out here: the run itself reports them.
    """
    step = max(1, -(-len(refs) // _LOOKED_AT))
    frames, image_bytes = [], []
    for ref in refs[::step]:
        try:
            summary = reader_for(ref).summary_of(ref)
        except SceneError as error:
            _log.debug("not in the estimate: %s", error)
            continue
        frames.append(expected_frames(summary.frames, config.frames))
        image_bytes.append(_embedded_bytes(summary.image_bytes, summary.width, summary.height, config))
    if not frames:
        return Estimate(len(refs), 0, 0, 0)
    rows_per_task = config.per_scene * len(refs)
    if config.max_rows is not None:
        rows_per_task = min(rows_per_task, config.max_rows)
    rows = rows_per_task * len(config.specs)
    mean_image = sum(image_bytes) / len(image_bytes) if config.images == "embed" else 0.0
    result = Estimate(
        scenes=len(refs),
        frames=round(sum(frames) / len(frames) * len(refs)),
        rows=rows,
        bytes=round(rows_per_task * sum(_row_images(spec, frames) * mean_image + _ROW_BYTES for spec in config.specs)),
    )
    free = shutil.disk_usage(next(folder for folder in (out, *out.absolute().parents) if folder.exists())).free
    if result.bytes > free:
        _log.warning(
            "the output may take %s, but only %s are free; --max-side, --max-rows or --images path make it smaller",
            _size(result.bytes),
            _size(free),
        )
    return result


def _row_images(spec: TaskSpec, frames: Sequence[int]) -> float:
    """Images of a task's rows: no more than scenes have frames."""
    return sum(min(spec.images, count) for count in frames) / len(frames)


def _embedded_bytes(encoded: int, width: int, height: int, config: RunConfig) -> float:
    """Bytes of one embedded image: what is drawn on or resized is encoded again, the rest is passed through."""
    scale = 1.0 if config.max_side is None else min(1.0, config.max_side / max(width, height))
    again = _JPEG_BYTES_PER_PIXEL * width * height * scale * scale
    dots = config.draw and any("dot" in spec.variants for spec in config.specs) and config.variants != "coord"
    if scale < 1.0:
        return again
    if not dots:
        return float(encoded)
    return again if config.variants == "dot" else (again + encoded) / 2
