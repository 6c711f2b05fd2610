"""The series common to all symbols, the market's return and the VIX change, and how returns are taken."""

from __future__ import annotations

from typing import Literal

import numpy as np

from nanodesk.market.arrays import FloatArray

# Which series must be known on a session for it to count: the symbol's return alone, with the market's, or with both
# the market's return and the VIX change.
Sample = Literal["r", "rm", "rmv"]
# What a symbol's number is multiplied with in a window sum: products of market return m and VIX change v.
Common = Literal["1", "m", "v", "mm", "mv", "vv"]


class MarketSeries:
    """Market return and VIX change, and their window sums, shared by all blocks.

    Parameters
    ----------
    n_rows : int
        Sessions.
    market, vix : ndarray of float64, shape (n_rows,), optional
        Closes; ``nan`` where unknown.
    """

    def __init__(self, n_rows: int, market: FloatArray | None, vix: FloatArray | None) -> None:
        self.n_rows = n_rows
        unknown = np.full(n_rows, np.nan)
        self.returns = unknown if market is None else log_returns(market[:, None])[:, 0]
        self.vix_changes = unknown if vix is None else np.concatenate([[np.nan], np.diff(vix)])
        self._overlapping: dict[int, FloatArray] = {1: self.returns}
        self._weights: dict[tuple[Common, Sample, int], FloatArray] = {}
        self.sums: dict[tuple[object, ...], FloatArray] = {}

    def overlapping(self, horizon: int) -> FloatArray:
        """Market returns over `horizon` sessions.

        Parameters
        ----------
        horizon : int
            Sessions per return.

        Returns
        -------
        returns : ndarray of float64, shape (n_rows,)
            Sum of the last `horizon` log returns; ``nan`` if any is unknown.
        """
        if horizon not in self._overlapping:
            self._overlapping[horizon] = overlapping(self.returns[:, None], horizon)[:, 0]
        return self._overlapping[horizon]

    def weights(self, common: Common, sample: Sample, horizon: int) -> FloatArray:
        """A product of the common series, zero on sessions that do not count.

        Parameters
        ----------
        common : {"1", "m", "v", "mm", "mv", "vv"}
            The product.
        sample : {"r", "rm", "rmv"}
            Which series must be known.
        horizon : int
            Sessions per return.

        Returns
        -------
        weights : ndarray of float64, shape (n_rows,)
            Finite everywhere.
        """
        key = (common, sample, horizon)
        if key not in self._weights:
            m, v = self.overlapping(horizon), self.vix_changes
            known = np.arange(self.n_rows) >= horizon
            if "m" in sample:
                known = known & ~np.isnan(m)
            if "v" in sample:
                known = known & ~np.isnan(v)
            product = np.ones(self.n_rows)
            for letter in common.strip("1"):
                product = product * (m if letter == "m" else v)
            self._weights[key] = np.where(known, product, 0.0)
        return self._weights[key]


def log_returns(close: FloatArray) -> FloatArray:
    """Log return of each session.

    Parameters
    ----------
    close : ndarray of float64, shape (n_rows, n_columns)
        Closes; ``nan`` where missing.

    Returns
    -------
    returns : ndarray of float64, shape (n_rows, n_columns)
        ``nan`` on the first row and where this or the last session has no close.
    """
    returns = np.empty_like(close)
    returns[:1] = np.nan
    np.divide(close[1:], close[:-1], out=returns[1:])
    np.log(returns[1:], out=returns[1:])
    return returns


def overlapping(returns: FloatArray, horizon: int) -> FloatArray:
    """Sum of the last `horizon` log returns on every session.

    Parameters
    ----------
    returns : ndarray of float64, shape (n_rows, n_columns)
        Log returns of one session each.
    horizon : int
        Sessions per sum.

    Returns
    -------
    returns : ndarray of float64, shape (n_rows, n_columns)
        ``nan`` where any of the returns is.
    """
    total = np.full_like(returns, np.nan)
    total[horizon - 1 :] = returns[horizon - 1 :]
    for lag in range(1, horizon):
        total[horizon - 1 :] += returns[horizon - 1 - lag : len(returns) - lag]
    return total
