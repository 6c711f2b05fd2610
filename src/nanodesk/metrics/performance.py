"""Headline numbers of a return series."""

from __future__ import annotations

from dataclasses import dataclass


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
