"""What an argument may be: a whole number or a number within a range, or one of a few words; else one clear error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nanodesk.errors import ValidationError


def whole_number(field: str, value: Any, *, low: int, high: int | None = None, fix: str | None = None) -> int:
    """An integer within its range; numpy's integers count, truth values do not.

    Parameters
    ----------
    field : str
        Name of the argument, for the message.
    value : int
        What was given.
    low : int
        Least value accepted.
    high : int, optional
        Greatest value accepted; no limit by default.
    fix : str, optional
        What the caller can do, for the message.

    Returns
    -------
    number : int
        The value as a plain integer.

    Raises
    ------
    ValidationError
        If it is no integer or out of range.

    Examples
    --------
    >>> whole_number("window", 21, low=2)
    21
    >>> whole_number("window", 2.5, low=2)
    Traceback (most recent call last):
        ...
    nanodesk.errors.ValidationError: window=2.5 must be an integer of at least 2.
    """
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        limits = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValidationError(
            f"{field}={value!r} must be an integer {limits}.",
            field=field,
            value=value,
            allowed=f"an integer {limits}",
            fix=fix,
        )
    return int(value)


def real_number(field: str, value: Any, *, low: float, high: float, closed: bool = True) -> float:
    """A number within its range; truth values and ``nan`` do not count.

    Parameters
    ----------
    field : str
        Name of the argument, for the message.
    value : float
        What was given.
    low, high : float
        The range.
    closed : bool, default True
        Whether ``high`` itself is accepted.

    Returns
    -------
    number : float
        The value as a plain float.

    Raises
    ------
    ValidationError
        If it is no number or out of range.

    Examples
    --------
    >>> real_number("cash_buffer", 0, low=0.0, high=1.0)
    0.0
    """
    known = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (known and low <= value <= high and (closed or value < high)):
        limits = f"[{low:g}, {high:g}{']' if closed else ')'}"
        raise ValidationError(f"{field}={value!r} must lie in {limits}.", field=field, value=value, allowed=limits)
    return float(value)


def one_of(field: str, word: object, words: Sequence[str]) -> None:
    """Refuse a word that is not one of a few.

    Parameters
    ----------
    field : str
        Name of the argument, for the message.
    word : object
        What was given.
    words : sequence of str
        What is accepted.

    Raises
    ------
    ValidationError
        If the word is another.

    Examples
    --------
    >>> one_of("fill", "next_open", ("next_open", "next_close"))
    """
    if word not in words:
        raise ValidationError(
            f"{field}={word!r} is unknown.",
            field=field,
            value=word,
            allowed=", ".join(words),
            fix=f"Use one of {', '.join(map(repr, words))}.",
        )
