"""Return over risk, beyond the Sharpe family of ``performance``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.metrics.drawdown import drawdown_series, ulcer_index
from nanodesk.metrics.series import (
    annualised,
    checked_periods,
    checked_risk_free,
    checked_series,
    compounded,
    excess_returns,
)


def omega_ratio(returns: ArrayLike, *, threshold: ArrayLike = 0.0) -> float:
    """Gains above a threshold over losses below it.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    threshold : float or array_like of float, shape (n,), default 0
        Return per period that counts as neither, for example the risk-free return.

    Returns
    -------
    omega : float
        ``sum(max(r - t, 0)) / sum(max(t - r, 0))``; ``inf`` without losses, ``nan`` without either.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite.

    References
    ----------
    Keating, Shadwick (2002), "A Universal Performance Measure", J. Performance Measurement 6(3).

    Examples
    --------
    >>> omega_ratio([0.5, -0.25, 0.0])
    2.0
    """
    excess = excess_returns(returns, threshold)
    return _over(float(np.maximum(excess, 0.0).sum()), float(np.maximum(-excess, 0.0).sum()))


def gain_to_pain(returns: ArrayLike) -> float:
    """Sum of all returns over the sum of the losses.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions; Schwager takes months.

    Returns
    -------
    ratio : float
        ``sum(r) / sum(max(-r, 0))``: ``omega_ratio - 1``; ``inf`` without losses, ``nan`` without either.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite.

    References
    ----------
    Schwager (2012), "Hedge Fund Market Wizards".

    Examples
    --------
    >>> gain_to_pain([0.5, -0.25, 0.0])
    1.0
    """
    series = checked_series(returns)
    return _over(float(series.sum()), float(np.maximum(-series, 0.0).sum()))


def ulcer_performance(returns: ArrayLike, *, periods_per_year: float = 252.0, risk_free: ArrayLike = 0.0) -> float:
    """Ulcer performance index: yearly growth above the risk-free rate, over the ulcer index.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    periods_per_year : float, default 252
        Sessions per year.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period.

    Returns
    -------
    upi : float
        ``(cagr(r) - cagr(risk_free)) / ulcer_index``; ``inf`` or ``nan`` where nothing was ever under water.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite.

    Notes
    -----
    Annualised; quantstats divides the total return, which grows with the length of the sample.

    References
    ----------
    Martin, McCann (1989), "The Investor's Guide to Fidelity Funds".

    Examples
    --------
    >>> ulcer_performance([-0.5, 1.0, 0.0, 0.5], periods_per_year=4.0)
    2.0
    """
    series = checked_series(returns)
    free = np.broadcast_to(np.asarray(checked_risk_free(risk_free, series)), series.shape)
    year = checked_periods(periods_per_year)
    growth = annualised(compounded(series), len(series), year) - annualised(compounded(free), len(series), year)
    return _over(growth, ulcer_index(series))


def martin_ratio(returns: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Yearly growth over the ulcer index: the Calmar ratio with the ulcer index for the deepest point.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    periods_per_year : float, default 252
        Sessions per year.

    Returns
    -------
    ratio : float
        ``cagr / ulcer_index``; ``inf`` or ``nan`` where nothing was ever under water.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite.

    Notes
    -----
    The literature uses both names for one ratio. Here ``ulcer_performance`` takes off the risk-free rate, as
    Martin wrote it, and this one does not, as it is often printed.

    References
    ----------
    Bacon (2008), "Practical Portfolio Performance Measurement and Attribution", 2nd ed.

    Examples
    --------
    >>> martin_ratio([-0.5, 1.0, 0.0, 0.5], periods_per_year=4.0)
    2.0
    """
    return ulcer_performance(returns, periods_per_year=periods_per_year)


def recovery_factor(returns: ArrayLike) -> float:
    """Total return over the maximum drawdown.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.

    Returns
    -------
    factor : float
        Compounded return over the deepest drawdown, signed; ``inf`` or ``nan`` without drawdown.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite.

    Examples
    --------
    >>> recovery_factor([-0.5, 1.0, 1.0])
    2.0
    """
    series = checked_series(returns)
    return _over(compounded(series), float(drawdown_series(series).max()))


def _over(numerator: float, denominator: float) -> float:
    if denominator > 0.0:
        return numerator / denominator
    return math.copysign(math.inf, numerator) if numerator else math.nan
