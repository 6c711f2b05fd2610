"""Prices, returns and window statistics of some symbols at the decision rows: what every factor is made of.

Statistics are computed once per block of symbols and shared by all factors that ask for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.research.factors.kernels.window_sums import exact_moments, maxima, weighted_sums
from nanodesk.research.factors.market_series import Common, MarketSeries, Sample, log_returns, overlapping

# What is summed of the symbol: presence, return, squared return, squared loss.
Own = Literal["1", "r", "rr", "dd"]

# Below this share of the plain sum of squares a centred sum has lost five digits; it is computed again exactly.
CANCELLED = 1e-5
# A centred sum of squares below this share of the plain one is rounding: the series does not vary.
ROUNDING = 1e-20


@dataclass(frozen=True, slots=True)
class Regression:
    """Least squares of a symbol's returns on the market's with intercept, per decision row and symbol.

    Parameters
    ----------
    n : ndarray of float64, shape (n_decisions, n_symbols)
        Sessions on which both are known.
    mean_x, mean_y : ndarray of float64, shape (n_decisions, n_symbols)
        Mean market and symbol return over those sessions.
    sxx, sxy, syy : ndarray of float64, shape (n_decisions, n_symbols)
        Centred sums of squares and products; ``nan`` where market or symbol does not vary.
    rss : ndarray of float64, shape (n_decisions, n_symbols)
        Sum of squared residuals; ``nan`` where the market explains the symbol to rounding.
    """

    n: FloatArray
    mean_x: FloatArray
    mean_y: FloatArray
    sxx: FloatArray
    sxy: FloatArray
    syy: FloatArray
    rss: FloatArray

    @property
    def slope(self) -> FloatArray:
        """The market beta."""
        return self.sxy / self.sxx


class SymbolBlock:
    """Some symbols at the decision rows, with every statistic computed once.

    Parameters
    ----------
    close : ndarray of float64, shape (n_rows, n_symbols), C-contiguous
        Closes; ``nan`` where the symbol did not trade.
    market : MarketSeries
        The common series on the same sessions.
    rows : ndarray of int64, shape (n_decisions,)
        Decision rows, strictly increasing.
    """

    def __init__(self, close: FloatArray, market: MarketSeries, rows: IntArray) -> None:
        self.close = close
        self.market = market
        self.rows = rows
        self._store: dict[tuple[object, ...], FloatArray] = {}
        self._regressions: dict[tuple[int, int], Regression] = {}
        self._complete: dict[int, bool] = {}
        self._running = np.empty(close.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of decisions and of symbols."""
        return len(self.rows), self.close.shape[1]

    def price(self, lag: int, stale: int = 0) -> FloatArray:
        """Close some sessions before each decision.

        Parameters
        ----------
        lag : int
            Sessions back.
        stale : int, default 0
            Where the symbol did not trade then, how many sessions older the close may be.

        Returns
        -------
        price : ndarray of float64, shape (n_decisions, n_symbols)
            ``nan`` where there is none.
        """
        found = np.full(self.shape, np.nan)
        for age in range(stale + 1):
            at = self.rows - lag - age
            inside = np.maximum(at, 0)
            candidate = np.where((at >= 0)[:, None], self.close[inside], np.nan)
            found = np.where(np.isnan(found), candidate, found)
        return found

    def returns(self, horizon: int = 1) -> FloatArray:
        """Log returns over `horizon` sessions, overlapping.

        Parameters
        ----------
        horizon : int, default 1
            Sessions per return.

        Returns
        -------
        returns : ndarray of float64, shape (n_rows, n_symbols)
            ``nan`` where one of the ``horizon + 1`` closes is missing.
        """
        if horizon == 1:
            return self._kept(("returns", 1), lambda: log_returns(self.close))
        return self._kept(("returns", horizon), lambda: overlapping(self.returns(), horizon))

    def own(self, own: Own, horizon: int = 1) -> FloatArray:
        """A power of the returns with zero where the return is unknown.

        Parameters
        ----------
        own : {"1", "r", "rr", "dd"}
            Presence, return, squared return, squared loss.
        horizon : int, default 1
            Sessions per return.

        Returns
        -------
        values : ndarray of float64, shape (n_rows, n_symbols)
            Finite everywhere.
        """
        if own == "1":
            return self._kept((own, horizon), lambda: (~np.isnan(self.returns(horizon))).astype(np.float64))
        if own == "r":
            return self._kept((own, horizon), lambda: _filled(self.returns(horizon)))
        if own == "rr":
            return self._kept((own, horizon), lambda: np.square(self.own("r", horizon)))
        return self._kept((own, horizon), lambda: np.square(np.minimum(self.own("r", horizon), 0.0)))

    def is_complete(self, horizon: int = 1) -> bool:
        """Whether every return that could exist does.

        Parameters
        ----------
        horizon : int, default 1
            Sessions per return.

        Returns
        -------
        complete : bool
            True if no symbol of the block has a gap.
        """
        if horizon not in self._complete:
            self._complete[horizon] = not np.isnan(self.returns(horizon)[horizon:]).any()
        return self._complete[horizon]

    def window_sum(
        self, own: Own, common: Common, sample: Sample, window: int, *, lag: int = 0, horizon: int = 1
    ) -> FloatArray:
        """Sum of ``own * common`` over the `window` sessions that end `lag` sessions before each decision.

        Parameters
        ----------
        own : {"1", "r", "rr", "dd"}
            The symbol's part of the product.
        common : {"1", "m", "v", "mm", "mv", "vv"}
            The market's part.
        sample : {"r", "rm", "rmv"}
            Which series must be known on a session for it to count.
        window : int
            Sessions.
        lag : int, default 0
            Sessions between the window's end and the decision.
        horizon : int, default 1
            Sessions per return.

        Returns
        -------
        total : ndarray of float64, shape (n_decisions, n_symbols)
            Zero where nothing counts. A block without gaps takes the sums that do not depend on the symbol from one
            common column: the same numbers, computed once.
        """
        key = (own, common, sample, window, lag, horizon)
        if own != "1" or not self.is_complete(horizon):
            return self._kept(key, lambda: self._summed(self.own(own, horizon), *key[1:]))
        if key not in self.market.sums:
            self.market.sums[key] = self._summed(np.ones((self.market.n_rows, 1)), *key[1:])
        return np.broadcast_to(self.market.sums[key], self.shape)

    def _summed(
        self, values: FloatArray, common: Common, sample: Sample, window: int, lag: int, horizon: int
    ) -> FloatArray:
        out = np.empty((len(self.rows), values.shape[1]))
        weights = self.market.weights(common, sample, horizon)
        weighted_sums(values, weights, self.rows - lag, window, self._running, out)
        return out

    def highest(self, window: int) -> FloatArray:
        """Highest close of the `window` sessions up to each decision.

        Parameters
        ----------
        window : int
            Sessions.

        Returns
        -------
        high : ndarray of float64, shape (n_decisions, n_symbols)
            Zero where the symbol never traded.
        """
        out = np.empty(self.shape)
        maxima(self.close, self.rows, window, 0.0, self._running, out)
        return out

    def traded(self, window: int) -> FloatArray:
        """Number of closes in the `window` sessions up to each decision.

        Parameters
        ----------
        window : int
            Sessions.

        Returns
        -------
        count : ndarray of float64, shape (n_decisions, n_symbols)
            From zero to `window`.
        """
        out = np.empty(self.shape)
        present = (~np.isnan(self.close)).astype(np.float64)
        weighted_sums(present, np.ones(len(present)), self.rows, window, self._running, out)
        return out

    def variation(self, window: int) -> tuple[FloatArray, FloatArray]:
        """Count and centred sum of squares of the daily returns.

        Parameters
        ----------
        window : int
            Sessions.

        Returns
        -------
        n, squares : ndarray of float64, shape (n_decisions, n_symbols)
            ``squares`` is ``nan`` where the returns do not vary.
        """
        n = self.window_sum("1", "1", "r", window)
        total = self.window_sum("r", "1", "r", window)
        plain = self.window_sum("rr", "1", "r", window)
        squares = plain - total * total / n
        where = np.nonzero(squares < CANCELLED * plain)
        if len(where[0]):
            squares[where] = self._exact(np.zeros(self.market.n_rows), self.returns(), where, window)[:, 2]
        return n, _varying(squares, plain)

    def regression(self, window: int, horizon: int = 1) -> Regression:
        """Regression of the symbol's returns on the market's over the `window` sessions up to each decision.

        Parameters
        ----------
        window : int
            Sessions; with ``horizon > 1`` only returns that lie wholly inside it count.
        horizon : int, default 1
            Sessions per return.

        Returns
        -------
        regression : Regression
            Sums are plain differences where that is exact to ten digits and recomputed by passes elsewhere.
        """
        key = (window, horizon)
        if key not in self._regressions:
            self._regressions[key] = self._regress(window - horizon + 1, horizon)
        return self._regressions[key]

    def _regress(self, window: int, horizon: int) -> Regression:
        def total(own: Own, common: Common) -> FloatArray:
            return self.window_sum(own, common, "rm", window, horizon=horizon)

        n, sum_x, sum_y = total("1", "1"), total("1", "m"), total("r", "1")
        plain_xx, plain_yy = total("1", "mm"), total("rr", "1")
        sxx = plain_xx - sum_x * sum_x / n
        sxy = total("r", "m") - sum_x * sum_y / n
        syy = plain_yy - sum_y * sum_y / n
        rss = syy - sxy * sxy / sxx
        cancelled = (sxx < CANCELLED * plain_xx) | (syy < CANCELLED * plain_yy) | (rss < CANCELLED * syy)
        where = np.nonzero(cancelled & (n > 0.0))
        if len(where[0]):
            exact = self._exact(self.market.overlapping(horizon), self.returns(horizon), where, window)
            for matrix, column in zip((sxx, sxy, syy, rss), exact.T, strict=True):
                matrix[where] = column
        syy, sxx = _varying(syy, plain_yy), _varying(sxx, plain_xx)
        return Regression(n, sum_x / n, sum_y / n, sxx, sxy, syy, _varying(rss, syy))

    def _exact(self, x: FloatArray, y: FloatArray, where: tuple[NDArray[np.intp], ...], window: int) -> FloatArray:
        out = np.empty((len(where[0]), 4))
        columns = np.ascontiguousarray(where[1], dtype=np.int64)
        exact_moments(np.ascontiguousarray(x), y, self.rows[where[0]], columns, window, out)
        return out

    def _kept(self, key: tuple[object, ...], compute: Callable[[], FloatArray]) -> FloatArray:
        if key not in self._store:
            self._store[key] = compute()
        return self._store[key]


def _filled(values: FloatArray) -> FloatArray:
    missing = np.isnan(values)
    return np.where(missing, 0.0, values) if missing.any() else values


def _varying(squares: FloatArray, plain: FloatArray) -> FloatArray:
    return np.where(squares > ROUNDING * plain, squares, np.nan)
