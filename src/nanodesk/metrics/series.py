"""What every metric asks of a series before it computes: shape, finite numbers, sorted sessions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.finite import finite_array


def checked_series(values: ArrayLike, *, field: str = "returns") -> FloatArray:
    """The values as one contiguous float array, or one clear error.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        Any one-dimensional sequence of numbers.
    field : str, default "returns"
        Name used in the error.

    Returns
    -------
    series : ndarray of float64, shape (n,)
        Finite, at least one value; the same memory where it fits already.

    Raises
    ------
    ShapeError
        If the values are empty or not one-dimensional.
    ValidationError
        If a value is not a finite number; the message names its index.

    Examples
    --------
    >>> checked_series([0.1, float("nan")])
    Traceback (most recent call last):
        ...
    nanodesk.errors.ValidationError: returns[1]=nan is not finite. Drop the session or fill it before measuring.
    """
    return finite_array(field, values, ndim=1, fix="Drop the session or fill it before measuring.")


def checked_beside(values: ArrayLike, like: FloatArray, *, field: str) -> FloatArray:
    """A second series, one value for each value of the first.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        The series to check.
    like : ndarray of float64, shape (n,)
        The series it goes with.
    field : str
        Name used in the error.

    Returns
    -------
    series : ndarray of float64, shape (n,)
        Finite values.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a value is not finite.
    """
    series = checked_series(values, field=field)
    if len(series) != len(like):
        raise ShapeError(
            f"{field} has {len(series)} values, the returns have {len(like)}.",
            field=field,
            value=len(series),
            allowed=str(len(like)),
            fix="Align both to the same sessions.",
        )
    return series


def checked_risk_free(risk_free: ArrayLike, like: FloatArray) -> FloatArray | float:
    """The risk-free return per period: one number for all, or one for each.

    Parameters
    ----------
    risk_free : float or array_like of float, shape (n,)
        Fraction per period, not per year.
    like : ndarray of float64, shape (n,)
        The returns it is taken from.

    Returns
    -------
    risk_free : float or ndarray of float64, shape (n,)
        Finite.

    Raises
    ------
    ShapeError
        If an array has not one value per return.
    ValidationError
        If a value is not finite.
    """
    if np.ndim(risk_free) == 0:
        return float(finite_array("risk_free", [risk_free], ndim=1)[0])
    return checked_beside(risk_free, like, field="risk_free")


def excess_returns(returns: ArrayLike, risk_free: ArrayLike) -> FloatArray:
    """Returns less the risk-free return, both checked.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    risk_free : float or array_like of float, shape (n,)
        Fraction per period, not per year.

    Returns
    -------
    excess : ndarray of float64, shape (n,)
        ``returns - risk_free``.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite.

    Examples
    --------
    >>> excess_returns([0.5, 0.25], 0.25)
    array([0.25, 0.  ])
    """
    series = checked_series(returns)
    return np.asarray(series - checked_risk_free(risk_free, series), dtype=np.float64)


def checked_periods(periods_per_year: float) -> float:
    """Periods per year, finite and positive.

    Parameters
    ----------
    periods_per_year : float
        252 for daily sessions, 12 for months.

    Returns
    -------
    periods_per_year : float
        The same number.

    Raises
    ------
    ValidationError
        If it is not a finite number above zero.
    """
    number = isinstance(periods_per_year, (int, float, np.integer, np.floating))
    if not number or isinstance(periods_per_year, bool) or not 0 < periods_per_year < math.inf:
        raise ValidationError(
            f"periods_per_year={periods_per_year!r} must be a finite number above 0.",
            field="periods_per_year",
            value=periods_per_year,
            allowed="> 0",
            fix="Use 252 for daily returns, 12 for monthly.",
        )
    return float(periods_per_year)


def checked_weights(weights: ArrayLike) -> FloatArray:
    """Holdings of each session as a finite matrix.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed market value of each holding as a fraction of equity.

    Returns
    -------
    weights : ndarray of float64, shape (n_dates, n_symbols)
        Finite, at least one row.

    Raises
    ------
    ShapeError
        If the weights are not a matrix with at least one row.
    ValidationError
        If a weight is not finite; the message names row and column.
    """
    return finite_array("weights", weights, ndim=2, fix="Use 0 for a symbol that is not held.")


def compounded(returns: FloatArray) -> float:
    """Return over the whole span: ``prod(1 + r) - 1``.

    Parameters
    ----------
    returns : ndarray of float64, shape (n,)
        Simple returns.

    Returns
    -------
    total : float
        Fraction.
    """
    return float(np.prod(1.0 + returns)) - 1.0


def annualised(total: float, n: int, periods_per_year: float) -> float:
    """Yearly rate that compounds to a total: ``(1 + total) ** (periods_per_year / n) - 1``.

    Parameters
    ----------
    total : float
        Compounded return over ``n`` periods, as a fraction.
    n : int
        Number of periods, at least 1.
    periods_per_year : float
        Periods per year.

    Returns
    -------
    rate : float
        Fraction per year; -1 where everything was lost, ``inf`` where the power overflows.
    """
    if total <= -1.0:
        return -1.0
    try:
        return float((1.0 + total) ** (periods_per_year / n)) - 1.0
    except OverflowError:
        return math.inf


def deviation(values: FloatArray) -> float:
    """Sample standard deviation (ddof 1), exactly zero for constant values.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Finite numbers.

    Returns
    -------
    deviation : float
        Zero for one value. Without the check, the rounded mean of a constant series leaves about 1e-18, and a
        ratio over it reports a Sharpe near 1e16.
    """
    if len(values) < 2 or values.min() == values.max():
        return 0.0
    return float(values.std(ddof=1))
