"""Questions put to the published nanobook 0.9.3 wheel and to our compatible names alike.

Every function takes the module under test and a seed and returns answers made of lists, numbers and strings only, so
that the wheel's answers can be stored (tests/data/nanobook_0_9_3.json) and compared with ours. Only the standard
library is used: the same file runs in the wheel's interpreter. What is left out on purpose, because ours differs, is
in `deliberate`.
"""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable
from typing import Any

SYMBOLS = ("A", "B", "CC", "DDD", "ZZ")
METRICS = (
    "cagr",
    "calmar",
    "cvar_95",
    "kelly",
    "losing_periods",
    "max_drawdown",
    "num_periods",
    "payoff_ratio",
    "profit_factor",
    "sharpe",
    "sortino",
    "total_return",
    "volatility",
    "win_rate",
    "winning_periods",
)


def metrics_row(metrics: Any) -> list[float] | None:
    return None if metrics is None else [getattr(metrics, name) for name in METRICS]


def walk(rng: random.Random, length: int, deviation: float = 0.02) -> list[float]:
    level, path = 100.0, []
    for _ in range(length):
        level *= math.exp(rng.gauss(0.0, deviation))
        path.append(level)
    return path


def returns_of(rng: random.Random, length: int) -> list[float]:
    deviation = rng.choice([0.001, 0.01, 0.05, 0.3])
    series = [rng.gauss(0.0005, deviation) for _ in range(length)]
    style = rng.randrange(5)
    if style == 0:
        return [round(value, 2) for value in series]
    if style == 1:
        return [abs(value) for value in series]
    if style == 2:
        return [value if rng.random() < 0.5 else 0.0 for value in series]
    return series


def distinct(series: list[float]) -> bool:
    """Not all equal: the deviation of equal returns is rounding noise in the wheel."""
    return len(series) == 1 or len(set(series)) > 1


def cost_models(nb: Any, rng: random.Random) -> Any:
    arguments = [rng.randrange(2 ** rng.randint(1, 32)) for _ in range(2)] + [rng.randrange(2 ** rng.randint(1, 40))]
    model = nb.CostModel(*arguments)
    notionals = [rng.randrange(-(2**62), 2**62) >> rng.randrange(60) for _ in range(4)] + [0]
    return [repr(model), [model.compute_cost(notional) for notional in notionals]]


def metrics(nb: Any, rng: random.Random) -> Any:
    series = returns_of(rng, rng.randint(1, 60))
    if not distinct(series):
        return None
    found = nb.py_compute_metrics(series, rng.choice([252.0, 12.0, 52.0]), rng.choice([0.0, 0.0, 0.0001, 0.02]))
    return [metrics_row(found), repr(found)]


def odd_metrics(nb: Any, rng: random.Random) -> Any:
    """What is not finite, losses beyond everything, years without meaning."""
    series = [rng.gauss(0.0, 1.0) for _ in range(rng.randint(2, 8))]
    if rng.random() < 0.6:
        series[rng.randrange(len(series))] = rng.choice([math.nan, math.inf, -math.inf])
    periods = rng.choice([252.0, 0.0, -3.0, math.nan, math.inf])
    return metrics_row(nb.py_compute_metrics(series, periods, 0.0))


def rolling(nb: Any, rng: random.Random) -> Any:
    series = [rng.gauss(0.0, 0.01) for _ in range(rng.randint(0, 25))]
    window = rng.randint(0, len(series) + 1)
    return [nb.py_rolling_sharpe(series, window, 252), nb.py_rolling_volatility(series, window, 12)]


def forecast(nb: Any, rng: random.Random) -> Any:
    series = returns_of(rng, rng.randint(0, 40))
    if rng.random() < 0.05 and series:
        series[0] = math.nan
    mean = rng.choice(["zero", "constant", "mean", "Constant", "other"])
    return nb.py_garch_ewma_forecast(series, rng.randint(0, 10), rng.randint(0, 10), mean)


def optimizers(nb: Any, rng: random.Random) -> Any:
    count, length = rng.randint(1, 6), rng.randint(1, 40)
    deviation = rng.choice([1e-6, 0.001, 0.01, 0.05, 0.3, 10.0])
    mixing = [[(i == j) + rng.gauss(0.0, 0.4) for j in range(count)] for i in range(count)]
    matrix = []
    for _ in range(length):
        shocks = [rng.gauss(0.03, 1.0) * deviation for _ in range(count)]
        matrix.append([sum(shocks[i] * mixing[i][j] for i in range(count)) for j in range(count)])
    names = [f"N{i}" for i in range(count)]
    alpha, rate = rng.uniform(0.3, 1.1), rng.gauss(0.0, 0.3) * deviation
    return [
        nb.optimize_min_variance(matrix, names),
        nb.optimize_max_sharpe(matrix, names, rate),
        nb.optimize_risk_parity(matrix, names),
        nb.inverse_cvar_weights(matrix, names, alpha),
        nb.inverse_cdar_weights(matrix, names, alpha),
    ]


def indicators(nb: Any, rng: random.Random) -> Any:
    close = walk(rng, rng.randint(0, 30))
    if rng.random() < 0.2:
        close = [float(round(price)) for price in close]
    high = [price + abs(rng.gauss(0.0, 1.0)) for price in close]
    low = [price - abs(rng.gauss(0.0, 1.0)) for price in close]
    period = rng.randint(0, 12)
    return [
        nb.py_rsi(close, period),
        nb.py_macd(close, rng.randint(0, 6), rng.randint(0, 9), rng.randint(0, 5)),
        nb.py_bbands(close, period, 1.5, 2.5),
        nb.py_atr(high, low, close, period),
    ]


def statistics(nb: Any, rng: random.Random) -> Any:
    length = rng.randint(0, 40)
    x = [rng.gauss(0.0, 1.0) for _ in range(length)]
    y = [value * 0.5 + rng.gauss(0.0, 1.0) for value in x]
    if rng.random() < 0.4:
        x, y = [float(round(value)) for value in x], [float(round(value)) for value in y]
    if rng.random() < 0.1 and y:
        y.pop()
    return [
        nb.py_spearman(x, y),
        nb.py_quintile_spread(x, y, rng.randint(0, 9)),
        nb.py_time_series_split(rng.randint(0, 30), rng.randint(0, 8)),
    ]


def price_rows(rng: random.Random, length: int) -> list[list[tuple[str, int]]]:
    # From two dollars on: the wheel rounds the stop of a price of a few cents up to the price itself (`deliberate`).
    prices = {symbol: rng.randint(200, 20000) for symbol in SYMBOLS[: rng.randint(1, len(SYMBOLS))]}
    rows = []
    for _ in range(length):
        for symbol in prices:
            prices[symbol] = max(1, int(prices[symbol] * (1.0 + rng.gauss(0.0, 0.06))))
        row = list(prices.items())
        rng.shuffle(row)
        rows.append(row)
    return rows


def weight_row(rng: random.Random, row: list[tuple[str, int]], least: float) -> list[tuple[str, float]]:
    names = rng.sample([symbol for symbol, _ in row], rng.randint(0, len(row)))
    return [(name, rng.choice([rng.uniform(least, 1.0), 1.0 / len(row), 0.0])) for name in names]


def cash_of(rng: random.Random) -> int:
    return rng.choice([1_000, 100_000, 100_000_000, 10**12])


def portfolio(nb: Any, rng: random.Random) -> Any:
    """Long and short; average and profit only where nothing was ever short (BUG 12)."""
    long_only = rng.random() < 0.5
    model = nb.CostModel(rng.choice([0, 1, 10, 500]), rng.choice([0, 3]), rng.choice([0, 0, 99]))
    book = nb.Portfolio(cash_of(rng), model)
    rows = price_rows(rng, rng.randint(1, 6))
    for row in rows:
        targets = weight_row(rng, row, 0.0 if long_only else -1.0)
        if targets and rng.random() < 0.2:
            targets.append((targets[0][0], 0.1))
        book.rebalance_simple(targets, row)
        if rng.random() < 0.8:
            book.record_return(row)
    held = sorted(book.positions().items())
    answers = [
        repr(book),
        book.cash,
        book.total_equity(rows[-1]),
        book.returns(),
        book.equity_curve(),
        sorted(book.current_weights(rows[-1])),
        [[symbol, position.quantity] for symbol, position in held],
        metrics_row(book.compute_metrics(252.0, 0.0)) if distinct(book.returns()) else None,
    ]
    if long_only:
        snapshot = book.snapshot(rows[-1])
        answers += [
            [[repr(position), position.total_cost, position.unrealized_pnl(77)] for _, position in held],
            [snapshot["cash"], snapshot["num_positions"], snapshot["total_realized_pnl"]],
        ]
    return answers


def backtest(nb: Any, rng: random.Random) -> Any:
    rows = price_rows(rng, rng.randint(1, 9))
    weights = [weight_row(rng, row, -0.5) for row in rows]
    stops: dict[str, float] = {}
    if rng.random() < 0.6:
        stops["fixed_stop_pct"] = rng.choice([0.0, 0.01, 0.03, 0.1])
    if rng.random() < 0.6:
        stops["trailing_stop_pct"] = rng.choice([0.0, 0.02, 0.05, 0.1])
    cash, cost = cash_of(rng), rng.choice([0, 1, 15, 100, 10000])
    result = nb.backtest_weights(weights, rows, cash, cost, 252.0, 0.0, rng.choice([stops, stops or None]))
    return backtest_answers(result, names_reason=len(stops) < 2)


def backtest_answers(result: Any, *, names_reason: bool = True) -> Any:
    """With two kinds of stops the reason is left out: levels tie after rounding, and the wheel's choice is its own."""
    keys = ("period_index", "symbol", "trigger_price", "exit_price", "reason")[: 5 if names_reason else 4]
    events = sorted(result["stop_events"], key=lambda event: (event["period_index"], event["symbol"]))
    return [
        list(result),
        result["returns"],
        result["equity_curve"],
        result["final_cash"],
        metrics_row(result["metrics"]) if distinct(result["returns"]) else None,
        result["holdings"],
        result["symbol_returns"],
        [[event[key] for key in keys] for event in events],
    ]


def callback(nb: Any, rng: random.Random) -> Any:
    bars = [dict(sorted(row)) for row in price_rows(rng, rng.randint(0, 6))]

    def strategy(bar: int, prices: dict[str, int], book: Any) -> Any:
        if rng.random() < 0.1:
            return None
        if rng.random() < 0.1:
            return [("TOOLONGSYMBOL", 0.5), ("A", 0.5)]
        lean = book.total_equity(list(prices.items())) % 7 / 20.0
        return [(symbol, (lean + bar) % 0.9) for symbol in sorted(prices)]

    result = nb.run_backtest(strategy, bars, cash_of(rng), nb.CostModel(10, 5, 7))
    returns = result.portfolio.returns()
    return [returns, result.portfolio.equity_curve(), metrics_row(result.metrics) if distinct(returns) else None]


def sweep(nb: Any, rng: random.Random) -> Any:
    rows, cash = price_rows(rng, rng.randint(0, 8)), cash_of(rng)
    found = nb.sweep_equal_weight(2, rows, cash, 12.0, 0.001)
    spread = {round(metrics.volatility, 12) for metrics in found if metrics is not None}
    return [len(found), metrics_row(found[0]) if spread - {0.0} else None]


RANDOM_CASES: dict[str, tuple[Callable[[Any, random.Random], Any], int]] = {
    "cost_models": (cost_models, 60),
    "metrics": (metrics, 120),
    "odd_metrics": (odd_metrics, 80),
    "rolling": (rolling, 40),
    "forecast": (forecast, 120),
    "optimizers": (optimizers, 120),
    "indicators": (indicators, 60),
    "statistics": (statistics, 60),
    "portfolio": (portfolio, 150),
    "backtest": (backtest, 200),
    "callback": (callback, 60),
    "sweep": (sweep, 40),
}


def random_answers(nb: Any, *, seed: int = 0, scale: int = 1) -> dict[str, list[Any]]:
    """Answers to every random question, by group."""
    return {
        group: [ask(nb, random.Random(f"{group}-{seed}-{index}")) for index in range(count * scale)]
        for group, (ask, count) in RANDOM_CASES.items()
    }


def bad_calls(nb: Any) -> dict[str, Callable[[], Any]]:
    """Calls with wrong arguments; what counts is the type of the error, or None where there is none."""
    model, row = nb.CostModel(), [("A", 100)]
    book = nb.Portfolio(100_000, model)
    book.rebalance_simple([("A", 0.5)], row)
    weights = [[("A", 1.0)]] * 3
    rows = [[("A", 500)], [("A", 400)], [("A", 450)]]

    def run(**stops: Any) -> Callable[[], Any]:
        return lambda: nb.backtest_weights(weights, rows, 100_000, 5, 252.0, 0.0, stops)

    def strategy(*_: Any) -> Any:
        return [("A", 0.5)]

    return {
        "CostModel(1.0)": lambda: nb.CostModel(1.0),
        "CostModel(-1)": lambda: nb.CostModel(-1),
        "CostModel(2**32)": lambda: nb.CostModel(2**32),
        "CostModel(0, 0, -5)": lambda: nb.CostModel(0, 0, -5),
        "CostModel(0, 0, 2**63)": lambda: nb.CostModel(0, 0, 2**63),
        "CostModel(None)": lambda: nb.CostModel(None),
        "CostModel(True)": lambda: nb.CostModel(True),
        "compute_cost(1.0)": lambda: model.compute_cost(1.0),
        "compute_cost(2**63)": lambda: model.compute_cost(2**63),
        "Portfolio(1.0)": lambda: nb.Portfolio(1.0, model),
        "Portfolio(2**63)": lambda: nb.Portfolio(2**63, model),
        "Portfolio(no model)": lambda: nb.Portfolio(1),
        "Portfolio(None)": lambda: nb.Portfolio(1, None),
        "Portfolio.cash = 1": lambda: setattr(book, "cash", 1),
        "position(long)": lambda: book.position("TOOLONGSYM"),
        "position(5)": lambda: book.position(5),
        "position(empty)": lambda: book.position(""),
        "rebalance(dict)": lambda: book.rebalance_simple({"A": 0.5}, row),
        "rebalance(list pairs)": lambda: book.rebalance_simple([["A", 0.5]], row),
        "rebalance(three)": lambda: book.rebalance_simple([("A", 0.5, 1)], row),
        "rebalance(text weight)": lambda: book.rebalance_simple([("A", "x")], row),
        "rebalance(float price)": lambda: book.rebalance_simple([("A", 0.5)], [("A", 1.0)]),
        "rebalance(long)": lambda: book.rebalance_simple([("ABCDEFGHI", 0.5)], row),
        "rebalance(bytes)": lambda: book.rebalance_simple([("\u00e9" * 5, 0.5)], row),
        "rebalance(2**63)": lambda: book.rebalance_simple([("A", 0.5)], [("A", 2**63)]),
        "rebalance(None)": lambda: book.rebalance_simple(None, row),
        "rebalance(iterator)": lambda: book.rebalance_simple(iter([("A", 0.5)]), row),
        "compute_metrics()": lambda: book.compute_metrics(),
        "save(5)": lambda: book.save_json(5),
        "save(nowhere)": lambda: book.save_json("no/such/folder/file.json"),
        "load(nowhere)": lambda: nb.Portfolio.load_json("no/such/file.json"),
        "unrealized(1.5)": lambda: book.position("A").unrealized_pnl(1.5),
        "unrealized(2**63)": lambda: book.position("A").unrealized_pnl(2**63),
        "metrics(text)": lambda: nb.py_compute_metrics("ab"),
        "metrics(None)": lambda: nb.py_compute_metrics(None),
        "metrics(text item)": lambda: nb.py_compute_metrics([1, "a"]),
        "metrics(iterator)": lambda: nb.py_compute_metrics(iter([0.1])),
        "metrics(dict)": lambda: nb.py_compute_metrics({0.1: 1}),
        "metrics(text periods)": lambda: nb.py_compute_metrics([0.1], "x"),
        "rolling(-1)": lambda: nb.py_rolling_sharpe([0.1], -1),
        "rolling(2.0)": lambda: nb.py_rolling_sharpe([0.1], 2.0),
        "rolling(float periods)": lambda: nb.py_rolling_volatility([0.1], 2, 252.0),
        "garch(-1)": lambda: nb.garch_ewma_forecast([0.1, 0.2], -1),
        "garch(1.0)": lambda: nb.garch_ewma_forecast([0.1, 0.2], 1.0),
        "garch(None mean)": lambda: nb.garch_ewma_forecast([0.1, 0.2], 1, 1, None),
        "optimize(text)": lambda: nb.optimize_min_variance("x", ["A"]),
        "optimize(text symbols)": lambda: nb.optimize_risk_parity([[0.1, 0.2]], "AB"),
        "optimize(number symbols)": lambda: nb.optimize_risk_parity([[0.1, 0.2]], [1, 2]),
        "optimize(vector)": lambda: nb.optimize_max_sharpe([0.1, 0.2], ["A", "B"]),
        "optimize(text rate)": lambda: nb.optimize_max_sharpe([[0.1], [0.2]], ["A"], "x"),
        "rsi(-1)": lambda: nb.py_rsi([1.0], -1),
        "rsi(2.0)": lambda: nb.py_rsi([1.0], 2.0),
        "macd(2**64)": lambda: nb.py_macd([1.0], 2, 2**64, 1),
        "quintile(-1)": lambda: nb.py_quintile_spread([1.0], [1.0], -1),
        "split(-1)": lambda: nb.py_time_series_split(-1),
        "split(7.0)": lambda: nb.py_time_series_split(7.0),
        "backtest(cost -1)": lambda: nb.backtest_weights(weights, rows, 100, -1),
        "backtest(cost 2**32)": lambda: nb.backtest_weights(weights, rows, 100, 2**32),
        "backtest(cost 1.5)": lambda: nb.backtest_weights(weights, rows, 100, 1.5),
        "backtest(cash 1.5)": lambda: nb.backtest_weights(weights, rows, 1.5, 1),
        "backtest(long)": lambda: nb.backtest_weights([[("ABCDEFGHI", 1.0)]], [[("A", 5)]], 100, 5),
        "backtest(long price)": lambda: nb.backtest_weights([[("A", 1.0)]], [[("ABCDEFGHI", 5)]], 100, 5),
        "backtest(float price)": lambda: nb.backtest_weights([[("A", 1.0)]], [[("A", 5.0)]], 100, 5),
        "backtest(price 2**63)": lambda: nb.backtest_weights([[("A", 1.0)]], [[("A", 2**63)]], 100, 5),
        "backtest(text)": lambda: nb.backtest_weights("x", [], 100, 5),
        "backtest(dict row)": lambda: nb.backtest_weights([{"A": 1.0}], [[("A", 5)]], 100, 5),
        "backtest(text weight)": lambda: nb.backtest_weights([[("A", "x")]], [[("A", 5)]], 100, 5),
        "backtest(number symbol)": lambda: nb.backtest_weights([[(1, 1.0)]], [[("A", 5)]], 100, 5),
        "stops(list)": lambda: nb.backtest_weights(weights, rows, 100, 5, 252.0, 0.0, [1]),
        "stops(fixed 1)": run(fixed_stop_pct=1.0),
        "stops(fixed -0.1)": run(fixed_stop_pct=-0.1),
        "stops(fixed nan)": run(fixed_stop_pct=math.nan),
        "stops(fixed text)": run(fixed_stop_pct="x"),
        "stops(fixed None)": run(fixed_stop_pct=None),
        "stops(trailing 1)": run(trailing_stop_pct=1),
        "stops(atr 0)": run(atr_multiple=0),
        "stops(atr -1)": run(atr_multiple=-1),
        "stops(atr inf)": run(atr_multiple=math.inf),
        "stops(atr None)": run(atr_multiple=None),
        "stops(period 0)": run(atr_period=0),
        "stops(period 2.5)": run(atr_period=2.5),
        "stops(period -1)": run(atr_period=-1),
        "stops(period None)": run(atr_multiple=1, atr_period=None),
        "stops(unknown)": run(foo=1),
        "run(series dict)": lambda: nb.run_backtest(strategy, {}, 100, model),
        "run(series of lists)": lambda: nb.run_backtest(strategy, [row], 100, model),
        "run(float price)": lambda: nb.run_backtest(strategy, [{"A": 5.0}], 100, model),
        "run(long)": lambda: nb.run_backtest(strategy, [{"ABCDEFGHI": 5}], 100, model),
        "run(no model)": lambda: nb.run_backtest(strategy, [], 100, None),
        "run(float cash)": lambda: nb.run_backtest(strategy, [], 100.0, model),
        "sweep(-1)": lambda: nb.sweep_equal_weight(-1, [row], 100),
        "sweep(dicts)": lambda: nb.sweep_equal_weight(1, [{"A": 5}], 100),
        "sweep(long)": lambda: nb.sweep_equal_weight(1, [[("ABCDEFGHI", 1)]], 100),
        "sweep(text)": lambda: nb.sweep_equal_weight(1, [row], 100, "x"),
    }


def errors(nb: Any) -> dict[str, str | None]:
    """Type of the error of every wrong call."""
    return {label: _error_of(call) for label, call in bad_calls(nb).items()}


def _error_of(call: Callable[[], Any]) -> str | None:
    try:
        call()
    except OSError:
        return "OSError"
    except Exception as error:  # noqa: BLE001  the type is the answer
        return type(error).__name__
    return None


LATER = ()
"""Published names that are not of this part: none are left."""

BOOK = ("BookSnapshot", "CancelResult", "Event", "Exchange", "LevelSnapshot", "ModifyResult", "MultiExchange", "Order",
        "StopSubmitResult", "SubmitResult", "Trade", "parse_itch")  # fmt: skip
"""Published names of the order book: nanobook_book_cases.py asks about them."""


def names(nb: Any) -> list[str]:
    """Every public class and function."""
    return sorted(name for name in dir(nb) if name[0] != "_" and callable(getattr(nb, name)))


def signatures(nb: Any, chosen: list[str]) -> dict[str, list[list[Any]]]:
    """Parameters and defaults by position of every function; ``...`` where the wheel does not tell."""
    return {name: _parameters(getattr(nb, name)) for name in chosen if not inspect.isclass(getattr(nb, name))} | {
        f"Portfolio.{name}": _parameters(getattr(nb.Portfolio, name)) for name in members(nb)["Portfolio"][1:]
    }


def _parameters(function: Any) -> list[list[Any]]:
    found = inspect.signature(function).parameters.values()
    return [
        [item.name, None if item.default is item.empty else repr(item.default)]
        for item in found
        if item.kind is not item.KEYWORD_ONLY and item.name != "self"
    ]


def members(nb: Any) -> dict[str, list[str]]:
    """Public attributes of every class of this part."""
    classes = ("BacktestResult", "CostModel", "Metrics", "Portfolio", "Position")
    return {name: sorted(item for item in dir(getattr(nb, name)) if item[0] != "_") for name in classes}


def fixed_answers(nb: Any) -> dict[str, Any]:
    """Single calls whose answers the specification names."""
    weights = [[("A", 0.5), ("B", 0.5)], [("A", 0.3), ("C", 0.7)]]
    rows = [[("A", 18500), ("B", 37000)], [("A", 19000), ("B", 38000), ("C", 60000)]]
    one = [[("A", 1.0)]]
    returns = [0.01, -0.004, 0.008, -0.002, 0.005]

    def shape(*arguments: Any) -> Any:
        result = nb.backtest_weights(*arguments)
        return [result[key] for key in result if key != "metrics"] + [metrics_row(result["metrics"])]

    book = nb.Portfolio(100_000_000, nb.CostModel(5))
    book.rebalance_simple([("AAPL", 0.6)], [("AAPL", 15000)])
    book.record_return([("AAPL", 15500)])
    run = nb.run_backtest(lambda *_: [("A", 0.5)], [{"A": 100}] * 3, 1000, nb.CostModel.zero())
    return {
        "version": nb.__version__,
        "capabilities": [nb.capabilities(), nb.py_capabilities()],
        "readme_backtest": shape(weights, rows, 100_000_000, 15, 252.0, 0.0, {"trailing_stop_pct": 0.05}),
        "empty": shape([], [], 100, 5),
        "length_mismatch": shape(weights, rows[:1], 100, 5),
        "no_cash": shape(weights, rows, 0, 5),
        "cost_10001": shape(weights, rows, 100, 10001),
        "nan_weight": shape([[("A", math.nan)]], [[("A", 5)]], 100, 5),
        "infinite_weight": shape([[("A", math.inf)]], [[("A", 5)]], 100, 5),
        "negative_price": shape(one, [[("A", -5)]], 100, 5),
        "zero_price": shape(one, [[("A", 0)]], 100, 5),
        "no_price": shape(one, [[]], 100, 5),
        "no_weight": shape([[]], [[("A", 5)]], 100, 5),
        "periods_nan": shape(one, [[("A", 5)]], 100, 5, math.nan),
        "readme_portfolio": [repr(book), book.returns(), book.equity_curve(), repr(book.position("AAPL"))],
        "readme_metrics": repr(book.compute_metrics(252.0, 0.0)),
        "unknown_position": book.position("X"),
        "run_repr": [repr(run), repr(run.portfolio), repr(run.metrics)],
        "empty_run": repr(nb.run_backtest(lambda *_: [], [], 100, nb.CostModel.zero())),
        "negative_cash": [repr(nb.Portfolio(cash, nb.CostModel())) for cash in (-250, -5, 5, 0)],
        "no_metrics": nb.py_compute_metrics([]),
        "forecasts": [
            nb.garch_ewma_forecast(returns),
            nb.garch_ewma_forecast(returns, 2, 1, "constant"),
            nb.garch_ewma_forecast([]),
            nb.garch_ewma_forecast([math.inf, 0.1]),
        ],
        "optimizer_shapes": [
            nb.optimize_min_variance([[0.1, 0.2], [0.2, 0.1]], ["A"]),
            nb.optimize_max_sharpe([[0.1, 0.2]], ["A", "B"]),
            nb.optimize_risk_parity([], []),
            nb.inverse_cvar_weights([[0.1, 0.2], [0.1]], ["A", "B"]),
            nb.inverse_cdar_weights([[0.1, math.nan], [0.1, 0.2]], ["A", "B"]),
            nb.optimize_min_variance([[0.1], [0.2]], ["A"]),
            nb.optimize_min_variance([[0.1, 0.2], [0.2, -0.1], [0.0, 0.1]], ["A", " ", "B"]),
            nb.optimize_max_sharpe([[0.1, 0.2], [0.2, -0.1], [0.0, 0.1]], ["A", "B"], math.nan),
        ],
    }


def deliberate(nb: Any) -> dict[str, Any]:
    """Where ours differs on purpose: the published answers are kept to show the difference."""
    gap = [[("A", 100)], [], [("A", 110)], [("A", 120)]]
    short = nb.Portfolio(10_000_000, nb.CostModel.zero())
    averages = []
    for weight in (-0.01, -0.005, -0.002, 0.0):
        short.rebalance_simple([("A", weight)], [("A", 100)])
        held = short.position("A")
        averages.append([held.quantity, held.avg_entry_price, held.realized_pnl])
    atr = nb.backtest_weights(
        [[("A", 1.0)]] * 4, [[("A", price)] for price in (10000, 10100, 10050, 9000)], 1_000_000, 0, 252.0, 0.0,
        {"atr_multiple": 2.0, "atr_period": 2},
    )  # fmt: skip
    cheap = nb.backtest_weights([[("A", 0.5)]] * 2, [[("A", 20)]] * 2, 100_000, 0, 252.0, 0.0, {"fixed_stop_pct": 0.02})
    tie = {"fixed_stop_pct": 0.05, "trailing_stop_pct": 0.05}
    tied = nb.backtest_weights([[("A", 1.0)]] * 2, [[("A", 100)], [("A", 90)]], 100_000, 0, 252.0, 0.0, tie)
    twice = nb.backtest_weights([[("A", 0.5), ("A", 0.2)]], [[("A", 100)]], 100_000, 100)
    return {
        "missing_price": nb.backtest_weights([[("A", 0.5)]] * 4, gap, 100_000, 0)["equity_curve"],
        "short_cover": averages,
        "atr_stop": backtest_answers(atr)[-1],
        "stop_on_entry": [event["period_index"] for event in cheap["stop_events"]],
        "tied_stops": [event["reason"] for event in tied["stop_events"]],
        "repeated_target": [twice["final_cash"], twice["holdings"]],
        "rolling_after_nan": nb.py_rolling_volatility([0.1, math.nan, 0.1, 0.2, 0.3, 0.4], 2, 1),
        "rolling_equal": nb.py_rolling_sharpe([0.5, 0.1, 0.1, 0.1, 0.1], 3, 1),
        "bbands_after_nan": nb.py_bbands([1.0, 2.0, math.nan, 3.0, 4.0, 5.0], 2),
        "spread_nan_score": nb.py_quintile_spread([1.0, math.nan, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0], 2),
    }
