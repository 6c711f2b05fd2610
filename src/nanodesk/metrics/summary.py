"""Every number of a tear sheet, in the order in which it is printed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ValidationError
from nanodesk.market.arrays import Dates, FloatArray
from nanodesk.market.axes import DatesLike, increasing_sessions
from nanodesk.metrics import holdings
from nanodesk.metrics.benchmark import BenchmarkMetrics, benchmark_metrics
from nanodesk.metrics.calendar_returns import period_returns, trailing_returns
from nanodesk.metrics.distribution import cornish_fisher_var, excess_kurtosis, skewness, tail_ratio, value_at_risk
from nanodesk.metrics.drawdown import average_drawdown, drawdown_table, longest_drawdown, ulcer_index
from nanodesk.metrics.hit_rates import hit_rates
from nanodesk.metrics.liquidity import capacity, days_to_liquidate
from nanodesk.metrics.performance import PerformanceMetrics, compute_metrics, downside_deviation
from nanodesk.metrics.ratios import gain_to_pain, martin_ratio, omega_ratio, recovery_factor, ulcer_performance
from nanodesk.metrics.series import (
    checked_periods,
    checked_risk_free,
    checked_series,
)
from nanodesk.metrics.significance import (
    deflated_sharpe,
    mean_t,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_standard_error,
)

Value = float | int | str | None
Group = dict[str, Value]


def summarize(
    returns: ArrayLike,
    *,
    dates: DatesLike,
    periods_per_year: float = 252.0,
    risk_free: ArrayLike | None = None,
    benchmark: ArrayLike | None = None,
    initial_equity: float | None = None,
    equity: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    turnover: ArrayLike | None = None,
    costs: Mapping[str, ArrayLike] | None = None,
    n_trials: int = 1,
    sectors: Mapping[str, str] | None = None,
    symbols: Sequence[str] | None = None,
    sharpe_variance: float | None = None,
    overfitting_probability: float | None = None,
    traded_value: ArrayLike | None = None,
) -> dict[str, Group]:
    """All metrics of one backtest in ordered groups.

    Parameters
    ----------
    returns : array_like of float, shape (n_dates,)
        Simple return per session after costs, as a fraction.
    dates : array_like of datetime64[D], shape (n_dates,)
        Sessions, strictly increasing.
    periods_per_year : float, default 252
        Sessions per year.
    risk_free : float or array_like of float, shape (n_dates,), optional
        Risk-free return per session; 0 if not given.
    benchmark : array_like of float, shape (n_dates,), optional
        Benchmark return per session.
    initial_equity : float, optional
        Equity before the first session; by default taken back from ``equity`` and the first return.
    equity : array_like of float, shape (n_dates,), optional
        Equity after each session, in currency units.
    weights : array_like of float, shape (n_dates, n_symbols), optional
        Signed weights after each session.
    turnover : array_like of float, shape (n_dates,), optional
        One-way traded notional per session as a fraction of equity.
    costs : mapping of str to array_like of float, shape (n_dates,), optional
        Currency paid per session by kind; needs ``equity``.
    n_trials : int, default 1
        Variants tried before this one, itself included: what the deflated Sharpe ratio pays for.
    sectors : mapping of str to str, optional
        Sector by symbol; needs ``weights`` and ``symbols``.
    symbols : sequence of str, length n_symbols, optional
        Names of the columns of ``weights``.
    sharpe_variance : float, optional
        Variance of the Sharpe ratios across the trials, per session.
    overfitting_probability : float, optional
        Probability of backtest overfitting, where the trials were cross-validated.
    traded_value : array_like of float, shape (n_dates, n_symbols), optional
        Average value that the market trades per session, in currency units; needs ``weights`` and ``equity``.

    Returns
    -------
    groups : dict of str to dict
        ``return``, ``risk``, ``ratios``, ``significance``, ``hit_rates``, ``benchmark``, ``portfolio``. Every key
        is always there; ``None`` where its input is missing, or where the number is undefined or infinite, so that
        the groups are valid JSON as they stand. ``sector_weight.<name>`` is there once per sector.

    Raises
    ------
    ShapeError
        If lengths differ.
    ValidationError
        If a number is not finite, or costs come without equity.

    Examples
    --------
    >>> groups = summarize([0.01, -0.02, 0.03], dates=["2024-01-02", "2024-01-03", "2024-01-04"])
    >>> list(groups)
    ['return', 'risk', 'ratios', 'significance', 'hit_rates', 'benchmark', 'portfolio']
    >>> groups["risk"]["max_drawdown_trough"], groups["benchmark"]["beta"]
    ('2024-01-03', None)
    """
    series = checked_series(returns)
    sessions = increasing_sessions(dates, len(series))
    year = checked_periods(periods_per_year)
    free = checked_risk_free(0.0 if risk_free is None else risk_free, series)
    excess = np.asarray(series - free, dtype=np.float64)
    headline = compute_metrics(series, periods_per_year=year, risk_free=free)
    groups: dict[str, Group] = {
        "return": _returns(series, sessions, headline, year),
        "risk": _risk(series, sessions, excess, headline, year),
        "ratios": _ratios(series, free, headline, year),
        "significance": {
            "t_mean": mean_t(excess),
            "probabilistic_sharpe": probabilistic_sharpe(excess),
            "deflated_sharpe": deflated_sharpe(excess, n_trials=n_trials, sharpe_variance=sharpe_variance),
            "n_trials": int(n_trials),
            "minimum_track_record_sessions": minimum_track_record(excess),
            "sessions": len(series),
            "overfitting_probability": overfitting_probability,
        },
        "hit_rates": dict(asdict(hit_rates(series, sessions))),
        "benchmark": _benchmark(series, benchmark, year, free),
        "portfolio": {},
    }
    level, start = _equity(series, equity, initial_equity)
    groups["portfolio"] = (
        _trading(series, level, start, turnover, costs, year)
        | _exposure(weights, benchmark if benchmark is not None else np.broadcast_to(free, series.shape), year)
        | _liquidity(weights, level, traded_value)
        | _sectors(weights, symbols, sectors)
    )
    return {name: {key: _printable(value) for key, value in group.items()} for name, group in groups.items()}


def _returns(series: FloatArray, dates: Dates, headline: PerformanceMetrics, year: float) -> Group:
    months = period_returns(series, dates, "month")[1]
    years = period_returns(series, dates, "year")[1]
    spans: Group = asdict(trailing_returns(series, dates, periods_per_year=year))
    return {
        "total_return": headline.total_return,
        "cagr": headline.cagr,
        **spans,
        "best_day": float(series.max()),
        "worst_day": float(series.min()),
        "best_month": float(months.max()),
        "worst_month": float(months.min()),
        "best_year": float(years.max()),
        "worst_year": float(years.min()),
    }


def _risk(series: FloatArray, dates: Dates, excess: FloatArray, headline: PerformanceMetrics, year: float) -> Group:
    deepest = drawdown_table(series, dates, top=1)
    average, average_sessions = average_drawdown(series)
    return {
        "volatility": headline.volatility,
        "downside_deviation": downside_deviation(excess) * math.sqrt(year),
        "max_drawdown": headline.max_drawdown,
        "max_drawdown_peak": _day(deepest[0].peak) if deepest else None,
        "max_drawdown_trough": _day(deepest[0].trough) if deepest else None,
        "max_drawdown_recovery": _day(deepest[0].recovery) if deepest else None,
        "max_drawdown_sessions": deepest[0].sessions if deepest else 0,
        "longest_drawdown_sessions": longest_drawdown(series),
        "average_drawdown": average,
        "average_drawdown_sessions": average_sessions,
        "ulcer_index": ulcer_index(series),
        "var_95": value_at_risk(series),
        "var_95_cornish_fisher": cornish_fisher_var(series),
        "cvar_95": headline.cvar_95,
        "skew": skewness(series),
        "excess_kurtosis": excess_kurtosis(series),
        "tail_ratio": tail_ratio(series),
    }


def _ratios(series: FloatArray, free: FloatArray | float, headline: PerformanceMetrics, year: float) -> Group:
    return {
        "sharpe": headline.sharpe,
        "sharpe_standard_error": sharpe_standard_error(series, risk_free=free) * math.sqrt(year),
        "sortino": headline.sortino,
        "calmar": headline.calmar,
        "omega": omega_ratio(series, threshold=free),
        "ulcer_performance": ulcer_performance(series, periods_per_year=year, risk_free=free),
        "gain_to_pain": gain_to_pain(series),
        "martin": martin_ratio(series, periods_per_year=year),
        "recovery_factor": recovery_factor(series),
        "payoff_ratio": headline.payoff_ratio,
        "profit_factor": headline.profit_factor,
        "kelly": headline.kelly,
    }


def _benchmark(series: FloatArray, benchmark: ArrayLike | None, year: float, free: FloatArray | float) -> Group:
    if benchmark is None:
        return dict.fromkeys(BenchmarkMetrics.__dataclass_fields__)
    return dict(asdict(benchmark_metrics(series, benchmark, periods_per_year=year, risk_free=free)))


def _equity(
    series: FloatArray, equity: ArrayLike | None, initial_equity: float | None
) -> tuple[FloatArray | None, float | None]:
    if equity is None:
        return None, initial_equity
    level = checked_series(equity, field="equity")
    if initial_equity is None and series[0] > -1.0:
        return level, float(level[0] / (1.0 + series[0]))
    return level, initial_equity


def _trading(
    series: FloatArray,
    equity: FloatArray | None,
    initial_equity: float | None,
    turnover: ArrayLike | None,
    costs: Mapping[str, ArrayLike] | None,
    year: float,
) -> Group:
    paid: Group = {"costs_bps_per_year": None}
    if costs:
        if equity is None or initial_equity is None:
            raise ValidationError("costs need equity and initial_equity.", field="equity", fix="Pass both.")
        kinds = holdings.costs_bps_per_year(costs, equity, initial_equity=initial_equity, periods_per_year=year)
        paid["costs_bps_per_year"] = math.fsum(kinds.values())
        paid |= {f"{kind}_bps_per_year": value for kind, value in kinds.items()}
    if turnover is None:
        return {"turnover_per_year": None, **paid, "breakeven_cost_bps": None}
    breakeven = holdings.breakeven_cost_bps(series, turnover, costs=costs, equity=equity, initial_equity=initial_equity)
    per_year = holdings.annual_turnover(turnover, periods_per_year=year)
    return {"turnover_per_year": per_year, **paid, "breakeven_cost_bps": breakeven}


def _exposure(weights: ArrayLike | None, alternative: ArrayLike, year: float) -> Group:
    if weights is None:
        return dict.fromkeys(
            ("gross_exposure", "net_exposure", "holdings", "effective_holdings", "top_10_share", "cash_drag")
        )
    return {
        "gross_exposure": float(holdings.gross_exposure(weights).mean()),
        "net_exposure": float(holdings.net_exposure(weights).mean()),
        "holdings": float(holdings.holdings_count(weights).mean()),
        "effective_holdings": float(holdings.effective_number(weights).mean()),
        "top_10_share": float(holdings.top_share(weights).mean()),
        "cash_drag": holdings.cash_drag(weights, alternative, periods_per_year=year),
    }


def _liquidity(weights: ArrayLike | None, equity: FloatArray | None, traded_value: ArrayLike | None) -> Group:
    if weights is None or equity is None or traded_value is None:
        return {"capacity": None, "days_to_liquidate": None}
    # Days of unknown volume say nothing about capacity; the rest does.
    room, days = capacity(weights, traded_value), days_to_liquidate(weights, equity, traded_value)
    known = np.isfinite(room) & np.isfinite(days)
    if not known.any():
        return {"capacity": None, "days_to_liquidate": None}
    return {"capacity": float(np.median(room[known])), "days_to_liquidate": float(np.median(days[known]))}


def _sectors(weights: ArrayLike | None, symbols: Sequence[str] | None, sectors: Mapping[str, str] | None) -> Group:
    if weights is None or symbols is None or not sectors:
        return {}
    names, net = holdings.sector_weights(weights, symbols, sectors)
    return {f"sector_weight.{name}": float(value) for name, value in zip(names, net.mean(axis=0), strict=True)}


def _day(date: np.datetime64 | None) -> str | None:
    return None if date is None else str(date)


def _printable(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value
