"""``--labels`` for ScanNet++: as for ScanNet, or the benchmark's own table ``map_benchmark.csv``.

The table (``metadata/semantic_benchmark/map_benchmark.csv``) has a line for each raw label with columns ``class``,
``count``, ``semantic_map_to`` and ``instance_map_to``. Where a target is empty the label stays; ``None`` strikes it
out (ScanNet++ toolkit, ``semantic/transforms/mesh.py``). An object is called by its instance target, else by its
semantic one, else as it was. Struck out of the semantic classes it takes no part in sharing out vertices; struck out
of the instance classes (walls, floors) it keeps its vertices from others but is no object.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ..core.labels import clean
from ..errors import ConfigError
from ._labels import LabelMap, label_map

__all__ = ["Naming", "naming"]

_COLUMNS: Final = frozenset({"class", "semantic_map_to", "instance_map_to"})
_STRUCK_OUT: Final = "None"


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """How objects are called.

    Attributes:
        labels: gives raw labels their names.
        dropped: raw labels of objects that are passed over as if they had not been annotated.
        nameless: raw labels of objects that keep their vertices, but of which no question is asked.
    """

    labels: LabelMap
    dropped: frozenset[str] = frozenset()
    nameless: frozenset[str] = frozenset()


def naming(labels: str, root: Path) -> Naming:
    """What ``--labels`` names: ``raw``, ``nyu40`` (with ScanNet's label table), a mapping file or the benchmark's.

    Raises:
        SceneError: when ``nyu40`` is wanted and the label table is missing or not one.
        ConfigError: when the mapping file is missing or not one.
    """
    path = Path(labels)
    if labels in ("raw", "nyu40") or path.suffix.lower() != ".csv" or not path.is_file():
        return Naming(label_map(labels, root))
    return _benchmark(path, path.stat().st_mtime_ns) or Naming(label_map(labels, root))


@lru_cache(maxsize=4)
def _benchmark(path: Path, _modified: int) -> Naming | None:
    """The benchmark's table, or None where the file is another kind of mapping."""
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
        if not set(reader.fieldnames or ()) >= _COLUMNS:
            return None
        rows = [row for row in reader if (row["class"] or "").strip()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"cannot be read ({error})", path=path, remedy="give a readable text file") from None
    if any(row["semantic_map_to"] is None or row["instance_map_to"] is None for row in rows):
        what = "is cut short: a line has fewer columns than the first"
        raise ConfigError(what, path=path, remedy="download it again from the ScanNet++ release")
    table: dict[str, str] = {}
    dropped, nameless = set(), set()
    for row in rows:
        raw, semantic, instance = (row[column].strip() for column in ("class", "semantic_map_to", "instance_map_to"))
        if semantic == _STRUCK_OUT:
            dropped.add(raw)
        elif instance == _STRUCK_OUT:
            nameless.add(raw)
        elif target := instance or semantic:
            table[raw] = target
            table.setdefault(clean(raw), target)
    return Naming(LabelMap(_frozen(table)), frozenset(dropped), frozenset(nameless))


def _frozen(table: dict[str, str]) -> Mapping[str, str]:
    return MappingProxyType(table)
