"""What the portfolio held, how concentrated it was, and what trading it cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.market.ranges import whole_number
from nanodesk.market.units import BPS_PER_UNIT
from nanodesk.metrics.series import checked_beside, checked_periods, checked_series, checked_weights

UNKNOWN_SECTOR = "unknown"
"""Where the weights of symbols without a sector are counted."""


def gross_exposure(weights: ArrayLike) -> FloatArray:
    """Sum of absolute weights: leverage.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed market value of each holding as a fraction of equity.

    Returns
    -------
    gross : ndarray of float64, shape (n_dates,)
        Fractions of equity.

    Raises
    ------
    ShapeError
        If the weights are not a matrix with at least one row.
    ValidationError
        If a weight is not finite.

    Examples
    --------
    >>> gross_exposure([[0.5, -0.25]])
    array([0.75])
    """
    return np.asarray(np.abs(checked_weights(weights)).sum(axis=1))


def net_exposure(weights: ArrayLike) -> FloatArray:
    """Sum of signed weights: what is not cash.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed market value of each holding as a fraction of equity.

    Returns
    -------
    net : ndarray of float64, shape (n_dates,)
        Fractions of equity.

    Raises
    ------
    ShapeError
        If the weights are not a matrix with at least one row.
    ValidationError
        If a weight is not finite.

    Examples
    --------
    >>> net_exposure([[0.5, -0.25]])
    array([0.25])
    """
    return np.asarray(checked_weights(weights).sum(axis=1))


def holdings_count(weights: ArrayLike) -> IntArray:
    """Number of symbols held.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed market value of each holding as a fraction of equity.

    Returns
    -------
    count : ndarray of int64, shape (n_dates,)
        Symbols with a weight other than zero.

    Raises
    ------
    ShapeError
        If the weights are not a matrix with at least one row.
    ValidationError
        If a weight is not finite.

    Examples
    --------
    >>> holdings_count([[0.5, 0.0, -0.25]])
    array([2])
    """
    return np.asarray(np.count_nonzero(checked_weights(weights), axis=1), dtype=np.int64)


def effective_number(weights: ArrayLike) -> FloatArray:
    """Number of equal holdings that would be as concentrated: the inverse Herfindahl index.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed market value of each holding as a fraction of equity.

    Returns
    -------
    number : ndarray of float64, shape (n_dates,)
        ``(sum |w|)^2 / sum w^2``, so that cash and leverage do not count as concentration; 0 where nothing is held.

    Raises
    ------
    ShapeError
        If the weights are not a matrix with at least one row.
    ValidationError
        If a weight is not finite.

    Examples
    --------
    >>> effective_number([[0.25, 0.25], [0.5, 0.0]])
    array([2., 1.])
    """
    held = np.abs(checked_weights(weights))
    gross, squares = held.sum(axis=1), (held**2).sum(axis=1)
    return np.asarray(np.divide(gross**2, squares, out=np.zeros_like(gross), where=squares > 0.0))


def top_share(weights: ArrayLike, *, top: int = 10) -> FloatArray:
    """Share of the largest holdings in the gross exposure.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed market value of each holding as a fraction of equity.
    top : int, default 10
        How many holdings, at least 1.

    Returns
    -------
    share : ndarray of float64, shape (n_dates,)
        From 0 to 1; 0 where nothing is held.

    Raises
    ------
    ShapeError
        If the weights are not a matrix with at least one row.
    ValidationError
        If a weight is not finite, or ``top`` is below 1.

    Examples
    --------
    >>> top_share([[0.5, 0.25, -0.25]], top=1)
    array([0.5])
    """
    whole_number("top", top, low=1)
    held = np.abs(checked_weights(weights))
    gross = held.sum(axis=1)
    largest = np.partition(held, -top, axis=1)[:, -top:].sum(axis=1) if top < held.shape[1] else gross
    return np.asarray(np.divide(largest, gross, out=np.zeros_like(gross), where=gross > 0.0))


def sector_weights(
    weights: ArrayLike, symbols: Sequence[str], sectors: Mapping[str, str]
) -> tuple[tuple[str, ...], FloatArray]:
    """Net weight of each sector.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed market value of each holding as a fraction of equity.
    symbols : sequence of str, length n_symbols
        Names of the columns.
    sectors : mapping of str to str
        Sector of a symbol; a symbol that is missing counts as ``"unknown"``.

    Returns
    -------
    names : tuple of str, length n_sectors
        Sorted.
    net : ndarray of float64, shape (n_dates, n_sectors)
        Fractions of equity.

    Raises
    ------
    ShapeError
        If the weights are not a matrix with one column per symbol.
    ValidationError
        If a weight is not finite.

    Examples
    --------
    >>> sector_weights([[0.5, 0.25, -0.25]], ["A", "B", "C"], {"A": "tech", "B": "oil", "C": "tech"})
    (('oil', 'tech'), array([[0.25, 0.25]]))
    """
    matrix = checked_weights(weights)
    if len(symbols) != matrix.shape[1]:
        raise ShapeError(
            f"symbols has {len(symbols)} names, the weights have {matrix.shape[1]} columns.",
            field="symbols",
            value=len(symbols),
            allowed=str(matrix.shape[1]),
        )
    of_column = [sectors.get(symbol, UNKNOWN_SECTOR) for symbol in symbols]
    names = tuple(sorted(set(of_column)))
    member = np.array([[sector == name for name in names] for sector in of_column], dtype=np.float64)
    return names, matrix @ member.reshape(len(symbols), len(names))


def annual_turnover(turnover: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """One-way turnover of a year.

    Parameters
    ----------
    turnover : array_like of float, shape (n_dates,)
        One-way traded notional of each session, half of buys and sells, as a fraction of equity.
    periods_per_year : float, default 252
        Sessions per year.

    Returns
    -------
    turnover : float
        ``mean(turnover) * P``; 1 replaces the portfolio once a year.

    Raises
    ------
    ShapeError
        If the turnover is empty or not one-dimensional.
    ValidationError
        If a number is not finite.

    Examples
    --------
    >>> annual_turnover([0.01, 0.03], periods_per_year=250)
    5.0
    """
    return float(checked_series(turnover, field="turnover").mean()) * checked_periods(periods_per_year)


def costs_bps_per_year(
    costs: Mapping[str, ArrayLike],
    equity: ArrayLike,
    *,
    initial_equity: float,
    periods_per_year: float = 252.0,
) -> dict[str, float]:
    """What each kind of cost took from the return of a year.

    Parameters
    ----------
    costs : mapping of str to array_like of float, shape (n_dates,)
        Currency paid per session by kind.
    equity : array_like of float, shape (n_dates,)
        Equity after each session, in currency units.
    initial_equity : float
        Equity before the first session, in currency units.
    periods_per_year : float, default 252
        Sessions per year.

    Returns
    -------
    costs_bps : dict of str to float
        Basis points of the equity before each session, per year, in the order of ``costs``.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a number is not finite.

    Notes
    -----
    ``1e4 P mean(cost_t / equity_(t-1))``; sessions that begin without equity are left out.

    Examples
    --------
    >>> costs_bps_per_year({"commission": [1.0, 0.0]}, [999.0, 999.0], initial_equity=1000.0)
    {'commission': 1260.0}
    """
    year = checked_periods(periods_per_year)
    return {
        kind: float(fraction.mean()) * year * BPS_PER_UNIT
        for kind, fraction in _cost_fractions(costs, equity, initial_equity).items()
    }


def breakeven_cost_bps(
    returns: ArrayLike,
    turnover: ArrayLike,
    *,
    costs: Mapping[str, ArrayLike] | None = None,
    equity: ArrayLike | None = None,
    initial_equity: float | None = None,
) -> float:
    """Cost per traded notional at which the mean return would be zero.

    Parameters
    ----------
    returns : array_like of float, shape (n_dates,)
        Simple returns after costs, as fractions.
    turnover : array_like of float, shape (n_dates,)
        One-way traded notional of each session, half of buys and sells, as a fraction of equity.
    costs : mapping of str to array_like of float, shape (n_dates,), optional
        Currency paid per session by kind, added back to the returns.
    equity : array_like of float, shape (n_dates,), optional
        Equity after each session; needed with ``costs``.
    initial_equity : float, optional
        Equity before the first session; needed with ``costs``.

    Returns
    -------
    cost_bps : float
        Basis points of what is bought and sold, on each side; ``nan`` if nothing was traded.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a number is not finite, or costs come without equity.

    Notes
    -----
    ``1e4 mean(r + cost / equity) / mean(2 turnover)``: both the purchase and the sale pay.

    Examples
    --------
    >>> breakeven_cost_bps([0.001, 0.001], [0.05, 0.05])
    100.0
    """
    series = checked_series(returns)
    traded = 2.0 * float(checked_beside(turnover, series, field="turnover").mean())
    before_costs = float(series.mean())
    if costs:
        if equity is None or initial_equity is None:
            raise ValidationError("costs need equity and initial_equity.", field="equity", fix="Pass both.")
        before_costs += sum(float(part.mean()) for part in _cost_fractions(costs, equity, initial_equity).values())
    return before_costs / traded * BPS_PER_UNIT if traded > 0.0 else math.nan


def cash_drag(weights: ArrayLike, alternative: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Yearly return that idle cash missed.

    Parameters
    ----------
    weights : array_like of float, shape (n_dates, n_symbols)
        Signed weights after each session; what they leave of 1 is cash.
    alternative : array_like of float, shape (n_dates,)
        What the cash could have earned more than it did: benchmark returns, or returns of Treasury bills.
    periods_per_year : float, default 252
        Sessions per year.

    Returns
    -------
    drag : float
        ``P mean((1 - net_(t-1)) alternative_t)`` as a fraction per year, all cash before the first session;
        positive where cash cost return, negative for a levered portfolio that gained.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a number is not finite.

    Examples
    --------
    >>> cash_drag([[0.5], [0.5]], [0.0, 0.001], periods_per_year=250)
    0.0625
    """
    net = net_exposure(weights)
    earned = checked_beside(alternative, net, field="alternative")
    cash_before = 1.0 - np.concatenate(([0.0], net[:-1]))
    return float(np.mean(cash_before * earned)) * checked_periods(periods_per_year)


def _cost_fractions(costs: Mapping[str, ArrayLike], equity: ArrayLike, initial_equity: float) -> dict[str, FloatArray]:
    after = checked_series(equity, field="equity")
    before = np.concatenate((checked_series([initial_equity], field="initial_equity"), after[:-1]))
    return {
        kind: np.divide(
            checked_beside(paid, after, field=f"costs[{kind!r}]"), before, out=np.zeros_like(before), where=before > 0.0
        )
        for kind, paid in costs.items()
    }
