"""Arrays of finite numbers, or one error that names the first cell that is not."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray


def finite_array(
    field: str,
    values: Any,
    *,
    ndim: int,
    least: int = 1,
    allow_nan: bool = False,
    fix: str | None = None,
) -> FloatArray:
    """Numbers as one contiguous float array of a given number of dimensions.

    Parameters
    ----------
    field : str
        Name of the argument, for the message.
    values : array_like of float
        Any sequence of numbers, nested for a matrix.
    ndim : int
        Dimensions wanted: 1 for a series, 2 for a matrix.
    least : int, default 1
        Fewest rows.
    allow_nan : bool, default False
        Whether ``nan`` is accepted as missing.
    fix : str, optional
        What the caller can do about a cell that is not finite.

    Returns
    -------
    array : ndarray of float64
        The same memory where it fits already.

    Raises
    ------
    ShapeError
        If the dimensions are others, or there are too few rows.
    ValidationError
        If a cell is no number, infinite, or missing where that is not accepted; the message names its index.

    Examples
    --------
    >>> finite_array("returns", [0.1, float("nan")], ndim=1)
    Traceback (most recent call last):
        ...
    nanodesk.errors.ValidationError: returns[1]=nan is not finite.
    """
    try:
        array: FloatArray = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValidationError(
            f"{field} does not hold numbers: {error}.", field=field, value=values, allowed="numbers"
        ) from error
    wanted = f"{ndim} dimension{'s' if ndim > 1 else ''}, at least {least} row{'s' if least > 1 else ''}"
    if array.ndim != ndim or len(array) < least:
        raise ShapeError(
            f"{field} has shape {array.shape}, expected {wanted}.", field=field, value=array.shape, allowed=wanted
        )
    wrong = np.isinf(array) if allow_nan else ~np.isfinite(array)
    if wrong.any():
        cell = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValidationError(
            f"{field}[{', '.join(map(str, cell))}]={array[cell]} is not finite.",
            field=field,
            value=float(array[cell]),
            allowed="finite numbers, or nan where missing" if allow_nan else "finite numbers",
            fix=fix,
        )
    return np.ascontiguousarray(array)
