"""What one run of a strategy manifest returns: everything the report, the store and the diff read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nanodesk.backtest.result import BacktestResult
from nanodesk.market.arrays import Dates, FloatArray
from nanodesk.rebalance.target import Target


@dataclass(frozen=True, slots=True)
class ScreenStep:
    """One filter of the screen on one date.

    Parameters
    ----------
    kind : str
        Name of the filter in the manifest.
    entered, left : int
        Names before and after.
    dropped : tuple of str
        Names that failed.
    """

    kind: str
    entered: int
    left: int
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactorReport:
    """How well one factor, or the composite, ordered later returns.

    Parameters
    ----------
    id : str
        Factor id, or ``composite``.
    horizons : tuple of int
        Sessions ahead, for ``ic_decay``.
    ic : ndarray of float64, shape (n_decisions,)
        Rank IC against the return to the next decision date; ``nan`` where undefined.
    ic_mean, ic_t, icir : float
        Mean IC, its Newey-West t statistic, and mean over deviation.
    ic_decay : ndarray of float64, shape (n_horizons,)
        Mean rank IC per horizon.
    quantile_returns : ndarray of float64, shape (n_quantiles,)
        Mean return to the next decision date per quantile, lowest score first.
    coverage : float
        Share of screened names with a value.
    autocorrelation : float
        Mean rank correlation of consecutive scores.
    """

    id: str
    horizons: tuple[int, ...]
    ic: FloatArray
    ic_mean: float
    ic_t: float
    icir: float
    ic_decay: FloatArray
    quantile_returns: FloatArray
    coverage: float
    autocorrelation: float


@dataclass(frozen=True, slots=True)
class ResearchResult:
    """One run of one manifest.

    Parameters
    ----------
    run_id : str
        First 16 hex digits of SHA-256 over canonical manifest, code version, snapshot and seed.
    name : str
        Strategy name.
    manifest : mapping
        The manifest with every default filled in, as plain values.
    code_version, snapshot_id : str
        What produced the numbers, from which data.
    seed : int
        Root of all randomness.
    backtest : BacktestResult
        The simulated portfolio.
    benchmark_name : str or None
        Name of the benchmark series.
    benchmark_returns : ndarray of float64, shape (n_dates,), or None
        Session returns aligned with ``backtest.dates``.
    risk_free : ndarray of float64, shape (n_dates,)
        Risk-free return per session, as a fraction.
    decision_dates : ndarray of datetime64[D], shape (n_decisions,)
        When the screen, scores and weights were computed.
    target_weights : ndarray of float64, shape (n_decisions, n_symbols)
        Weights decided on each date.
    scores : ndarray of float64, shape (n_decisions, n_symbols)
        Composite score; ``nan`` outside the screen.
    factor_values : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
        Raw factor values.
    funnel : tuple of tuple of ScreenStep, length n_decisions
        The screen of each decision date.
    factor_reports : tuple of FactorReport
        One per factor, the composite last.
    sectors : mapping of str to str
        Sector by symbol where known.
    warnings : tuple of str
        What the reader must know first, for example survivorship bias.
    target : Target
        Weights of the last decision date, ready to trade.
    periods_per_year : int
        Sessions per year used for annualising.
    n_trials : int
        Distinct runs of this strategy that the run store knows, this one included: what the deflated Sharpe
        ratio must be told.
    """

    run_id: str
    name: str
    manifest: Mapping[str, Any]
    code_version: str
    snapshot_id: str
    seed: int
    backtest: BacktestResult
    benchmark_name: str | None
    benchmark_returns: FloatArray | None
    risk_free: FloatArray
    decision_dates: Dates
    target_weights: FloatArray
    scores: FloatArray
    factor_values: Mapping[str, FloatArray]
    funnel: tuple[tuple[ScreenStep, ...], ...]
    factor_reports: tuple[FactorReport, ...]
    sectors: Mapping[str, str]
    warnings: tuple[str, ...]
    target: Target
    periods_per_year: int = 252
    n_trials: int = 1
