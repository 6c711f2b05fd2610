"""Headline numbers of a return series."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.market.arrays import FloatArray
from nanodesk.metrics.drawdown import drawdown_series
from nanodesk.metrics.series import (
    annualised,
    checked_periods,
    checked_risk_free,
    checked_series,
    deviation,
)

TAIL_FRAC = 0.05
"""Share of the worst returns that make the tail."""


@dataclass(frozen=True, slots=True)
class PerformanceMetrics:
    """Headline numbers of one series of returns.

    Parameters
    ----------
    total_return : float
        Compounded return, as a fraction.
    cagr : float
        Compound annual growth rate, as a fraction; -1 if everything was lost.
    volatility : float
        Yearly standard deviation (ddof 1), as a fraction.
    sharpe, sortino, calmar : float
        Annualised ratios.
    max_drawdown : float
        Largest fraction below the running peak, which starts at the initial equity; positive.
    cvar_95 : float
        Mean of the worst 5 % of returns; signed.
    win_rate : float
        Share of periods with a gain.
    profit_factor : float
        Sum of gains over sum of losses.
    payoff_ratio : float
        Mean gain over mean loss.
    kelly : float
        ``win_rate - (1 - win_rate) / payoff_ratio``.
    num_periods, winning_periods, losing_periods : int
        Counts; a zero return is neither won nor lost.
    """

    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    sortino: float
    calmar: float
    max_drawdown: float
    cvar_95: float
    win_rate: float
    profit_factor: float
    payoff_ratio: float
    kelly: float
    num_periods: int
    winning_periods: int
    losing_periods: int


def compute_metrics(
    returns: ArrayLike, *, periods_per_year: float = 252.0, risk_free: ArrayLike = 0.0
) -> PerformanceMetrics:
    """Headline numbers of simple returns.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple return per period, as a fraction.
    periods_per_year : float, default 252
        Sessions per year, for annualising.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period, as a fraction.

    Returns
    -------
    metrics : PerformanceMetrics
        Ratios whose denominator is zero are 0; ``profit_factor`` and ``payoff_ratio`` are infinite where there
        are gains and no losses.

    Raises
    ------
    ShapeError
        If there are no returns, or the lengths differ.
    ValidationError
        If a number is not finite (the message names its index), or ``periods_per_year`` is not above 0.

    Notes
    -----
    With ``x = returns - risk_free``, ``P`` periods per year and ``W`` the wealth of one unit:

    - ``cagr = (1 + total) ** (P / n) - 1``; -1 once wealth has reached zero.
    - ``sharpe = mean(x) * sqrt(P) / std(x, ddof=1)`` (Sharpe 1994), the arithmetic mean.
    - ``sortino = mean(x) * sqrt(P) / sqrt(mean(min(x, 0) ** 2))`` (Sortino & van der Meer 1991): all ``n``
      periods count below the line.
    - ``max_drawdown = max(1 - W / running_max(W))`` with the peak starting at 1; ``calmar = cagr / max_drawdown``
      (Young 1991).
    - ``cvar_95`` is the mean of the worst ``ceil(0.05 n)`` returns (Rockafellar & Uryasev 2000, empirical).
    - ``kelly`` is Kelly (1956) for the observed win rate and payoff; 0 where the payoff is 0 or infinite.

    Examples
    --------
    >>> metrics = compute_metrics([0.01, -0.005, 0.02, -0.03, 0.0, 0.015])
    >>> round(metrics.sharpe, 4), round(metrics.sortino, 4), round(metrics.calmar, 3)
    (1.4639, 2.1309, 15.66)
    """
    series = checked_series(returns)
    periods = checked_periods(periods_per_year)
    excess = series - checked_risk_free(risk_free, series)
    n = len(series)
    wealth: FloatArray = np.multiply.accumulate(1.0 + series)
    total = float(wealth[-1]) - 1.0
    cagr = annualised(total if wealth.min() > 0.0 else -1.0, n, periods)
    worst = float(drawdown_series(series).max())
    gains, losses = series[series > 0.0], series[series < 0.0]
    win_rate = len(gains) / n
    payoff = _over_losses(_mean(gains), -_mean(losses))
    return PerformanceMetrics(
        total_return=total,
        cagr=cagr,
        volatility=deviation(series) * math.sqrt(periods),
        sharpe=sharpe_ratio(excess) * math.sqrt(periods),
        sortino=_ratio(float(excess.mean()), downside_deviation(excess)) * math.sqrt(periods),
        calmar=_ratio(cagr, worst),
        max_drawdown=worst,
        cvar_95=tail_mean(series),
        win_rate=win_rate,
        profit_factor=_over_losses(float(gains.sum()), -float(losses.sum())),
        payoff_ratio=payoff,
        kelly=win_rate - (1.0 - win_rate) / payoff if 0.0 < payoff < math.inf else 0.0,
        num_periods=n,
        winning_periods=len(gains),
        losing_periods=len(losses),
    )


def sharpe_ratio(excess: FloatArray) -> float:
    """Mean over deviation of excess returns, per period: not annualised.

    Parameters
    ----------
    excess : ndarray of float64, shape (n,)
        Returns less the risk-free return.

    Returns
    -------
    sharpe : float
        ``mean / std(ddof=1)`` (Sharpe 1994); 0 if all returns are equal.
    """
    return _ratio(float(excess.mean()), deviation(excess))


def downside_deviation(excess: FloatArray) -> float:
    """Root mean square of the returns below zero, over all periods; not annualised.

    Parameters
    ----------
    excess : ndarray of float64, shape (n,)
        Returns less the target.

    Returns
    -------
    deviation : float
        ``sqrt(mean(min(x, 0) ** 2))`` (Sortino & van der Meer 1991).
    """
    return math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))


def tail_mean(returns: FloatArray, *, tail_frac: float = TAIL_FRAC) -> float:
    """Mean of the worst ``ceil(tail_frac * n)`` returns: the empirical CVaR, signed.

    Parameters
    ----------
    returns : ndarray of float64, shape (n,)
        Finite returns.
    tail_frac : float, default 0.05
        Share of the returns in the tail.

    Returns
    -------
    cvar : float
        Usually negative (Rockafellar & Uryasev 2000).
    """
    # 0.05 * 20 is 1.0000000000000002 in some orders of evaluation; a tail is never one return longer for that.
    count = min(len(returns), max(1, math.ceil(round(tail_frac * len(returns), 9))))
    return float(np.partition(returns, count - 1)[:count].mean())


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0.0 else 0.0


def _over_losses(gain: float, loss: float) -> float:
    if loss > 0.0:
        return gain / loss
    return math.inf if gain > 0.0 else 0.0
