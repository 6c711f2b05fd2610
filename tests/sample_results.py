"""Research results for tests of the report: a momentum book over given closes, simulated by a few lines of NumPy."""

import csv
import gzip
from pathlib import Path

import numpy as np

from nanodesk.backtest.result import BacktestResult, StopTable, TradeTable
from nanodesk.metrics.performance import compute_metrics
from nanodesk.rebalance.target import Target
from nanodesk.research.result import FactorReport, ResearchResult, ScreenStep

SECTORS = {
    "AAPL": "Information Technology", "AMD": "Information Technology", "MSFT": "Information Technology",
    "BAC": "Financials", "JPM": "Financials", "BBY": "Consumer Discretionary", "HD": "Consumer Discretionary",
    "CVX": "Energy", "XOM": "Energy", "RRC": "Energy", "GE": "Industrials", "JNJ": "Health Care",
    "LLY": "Health Care", "MRK": "Health Care", "PFE": "Health Care", "UNH": "Health Care",
    "KO": "Consumer Staples", "PEP": "Consumer Staples", "PG": "Consumer Staples", "WMT": "Consumer Staples",
}  # fmt: skip

MANIFEST = {
    "schema": 1,
    "strategy": {
        "name": "momentum-low-vol",
        "description": "12-1 momentum and low volatility, monthly, long only",
        "owner": "research",
        "tags": ["equity", "monthly"],
        "seed": 7,
    },
    "data": {"lake": "bundled", "snapshot": "latest", "prices": "sp500", "start": "1990-01-02", "end": "2022-12-28"},
    "universe": {"source": "list", "filter": [{"kind": "history", "min_sessions": 252}, {"kind": "price", "min": 1.0}]},
    "signals": {"combine": "weighted", "factor": [{"id": "mom_12_1", "weight": 0.6}, {"id": "vol_63", "weight": 0.4}]},
    "portfolio": {"method": "equal", "limits": {"max_weight": 0.2}},
    "backtest": {
        "cash": 1_000_000,
        "currency": "USD",
        "rebalance": "month_end",
        "fill": "next_close",
        "costs": {"commission_bps": 1.0, "half_spread_bps": 3.0},
    },
}


def real_closes(root: Path) -> tuple[np.ndarray, tuple[str, ...], np.ndarray, np.ndarray]:
    """Dates, symbols, closes of 20 S&P 500 members and closes of the index, 1990 to 2022."""
    folder = root / "equities_daily"
    with gzip.open(folder / "skfolio_sp500_dataset.csv.gz", "rt") as file:
        rows = list(csv.reader(file))
    with gzip.open(folder / "skfolio_sp500_index.csv.gz", "rt") as file:
        index = {row[0]: float(row[1]) for row in list(csv.reader(file))[1:]}
    dates = np.array([row[0] for row in rows[1:]], dtype="datetime64[D]")
    closes = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]])
    return dates, tuple(rows[0][1:]), closes, np.array([index[row[0]] for row in rows[1:]])


def random_closes(n_dates: int, n_symbols: int = 8, *, seed: int = 1) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
    """Weekday sessions and random walks."""
    rng = np.random.default_rng(seed)
    days = np.arange(np.datetime64("2015-01-01"), np.datetime64("2015-01-01") + 2 * n_dates + 10)
    dates = days[np.is_busday(days)][:n_dates]
    steps = rng.normal(0.0004, 0.015, (n_dates, n_symbols))
    return dates, tuple(f"S{i:02d}" for i in range(n_symbols)), 100 * np.exp(np.cumsum(steps, axis=0))


def momentum_result(
    dates: np.ndarray,
    symbols: tuple[str, ...],
    closes: np.ndarray,
    *,
    index: np.ndarray | None = None,
    lookback: int = 252,
    held: int = 6,
    short: bool = False,
    sectors: dict[str, str] | None = None,
    name: str = "momentum-low-vol",
    warnings: tuple[str, ...] = (),
) -> ResearchResult:
    """Hold the past winners from month end to month end, buying at the close after the decision."""
    change = np.vstack([np.full(len(symbols), np.nan), closes[1:] / closes[:-1] - 1])
    months = dates.astype("datetime64[M]")
    decisions = np.flatnonzero(np.append(months[1:] != months[:-1], False))
    decisions = decisions[decisions >= lookback]
    factors = _factor_values(closes, change, decisions, lookback)
    scores = sum(_ranks(values) for values in factors.values()) if len(decisions) else np.zeros((0, len(symbols)))
    targets = _targets(scores, held, short)
    backtest = _simulate(dates, symbols, closes, np.nan_to_num(change), decisions, targets)
    ahead = _ahead(closes, decisions)
    reports = [_factor_report(key, values, ahead, closes, decisions) for key, values in factors.items()]
    reports.append(_factor_report("composite", scores, ahead, closes, decisions))
    weights = {s: float(w) for s, w in zip(symbols, targets[-1], strict=True) if w} if len(targets) else {}
    benchmark = None if index is None else np.append(0.0, index[1:] / index[:-1] - 1)
    return ResearchResult(
        run_id="3f9a1c27be04d581",
        name=name,
        manifest=MANIFEST,
        code_version="0.1.0",
        snapshot_id="b7714c02",
        seed=7,
        backtest=backtest,
        benchmark_name=None if index is None else "S&P 500",
        benchmark_returns=benchmark,
        risk_free=np.full(len(dates), 0.02 / 252),
        decision_dates=dates[decisions],
        target_weights=targets,
        scores=scores,
        factor_values=factors,
        funnel=tuple(_funnel(symbols, row) for row in scores),
        factor_reports=tuple(reports),
        sectors=sectors or {},
        warnings=warnings,
        target=Target(
            timestamp=f"{dates[-1]}T21:00:00Z", weights=weights or {symbols[0]: 1.0}, run_id="3f9a1c27be04d581"
        ),
    )


def _factor_values(closes, change, decisions, lookback):
    with np.errstate(all="ignore"):
        values = {
            "mom_12_1": closes[decisions - min(21, lookback - 1)] / closes[decisions - lookback] - 1,
            "rev_1m": -(closes[decisions] / closes[decisions - min(21, lookback)] - 1),
            "high_52w": np.array([closes[t] / closes[t - lookback : t + 1].max(axis=0) for t in decisions]),
            "vol_63": np.array([-np.nanstd(change[max(t - 62, 1) : t + 1], axis=0) * 252**0.5 for t in decisions]),
        }
    return {key: array.reshape(len(decisions), closes.shape[1]) for key, array in values.items()}


def _ranks(values):
    order = np.argsort(np.argsort(values, axis=1), axis=1).astype(float)
    return order / max(values.shape[1] - 1, 1)


def _targets(scores, held, short):
    weights = np.zeros(scores.shape)
    for row, score in enumerate(scores):
        order = np.argsort(-score)
        weights[row, order[:held]] = (1.0 if not short else 0.5) / min(held, len(order))
        if short:
            weights[row, order[-held:]] = -0.5 / held
    return weights


def _ahead(closes, decisions):
    ends = np.append(decisions[1:], len(closes) - 1)
    return closes[ends] / closes[decisions] - 1


def _simulate(dates, symbols, closes, change, decisions, targets, cash=1_000_000.0, bps=4.0):
    n_dates, n_symbols = closes.shape
    at = {int(t) + 1: row for row, t in enumerate(decisions) if t + 1 < n_dates}
    shares, equity, wallet = np.zeros(n_symbols), np.empty(n_dates), np.empty(n_dates)
    holdings, turnover = np.zeros(closes.shape), np.zeros(n_dates)
    costs = {kind: np.zeros(n_dates) for kind in ("commission", "spread", "impact", "borrow")}
    trades, money = [], cash
    for t in range(n_dates):
        worth = money + shares @ closes[t]
        if t in at:
            wanted = targets[at[t]] * worth / closes[t]
            traded = wanted - shares
            notional = np.abs(traded) * closes[t]
            money -= traded @ closes[t] + notional.sum() * bps / 1e4
            costs["commission"][t], costs["spread"][t] = notional.sum() * 1e-4, notional.sum() * 3e-4
            turnover[t] = notional.sum() / 2 / worth
            trades += [(t, i, traded[i], closes[t, i], notional[i]) for i in np.flatnonzero(notional)]
            shares = wanted
        holdings[t], wallet[t], equity[t] = shares, money, money + shares @ closes[t]
    returns = equity / np.append(cash, equity[:-1]) - 1
    table = np.array(trades).reshape(-1, 5)
    return BacktestResult(
        dates=dates,
        symbols=symbols,
        initial_cash=cash,
        equity=equity,
        cash=wallet,
        returns=returns,
        holdings=holdings,
        weights=holdings * closes / equity[:, None],
        symbol_returns=change,
        trades=TradeTable(
            row=table[:, 0].astype(np.int64),
            symbol=table[:, 1].astype(np.int64),
            quantity=table[:, 2],
            price=table[:, 3],
            notional=table[:, 4],
            cost=table[:, 4] * bps / 1e4,
            reason=np.zeros(len(table), dtype=np.int8),
        ),
        stop_events=_stops(n_dates, closes) if len(decisions) > 24 else no_stops(),
        costs=costs,
        turnover=turnover,
        metrics=compute_metrics(returns),
    )


def no_stops() -> StopTable:
    """A table without a row."""
    none = np.zeros(0)
    return StopTable(none.astype(np.int64), none.astype(np.int64), none, none, none.astype(np.int8))


def _stops(n_dates, closes):
    row = np.arange(n_dates // 3, n_dates - 40, max(n_dates // 9, 1))
    symbol = np.arange(len(row)) % closes.shape[1]
    exits = closes[row, symbol]
    return StopTable(row, symbol, exits * 1.004, exits, np.where(np.arange(len(row)) % 3, 2, 1).astype(np.int8))


def _factor_report(key, values, ahead, closes, decisions):
    horizons = (1, 5, 10, 21, 42, 63)
    ic = _rank_correlation(values, ahead)
    reach = [np.minimum(decisions + h, len(closes) - 1) for h in horizons]
    ranks = _ranks(values)
    finite = ic[np.isfinite(ic)]
    mean, spread = _mean(ic), float(finite.std()) if len(finite) else np.nan
    return FactorReport(
        id=key,
        horizons=horizons,
        ic=ic,
        ic_mean=mean,
        ic_t=mean / spread * len(ic) ** 0.5 if spread else np.nan,
        icir=mean / spread if spread else np.nan,
        ic_decay=np.array([_mean(_rank_correlation(values, closes[end] / closes[decisions] - 1)) for end in reach]),
        quantile_returns=np.array([_mean(ahead[(ranks >= q / 5) & (ranks <= (q + 1) / 5)]) for q in range(5)]),
        coverage=1.0,
        autocorrelation=_mean(_rank_correlation(values[1:], values[:-1])),
    )


def _mean(values):
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan


def _rank_correlation(a, b):
    if not len(a) or a.shape[1] < 2:
        return np.full(len(a), np.nan)
    return np.array([np.corrcoef(x, y)[0, 1] for x, y in zip(_ranks(a), _ranks(b), strict=True)])


def _funnel(symbols, score):
    n = len(symbols)
    seen = int(score.argmax()) % 3
    return (
        ScreenStep("history", n, n - seen, symbols[:seen]),
        ScreenStep("price", n - seen, n - seen, ()),
        ScreenStep("volatility", n - seen, max(n - seen - 3, 1), symbols[-3:]),
        ScreenStep("rank_top", max(n - seen - 3, 1), min(6, n), symbols[6:9]),
    )
