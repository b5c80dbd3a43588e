"""Randomness that depends on what is made, never on when or by whom.

Each (scene, engine) has its own generator from a stable hash, so rows do not depend on worker count or order,
and one scene can be made again alone.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

__all__ = ["canonical_json", "generator", "stable_hash"]


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def stable_hash(*parts: Any, bits: int = 64) -> int:
    """A non-negative integer of ``bits`` (a multiple of 8) from JSON-able parts; equal on every machine."""
    digest = hashlib.blake2b(canonical_json(parts).encode(), digest_size=bits // 8).digest()
    return int.from_bytes(digest, "big")


def generator(*parts: Any) -> np.random.Generator:
    """A generator seeded by the stable hash of its parts."""
    return np.random.Generator(np.random.PCG64(stable_hash(*parts, bits=128)))
