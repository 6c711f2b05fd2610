"""Trailing volatility of every symbol from daily bars, by five estimators."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nanodesk.errors import ValidationError
from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.market.panel import PricePanel
from nanodesk.market.units import SESSIONS_PER_YEAR
from nanodesk.research.factors.coverage import needed
from nanodesk.research.factors.kernels.window_sums import weighted_sums
from nanodesk.research.factors.market_series import MarketSeries, log_returns
from nanodesk.research.factors.windows import SymbolBlock

Estimator = Literal["std", "ewm", "parkinson", "garman_klass", "yang_zhang"]

MIN_COVERAGE = 0.8


def trailing_volatility(
    panel: PricePanel, rows: NDArray[np.integer], *, window: int = 63, estimator: Estimator = "std"
) -> FloatArray:
    r"""Annualised volatility over the sessions up to each row.

    Parameters
    ----------
    panel : PricePanel
        Bars; the range estimators need high and low, two of them the open.
    rows : ndarray of int, shape (n_decisions,)
        Rows of the panel, strictly increasing.
    window : int, default 63
        Sessions; for ``ewm`` the span.
    estimator : {"std", "ewm", "parkinson", "garman_klass", "yang_zhang"}, default "std"
        See Notes.

    Returns
    -------
    volatility : ndarray of float64, shape (n_decisions, n_symbols)
        Fractions per year (252 sessions); ``nan`` with fewer than 80 % of the window observed.

    Raises
    ------
    ValidationError
        If the panel lacks a price the estimator reads.

    Notes
    -----
    With o, h, l the logs of open, high, low less that of the close before (o) or of the open (h, l, c):

    ``std``: sample deviation of daily log returns. ``ewm``: root of the mean of squared log returns with weights
    ``(1 - 2 / (window + 1))^age``, no mean taken out. ``parkinson``: mean of ``(h - l)^2 / (4 ln 2)``.
    ``garman_klass``: mean of ``(h - l)^2 / 2 - (2 ln 2 - 1) c^2``. ``yang_zhang``: ``var(o) + k var(c) + (1 - k) RS``
    with ``RS`` the mean of ``h (h - c) + l (l - c)`` and ``k = 0.34 / (1.34 + (n + 1) / (n - 1))``.

    References
    ----------
    Parkinson (1980), J. Business 53(1); Garman, Klass (1980), J. Business 53(1); Rogers, Satchell (1991), Annals of
    Applied Probability 1(4); Yang, Zhang (2000), J. Business 73(3); RiskMetrics (1996).
    """
    at = np.asarray(rows, dtype=np.int64)
    if len(at) == 0:
        return np.empty((0, len(panel.symbols)))
    stop = int(at[-1]) + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        if estimator == "std":
            block = SymbolBlock(np.ascontiguousarray(panel.close[:stop]), MarketSeries(stop, None, None), at)
            n, squares = block.variation(window)
            variance = np.where(n >= needed(window, MIN_COVERAGE), squares / (n - 1.0), np.nan)
        elif estimator == "ewm":
            variance = _weighted(log_returns(panel.close[:stop]), at, window)
        else:
            variance = _range_variance(panel, at, window, estimator, stop)
        return np.asarray(np.sqrt(variance) * math.sqrt(SESSIONS_PER_YEAR))


def _weighted(returns: FloatArray, rows: IntArray, window: int) -> FloatArray:
    decay = 1.0 - 2.0 / (window + 1.0)
    total, weight, seen = (np.zeros(returns.shape[1]) for _ in range(3))
    found = np.full((len(rows), returns.shape[1]), np.nan)
    wanted = {int(row): d for d, row in enumerate(rows)}
    for t, current in enumerate(returns):
        known = ~np.isnan(current)
        total = total * decay + np.where(known, current * current, 0.0)
        weight = weight * decay + known
        seen += known
        if t in wanted:
            enough = seen >= needed(window, MIN_COVERAGE)
            found[wanted[t], enough] = total[enough] / weight[enough]
    return found


def _range_variance(panel: PricePanel, rows: IntArray, window: int, estimator: Estimator, stop: int) -> FloatArray:
    high, low = _bar(panel, "high", estimator)[:stop], _bar(panel, "low", estimator)[:stop]
    if estimator == "parkinson":
        return _mean(np.log(high / low) ** 2 / (4.0 * math.log(2.0)), rows, window)
    start, close = _bar(panel, "open", estimator)[:stop], panel.close[:stop]
    up, down, body = np.log(high / start), np.log(low / start), np.log(close / start)
    if estimator == "garman_klass":
        return _mean(0.5 * (up - down) ** 2 - (2.0 * math.log(2.0) - 1.0) * body**2, rows, window)
    overnight = np.full(close.shape, np.nan)
    overnight[1:] = np.log(start[1:] / close[:-1])
    inside = _mean(up * (up - body) + down * (down - body), rows, window)
    k = 0.34 / (1.34 + (window + 1.0) / (window - 1.0))
    return _variance(overnight, rows, window) + k * _variance(body, rows, window) + (1.0 - k) * inside


def _bar(panel: PricePanel, name: str, estimator: Estimator) -> FloatArray:
    matrix: FloatArray | None = getattr(panel, name)
    if matrix is None:
        raise ValidationError(
            f"vol estimator {estimator!r} reads {name} prices, which the data does not hold.",
            field="estimator",
            value=estimator,
            allowed="std or ewm with closes only",
            fix='Use estimator = "std".',
        )
    return matrix


def _sums(values: FloatArray, rows: IntArray, window: int) -> FloatArray:
    out = np.empty((len(rows), values.shape[1]))
    dense = np.ascontiguousarray(np.nan_to_num(values, nan=0.0))
    weighted_sums(dense, np.ones(len(dense)), rows, window, np.empty(dense.shape[1]), out)
    return out


def _count(values: FloatArray, rows: IntArray, window: int) -> FloatArray:
    n = _sums((~np.isnan(values)).astype(np.float64), rows, window)
    return np.where(n >= needed(window, MIN_COVERAGE), n, np.nan)


def _mean(values: FloatArray, rows: IntArray, window: int) -> FloatArray:
    return _sums(values, rows, window) / _count(values, rows, window)


def _variance(values: FloatArray, rows: IntArray, window: int) -> FloatArray:
    n, total = _count(values, rows, window), _sums(values, rows, window)
    return np.maximum(_sums(values * values, rows, window) - total * total / n, 0.0) / (n - 1.0)
