"""How long selling everything would take, and how large the portfolio could grow."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.metrics.series import checked_series, checked_weights


def days_to_liquidate(
    weights: ArrayLike, equity: ArrayLike, traded_value: ArrayLike, *, participation_frac: float = 0.1
) -> FloatArray:
    """Sessions until the slowest holding could be sold.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed weights after each session.
    equity : array_like of float, shape (n_dates,)
        Equity after each session, in currency units.
    traded_value : array_like of float, shape (n_dates, n_symbols)
        Average value that the market trades in a session, in currency units; ``nan`` where unknown.
    participation_frac : float, default 0.1
        Fraction, not percent: share of the market's trading that is ours, above 0 and up to 1.

    Returns
    -------
    days : ndarray of float64, shape (n_dates,)
        ``max |w| equity / (participation * traded_value)`` over the holdings; 0 where nothing is held, ``inf``
        where a holding does not trade, ``nan`` where the trading of a holding is unknown.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ValidationError
        If a weight is not finite, or the participation is not above 0 and up to 1.

    Examples
    --------
    >>> days_to_liquidate([[0.5, 0.5]], [1e6], [[1e6, 1e7]])
    array([5.])
    """
    held = np.abs(checked_weights(weights))
    level = checked_series(equity, field="equity")
    traded = np.asarray(traded_value, dtype=np.float64)
    if held.shape != traded.shape or len(level) != len(held):
        raise ShapeError(
            f"weights {held.shape}, traded_value {traded.shape} and equity {level.shape} do not match.",
            field="traded_value",
            value=traded.shape,
        )
    if not 0.0 < participation_frac <= 1.0:
        raise ValidationError(
            f"participation_frac={participation_frac} must be above 0 and at most 1.",
            field="participation_frac",
            value=participation_frac,
            allowed="0 < participation_frac <= 1",
        )
    value = held * level[:, None]
    days = np.full(held.shape, np.inf)
    np.divide(value, participation_frac * traded, out=days, where=traded != 0.0)
    days[held == 0.0] = 0.0
    return np.asarray(days.max(axis=1, initial=0.0))


def capacity(weights: ArrayLike, traded_value: ArrayLike, *, participation_frac: float = 0.1) -> FloatArray:
    """Equity at which every holding could still be sold within one session.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed weights after each session.
    traded_value : array_like of float, shape (n_dates, n_symbols)
        Average value that the market trades in a session, in currency units; ``nan`` where unknown.
    participation_frac : float, default 0.1
        Fraction, not percent: share of the market's trading that is ours, above 0 and up to 1.

    Returns
    -------
    equity : ndarray of float64, shape (n_dates,)
        ``min participation * traded_value / |w|`` over the holdings, in currency units; ``inf`` where nothing is
        held.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ValidationError
        If a weight is not finite, or the participation is not above 0 and up to 1.

    Examples
    --------
    >>> capacity([[0.5, 0.5]], [[1e6, 1e7]])
    array([200000.])
    """
    ones = np.ones(len(np.atleast_2d(np.asarray(weights))))
    per_unit = days_to_liquidate(weights, ones, traded_value, participation_frac=participation_frac)
    return np.asarray(np.divide(1.0, per_unit, out=np.full_like(per_unit, np.inf), where=per_unit != 0.0))
