"""A geometry cache in memory that counts."""

from __future__ import annotations

import numpy as np


class MemoryCache:
    """Keeps arrays by key, and how often one that was asked for was there."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, np.ndarray]] = {}
        self.hits = 0

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        self.hits += key in self.entries
        return self.entries.get(key)

    def put(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        self.entries[key] = arrays
