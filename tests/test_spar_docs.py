"""docs/spar.md says what the suite does: every task, its forms and marks, and every parameter of the preset."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spatialgen import engines
from spatialgen.core.types import TaskSpec

DOCS = Path(__file__).resolve().parent.parent / "docs"
TEXT = (DOCS / "spar.md").read_text()
LETTERS = {"fill": "F", "select": "S", "judge": "J", "sentence": "T"}
SPECS = {spec.name: spec for _, specs in engines.resolve("spar") for spec in specs}
ROWS = {
    cells[0].strip("`"): cells
    for line in TEXT.splitlines()
    if line.startswith("| `") and len(cells := [cell.strip() for cell in line.strip("|").split(" | ")]) == 6
}


def test_the_table_has_every_task_and_no_other():
    assert set(ROWS) == set(SPECS)
    assert len(SPECS) == 35


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)
def test_the_table_is_right_about(spec: TaskSpec):
    _, forms, shown, marks, _, _ = ROWS[spec.name]
    assert forms.split() == [letter for form, letter in LETTERS.items() if form in spec.forms]
    assert (shown == "video") == ("trajectory" in spec.needs)
    assert (shown == "3") == spec.name.endswith("_mv")
    assert (marks == "none") == (spec.variants == ("name",))


def test_every_parameter_of_the_preset_is_named():
    """So that whoever wants SPAR's definition, or part of it, finds what to set."""
    named = set(re.findall(r"`([a-z_]+)`", TEXT + (DOCS / "conventions.md").read_text()))
    missing = {
        f"{engine.name}.{key}"
        for engine, _ in engines.resolve("spar")
        for key in engine.presets.get("spar", {})
        if key not in named
    }
    assert not missing


def test_every_parameter_it_names_exists():
    known = {field for engine, _ in engines.resolve("spar") for field in engine.parameters.model_fields}
    table = TEXT.partition("## Where this differs from SPAR")[2]
    for cell in re.findall(r"\(([^()]*`[a-z_]+`[^()]*)\)", table):
        for name in re.findall(r"`([a-z]+_[a-z_]+)`", cell):
            assert name in known, name
