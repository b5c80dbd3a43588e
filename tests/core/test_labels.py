"""Object names: cleaning is stable, and the tables agree with each other."""

from __future__ import annotations

import pytest

from spatialgen.core import labels


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Couch ", "sofa"),
        ("trash  can", "trash can"),
        ("TrashCan", "trash can"),
        ("garbage_bin", "trash can"),
        ("refridgerator", "refrigerator"),
        ("book-shelf", "bookshelf"),
        ("book shelf", "bookshelf"),
        ("T-shirt", "t-shirt"),
        ("night stand", "nightstand"),
        ("otherprop", "other prop"),
        ("", "unlabelled"),
        ("office chair", "office chair"),
    ],
)
def test_cleaning(raw: str, cleaned: str) -> None:
    assert labels.clean(raw) == cleaned


def test_tables_are_closed_under_cleaning() -> None:
    """No entry is out of reach (its key is not itself renamed) and every result is final."""
    for table in (labels._SPELLINGS, labels._SAME_THING):
        for raw, name in table.items():
            assert labels.clean(raw) == labels.clean(name) == labels.clean(labels.clean(raw))
    for name in labels.STRUCTURAL_LABELS:
        assert labels.clean(name) in labels.STRUCTURAL_LABELS
    for group in labels._GROUPS:
        assert any(labels.clean(name) == name for name in group)


def test_structural() -> None:
    for label in ("wall", "Floor ", "ceiling", "object", "remove", "otherfurniture", "unlabeled", ""):
        assert labels.is_structural(label)
    for label in ("window", "door", "floor mat", "wall clock", "chair"):
        assert not labels.is_structural(label)


def test_synonyms_are_mutual() -> None:
    assert labels.synonyms("couch") == {"sofa"}
    assert {"pillow", "pillows", "cushion"} <= labels.synonyms("pillow")
    for group in labels._GROUPS:
        for name in group:
            if labels.clean(name) == name:
                assert all(name in labels.synonyms(other) for other in group if labels.clean(other) == other)


def test_several_things_under_one_label_are_a_collection() -> None:
    for label in ("books", "Shelves", "kitchen cabinets", "laundry", "office clutter"):
        assert labels.is_collection(label)
    for label in ("book", "mattress", "cactus", "tennis", "gas", "sofa", "laundry basket", "bottle of soap"):
        assert not labels.is_collection(label)
