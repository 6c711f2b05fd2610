"""Skill of a score: how well it orders the returns that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.metrics.newey_west import newey_west_t
from nanodesk.metrics.ranking import average_ranks, masked


def forward_returns(close: FloatArray, rows: NDArray[np.integer], *, horizon: int | None = None) -> FloatArray:
    """Return from each decision row to a later session.

    Parameters
    ----------
    close : ndarray of float64, shape (n_dates, n_symbols)
        Closes; ``nan`` where the symbol did not trade.
    rows : ndarray of int, shape (n_decisions,)
        Decision rows, strictly increasing.
    horizon : int, optional
        Sessions ahead; by default to the next decision row.

    Returns
    -------
    returns : ndarray of float64, shape (n_decisions, n_symbols)
        Fractions. ``nan`` where the name did not trade on the decision row or the end lies past the data. A name that
        stops trading on the way ends at its last close, so the dead stay in the count.

    Raises
    ------
    ValidationError
        If `horizon` is below one.

    Examples
    --------
    >>> forward_returns(np.array([[10.0], [11.0], [12.0]]), np.array([0, 2]))
    array([[0.2],
           [nan]])
    """
    if horizon is not None and horizon < 1:
        raise ValidationError(f"horizon={horizon} must be at least 1.", field="horizon", value=horizon, allowed=">= 1")
    start = np.asarray(rows, dtype=np.int64)
    end = np.append(start[1:], len(close)) if horizon is None else start + horizon
    within = end < len(close)
    begun = close[start]
    ended = np.where(within[:, None], close[np.minimum(end, len(close) - 1)], np.nan)
    gap = np.argwhere(np.isnan(ended) & ~np.isnan(begun) & within[:, None])
    back = end[gap[:, 0]] if len(gap) else end[:0]
    while len(gap):
        back = back - 1
        last = close[back, gap[:, 1]]
        ended[gap[:, 0], gap[:, 1]] = last
        open_still = np.isnan(last)
        gap, back = gap[open_still], back[open_still]
    return np.asarray(ended / begun - 1.0)


def rank_ic(
    scores: FloatArray, returns: FloatArray, *, mask: BoolArray | None = None, min_count: int = 3
) -> FloatArray:
    """Information coefficient: Spearman correlation of score and later return, per row.

    Parameters
    ----------
    scores, returns : ndarray of float64, shape (n_rows, n_symbols)
        Score and the return that followed; a name with either missing is left out of its row.
    mask : ndarray of bool, shape (n_rows, n_symbols), optional
        Names that take part.
    min_count : int, default 3
        Fewest names of a row.

    Returns
    -------
    ic : ndarray of float64, shape (n_rows,)
        From -1 to 1; ``nan`` with too few names, or where all scores or all returns are equal. Ties share their rank.

    Raises
    ------
    ShapeError
        If the shapes differ.

    References
    ----------
    Grinold, Kahn (2000), "Active Portfolio Management", 2nd ed., ch. 6.

    Examples
    --------
    >>> rank_ic(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[0.1, 0.2, 0.4, 0.3]]))
    array([0.8])
    """
    if scores.shape != returns.shape:
        raise ShapeError(
            f"returns has shape {returns.shape}, expected {scores.shape} like scores.",
            field="returns",
            value=returns.shape,
        )
    both = ~np.isnan(scores) & ~np.isnan(returns)
    both = both if mask is None else both & mask
    n = both.sum(axis=1)
    middle = ((n + 1) / 2.0)[:, None]
    left, right = (np.where(both, average_ranks(x, mask=both) - middle, 0.0) for x in (scores, returns))
    spread = np.sqrt(np.sum(left * left, axis=1) * np.sum(right * right, axis=1))
    defined = (n >= min_count) & (spread > 0.0)
    return np.where(defined, np.sum(left * right, axis=1) / np.where(defined, spread, 1.0), np.nan)


def sector_neutral_ic(
    scores: FloatArray,
    returns: FloatArray,
    sectors: Sequence[str | None],
    *,
    mask: BoolArray | None = None,
    min_count: int = 3,
) -> FloatArray:
    """Rank IC against returns less the mean return of their sector: skill within sectors.

    Parameters
    ----------
    scores, returns : ndarray of float64, shape (n_rows, n_symbols)
        Score and the return that followed.
    sectors : sequence of str or None, length n_symbols
        Sector per symbol; names without one are left out.
    mask : ndarray of bool, shape (n_rows, n_symbols), optional
        Names that take part.
    min_count : int, default 3
        Fewest names of a row.

    Returns
    -------
    ic : ndarray of float64, shape (n_rows,)
        As `rank_ic`. Sector means are over the names with score and return.

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    if len(sectors) != scores.shape[1]:
        raise ShapeError(
            f"sectors has {len(sectors)} entries, expected {scores.shape[1]}.", field="sectors", value=len(sectors)
        )
    both = ~np.isnan(scores) & ~np.isnan(returns)
    both = both if mask is None else both & mask
    excess = np.full(returns.shape, np.nan)
    for sector in sorted({name for name in sectors if name is not None}):
        inside = both & np.array([name == sector for name in sectors])
        n = np.maximum(inside.sum(axis=1, keepdims=True), 1)
        mean = np.sum(np.where(inside, returns, 0.0), axis=1, keepdims=True) / n
        excess = np.where(inside, returns - mean, excess)
    return rank_ic(scores, excess, mask=mask, min_count=min_count)


def ic_decay(
    scores: FloatArray,
    close: FloatArray,
    rows: NDArray[np.integer],
    horizons: Sequence[int],
    *,
    mask: BoolArray | None = None,
) -> FloatArray:
    """Mean rank IC against the return over each horizon.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_decisions, n_symbols)
        Score on each decision row.
    close : ndarray of float64, shape (n_dates, n_symbols)
        Closes.
    rows : ndarray of int, shape (n_decisions,)
        Decision rows.
    horizons : sequence of int
        Sessions ahead.
    mask : ndarray of bool, shape (n_decisions, n_symbols), optional
        Names that take part.

    Returns
    -------
    decay : ndarray of float64, shape (n_horizons,)
        ``nan`` where no row has an IC.
    """
    return np.array([known_mean(rank_ic(scores, forward_returns(close, rows, horizon=h), mask=mask)) for h in horizons])


def known_mean(series: FloatArray) -> float:
    """Mean of the known values.

    Parameters
    ----------
    series : ndarray of float64
        ``nan`` is missing.

    Returns
    -------
    mean : float
        ``nan`` if nothing is known.
    """
    known = series[~np.isnan(series)]
    return float(known.mean()) if len(known) else math.nan


def icir(ic: FloatArray) -> float:
    """Mean IC over its sample deviation (ddof 1): skill per unit of its own noise, not annualised.

    Parameters
    ----------
    ic : ndarray of float64, shape (n_rows,)
        IC series; ``nan`` is left out.

    Returns
    -------
    icir : float
        ``nan`` with fewer than two values or no variation.

    Examples
    --------
    >>> round(icir(np.array([0.1, 0.3, np.nan])), 6)
    1.414214
    """
    known = ic[~np.isnan(ic)]
    if len(known) < 2 or np.ptp(known) == 0.0:
        return math.nan
    return float(known.mean() / known.std(ddof=1))


def quantiles_of(scores: FloatArray, n_quantiles: int = 5, *, mask: BoolArray | None = None) -> FloatArray:
    """Group of each name by its score, 1 for the lowest.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing.
    n_quantiles : int, default 5
        Groups.
    mask : ndarray of bool, shape (n_rows, n_symbols), optional
        Names that take part.

    Returns
    -------
    quantile : ndarray of float64, shape (n_rows, n_symbols)
        ``ceil(n_quantiles * rank / n)`` with average ranks, so equal scores share a group; ``nan`` where missing, and
        on rows with fewer names than groups.

    Raises
    ------
    ValidationError
        If there are fewer than two groups.

    Examples
    --------
    >>> quantiles_of(np.array([[0.3, 0.1, 0.4, 0.2]]), 2)
    array([[2., 1., 2., 1.]])
    """
    if n_quantiles < 2:
        raise ValidationError(
            f"n_quantiles={n_quantiles} must be at least 2.", field="n_quantiles", value=n_quantiles, allowed=">= 2"
        )
    ranks = average_ranks(scores, mask=mask)
    n = np.sum(~np.isnan(ranks), axis=1, keepdims=True)
    return np.where(n >= n_quantiles, np.ceil(n_quantiles * ranks / np.maximum(n, 1)), np.nan)


def quantile_returns(
    scores: FloatArray, returns: FloatArray, n_quantiles: int = 5, *, mask: BoolArray | None = None
) -> FloatArray:
    """Mean later return of each score quantile, per row, equally weighted.

    Parameters
    ----------
    scores, returns : ndarray of float64, shape (n_rows, n_symbols)
        Score and the return that followed; a name with either missing is left out.
    n_quantiles : int, default 5
        Groups.
    mask : ndarray of bool, shape (n_rows, n_symbols), optional
        Names that take part.

    Returns
    -------
    means : ndarray of float64, shape (n_rows, n_quantiles)
        Lowest score first; ``nan`` for a group without names.

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    known = masked(np.where(np.isnan(returns), np.nan, scores), mask)
    group = quantiles_of(known, n_quantiles)
    out = np.full((len(scores), n_quantiles), np.nan)
    for q in range(n_quantiles):
        inside = group == q + 1
        n = inside.sum(axis=1)
        total = np.sum(np.where(inside, returns, 0.0), axis=1)
        out[:, q] = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return out


def mean_by_quantile(per_row: FloatArray) -> FloatArray:
    """Mean over rows of the quantile returns.

    Parameters
    ----------
    per_row : ndarray of float64, shape (n_rows, n_quantiles)
        From `quantile_returns`.

    Returns
    -------
    means : ndarray of float64, shape (n_quantiles,)
        ``nan`` for a quantile without any row.
    """
    return np.array([known_mean(column) for column in per_row.T])


def long_short(per_row: FloatArray) -> FloatArray:
    """Return of the highest quantile less the lowest, per row: the quantile spread.

    Parameters
    ----------
    per_row : ndarray of float64, shape (n_rows, n_quantiles)
        From `quantile_returns`.

    Returns
    -------
    spread : ndarray of float64, shape (n_rows,)
        ``nan`` where either end is.
    """
    return np.asarray(per_row[:, -1] - per_row[:, 0])


def monotonicity(means: FloatArray) -> float:
    """Spearman correlation of quantile number and mean return: 1 when each quantile beats the one below.

    Parameters
    ----------
    means : ndarray of float64, shape (n_quantiles,)
        Mean return per quantile, lowest score first.

    Returns
    -------
    correlation : float
        From -1 to 1; ``nan`` with fewer than two known quantiles.

    Examples
    --------
    >>> monotonicity(np.array([0.01, 0.02, 0.05, 0.04]))
    0.8
    """
    number = np.arange(1.0, len(means) + 1.0)
    return float(rank_ic(number[None], np.asarray(means, dtype=np.float64)[None], min_count=2)[0])


def fama_macbeth(
    exposures: Sequence[FloatArray], returns: FloatArray, *, mask: BoolArray | None = None, lags: int | None = None
) -> tuple[FloatArray, FloatArray]:
    """Mean reward per unit of each exposure, from one cross-sectional regression per row.

    Parameters
    ----------
    exposures : sequence of ndarray of float64, shape (n_rows, n_symbols)
        Factor values; a name with any missing is left out of its row.
    returns : ndarray of float64, shape (n_rows, n_symbols)
        Returns that followed.
    mask : ndarray of bool, shape (n_rows, n_symbols), optional
        Names that take part.
    lags : int, optional
        Newey-West lags of the t statistics.

    Returns
    -------
    premium, t : ndarray of float64, shape (n_exposures + 1,)
        Intercept first. Rows with no more names than coefficients are left out.

    References
    ----------
    Fama, MacBeth (1973), J. Political Economy 81(3).
    """
    slopes = np.full((len(returns), len(exposures) + 1), np.nan)
    for row in range(len(returns)):
        design = np.column_stack([np.ones(returns.shape[1]), *(exposure[row] for exposure in exposures)])
        known = ~np.isnan(design).any(axis=1) & ~np.isnan(returns[row])
        known = known if mask is None else known & mask[row]
        if known.sum() > design.shape[1]:
            slopes[row] = np.linalg.lstsq(design[known], returns[row, known], rcond=None)[0]
    return (
        np.array([known_mean(column) for column in slopes.T]),
        np.array([newey_west_t(column, lags=lags) for column in slopes.T]),
    )
