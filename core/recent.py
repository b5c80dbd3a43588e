"""The last few results of a function of a frame: maps are large, and engines often come back to the same few."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Recent"]

_Value = TypeVar("_Value")


class Recent(Generic[_Value]):
    """The last few results of a function of a frame."""

    def __init__(self, make: Callable[[int], _Value], size: int) -> None:
        self._make = make
        self._size = size
        self._kept: OrderedDict[int, _Value] = OrderedDict()

    def __call__(self, index: int) -> _Value:
        if index in self._kept:
            self._kept.move_to_end(index)
        else:
            value = self._make(index)
            while len(self._kept) >= self._size:
                self._kept.popitem(last=False)
            self._kept[index] = value
        return self._kept[index]
