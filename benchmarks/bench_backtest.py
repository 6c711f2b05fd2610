"""The weights backtest against a plain NumPy loop and against published simulators on the same workload.

Usage: python benchmarks/bench_backtest.py. Set NANODESK_PEERS to a Python interpreter with nanobook 0.19 and vectorbt
to include them; without it only the NumPy loop is compared. Final wealth is compared before any time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from backtest_workload import COST_BPS, SESSIONS, best_and_median, closes, decisions, targets

from nanodesk.backtest.weights import backtest_weights
from nanodesk.portfolio.costs import CostModel

HERE = Path(__file__).resolve().parent
CASH = 1e6
COSTS = CostModel(commission_bps=COST_BPS)
GOALS_MS = {100: 2.0, 500: 10.0}
REPEATS = 30
# Whole shares of a million in 100 names, and peers that spend cash in another order, stay this close; see the notes.
WEALTH_TOLERANCE = 0.01
FRACTIONAL_TOLERANCE = 0.001


def numpy_loop(prices: np.ndarray, weights: np.ndarray, mask: np.ndarray) -> Callable[[], float]:
    """The honest bar: ten lines that keep equity only, no holdings, no trades, no whole shares."""

    def run() -> float:
        change = np.zeros_like(prices)
        change[1:] = prices[1:] / prices[:-1] - 1.0
        held, equity = np.zeros(prices.shape[1]), 1.0
        for t in range(SESSIONS):
            grown = held * (1.0 + change[t])
            growth = grown.sum() + (1.0 - held.sum())
            equity *= growth
            held = grown / growth
            if mask[t]:
                equity *= 1.0 - COST_BPS / 1e4 * np.abs(weights[t] - held).sum()
                held = weights[t].copy()
        return equity

    return run


def ours(prices: np.ndarray, weights: np.ndarray, quantity: str) -> Callable[[], float]:
    def run() -> float:
        result = backtest_weights(weights, prices, costs=COSTS, fill="same_close", quantity=quantity, cash=CASH)
        return result.equity[-1] / CASH

    return run


def ours_everything(prices: np.ndarray, weights: np.ndarray) -> Callable[[], float]:
    """With every late field computed: holdings, weights, symbol returns, trades, costs, turnover, metrics."""

    def run() -> float:
        result = backtest_weights(weights, prices, costs=COSTS, fill="same_close", cash=CASH)
        for name in result:
            result[name]
        for name in ("row", "symbol", "quantity", "price", "notional", "cost", "reason"):
            getattr(result.trades, name)
        return result.equity[-1] / CASH

    return run


def ours_from_pairs(prices: np.ndarray, weights: np.ndarray, mask: np.ndarray) -> Callable[[], float]:
    symbols = [f"S{i:04d}" for i in range(prices.shape[1])]
    cents = np.rint(prices * 100).astype(np.int64)
    bars = [list(zip(symbols, row, strict=True)) for row in cents.tolist()]
    rows = [
        [(symbol, w) for symbol, w in zip(symbols, row, strict=True) if w] if chosen else None
        for row, chosen in zip(weights.tolist(), mask, strict=True)
    ]

    def run() -> float:
        result = backtest_weights(rows, bars, costs=COSTS, fill="same_close", cash=CASH)
        return result.equity[-1] / CASH

    return run


def peer(name: str, n_symbols: int, frequency: str) -> tuple[float, float, float] | None:
    python = os.environ.get("NANODESK_PEERS")
    if not python:
        return None
    command = [python, str(HERE / "backtest_peers.py"), name, str(n_symbols), frequency]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    return answer["best"], answer["median"], answer["final"]


def compare(n_symbols: int, frequency: str) -> None:
    prices, mask = closes(n_symbols), decisions(frequency)
    weights = targets(prices)
    held = np.where(mask[:, None], weights, np.nan)
    rows = {
        "nanodesk, whole shares": best_and_median(ours(prices, held, "integer"), REPEATS),
        "nanodesk, fractional shares": best_and_median(ours(prices, held, "fractional"), REPEATS),
        "nanodesk, every field computed": best_and_median(ours_everything(prices, held), 5),
        "nanodesk, from lists of pairs": best_and_median(ours_from_pairs(prices, weights, mask), 5),
        "NumPy loop, equity only": best_and_median(numpy_loop(prices, weights, mask), 5),
        "nanobook, lists prebuilt": peer("nanobook", n_symbols, frequency),
        "vectorbt, warm": peer("vectorbt", n_symbols, frequency),
    }
    check_wealth({name: row[2] for name, row in rows.items() if row is not None}, frequency)
    base = rows["nanodesk, whole shares"]
    goal = f", goal {GOALS_MS[n_symbols]:g} ms" if frequency == "daily" else ""
    print(f"\n{SESSIONS} sessions x {n_symbols} symbols, {frequency} rebalance{goal}")
    print(f"{'':32}{'best ms':>10}{'median ms':>11}{'ratio':>8}{'final wealth':>14}")
    for name, row in rows.items():
        if row is None:
            print(f"{name:32}{'not measured: set NANODESK_PEERS':>43}")
            continue
        best, median, final = row
        print(f"{name:32}{best * 1e3:10.2f}{median * 1e3:11.2f}{best / base[0]:8.1f}{final:14.4f}")


def compare_dense(n_symbols: int) -> None:
    """Every name trades every day: equal weights, and random weights that change completely each day."""
    prices, every = closes(n_symbols), np.ones(SESSIONS, dtype=bool)
    random = np.random.default_rng(1).random(prices.shape)
    workloads = {
        "1/N": np.full(prices.shape, 1.0 / n_symbols),
        "random weights": random / random.sum(axis=1, keepdims=True) / 1.01,
    }
    print(
        f"\n{SESSIONS} sessions x {n_symbols} symbols, every name daily, whole shares, goal {GOALS_MS[n_symbols]:g} ms"
    )
    print(f"{'':32}{'best ms':>10}{'median ms':>11}{'fills':>10}{'final wealth':>14}")
    for name, weights in workloads.items():
        # Whole shares of a 500th of a million keep a few percent in cash, so wealth is compared in fractional ones.
        fractional, truth = ours(prices, weights, "fractional")(), numpy_loop(prices, weights, every)()
        if abs(fractional / truth - 1.0) > FRACTIONAL_TOLERANCE:
            raise SystemExit(f"{name} ends at {fractional:.4f}, the NumPy loop at {truth:.4f}: not the same backtest")
        n_fills = len(backtest_weights(weights, prices, costs=COSTS, fill="same_close", cash=CASH).trades)
        best, median, final = best_and_median(ours(prices, weights, "integer"), REPEATS)
        print(f"{name:32}{best * 1e3:10.2f}{median * 1e3:11.2f}{n_fills:10,}{final:14.4f}")


def check_wealth(finals: dict[str, float], frequency: str) -> None:
    truth = finals["NumPy loop, equity only"]
    for name, final in finals.items():
        if name.startswith("nanobook") and frequency == "monthly":
            continue  # it rebalances every session: holding cannot be said
        allowed = FRACTIONAL_TOLERANCE if "fractional" in name or "vectorbt" in name else WEALTH_TOLERANCE
        if abs(final / truth - 1.0) > allowed:
            raise SystemExit(f"{name} ends at {final:.4f} and the NumPy loop at {truth:.4f}: not the same backtest")


def main() -> None:
    for n_symbols in GOALS_MS:
        for frequency in ("daily", "monthly"):
            compare(n_symbols, frequency)
        compare_dense(n_symbols)


if __name__ == "__main__":
    main()
