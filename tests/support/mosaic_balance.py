"""What must hold of the rows of a scene and task together: balance of letters, spread of counts, no row twice."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]
MOST_OF_ONE_COUNT = 0.30


def unbalanced(rows: Iterable[Row]) -> list[str]:
    """Scenes and tasks whose letters (or yes and no) differ by more than one, per number of options."""
    letters: dict[tuple[str, str, int], Counter[int]] = defaultdict(Counter)
    for row in rows:
        if row["options"]:
            letters[row["scene_id"], row["task"], len(row["options"])][row["answer_index"]] += 1
    return [
        f"{key} {[found[k] for k in range(key[2])]}"
        for key, found in letters.items()
        if max(found[k] for k in range(key[2])) - min(found[k] for k in range(key[2])) > 1
    ]


def one_sided(rows: Iterable[Row]) -> list[str]:
    """Scenes and tasks that are asked for one side (left, right …) more than once oftener than for the other."""
    sides: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        block = row["template"].split("/")[1]
        if "." in block:
            sides[row["scene_id"], row["task"]][block.split(".")[0]] += 1
    return [
        f"{key} {dict(found)}" for key, found in sides.items() if len(found) < 2 < found.total() or spread(found) > 1
    ]


def spread(found: Counter[str]) -> int:
    """How much oftener the most frequent is than the least."""
    return max(found.values()) - min(found.values())


def frequent_counts(rows: Iterable[Row]) -> dict[str, float]:
    """By counting task, the share of its most frequent number."""
    numbers: dict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        if row["task"] in ("obj_count_occ", "obj_count_occ_na"):
            numbers[row["task"]][int(row["value"][0])] += 1
    return {task: max(found.values()) / found.total() for task, found in numbers.items()}


def repeated(rows: Iterable[Row]) -> list[str]:
    """Rows that ask the same of the same set of frames as another."""
    seen: dict[tuple[Any, ...], str] = {}
    again = []
    for row in rows:
        evidence = json.loads(row["evidence"])
        query = evidence.get("query_image")
        key = (
            row["scene_id"],
            row["task"],
            frozenset(row["frame_ids"]),
            None if query is None else row["frame_ids"][query],
            frozenset((one["instance_id"], one["role"]) for one in row["objects"] if one["role"] != "distractor"),
            evidence.get("ask"),
        )
        if key in seen:
            again.append(f"{row['id']} asks what {seen[key]} asks")
        seen[key] = row["id"]
    return again
