"""Random small backtests with every option mixed, run by the engine and by the slow reference."""

import math
import random
from typing import Any

import numpy as np

from nanodesk.backtest.result import REASONS, BacktestResult
from nanodesk.backtest.stops import Stops
from nanodesk.backtest.weights import backtest_weights
from nanodesk.errors import QuantityError
from nanodesk.market.panel import PricePanel
from nanodesk.portfolio.costs import CostModel
from reference.weights_reference import Options, Reference

NAN = math.nan


def random_case(rng: random.Random) -> dict[str, Any]:
    """One case: weights, panel and options as the public function takes them."""
    n_dates, n_symbols = rng.randint(1, 14), rng.randint(1, 5)
    bars = _bars(rng, n_dates, n_symbols)
    quantity = rng.choice(["integer", "integer", "fractional"])
    stops = _stops(rng)
    delisting: Any = None
    if rng.random() < 0.4:
        delisting = [rng.choice([NAN, -1.0, -0.3, 0.0, 0.1]) for _ in range(n_symbols)]
    return {
        "weights": _weights(rng, n_dates, n_symbols),
        "prices": PricePanel(
            dates=np.arange(n_dates).astype("datetime64[D]"),
            symbols=tuple(f"S{i}" for i in range(n_symbols)),
            **{name: None if values is None else np.array(values, dtype=float) for name, values in bars.items()},
        ),
        "cash": rng.choice([10.0, 123.45, 1000.0, 10_000.0, 1e6]),
        "costs": _costs(rng),
        "fill": rng.choice(["next_open", "next_close", "same_close", "vwap_proxy"]),
        "quantity": quantity,
        "quantity_scale": rng.choice([10, 1000, 10_000]),
        "cash_buffer": rng.choice([0.0, 0.0, 0.05, 0.5]),
        "no_trade_band": rng.choice([0.0, 0.0, 0.01, 0.1]),
        "max_turnover": rng.choice([None, None, 0.0, 0.05, 0.3, 1.0]),
        "max_participation": rng.choice([None, None, 0.01, 0.2]),
        "adv_window": rng.choice([1, 3, 21]),
        "impact_window": rng.choice([2, 4, 21]),
        "stops": stops,
        "delisting_return": delisting,
        "lot_size": rng.choice([1, 1, 1, 2, 10]),
        "price_scale": rng.choice([None, 100, 1_000_000]),
        "reserve_costs": rng.random() < 0.7,
        "cost_rounding": rng.choice(["nearest", "floor"]),
        "rounding": rng.choice(["target", "trade"]),
        "periods_per_year": rng.choice([252.0, 12.0]),
    }


def _bars(rng: random.Random, n_dates: int, n_symbols: int) -> dict[str, Any]:
    p_missing = rng.choice([0.0, 0.0, 0.1, 0.4])
    volatility = rng.choice([0.01, 0.05, 0.3])
    names = ("open", "high", "low", "close", "volume", "dividend", "split")
    bars: dict[str, Any] = {name: [[0.0] * n_symbols for _ in range(n_dates)] for name in names}
    for i in range(n_symbols):
        last = rng.choice([0.2, 3.0, 57.0, 400.0, 5000.0])
        ends = rng.randint(1, n_dates) if rng.random() < 0.3 else n_dates
        digits = rng.choice([2, 2, 4])
        for t in range(n_dates):
            moves = [max(-4.0, min(4.0, rng.gauss(0.0, 1.0))) for _ in range(4)]
            path = [min(max(round(last * math.exp(volatility * x), digits), 0.01), 1e5) for x in moves]
            last = path[-1]
            row = {"open": path[0], "high": max(path), "low": min(path), "close": path[-1]}
            row["volume"] = rng.choice([0.0, 10.0, 1000.0, 1e6])
            row["dividend"] = rng.choice([0.0] * 8 + [round(last * 0.02, 4), NAN])
            row["split"] = rng.choice([1.0] * 10 + [2.0, 1 / 3, 0.1, 1.5, NAN])
            if t >= ends or rng.random() < p_missing:
                row |= dict.fromkeys(("open", "high", "low", "close", "volume"), NAN)
            elif rng.random() < p_missing / 2:
                row[rng.choice(["open", "high", "low", "close", "volume"])] = NAN
            for name in names:
                bars[name][t][i] = row[name]
    if rng.random() < 0.5:
        bars["dividend"] = None
    if rng.random() < 0.5:
        bars["split"] = None
    return bars


def _weights(rng: random.Random, n_dates: int, n_symbols: int) -> np.ndarray:
    style = rng.choice(["long", "full", "full", "short", "levered"])
    p_hold = rng.choice([0.0, 0.2, 0.6])
    out = np.full((n_dates, n_symbols), NAN)
    for t in range(n_dates):
        if rng.random() < p_hold:
            continue
        raw = [rng.choice([0.0, rng.random(), rng.random()]) for _ in range(n_symbols)]
        total = sum(raw) or 1.0
        if style == "long":
            row = [x / total * rng.random() for x in raw]
        elif style == "full":
            row = [x / total for x in raw]
        elif style == "short":
            row = [x * rng.choice([-1.0, 1.0]) for x in raw]
        else:
            row = [2.5 * x / total for x in raw]
        out[t] = [NAN if rng.random() < p_hold / 2 else x for x in row]
    return out


def _costs(rng: random.Random) -> CostModel:
    if rng.random() < 0.2:
        return CostModel()
    return CostModel(
        commission_bps=rng.choice([0.0, 10.0, 37.5, 500.0]),
        commission_per_share=rng.choice([0.0, 0.0, 0.005]),
        min_commission=rng.choice([0.0, 0.0, 1.0, 5.0]),
        half_spread_bps=rng.choice([0.0, 2.5]),
        impact_coef=rng.choice([0.0, 0.0, 0.7]),
        borrow_bps_year=rng.choice([0.0, 300.0]),
    )


def _stops(rng: random.Random) -> Stops | None:
    if rng.random() < 0.4:
        return None
    levels = {
        "fixed_pct": rng.choice([None, 0.02, 0.1]),
        "trailing_pct": rng.choice([None, 0.03, 0.2]),
        "atr_multiple": rng.choice([None, 0.5, 2.0]),
    }
    if all(value is None for value in levels.values()):
        levels["trailing_pct"] = 0.05
    return Stops(
        **levels,
        atr_period=rng.choice([1, 2, 3, 14]),
        check=rng.choice(["close", "intrabar"]),
        atr=rng.choice(["wilder", "close_change"]),
        reentry_after=rng.choice([0, 0, 2]),
    )


def run_reference(case: dict[str, Any]) -> Reference:
    """The same case by the slow reference."""
    panel, costs, stops = case["prices"], case["costs"], case["stops"]
    price_scale = case["price_scale"] or 10_000
    quantity_scale = case["quantity_scale"] if case["quantity"] == "fractional" else 1
    money = price_scale * quantity_scale
    names = ("open", "high", "low", "close", "volume", "dividend", "split")
    bars = {name: None if getattr(panel, name) is None else getattr(panel, name).tolist() for name in names}
    options = Options(
        price_scale=price_scale,
        quantity_scale=quantity_scale,
        cash=round(case["cash"] * money),
        fill=case["fill"],
        trade_rounding=case["rounding"] == "trade",
        reserve_costs=case["reserve_costs"],
        cash_buffer=case["cash_buffer"],
        no_trade_band=case["no_trade_band"],
        max_turnover=case["max_turnover"],
        max_participation=case["max_participation"],
        adv_window=case["adv_window"],
        impact_window=case["impact_window"],
        lot_size=case["lot_size"],
        floor_costs=case["cost_rounding"] == "floor",
        commission_bps=costs.commission_bps,
        commission_per_share=costs.commission_per_share,
        min_commission=int(costs.min_commission * money + 0.5),
        half_spread_bps=costs.half_spread_bps,
        impact_coef=costs.impact_coef,
        borrow_bps_year=costs.borrow_bps_year,
        periods_per_year=case["periods_per_year"],
    )
    if stops is not None:
        options.fixed_pct, options.trailing_pct = stops.fixed_pct, stops.trailing_pct
        options.atr_multiple, options.atr_period = stops.atr_multiple, stops.atr_period
        options.intrabar, options.wilder = stops.check == "intrabar", stops.atr == "wilder"
        options.reentry_after = stops.reentry_after
    return Reference(case["weights"].tolist(), bars, options, case["delisting_return"]).run()


def run_engine(case: dict[str, Any]) -> BacktestResult:
    """The same case by the package."""
    rest = {name: value for name, value in case.items() if name not in ("weights", "prices")}
    return backtest_weights(case["weights"], case["prices"], **rest)


def check_agreement(case: dict[str, Any]) -> BacktestResult | None:
    """Every output of the engine equals the reference, bit for bit; and the books close."""
    expected = run_reference(case)
    try:
        result = run_engine(case)
    except QuantityError:  # refused because 64 bits are too few: then the reference must be far out too
        assert max(max(abs(row["cash"]), abs(row["equity"])) for row in expected.rows) > 2**52
        return None
    exact = result.exact
    assert exact is not None
    for name in ("cash", "equity", "commission", "spread", "impact", "borrow", "income"):
        assert getattr(exact, name).tolist() == [row[name] for row in expected.rows], name
    assert exact.holdings.tolist() == expected.holdings
    trades = zip(
        exact.trade_row.tolist(),
        exact.trade_symbol.tolist(),
        exact.trade_quantity.tolist(),
        exact.trade_price.tolist(),
        exact.trade_cost.tolist(),
        [REASONS[r] for r in result.trades.reason],
        strict=True,
    )
    assert list(trades) == expected.trades
    stops = result.stop_events
    scale = exact.price_scale
    events = [(t, i, level / scale, price / scale, reason) for t, i, level, price, reason in expected.stop_events]
    assert events == list(
        zip(
            stops.row.tolist(),
            stops.symbol.tolist(),
            stops.trigger_price.tolist(),
            stops.exit_price.tolist(),
            [REASONS[r] for r in stops.reason],
            strict=True,
        )
    )
    _check_derived(result, expected)
    check_conservation(result)
    return result


def _check_derived(result: BacktestResult, expected: Reference) -> None:
    exact = result.exact
    money = float(exact.money_scale)
    before = [exact.initial_cash, *exact.equity.tolist()[:-1]]
    returns = [float(e - b) / float(b) if b > 0 else 0.0 for e, b in zip(exact.equity.tolist(), before, strict=True)]
    assert result.returns.tolist() == returns
    traded = [row["traded"] for row in expected.rows]
    assert result.turnover.tolist() == [
        float(x) / (2.0 * float(b)) if b > 0 else 0.0 for x, b in zip(traded, before, strict=True)
    ]
    assert result.equity.tolist() == [float(e) / money for e in exact.equity.tolist()]
    weights = [
        [float(q * p) / float(e) if e else 0.0 for q, p in zip(held, marks, strict=True)]
        for held, marks, e in zip(expected.holdings, expected.marks, exact.equity.tolist(), strict=True)
    ]
    assert result.weights.tolist() == weights


def check_conservation(result: BacktestResult) -> None:
    """Cash changes by fills, costs and income and by nothing else."""
    exact = result.exact
    paid = exact.commission + exact.spread + exact.impact + exact.borrow
    flow = np.zeros(len(exact.cash), np.int64)
    np.add.at(flow, exact.trade_row, exact.trade_quantity * exact.trade_price)
    before = np.concatenate([[exact.initial_cash], exact.cash[:-1]])
    assert (exact.cash - before == exact.income - flow - paid).all()
