"""How alike two groupings are."""

from __future__ import annotations

import numpy as np


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    """Hubert and Arabie 1985."""
    a, b = np.unique(a, return_inverse=True)[1], np.unique(b, return_inverse=True)[1]
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    both, first, second = (float((n * (n - 1) / 2).sum()) for n in (table, table.sum(1), table.sum(0)))
    chance = first * second / (len(a) * (len(a) - 1) / 2)
    return (both - chance) / ((first + second) / 2 - chance)
