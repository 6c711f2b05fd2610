"""Every number of the tear sheet, gathered once: the page and the JSON file both come from here."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.metrics.calendar_returns import monthly_returns, yearly_returns
from nanodesk.metrics.drawdown import Drawdown, drawdown_series, drawdown_table
from nanodesk.metrics.rolling import rolling_beta, rolling_sharpe, rolling_volatility
from nanodesk.metrics.summary import summarize
from nanodesk.research.headline import benchmark_returns
from nanodesk.research.result import ResearchResult
from nanodesk.research.tearsheet.factor_numbers import factor_numbers, screen_numbers
from nanodesk.research.tearsheet.plain import plain
from nanodesk.research.tearsheet.portfolio_numbers import (
    cost_sensitivity,
    exposure_series,
    holding_rows,
    known_weights,
    period_costs,
    sector_weights,
    stop_numbers,
    symbol_contributions,
    trade_numbers,
)

SCHEMA = 1
ROLLING_WINDOW = 126
"""Sessions of the rolling charts: half a year."""
DRAWDOWNS = 10


def collect(result: ResearchResult) -> dict[str, Any]:
    """All numbers of a run, as plain values.

    Parameters
    ----------
    result : ResearchResult
        One run.

    Returns
    -------
    numbers : dict
        ``schema`` first; ready for ``json.dumps(..., allow_nan=False)``. A number that does not exist is ``None``.
    """
    backtest = result.backtest
    benchmark, notes = benchmark_returns(result)
    numbers = {
        "schema": SCHEMA,
        "kind": "nanodesk.tearsheet",
        "strategy": _facts(result),
        "warnings": [*result.warnings, *notes],
        "metrics": _metrics(result, benchmark),
        "benchmark_metrics": _benchmark_metrics(result, benchmark),
        "drawdowns": [_drawdown(item) for item in drawdown_table(backtest.returns, backtest.dates, DRAWDOWNS)],
        "calendar": _calendar(result, benchmark),
        "series": _series(result, benchmark),
        "sectors": sector_weights(backtest, result.sectors),
        "periods": period_costs(backtest),
        "cost_sensitivity": cost_sensitivity(backtest, result.periods_per_year, result.risk_free),
        "contributions": symbol_contributions(backtest, result.sectors),
        "holdings": holding_rows(backtest, result.target, result.sectors),
        "trades": trade_numbers(backtest),
        "stops": stop_numbers(backtest),
        "screen": screen_numbers(result),
        "factors": factor_numbers(result),
        "manifest": result.manifest,
    }
    return {key: plain(value) for key, value in numbers.items()}


def _facts(result: ResearchResult) -> dict[str, Any]:
    backtest = result.backtest
    strategy = result.manifest.get("strategy", {})
    settings = result.manifest.get("backtest", {})
    return {
        "name": result.name,
        "description": strategy.get("description", ""),
        "tags": strategy.get("tags", []),
        "run_id": result.run_id,
        "code_version": result.code_version,
        "snapshot_id": result.snapshot_id,
        "seed": result.seed,
        "start": backtest.dates[0],
        "end": backtest.dates[-1],
        "sessions": len(backtest.dates),
        "periods_per_year": result.periods_per_year,
        "benchmark": result.benchmark_name,
        "currency": settings.get("currency", ""),
        "initial_cash": backtest.initial_cash,
        "final_equity": backtest.equity[-1],
        "decisions": len(result.decision_dates),
        "last_decision": result.decision_dates[-1] if len(result.decision_dates) else None,
        "symbols": len(backtest.symbols),
    }


def _metrics(result: ResearchResult, benchmark: FloatArray | None) -> dict[str, Any]:
    backtest = result.backtest
    return summarize(
        backtest.returns,
        dates=backtest.dates,
        periods_per_year=result.periods_per_year,
        risk_free=result.risk_free,
        benchmark=benchmark,
        initial_equity=backtest.initial_cash,
        equity=backtest.equity,
        weights=known_weights(backtest),
        turnover=backtest.turnover,
        costs=backtest.costs,
        n_trials=result.n_trials,
        sectors=result.sectors or None,
        symbols=backtest.symbols,
    )


def _benchmark_metrics(result: ResearchResult, benchmark: FloatArray | None) -> dict[str, Any] | None:
    if benchmark is None:
        return None
    return summarize(
        benchmark,
        dates=result.backtest.dates,
        periods_per_year=result.periods_per_year,
        risk_free=result.risk_free,
    )


def _drawdown(item: Drawdown) -> dict[str, Any]:
    return {
        "depth": item.depth,
        "peak": item.peak,
        "start": item.start,
        "trough": item.trough,
        "recovery": item.recovery,
        "sessions": item.sessions,
        "to_trough": item.to_trough,
        "to_recovery": item.to_recovery,
    }


def _calendar(result: ResearchResult, benchmark: FloatArray | None) -> dict[str, Any]:
    dates = result.backtest.dates
    years, months = monthly_returns(result.backtest.returns, dates)
    whole_years, totals = yearly_returns(result.backtest.returns, dates)
    against = None if benchmark is None else yearly_returns(benchmark, dates)[1]
    by_year = dict(zip(whole_years.tolist(), totals.tolist(), strict=True))
    return {
        "years": years,
        "months": months,
        "year_totals": [by_year.get(int(year)) for year in years],
        "benchmark_year_totals": None
        if against is None
        else [dict(zip(whole_years.tolist(), against.tolist(), strict=True)).get(int(year)) for year in years],
    }


def _series(result: ResearchResult, benchmark: FloatArray | None) -> dict[str, Any]:
    backtest, periods = result.backtest, result.periods_per_year
    returns = backtest.returns
    rolling = {
        "sharpe": rolling_sharpe(returns, ROLLING_WINDOW, periods_per_year=periods, risk_free=result.risk_free),
        "volatility": rolling_volatility(returns, ROLLING_WINDOW, periods_per_year=periods),
    }
    series: dict[str, Any] = {
        "date": backtest.dates,
        "equity": backtest.equity,
        "return": returns,
        "growth": backtest.equity / backtest.initial_cash,
        "drawdown": -drawdown_series(returns),
        **exposure_series(backtest),
        "turnover": backtest.turnover,
        "cost": dict(backtest.costs),
        "rolling_window": ROLLING_WINDOW,
        "rolling": rolling,
        "benchmark": None,
    }
    if benchmark is not None:
        rolling["beta"] = rolling_beta(returns, benchmark, ROLLING_WINDOW)
        series["benchmark"] = {
            "return": benchmark,
            "growth": np.multiply.accumulate(1.0 + benchmark),
            "drawdown": -drawdown_series(benchmark),
            "sharpe": rolling_sharpe(benchmark, ROLLING_WINDOW, periods_per_year=periods, risk_free=result.risk_free),
            "volatility": rolling_volatility(benchmark, ROLLING_WINDOW, periods_per_year=periods),
        }
    return series
