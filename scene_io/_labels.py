"""From an annotator's label to the label questions use: cleaned, as NYU40 class, or through a mapping file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ..core.labels import UNLABELLED, clean
from ..errors import ConfigError, SceneError

__all__ = ["LABEL_TABLE", "LabelMap", "label_map"]

LABEL_TABLE: Final = "scannetv2-labels.combined.tsv"
_TABLE_FOLDERS: Final = ("", "tasks", "Tasks", "Tasks/Benchmark", "meta_data", "..")


class LabelMap:
    """Gives each raw label its label.

    Args:
        table: raw or cleaned label to wanted label; None leaves labels as they are, cleaned.
        complete: True where a label that the table does not name has none (NYU40); otherwise it stays as it is.
    """

    def __init__(self, table: Mapping[str, str] | None = None, *, complete: bool = False) -> None:
        self._table = table
        self._complete = complete

    def __call__(self, raw: str) -> tuple[str, bool]:
        """The label of a raw label, and whether it is known to the mapping (always, where there is none)."""
        cleaned = clean(raw)
        if self._table is None:
            return cleaned, True
        wanted = self._table.get(raw.strip(), self._table.get(cleaned))
        if wanted is None:
            return (UNLABELLED, False) if self._complete else (cleaned, True)
        return clean(wanted), True


def label_map(labels: str, root: Path) -> LabelMap:
    """The mapping that ``--labels`` names.

    Args:
        labels: ``raw`` (cleaned only), ``nyu40`` (class names of ScanNet's label table), or a CSV, TSV or JSON file
            that says from which label to which; labels it does not name stay as they are, an empty target
            strikes a label out.
        root: dataset root, where the label table is looked for.

    Raises:
        SceneError: when ``nyu40`` is wanted and the label table is missing or not one.
        ConfigError: when the mapping file is missing or not one.
    """
    if labels == "raw":
        return LabelMap()
    if labels == "nyu40":
        for folder in _TABLE_FOLDERS:
            path = root / folder / LABEL_TABLE
            if path.is_file():
                return LabelMap(_nyu40(path, path.stat().st_mtime_ns), complete=True)
        raise SceneError(
            f"NYU40 labels need {LABEL_TABLE}, which is not there",
            path=root,
            remedy="put it into the dataset root (it is part of the ScanNet v2 release), or use --labels raw",
        )
    path = Path(labels)
    if not path.is_file():
        raise ConfigError(
            f"--labels {labels}: there is no such file", remedy="give raw, nyu40 or a CSV, TSV or JSON file (from, to)"
        )
    return LabelMap(_mapping_file(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=4)
def _nyu40(path: Path, _modified: int) -> Mapping[str, str]:
    """NYU40 class by raw category; keyed by name because some numeric ids of the table repeat."""
    table: dict[str, str] = {}
    reader = csv.DictReader(io.StringIO(_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE)
    if not {"raw_category", "nyu40class"} <= set(reader.fieldnames or ()):
        raise SceneError(
            "is not ScanNet's label table: it has no columns raw_category and nyu40class",
            path=path,
            remedy="download it again from the ScanNet v2 release",
        )
    for row in reader:
        raw, name = (row["raw_category"] or "").strip(), (row["nyu40class"] or "").strip()
        if raw:
            table[raw] = name
            table.setdefault(clean(raw), name)
    return MappingProxyType(table)


@lru_cache(maxsize=4)
def _mapping_file(path: Path, _modified: int) -> Mapping[str, str]:
    """Label to label from a file of two columns (a first line ``from,to`` is a heading) or a JSON object."""
    text = _text(path)
    pairs: list[tuple[str, str]]
    if path.suffix.lower() == ".json":
        try:
            loaded = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"is not JSON ({error})", path=path, remedy='write {"from": "to", ...}') from None
        if not isinstance(loaded, dict) or not all(isinstance(value, str) for value in loaded.values()):
            raise ConfigError("is not an object of label to label", path=path, remedy='write {"from": "to", ...}')
        pairs = list(loaded.items())
    else:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)]
        if not rows or any(len(row) != 2 for row in rows):
            raise ConfigError("does not have two columns in every line", path=path, remedy="write lines of from,to")
        pairs = [(row[0], row[1]) for row in rows]
        if [cell.strip().lower() for cell in pairs[0]] == ["from", "to"]:
            pairs = pairs[1:]
    table = {raw.strip(): wanted.strip() for raw, wanted in pairs}
    for raw, wanted in pairs:
        table.setdefault(clean(raw), wanted.strip())
    return MappingProxyType(table)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error})", path=path, remedy="give a readable text file") from None
