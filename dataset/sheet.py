"""Contact sheets: rows as a person can judge them, images with marks beside question and answer.

A picture (PNG) for a look, a self-contained page (HTML) with the evidence folded in for a review.
"""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core.rounding import thousandths
from ..errors import ConfigError, DatasetError
from ..media import images as codec
from . import images, lettering, markers, read
from .durable import replacing, write_bytes
from .options import lists_options
from .ordering import row_keys

__all__ = ["contact_sheet", "pick_rows", "review_images"]

Image = npt.NDArray[np.uint8]
Row = dict[str, Any]
Color = tuple[int, ...]

_PICK_COLUMNS: Final = ("id", "task", "variant", "form", "dataset", "scene_id", "answer_index", "evidence")
_PLACE_UNITS: Final = ("px", "px", "m")
"""Of an answer that is a place in the first image and its depth."""
_RING_COLOR: Final = (255, 255, 255)
_COLORS: Final = [tuple(int(name[i : i + 2], 16) for i in (1, 3, 5)) for name in markers.PALETTE]
_MOST_ROWS: Final = 200
MOST_LARGE: Final = 6
"""Rows of more images than this (videos) show them small and numbered from 0."""
_HTML_SIDE: Final = 960


def contact_sheet(
    directory: Path,
    out: Path,
    *,
    task: str | None = None,
    rows: int = 12,
    root: images.Roots | None = None,
) -> list[str]:
    """Writes some rows of a finished run as one picture (``.png``) or page (``.html``).

    Rows are chosen without chance, spread over tasks, forms, scenes, variants and ways of asking. Where a row points
    by coordinates, or its answer is a place, a ring or a dashed box shows it; the row's own images have none.

    Args:
        directory: the ``--out`` folder of a run.
        out: the file to write.
        task: one task's rows only.
        rows: how many at most.
        root: the dataset root (or several) that path-only rows refer to.

    Returns:
        The ids of the rows shown, in order.

    Raises:
        ConfigError: when ``out`` is neither ``.png`` nor ``.html``, or ``rows`` is out of range.
        DatasetError: when the run is not finished, has no rows, or its images are references and no root was given.
        UnknownName: when the run has no rows of the task.
    """
    directory, out = Path(directory), Path(out)
    if out.suffix.lower() not in {".png", ".html"}:
        raise ConfigError(
            f"{out.name} is neither .png nor .html", remedy="name the sheet something.png or something.html"
        )
    if not 1 <= rows <= _MOST_ROWS:
        raise ConfigError(f"{rows} rows on a sheet", remedy=f"show between 1 and {_MOST_ROWS} rows")
    chosen = pick_rows(directory, rows, task)
    if not chosen:
        raise DatasetError("there are no rows to show", path=directory, remedy="see failures.json and manifest.json")
    if any(image["bytes"] is None for row in chosen for image in row["images"]):
        if root is None:
            raise DatasetError(
                "the rows refer to images of the source scans",
                path=directory,
                remedy="say where they are with --scenes",
            )
        chosen = [images.resolve(row, root) for row in chosen]
    if out.suffix.lower() == ".html":
        write_bytes(out, _page(directory, chosen).encode())
    else:
        from .sheet_picture import picture

        with replacing(out) as stream:
            stream.write(codec.encode_png(picture([(row, review_images(row)) for row in chosen])))
    return [str(row["id"]) for row in chosen]


def pick_rows(directory: Path, count: int, task: str | None = None) -> list[Row]:
    """Rows of a finished run that differ as much as they can, chosen without chance.

    They come from each task in turn, within it from each form in turn, within that from each group (variant, way of
    asking, answer) in turn, and within that from each scene in turn, every group starting with another scene.

    Raises:
        DatasetError: when the run is not finished.
        UnknownName: when the run has no rows of the task.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], dict[str, list[tuple[int, str]]]] = {}
    for row in read.open_rows(directory, task, _PICK_COLUMNS):
        ask = json.loads(row["evidence"]).get("ask", "")
        key = (row["task"], row["form"], (row["variant"], str(ask), str(row["answer_index"])))
        # The seedless key only breaks ties: it makes the choice independent of the order of rows.
        place = int(row_keys([row["id"]], 0)[0])
        groups.setdefault(key, {}).setdefault(f"{row['dataset']}/{row['scene_id']}", []).append((place, row["id"]))
    tasks: dict[str, dict[str, list[list[tuple[int, str]]]]] = {}
    for index, ((name, form, _), scenes) in enumerate(sorted(groups.items())):
        ordered = [sorted(places) for _, places in sorted(scenes.items())]
        first = index % len(ordered)
        tasks.setdefault(name, {}).setdefault(form, []).append(list(_in_turn(ordered[first:] + ordered[:first])))
    queues = [
        list(_in_turn([list(_in_turn(_turned(some, f"{name}/{form}"))) for form, some in forms.items()]))
        for name, forms in tasks.items()
    ]
    wanted = [row_id for _, row_id in _in_turn(queues)][:count]
    found: dict[str, Row] = {}
    names = set(wanted)
    for path in read.shards(directory, task):
        for table in read.iter_tables(path, batch_rows=64):
            hits = [index for index, one in enumerate(table["id"].to_pylist()) if one in names]
            for row in table.take(hits).to_pylist() if hits else ():
                found[row["id"]] = row
        if len(found) == len(names):
            break
    return sorted(
        (found[one] for one in wanted), key=lambda row: (row["task"], row["variant"], wanted.index(row["id"]))
    )


def _turned(queues: list[list[tuple[int, str]]], name: str) -> list[list[tuple[int, str]]]:
    """The same, not always beginning with the first, so that not every sheet opens with answer A."""
    first = int(row_keys([name], 0)[0]) % len(queues)
    return queues[first:] + queues[:first]


def _in_turn(queues: Sequence[Sequence[tuple[int, str]]]) -> Iterator[tuple[int, str]]:
    """The first of each queue, then the second of each, and so on."""
    for index in range(max((len(queue) for queue in queues), default=0)):
        for queue in queues:
            if index < len(queue):
                yield queue[index]


def review_images(row: Mapping[str, Any]) -> list[Image]:
    """The images of a row for a reviewer: as the model sees them, with rings and dashed boxes where only texts point.

    Returns:
        (h, w, 3) uint8 RGB for each image.
    """
    pictures = []
    for index, rgb in enumerate(markers.draw(row)):
        native = row["image_sizes"][index]
        across, down = rgb.shape[1] / native["width"], rgb.shape[0] / native["height"]
        spots = [point for point in _unmarked(row, "points") if point["image"] == index]
        frames = [box for box in _unmarked(row, "boxes") if box["image"] == index]
        if not spots and not frames:
            pictures.append(rgb)
            continue
        canvas = rgb.copy()
        places = [((p["x"] + 0.5) * across - 0.5, (p["y"] + 0.5) * down - 0.5) for p in spots]
        size = max(6.0, markers.radius(canvas.shape[0]) * 1.2)
        occupied = [(x - size, y - size, x + size, y + size) for x, y in places]
        for number, box in enumerate(frames):
            color = _COLORS[number % len(_COLORS)]
            edges = tuple(
                (box[name] + 0.5) * factor - 0.5
                for name, factor in (("x1", across), ("y1", down), ("x2", across), ("y2", down))
            )
            _dashed(canvas, edges, size, color)
            ends = ((box["x1"], "width"), (box["y1"], "height"), (box["x2"], "width"), (box["y2"], "height"))
            text = ",".join(str(thousandths(value, native[side])) for value, side in ends)
            _caption(canvas, f"[{text}]", (edges[0], edges[1], edges[2], edges[3]), size, color, occupied)
        for number, ((x, y), point) in enumerate(zip(places, spots, strict=True)):
            color = _COLORS[number % len(_COLORS)]
            _ring(canvas, x, y, size, color)
            text = f"[{thousandths(point['x'], native['width'])}, {thousandths(point['y'], native['height'])}]"
            _caption(canvas, text, (x, y, x, y), size, color, occupied)
        pictures.append(canvas)
    return pictures


def _unmarked(row: Mapping[str, Any], column: str) -> list[Mapping[str, Any]]:
    """What a row's texts point at without a mark in its images: coordinates, boxes, the place that is the answer."""
    undrawn = row["variant"] not in markers.DRAWN_VARIANTS
    found = [mark for mark in row[column] if undrawn or not mark["color"]]
    if column == "points" and tuple(row["units"]) == _PLACE_UNITS:
        x, y, _ = row["value"]
        found.append({"image": 0, "x": x, "y": y})
    return found


def _ring(canvas: Image, x: float, y: float, size: float, color: Color) -> None:
    """A ring and a cross-hair that leave the pixel itself free."""
    unit = max(1, round(size / 6))
    bits = 4
    centre = (round(x * 16), round(y * 16))
    for shade, width in ((_RING_COLOR, 3 * unit), (color, unit)):
        cv2.circle(canvas, centre, round(size * 16), shade, width, cv2.LINE_AA, bits)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            start = (round((x + dx * size) * 16), round((y + dy * size) * 16))
            stop = (round((x + dx * size * 1.7) * 16), round((y + dy * size * 1.7) * 16))
            cv2.line(canvas, start, stop, shade, width, cv2.LINE_AA, bits)


def _dashed(canvas: Image, edges: tuple[float, ...], size: float, color: Color) -> None:
    """A dashed frame: unlike a row's own boxes, which are drawn through."""
    x1, y1, x2, y2 = edges
    unit = max(1, round(size / 6))
    for begin, end in (((x1, y1), (x2, y1)), ((x2, y1), (x2, y2)), ((x2, y2), (x1, y2)), ((x1, y2), (x1, y1))):
        count = max(1, round(math.dist(begin, end) / (2 * size)))
        steps = np.linspace(begin, end, 2 * count + 1).round().astype(int)
        for shade, width in ((_RING_COLOR, 3 * unit), (color, unit)):
            for start, stop in zip(steps[0::2], steps[1::2], strict=False):
                cv2.line(canvas, start.tolist(), stop.tolist(), shade, width, cv2.LINE_AA)


def _caption(
    canvas: Image,
    text: str,
    anchor: tuple[float, float, float, float],
    size: float,
    color: Color,
    occupied: list[tuple[float, float, float, float]],
) -> None:
    """The coordinates of a place beside it, so that a reviewer sees which option it is."""
    label = lettering.label_of(text)
    factor = 1.4 * size / lettering.capital_height()
    halo = max(1.5, size / 8)
    # Brackets reach below the baseline by about a quarter of a capital.
    wide, tall = label.width * factor + 2 * halo, 1.8 * size + 2 * halo
    gap = 1.9 * size if anchor[0] == anchor[2] else halo
    left, top = markers.place(canvas.shape[:2], anchor, gap, wide, tall, occupied)
    occupied.append((left, top, left + wide, top + tall))
    lettering.write(canvas, label, left + halo, top + halo + 1.4 * size, factor, color, halo)


_STYLE: Final = """\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem}
body{background:#f6f6f4;color:#1d1d1f}
article{background:#fff;border:1px solid #dcdcd8;border-radius:8px;padding:1rem;margin:1rem 0}
.images{display:flex;flex-wrap:wrap;gap:8px}.images img{max-width:100%;max-height:480px;border-radius:4px}
figure{margin:0}.many img{max-height:210px}figcaption{color:#6b6b70;font-size:12px}
.meta{color:#6b6b70;font-size:12px;font-family:ui-monospace,monospace}
.question{font-size:17px;margin:.6rem 0 .2rem;white-space:pre-line}
.answer{color:#0a7d33;font-weight:600}ol{margin:.2rem 0;list-style:upper-alpha}pre{white-space:pre-wrap;font-size:12px}
"""


def _page(directory: Path, rows: Sequence[Row]) -> str:
    cards = "\n".join(_card(row) for row in rows)
    title = html.escape(f"{len(rows)} rows of {directory.name or directory.resolve().name}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>\n{_STYLE}</style></head><body>\n<h1>{title}</h1>\n{cards}\n</body></html>\n"
    )


def _card(row: Row) -> str:
    images = review_images(row)
    many = len(images) > MOST_LARGE
    pictures = "".join(
        f'<figure><img alt="image {index}" src="data:image/jpeg;base64,{_base64(rgb)}">'
        f"{f'<figcaption>{index}</figcaption>' if many else ''}</figure>"
        for index, rgb in enumerate(images)
    )
    aided = _unmarked(row, "points") or _unmarked(row, "boxes")
    note = " · rings and dashed boxes are not in the row's images" if aided else ""
    where = f"{row['dataset']} {row['scene_id']} · frames {', '.join(row['frame_ids'])}"
    listed = lists_options(row["question"], row["options"] or ())
    options = "" if listed else "".join(f"<li>{html.escape(option)}</li>" for option in row["options"])
    hidden = {name: value for name, value in row.items() if name not in {"images", "slots", "evidence", "messages"}}
    hidden |= {"slots": json.loads(row["slots"]), "evidence": json.loads(row["evidence"])}
    details = html.escape(json.dumps(hidden, indent=2, ensure_ascii=False))
    return (
        f'<article id="{html.escape(row["id"])}"><div class="images{" many" if many else ""}">{pictures}</div>\n'
        f'<div class="question">{html.escape(row["question"])}</div>{f"<ol>{options}</ol>" if options else ""}\n'
        f'<div class="answer">{html.escape(row["answer"])}</div>\n'
        f'<div class="meta">{html.escape(row["task"])} · {row["form"]} · {html.escape(row["variant"])} · '
        f"{html.escape(where + note)}"
        f"<br>{html.escape(row['id'])}</div>\n"
        f"<details><summary>evidence</summary><pre>{details}</pre></details></article>"
    )


def _base64(rgb: Image) -> str:
    factor = min(1.0, _HTML_SIDE / max(rgb.shape[:2]))
    if factor < 1:
        size = (math.ceil(rgb.shape[1] * factor), math.ceil(rgb.shape[0] * factor))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return base64.b64encode(codec.encode_jpeg(rgb, 88)).decode()
