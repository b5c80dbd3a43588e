"""The byte strings of a pickled numpy object array, taken out without running anything the pickle asks for.

``np.save`` writes an object array as a pickle, and a pickle is a program: loading one from a stranger can do whatever
the stranger likes. Here the only names a pickle may use are those that numpy itself needs for an array of byte strings
(or of uint8 arrays), and even these are stand-ins that keep their arguments and do nothing.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import IO, Final

__all__ = ["REFUSED", "RefusedPickle", "byte_strings", "first_byte_string"]

_MULTIARRAY: Final = ("numpy._core.multiarray", "numpy.core.multiarray")  # since numpy 2, before
_ALLOWED: Final = frozenset(
    {(module, "_reconstruct") for module in _MULTIARRAY}
    | {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}
)
_PRELUDE: Final = frozenset({word for name in _ALLOWED for word in name} | {"O8", "O4", "u1", "|", "<", "b", "latin1"})
"""Every text that numpy writes before an array's first element; where another stands, nothing is taken for granted."""

REFUSED: Final = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError, MemoryError, OverflowError,
)  # fmt: skip
"""What a damaged or hostile pickle can raise here."""


class RefusedPickle(pickle.UnpicklingError):
    """The pickle asks for more than an array of byte strings; its text says for what."""


def byte_strings(pickled: bytes, count: int) -> tuple[bytes, ...]:
    """The elements of a pickled one-dimensional object array of byte strings or uint8 arrays.

    Args:
        pickled: the pickle, as it follows the header of a ``.npy`` file.
        count: elements the header announces.

    Raises:
        RefusedPickle: when it names anything else than an array of bytes needs, or holds anything else.
        Exception: of the kinds in ``REFUSED``, when it is damaged.
    """
    for number, (operation, argument, _) in enumerate(pickletools.genops(pickled)):
        # The loader's memory grows with the largest index, however few there are.
        if operation.name in ("PUT", "LONG_BINPUT") and isinstance(argument, int) and argument > number:
            raise RefusedPickle("it numbers its parts wildly")
    array = _Restricted(io.BytesIO(pickled)).load()
    elements = array.state[-1] if isinstance(array, _Made) and array.state else None
    if not isinstance(elements, list):
        raise RefusedPickle("it is not an object array")
    if len(elements) != count:
        raise RefusedPickle(f"it holds {len(elements)} elements, its header says {count}")
    return tuple(_bytes_of(element, position) for position, element in enumerate(elements))


def first_byte_string(stream: IO[bytes]) -> bytes | None:
    """The first element of such an array, found by reading the pickle as text, no further than needed.

    Returns:
        None where the beginning is not as numpy writes it; ``byte_strings`` then tells what is wrong, if anything is.
    """
    try:
        for operation, argument, _ in pickletools.genops(stream):
            if isinstance(argument, bytes) and len(argument) > 1:  # numpy's own b"b" comes before
                return argument
            if isinstance(argument, str) and not set(argument.split(" ")) <= _PRELUDE:
                return None
            if operation.name in ("APPEND", "APPENDS"):
                return None
    except ValueError:
        return None
    return None


class _Made:
    """What a pickle thinks is an array or a dtype: its arguments and state, nothing else."""

    __slots__ = ("arguments", "state")

    def __init__(self, arguments: tuple[object, ...]) -> None:
        self.arguments = arguments
        self.state: tuple[object, ...] = ()

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple):
            raise RefusedPickle("an array's state is not a tuple")
        self.state = state


class _Name:
    """A stand-in for a function or class of numpy; made anew for each use, so that no pickle can alter another's."""

    __slots__ = ("encodes",)

    def __init__(self, encodes: bool) -> None:
        self.encodes = encodes

    def __call__(self, *arguments: object) -> object:
        if not self.encodes:
            return _Made(arguments)
        text, encoding = arguments  # protocol 2 writes bytes as text and encodes it again
        if not isinstance(text, str) or encoding != "latin1":
            raise RefusedPickle("bytes are written in an unknown way")
        return text.encode("latin1")

    def __setstate__(self, state: object) -> None:
        raise RefusedPickle("it changes a function")


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ALLOWED:
            raise RefusedPickle(f"it asks for {module}.{name}")
        return _Name(encodes=name == "encode")


def _bytes_of(element: object, position: int) -> bytes:
    if isinstance(element, bytes):
        return element
    if isinstance(element, _Made):
        data = element.state[-1] if element.state else None
        if isinstance(data, bytes) and _is_uint8_vector(element, len(data)):
            return data
    kind = "an array that is not uint8" if isinstance(element, _Made) else type(element).__name__
    raise RefusedPickle(f"element {position} is {kind}, not bytes")


def _is_uint8_vector(array: _Made, length: int) -> bool:
    """Whether an array's state (version, shape, dtype, Fortran order, data) is that of ``length`` bytes."""
    if len(array.state) != 5:
        return False
    _, shape, dtype, _, _ = array.state
    return shape == (length,) and isinstance(dtype, _Made) and dtype.arguments[:1] in (("u1",), ("|u1",))
