"""What the published functions accept, and the built-in errors they raise otherwise.

Integers are anything with ``__index__``, reals anything that converts to a float except text, lists any sequence
except text. A wrong type raises ``TypeError``, an integer outside its range ``OverflowError``, a symbol of more than
eight bytes ``ValueError``: the published errors, and therefore built-in types rather than ``NanodeskError``.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from nanodesk.market.arrays import FloatArray

MAX_SYMBOL_BYTES = 8

Item = TypeVar("Item")


def integer(value: Any, name: str, *, low: int = -(2**63), high: int = 2**63 - 1) -> int:
    """An integer within its range; a float is refused.

    Parameters
    ----------
    value : int
        Anything with ``__index__``.
    name : str
        Argument named in the error.
    low, high : int
        Range, both ends allowed; a signed 64-bit integer by default.

    Returns
    -------
    number : int
        The value.

    Raises
    ------
    TypeError
        If the value is not an integer.
    OverflowError
        If it lies outside the range.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"argument '{name}': '{type(value).__name__}' object cannot be interpreted as an integer"
        ) from None
    if not low <= number <= high:
        raise OverflowError(f"argument '{name}': {number} is outside [{low}, {high}]")
    return number


def unsigned(value: Any, name: str) -> int:
    """An integer of at least zero; see `integer`.

    Parameters
    ----------
    value : int
        Anything with ``__index__``.
    name : str
        Argument named in the error.

    Returns
    -------
    number : int
        The value.
    """
    return integer(value, name, low=0, high=2**64 - 1)


def real(value: Any, name: str) -> float:
    """A float; text is refused.

    Parameters
    ----------
    value : float
        Anything that converts to a float.
    name : str
        Argument named in the error.

    Returns
    -------
    number : float
        The value.

    Raises
    ------
    TypeError
        If the value is not a number.
    """
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError(f"argument '{name}': must be real number, not {type(value).__name__}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"argument '{name}': must be real number, not {type(value).__name__}") from None


def string(value: Any, name: str) -> str:
    """A string.

    Parameters
    ----------
    value : str
        Text.
    name : str
        Argument named in the error.

    Returns
    -------
    text : str
        The value.

    Raises
    ------
    TypeError
        If the value is not a string.
    """
    if not isinstance(value, str):
        raise TypeError(f"argument '{name}': '{type(value).__name__}' object cannot be cast as 'str'")
    return value


def symbol(value: Any, name: str) -> str:
    """A symbol of at most eight bytes of UTF-8.

    Parameters
    ----------
    value : str
        Text.
    name : str
        Argument named in the error.

    Returns
    -------
    text : str
        The value.

    Raises
    ------
    TypeError
        If the value is not a string.
    ValueError
        If it is longer than eight bytes.
    """
    text = string(value, name)
    if len(text) > MAX_SYMBOL_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_SYMBOL_BYTES:
        raise ValueError(f"Symbol {str(text)!r} exceeds {MAX_SYMBOL_BYTES} bytes. Use a shorter symbol.")
    return str(text)


def side(value: Any) -> str:
    """A direction in any case, ``b`` and ``s`` too, or a member of an enum that holds one.

    Parameters
    ----------
    value : str
        Word.

    Returns
    -------
    side : str
        ``"buy"`` or ``"sell"``.

    Raises
    ------
    TypeError
        If the value is not a string.
    ValueError
        If the word is unknown.
    """
    word = string(getattr(value, "value", value), "side").lower()
    if word in ("buy", "b"):
        return "buy"
    if word in ("sell", "s"):
        return "sell"
    raise ValueError(f"Invalid side '{value}'. Use 'buy' or 'sell'.")


def time_in_force(value: Any) -> str:
    """A time in force in any case, or a member of an enum that holds one.

    Parameters
    ----------
    value : str
        Word.

    Returns
    -------
    tif : str
        ``"gtc"``, ``"ioc"`` or ``"fok"``.

    Raises
    ------
    TypeError
        If the value is not a string.
    ValueError
        If the word is unknown.
    """
    word = string(getattr(value, "value", value), "tif").lower()
    if word not in ("gtc", "ioc", "fok"):
        raise ValueError(f"Invalid time_in_force '{value}'. Use 'gtc', 'ioc', or 'fok'.")
    return word


def sequence(value: Any, name: str) -> Sequence[Any]:
    """A list, tuple or array, never text, a mapping or an iterator.

    Parameters
    ----------
    value : sequence
        Anything with a length and items by position.
    name : str
        Argument named in the error.

    Returns
    -------
    items : sequence
        The value.

    Raises
    ------
    TypeError
        If the value is not such a sequence.
    """
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError(f"argument '{name}': a list is needed, not {type(value).__name__}")
    if not isinstance(value, (Sequence, np.ndarray)):
        raise TypeError(f"argument '{name}': '{type(value).__name__}' object cannot be cast as 'Sequence'")
    return value  # type: ignore[return-value]


def reals(values: Any, name: str) -> FloatArray:
    """A vector of floats.

    Parameters
    ----------
    values : sequence of float
        Numbers.
    name : str
        Argument named in the error.

    Returns
    -------
    vector : ndarray of float64, shape (n,)
        The numbers.

    Raises
    ------
    TypeError
        If the value is no sequence or an element is no number.
    """
    try:
        return np.frombuffer(array("d", sequence(values, name)), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"argument '{name}': {error}") from None


def matrix(rows: Any, name: str) -> FloatArray | None:
    """A matrix of floats, or None if its rows differ in length.

    Parameters
    ----------
    rows : sequence of sequences of float
        One sequence a row.
    name : str
        Argument named in the error.

    Returns
    -------
    table : ndarray of float64, shape (n_rows, n_columns), or None
        None where the rows differ in length or there are none.

    Raises
    ------
    TypeError
        If a row is no sequence or an element is no number.
    """
    if isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.dtype.kind in "fiub":
        return np.ascontiguousarray(rows, dtype=np.float64) if len(rows) else None
    vectors = [reals(row, name) for row in sequence(rows, name)]
    if not vectors or any(len(vector) != len(vectors[0]) for vector in vectors):
        return None
    return np.ascontiguousarray(vectors)


def strings(values: Any, name: str) -> list[str]:
    """A list of strings.

    Parameters
    ----------
    values : sequence of str
        Text.
    name : str
        Argument named in the error.

    Returns
    -------
    texts : list of str
        The same.

    Raises
    ------
    TypeError
        If the value is no sequence or an element is no string.
    """
    return [string(item, name) for item in sequence(values, name)]


def pairs(values: Any, name: str, convert: Callable[[Any, str], Item]) -> list[tuple[str, Item]]:
    """A list of ``(symbol, value)`` tuples.

    Parameters
    ----------
    values : sequence of tuple
        Pairs; each a tuple, not a list.
    name : str
        Argument named in the error.
    convert : callable
        Checks the second item of a pair: `integer` or `real`.

    Returns
    -------
    checked : list of tuple
        The same.

    Raises
    ------
    TypeError
        If the value is no sequence, a pair is no tuple, or an item has the wrong type.
    ValueError
        If a tuple does not have two items, or a symbol is longer than eight bytes.
    """
    return [_pair(item, name, convert) for item in sequence(values, name)]


def _pair(item: Any, name: str, convert: Callable[[Any, str], Item]) -> tuple[str, Item]:
    if not isinstance(item, tuple):
        raise TypeError(f"argument '{name}': '{type(item).__name__}' object cannot be cast as 'tuple'")
    if len(item) != 2:
        raise ValueError(f"expected tuple of length 2, but got tuple of length {len(item)}")
    return symbol(item[0], name), convert(item[1], name)
