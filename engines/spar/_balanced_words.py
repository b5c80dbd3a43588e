"""Chosen so that every word is right as often as its opposite: by the words alone, no answer can be guessed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ._marked_items import Item

__all__ = ["LEAST_TO_SELECT", "UP", "Choice", "Signs", "Told", "balanced", "usable_forms"]

LEAST_TO_SELECT: Final = 2
"""Words of a true option, so that three others can be wrong."""

UP: Final = 1
"""The axis of height: which of its words is true, names alone may tell. Options are rather wrong about the others."""

_LEVEL: Final = (0, 2)
"""The other two axes."""

_LEVEL_FIRST: Final = 4  # above what a lead beside a height can count to
_SHOWN: Final = 3  # how many leads of words one beside a height weighs
_STRANDED: Final = 40  # above what all else can count to

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Signs = tuple[float, ...]


class Told(Protocol):
    """What may be asked about, and the words of the answer."""

    @property
    def item(self) -> Item:
        """Frames and objects."""

    @property
    def signs(self) -> Signs:
        """-1, 0 or 1 of each of three axes: the answer's words."""

    @property
    def key(self) -> Hashable:
        """What no two questions share."""

    def fits(self, form: str) -> bool:
        """Whether it can be asked in a form."""


_Told = TypeVar("_Told", bound=Told)


@dataclass(frozen=True, slots=True)
class Choice(Generic[_Told]):
    """A relation that is stated.

    Attributes:
        told: what is stated.
        form: how it is asked.
        place: of the true option, if there are options.
        holds: whether what is to be judged is true.
        colors: which of the ways of colouring the marks.
    """

    told: _Told
    form: str
    place: int
    holds: bool
    colors: int


def usable_forms(pool: Sequence[Told], forms: Sequence[str], reasons: Counter[str]) -> list[str]:
    """The forms that some of a pool fits; of the others, what is left out is counted in ``reasons``."""
    usable = [form for form in forms if any(told.fits(form) for told in pool)]
    for form in set(forms) - set(usable):
        reasons[f"{form}: too few words decided"] += len(pool)
    return usable


def balanced(
    pool: Sequence[_Told], forms: Sequence[str], deck: npt.NDArray[np.int64], labels: Sequence[str]
) -> list[Choice[_Told]]:
    """As many of some relations as there are entries in a deck, fewer where words would not stay balanced.

    After each one the two words of every axis were right equally often, or one of them once more: in all, among those
    that tell the relation, and among those that are judged. Of what keeps it so, that which can still be evened out
    comes first, then what evens out most; then what keeps words apart from statements that hold, or do not; then
    frames and objects' names that were used least. Of what shares its key one is used.

    Args:
        pool: to choose from.
        forms: that are dealt; some of the pool fits each.
        deck: (n, 4): form, place of the true option, whether it holds, colouring (``sampling.deal``).
        labels: of the scene's objects.
    """
    words = _Words(pool)
    fits = {form: np.array([told.fits(form) for told in pool], dtype=np.bool_) for form in forms}
    leads: defaultdict[Hashable, FloatArray] = defaultdict(lambda: np.zeros(3))
    uses: Counter[Hashable] = Counter()
    chosen: list[Choice[_Told]] = []
    for turn, option, truth, colors in deck.tolist():
        form = forms[turn]
        counted = ("all", "judged" if form == "judge" else "told")
        own = (form, truth if form == "judge" else 0)
        legal = words.left & fits[form]
        for group in counted:
            legal &= words.keeps_balance(leads[group])
        if not legal.any():
            break
        # A lead that stays is worse than one that is new: the latter comes from saying much.
        uneven = sum((words.stays(leads[group]) for group in counted), words.widens(leads[own]))
        if form == "select":
            # All options say the same of height where they can be wrong about both other axes: take what allows it, and
            # let the other words be right as often beside above as beside below.
            uneven = uneven + _SHOWN * (words.widens_beside(leads, form) + _LEVEL_FIRST * ~words.is_level)
        rank = uneven + _STRANDED * words.strands(leads["all"])
        candidates = np.flatnonzero(legal & (rank == rank[legal].min())).tolist()
        best = _least_used(pool, candidates, labels, uses)
        words.take(best)
        for widened in (*counted, own):
            leads[widened] = leads[widened] + words.signs[best]
        beside = (form, words.signs[best][UP])
        leads[beside] = leads[beside] + words.level[best]
        item = pool[best].item
        uses.update([item.frames, *(labels[thing] for thing in item.instances)])
        chosen.append(Choice(pool[best], form, option, bool(truth), colors))
    return chosen


class _Words:
    """What would become of the balance of words.

    Args:
        pool: to choose from.

    Attributes:
        signs: (m, 3), of each relation.
        is_level: (m,) bool: whether both axes other than height are decided.
        level: (m, 3), its words on the two other axes than height, and whether these are alike.
        left: (m,) bool: what was not taken, nor anything that shares its key.
    """

    def __init__(self, pool: Sequence[Told]) -> None:
        self.signs: FloatArray = np.array([told.signs for told in pool]).reshape(-1, 3)
        one, other = (self.signs[:, axis] for axis in _LEVEL)
        self.is_level: BoolArray = one * other != 0
        self.level: FloatArray = np.stack([one, other, one * other], axis=1)
        self.left = np.ones(len(pool), dtype=np.bool_)
        self._keys = [told.key for told in pool]
        self._twins: defaultdict[Hashable, list[int]] = defaultdict(list)
        for place, key in enumerate(self._keys):
            self._twins[key].append(place)
        self._kinds, kind = np.unique(self.signs, axis=0, return_inverse=True)
        self._kind = kind.reshape(-1)

    def take(self, place: int) -> None:
        """Leave one, and what shares its key, out from now on."""
        self.left[self._twins[self._keys[place]]] = False

    def keeps_balance(self, lead: FloatArray) -> BoolArray:
        """(m,): whether no word would be right more than once more than its opposite."""
        return np.asarray(np.abs(lead + self.signs).max(axis=1, initial=0) <= 1)

    def stays(self, lead: FloatArray) -> IntArray:
        """(m,): of how many axes the lead would stay."""
        return np.asarray(((lead != 0) & (self.signs == 0)).sum(axis=1))

    def widens(self, lead: FloatArray) -> IntArray:
        """(m,): of how many axes the lead would grow."""
        return np.asarray((lead * self.signs > 0).sum(axis=1))

    def widens_beside(self, leads: defaultdict[Hashable, FloatArray], form: str) -> IntArray:
        """(m,): how much the lead among those of a form that say the same of height would grow."""
        heights = self.signs[:, UP]
        lead = np.zeros_like(self.level)
        for height in (-1.0, 0.0, 1.0):
            lead[heights == height] = leads[form, height]
        return np.asarray((lead * self.level > 0).sum(axis=1))

    def strands(self, lead: FloatArray) -> BoolArray:
        """(m,): whether nothing would be left that undoes all of the new lead."""
        counts = np.bincount(self._kind[self.left], minlength=len(self._kinds))
        are_pairs = len(self._twins) < len(self._keys)
        stranded = np.zeros(len(self._kinds), dtype=np.bool_)
        for place, kind in enumerate(self._kinds):
            after = lead + kind
            undoes = ((self._kinds == -after) | (after == 0)).all(axis=1)
            taken = (self._kinds == kind).all(axis=1) | (are_pairs & (self._kinds == -kind).all(axis=1))
            stranded[place] = bool(after.any()) and not (undoes & (counts > taken)).any()
        return np.asarray(stranded[self._kind])


def _least_used(pool: Sequence[Told], candidates: Sequence[int], labels: Sequence[str], uses: Counter[Hashable]) -> int:
    """The one of some candidates whose frames, then its objects' names, were used least; of equals the first."""
    return min(
        candidates,
        key=lambda place: (
            uses[pool[place].item.frames],
            sum(uses[labels[thing]] for thing in pool[place].item.instances),
        ),
    )
