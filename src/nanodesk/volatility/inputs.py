"""Series of returns and bars as the estimators of this room want them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import PriceError, ShapeError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.finite import finite_array


def return_series(returns: ArrayLike, *, at_least: int = 2) -> FloatArray:
    """One series of finite returns.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions,)
        Returns per period, oldest first.
    at_least : int, default 2
        Fewest returns needed.

    Returns
    -------
    series : ndarray of float64, shape (n_sessions,)
        The same.

    Raises
    ------
    ShapeError
        If it is not one series of at least ``at_least`` returns.
    ValidationError
        If a return is not finite.
    """
    return finite_array("returns", returns, ndim=1, least=at_least, fix="Leave out sessions without a return.")


def price_series(*, at_least: int, **bars: ArrayLike) -> list[FloatArray]:
    """Series of positive prices of equal length.

    Parameters
    ----------
    at_least : int
        Fewest sessions needed.
    **bars : array_like of float, shape (n_sessions,)
        Prices by name.

    Returns
    -------
    series : list of ndarray of float64, shape (n_sessions,)
        In the order given.

    Raises
    ------
    ShapeError
        If the lengths differ or are below ``at_least``.
    PriceError
        If a price is not finite and positive.
    """
    series = [np.ascontiguousarray(prices, dtype=np.float64) for prices in bars.values()]
    shapes = {name: prices.shape for name, prices in zip(bars, series, strict=True)}
    if len(set(shapes.values())) != 1 or series[0].ndim != 1 or len(series[0]) < at_least:
        raise ShapeError(
            f"prices have shapes {shapes}; series of one length, at least {at_least}, are needed.",
            field=next(iter(bars)),
            value=shapes,
            allowed=f"(n_sessions,), n_sessions >= {at_least}",
        )
    for name, prices in zip(bars, series, strict=True):
        wrong = ~(np.isfinite(prices) & (prices > 0))
        if wrong.any():
            index = int(np.flatnonzero(wrong)[0])
            raise PriceError(
                f"{name}[{index}]={prices[index]} must be finite and positive.",
                field=name,
                value=float(prices[index]),
                allowed="> 0",
            )
    return series
