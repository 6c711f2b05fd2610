"""The published performance numbers.

Two definitions are the published ones and not ours (`nanodesk.metrics.performance`): Sortino divides the squared
shortfall by ``n - 1``, and the CVaR is the mean of the returns below the normal 5 % quantile. And no series is refused:
what is not a number flows through as published.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nanodesk.compat import published_arguments as arguments
from nanodesk.market.arrays import FloatArray
from nanodesk.metrics import rolling
from nanodesk.metrics.performance import PerformanceMetrics

_NORMAL_QUANTILE_5 = -1.6448536269514722


class Metrics(PerformanceMetrics):
    """Published performance numbers of one series of returns; `compute_metrics` makes them.

    The fields are those of `nanodesk.metrics.performance.PerformanceMetrics`, with the published ``sortino`` and
    ``cvar_95``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return (
            f"Metrics(total_return={_percent(self.total_return, 2)}, sharpe={_decimal(self.sharpe, 2)}, "
            f"max_drawdown={_percent(self.max_drawdown, 2)}, win_rate={_percent(self.win_rate, 1)})"
        )


def _decimal(value: float, digits: int) -> str:
    return "NaN" if math.isnan(value) else f"{value:.{digits}f}"


def _percent(fraction: float, digits: int) -> str:
    return f"{_decimal(fraction * 100.0, digits)}%"


def compute_metrics(returns: object, periods_per_year: object = 252.0, risk_free: object = 0.0) -> Metrics | None:
    """Performance numbers of a series of returns.

    Parameters
    ----------
    returns : sequence of float
        Returns per period, as fractions.
    periods_per_year : float, default 252
        For annualising.
    risk_free : float, default 0
        Risk-free return per period.

    Returns
    -------
    metrics : Metrics or None
        None if there are no returns.

    Examples
    --------
    >>> compute_metrics([0.01, -0.005, 0.02, -0.03, 0.0, 0.015])
    Metrics(total_return=0.92%, sharpe=1.46, max_drawdown=3.00%, win_rate=50.0%)
    """
    series = arguments.reals(returns, "returns")
    periods = arguments.real(periods_per_year, "periods_per_year")
    rate = arguments.real(risk_free, "risk_free")
    if not len(series):
        return None
    with np.errstate(all="ignore"):
        return _metrics(series, periods, rate)


def _metrics(series: FloatArray, periods: float, rate: float) -> Metrics:
    n = len(series)
    year = math.sqrt(periods) if periods >= 0.0 else math.nan
    mean = float(series.mean())
    deviation = float(series.std(ddof=1)) if n > 1 else 0.0
    volatility = deviation * year
    shortfall = np.fmin(series - rate, 0.0)
    downside = math.sqrt(float(shortfall @ shortfall) / (n - 1)) if n > 1 else 0.0
    total = float(np.prod(1.0 + series)) - 1.0
    cagr = _growth(total, n, periods)
    drawdown = _max_drawdown(series)
    gains, losses = series[series > 0.0], series[series < 0.0]
    win_rate = len(gains) / n
    payoff = _over_losses(_mean(gains), abs(_mean(losses)))
    return Metrics(
        total_return=total,
        cagr=cagr,
        volatility=volatility,
        sharpe=(mean - rate) / deviation * year if volatility > 0.0 else 0.0,
        sortino=(mean - rate) / downside * year if downside > 0.0 else 0.0,
        calmar=cagr / drawdown if drawdown > 0.0 else 0.0,
        max_drawdown=drawdown,
        cvar_95=_tail_mean(series, mean, deviation),
        win_rate=win_rate,
        profit_factor=_over_losses(float(gains.sum()), abs(float(losses.sum()))),
        payoff_ratio=payoff,
        kelly=win_rate - (1.0 - win_rate) / payoff if 0.0 < payoff < math.inf else 0.0,
        num_periods=n,
        winning_periods=len(gains),
        losing_periods=len(losses),
    )


def _growth(total: float, n: int, periods: float) -> float:
    """Compound annual growth; -1 once the final wealth is not positive, 0 where years have no meaning."""
    if total <= -1.0:
        return -1.0
    if not (total > -1.0 and 0.0 < periods < math.inf):
        return 0.0
    return float(np.float64(1.0 + total) ** (periods / n)) - 1.0


def _max_drawdown(series: FloatArray) -> float:
    """Largest fraction below the running peak, which starts at 1; what is not a number is passed over."""
    wealth = np.cumprod(1.0 + series)
    peak = np.fmax(np.fmax.accumulate(wealth), 1.0)
    return float(np.fmax.reduce((peak - wealth) / peak, initial=0.0))


def _tail_mean(series: FloatArray, mean: float, deviation: float) -> float:
    """Mean of the returns below the 5 % quantile of a normal with the same moments; the worst if there are none."""
    tail = series[series <= mean + deviation * _NORMAL_QUANTILE_5]
    return float(tail.mean()) if len(tail) else min(series.tolist())


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _over_losses(gain: float, loss: float) -> float:
    if loss > 0.0:
        return gain / loss
    return math.inf if gain > 0.0 else 0.0


def rolling_sharpe(returns: object, window: object, periods_per_year: object = 252) -> list[float]:
    """Annualised mean over deviation of each window; no risk-free rate.

    Parameters
    ----------
    returns : sequence of float, length n
        Returns per period, as fractions.
    window : int
        Periods.
    periods_per_year : int, default 252
        For annualising.

    Returns
    -------
    sharpe : list of float, length n
        ``nan`` before the first full window, 0 where the window's returns are all equal or not all finite.
    """
    return _rolled(rolling.rolling_sharpe, returns, window, periods_per_year)


def rolling_volatility(returns: object, window: object, periods_per_year: object = 252) -> list[float]:
    """Annualised sample deviation of each window.

    Parameters
    ----------
    returns : sequence of float, length n
        Returns per period, as fractions.
    window : int
        Periods.
    periods_per_year : int, default 252
        For annualising.

    Returns
    -------
    volatility : list of float, length n
        ``nan`` before the first full window, 0 where a return of the window is not finite.
    """
    return _rolled(rolling.rolling_volatility, returns, window, periods_per_year)


def _rolled(
    measure: Callable[..., FloatArray], returns: object, window: object, periods_per_year: object
) -> list[float]:
    series = arguments.reals(returns, "returns")
    size = arguments.unsigned(window, "window")
    periods = arguments.unsigned(periods_per_year, "periods_per_year")
    if not 2 <= size <= len(series):
        return [math.nan] * len(series)
    finite = np.isfinite(series)
    values = measure(np.where(finite, series, 0.0), size, periods_per_year=1.0) * math.sqrt(periods)
    broken = np.lib.stride_tricks.sliding_window_view(~finite, size).any(axis=1)
    values[size - 1 :][broken] = 0.0
    values_list: list[float] = values.tolist()
    return values_list
