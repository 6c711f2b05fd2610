"""What the book held, traded, paid and earned, name by name and period by period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nanodesk.backtest.result import REASONS, BacktestResult
from nanodesk.market.arrays import FloatArray
from nanodesk.metrics.holdings import gross_exposure, holdings_count, net_exposure
from nanodesk.metrics.holdings import sector_weights as weight_by_sector
from nanodesk.metrics.performance import compute_metrics
from nanodesk.rebalance.target import Target

COST_LEVELS_BPS = tuple(10.0 * step for step in range(11))
"""Costs per traded notional at which the cost curve is evaluated."""

LARGEST_SECTORS = 11
"""Sectors drawn by name; the rest is ``Other``."""

MONTHS_FOR_QUARTERS = 120
"""From this many months on, sector weights are averaged by quarter."""

YEARS_FOR_YEARLY = 3
"""From this many calendar years on, periods are years; before, months."""

LAST_STOPS = 10


def exposure_series(backtest: BacktestResult) -> dict[str, Any]:
    """Gross and net exposure, cash share and number of holdings after each session.

    Parameters
    ----------
    backtest : BacktestResult
        The simulated portfolio.

    Returns
    -------
    series : dict
        ``gross``, ``net`` and ``cash`` as fractions of equity, ``nan`` where equity is not positive; ``holdings``
        as counts. Arrays of shape (n_dates,).
    """
    weights = known_weights(backtest)
    solvent = backtest.equity > 0.0
    return {
        "gross": np.where(solvent, gross_exposure(weights), np.nan),
        "net": np.where(solvent, net_exposure(weights), np.nan),
        "cash": np.divide(backtest.cash, backtest.equity, out=np.full(len(solvent), np.nan), where=solvent),
        "holdings": holdings_count(weights),
    }


def known_weights(backtest: BacktestResult) -> FloatArray:
    """Weights after each session, zero where equity left none to speak of.

    Parameters
    ----------
    backtest : BacktestResult
        The simulated portfolio.

    Returns
    -------
    weights : ndarray of float64, shape (n_dates, n_symbols)
        Finite; the run's own array where nothing had to change.
    """
    finite = np.isfinite(backtest.weights)
    return backtest.weights if finite.all() else np.where(finite, backtest.weights, 0.0)


def sector_weights(backtest: BacktestResult, sectors: Mapping[str, str]) -> dict[str, Any] | None:
    """Mean gross weight of each sector, by month, or by quarter of a long history.

    Parameters
    ----------
    backtest : BacktestResult
        The simulated portfolio.
    sectors : mapping of str to str
        Sector by symbol where known.

    Returns
    -------
    numbers : dict or None
        ``unit`` ("month" or "quarter"), ``date`` (last session of each), ``name`` and ``weight`` (one array per
        name), the largest sector first; ``None`` where no sector is known or nothing was held.
    """
    if not sectors:
        return None
    months = backtest.dates.astype("datetime64[M]").astype(np.int64)
    unit, size = ("quarter", 3) if months[-1] - months[0] > MONTHS_FOR_QUARTERS else ("month", 1)
    first = np.flatnonzero(np.append(True, np.diff(months // size) != 0))
    counts = np.diff(np.append(first, len(months)))
    names, gross = weight_by_sector(np.abs(known_weights(backtest)), backtest.symbols, sectors)
    mean = np.add.reduceat(gross, first, axis=0) / counts[:, None]
    weight = {name: mean[:, i] for i, name in enumerate(names)}
    order = sorted((name for name in weight if weight[name].any()), key=lambda name: -float(weight[name].mean()))
    kept, rest = order[:LARGEST_SECTORS], order[LARGEST_SECTORS:]
    shown = [weight[name] for name in kept]
    if rest:
        kept, shown = [*kept, "Other"], [*shown, np.sum([weight[name] for name in rest], axis=0)]
    last = np.append(first[1:], len(months)) - 1
    return {"unit": unit, "date": backtest.dates[last], "name": kept, "weight": shown} if kept else None


def period_costs(backtest: BacktestResult) -> dict[str, Any]:
    """Turnover, and costs by kind, of each calendar year, or month of a short history.

    Parameters
    ----------
    backtest : BacktestResult
        The simulated portfolio.

    Returns
    -------
    numbers : dict
        ``period`` (labels), ``unit`` ("year" or "month"), ``turnover`` (sum of the sessions' one-way turnover) and
        ``cost_bps`` by kind: currency paid over the period's mean equity, in basis points. Not annualised.
    """
    years = backtest.dates.astype("datetime64[Y]")
    yearly = len(np.unique(years)) >= YEARS_FOR_YEARLY
    labels = years if yearly else backtest.dates.astype("datetime64[M]")
    first = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
    counts = np.diff(np.append(first, len(labels)))
    mean_equity = np.add.reduceat(backtest.equity, first) / counts
    cost_bps = {
        kind: np.divide(
            1e4 * np.add.reduceat(paid, first), mean_equity, out=np.zeros(len(first)), where=mean_equity > 0.0
        )
        for kind, paid in backtest.costs.items()
    }
    return {
        "unit": "year" if yearly else "month",
        "period": labels[first],
        "turnover": np.add.reduceat(backtest.turnover, first),
        "cost_bps": cost_bps,
    }


def cost_sensitivity(backtest: BacktestResult, periods_per_year: float, risk_free: FloatArray) -> dict[str, Any] | None:
    """Growth and Sharpe ratio had every trade cost the same, from nothing to 1 % of its notional.

    Parameters
    ----------
    backtest : BacktestResult
        The simulated portfolio.
    periods_per_year : float
        Sessions per year.
    risk_free : ndarray of float64, shape (n_dates,)
        Risk-free return per session.

    Returns
    -------
    numbers : dict or None
        ``cost_bps``, ``cagr`` and ``sharpe``; ``None`` without a trade. Trades are those of the run: the costs paid
        are put back and the level's are taken off, as fractions of the equity before the session.
    """
    if not len(backtest.trades):
        return None
    before = np.append(backtest.initial_cash, backtest.equity[:-1])
    traded = np.bincount(backtest.trades.row, backtest.trades.notional, minlength=len(before))
    paid = np.sum([np.asarray(kind) for kind in backtest.costs.values()], axis=0)
    safe = np.where(before > 0.0, before, np.inf)
    gross = backtest.returns + paid / safe
    runs = [
        compute_metrics(gross - 1e-4 * level * traded / safe, periods_per_year=periods_per_year, risk_free=risk_free)
        for level in COST_LEVELS_BPS
    ]
    return {
        "cost_bps": list(COST_LEVELS_BPS),
        "cagr": [run.cagr for run in runs],
        "sharpe": [run.sharpe for run in runs],
    }


def symbol_contributions(backtest: BacktestResult, sectors: Mapping[str, str]) -> list[dict[str, Any]]:
    """What each name held added to the return, largest first.

    Parameters
    ----------
    backtest : BacktestResult
        The simulated portfolio.
    sectors : mapping of str to str
        Sector by symbol where known.

    Returns
    -------
    rows : list of dict
        ``symbol``, ``sector``, ``contribution`` (sum over sessions of the weight at the last close times the
        session's return, a fraction), ``profit`` (the same times equity, in currency units) and ``sessions`` held.
        Before costs; a position counts from the close of the session that bought it.
    """
    earned = known_weights(backtest)[:-1] * np.nan_to_num(backtest.symbol_returns[1:])
    contribution = earned.sum(axis=0)
    profit = backtest.equity[:-1] @ earned
    sessions = (backtest.holdings != 0.0).sum(axis=0)
    order = sorted(np.flatnonzero(sessions).tolist(), key=lambda i: (-float(contribution[i]), backtest.symbols[i]))
    return [
        {
            "symbol": backtest.symbols[i],
            "sector": sectors.get(backtest.symbols[i]),
            "contribution": float(contribution[i]),
            "profit": float(profit[i]),
            "sessions": int(sessions[i]),
        }
        for i in order
    ]


def holding_rows(backtest: BacktestResult, target: Target, sectors: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each name held at the end or wanted next, largest weight first.

    Parameters
    ----------
    backtest : BacktestResult
        The simulated portfolio.
    target : Target
        Weights of the last decision.
    sectors : mapping of str to str
        Sector by symbol where known.

    Returns
    -------
    rows : list of dict
        ``symbol``, ``sector``, ``weight`` at the last close, ``target`` weight and ``change``, as fractions.
    """
    last = known_weights(backtest)[-1]
    weights = {symbol: float(last[i]) for i, symbol in enumerate(backtest.symbols) if last[i]}
    names = sorted(
        weights.keys() | target.weights.keys(),
        key=lambda name: (-max(abs(weights.get(name, 0.0)), abs(target.weights.get(name, 0.0))), name),
    )
    return [
        {
            "symbol": name,
            "sector": sectors.get(name),
            "weight": weights.get(name, 0.0),
            "target": float(target.weights.get(name, 0.0)),
            "change": float(target.weights.get(name, 0.0)) - weights.get(name, 0.0),
        }
        for name in names
    ]


def trade_numbers(backtest: BacktestResult) -> dict[str, Any]:
    """Count, notional and cost of the fills, together and by reason.

    Parameters
    ----------
    backtest : BacktestResult
        The simulated portfolio.

    Returns
    -------
    numbers : dict
        ``count``, ``notional``, ``cost`` and ``by_reason``; currency units.
    """
    trades = backtest.trades
    by_reason = [
        {
            "reason": reason,
            "count": int(chosen.sum()),
            "notional": float(trades.notional[chosen].sum()),
            "cost": float(trades.cost[chosen].sum()),
        }
        for code, reason in enumerate(REASONS)
        if (chosen := trades.reason == code).any()
    ]
    return {
        "count": len(trades),
        "notional": float(trades.notional.sum()),
        "cost": float(trades.cost.sum()),
        "by_reason": by_reason,
    }


def stop_numbers(backtest: BacktestResult) -> dict[str, Any]:
    """How often stops fired, how far exits fell short of their level, and the last ones.

    Parameters
    ----------
    backtest : BacktestResult
        The simulated portfolio.

    Returns
    -------
    numbers : dict
        ``count``, ``slippage`` (mean of exit price over stop level less one, a fraction), both again ``by_reason``,
        and ``last``, the latest events.
    """
    stops = backtest.stop_events
    level = np.where(stops.trigger_price > 0.0, stops.trigger_price, np.nan)
    beyond = stops.exit_price / level - 1.0
    by_reason = [
        {"reason": reason, "count": int(chosen.sum()), "slippage": float(beyond[chosen].mean())}
        for code, reason in enumerate(REASONS)
        if (chosen := stops.reason == code).any()
    ]
    last = [
        {
            "date": backtest.dates[stops.row[i]],
            "symbol": backtest.symbols[stops.symbol[i]],
            "reason": REASONS[stops.reason[i]],
            "trigger_price": float(stops.trigger_price[i]),
            "exit_price": float(stops.exit_price[i]),
        }
        for i in range(len(stops) - 1, max(len(stops) - 1 - LAST_STOPS, -1), -1)
    ]
    return {
        "count": len(stops),
        "slippage": float(beyond.mean()) if len(stops) else None,
        "by_reason": by_reason,
        "last": last,
    }
