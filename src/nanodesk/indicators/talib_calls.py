"""The one place that knows TA-Lib: inputs made ready, the extra imported, faults named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import MissingExtraError, ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.ranges import whole_number

LONGEST_PERIOD = 100_000
"""Limit of TA-Lib itself."""


def series(**inputs: ArrayLike) -> list[FloatArray]:
    """Inputs as contiguous float64 series of one length.

    Parameters
    ----------
    **inputs : array_like of float, shape (n_bars,)
        Arrays, lists or Polars series by name; nulls become ``nan``.

    Returns
    -------
    series : list of ndarray of float64, shape (n_bars,)
        In the order given.

    Raises
    ------
    ShapeError
        If one is empty or not one-dimensional, or lengths differ.
    ValidationError
        If values are not numbers.
    """
    arrays = []
    for name, values in inputs.items():
        try:
            arrays.append(np.ascontiguousarray(values, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise ValidationError(f"{name} does not hold numbers: {error}.", field=name, allowed="numbers") from error
    shapes = {name: array.shape for name, array in zip(inputs, arrays, strict=True)}
    if len(set(shapes.values())) != 1 or arrays[0].ndim != 1 or len(arrays[0]) == 0:
        raise ShapeError(
            f"inputs have shapes {shapes}; series of one length, at least 1, are needed.",
            field=next(iter(inputs)),
            value=shapes,
            allowed="(n_bars,)",
        )
    return arrays


def check_period(name: str, period: int, *, least: int = 2) -> int:
    """A number of bars.

    Parameters
    ----------
    name : str
        Argument's name, for the message.
    period : int
        Bars.
    least : int, default 2
        Fewest allowed.

    Returns
    -------
    period : int
        The same.

    Raises
    ------
    ValidationError
        If it is not an integer within range.
    """
    return whole_number(name, period, low=least, high=LONGEST_PERIOD)


def check_width(name: str, width: float) -> float:
    """A number of standard deviations.

    Parameters
    ----------
    name : str
        Argument's name, for the message.
    width : float
        Deviations.

    Returns
    -------
    width : float
        The same.

    Raises
    ------
    ValidationError
        If it is negative or not finite.
    """
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not math.isfinite(width) or width < 0:
        raise ValidationError(
            f"{name}={width!r} must be finite and at least 0.", field=name, value=width, allowed=">= 0"
        )
    return float(width)


def call(function: str, arrays: list[FloatArray], **parameters: Any) -> Any:
    """Run a TA-Lib function.

    Parameters
    ----------
    function : str
        TA-Lib's name.
    arrays : list of ndarray of float64, shape (n_bars,)
        Inputs in TA-Lib's order.
    **parameters
        TA-Lib's options.

    Returns
    -------
    outputs : ndarray of float64, shape (n_bars,), or tuple of them
        With ``nan`` in the lookback; all ``nan`` where there are too few bars.

    Raises
    ------
    MissingExtraError
        If TA-Lib is not installed.
    ValidationError
        If TA-Lib refuses a parameter.
    """
    try:
        import talib
    except ImportError as error:
        raise MissingExtraError("Indicators need TA-Lib: pip install nanodesk[ta]") from error
    try:
        return getattr(talib, function)(*arrays, **parameters)
    except Exception as error:
        raise ValidationError(f"TA-Lib {function} refused its input: {error}.", field=function) from error
