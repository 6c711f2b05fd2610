"""One peer, one workload, in the peers' own interpreter; prints one JSON object.

Usage: PYTHON benchmarks/backtest_peers.py nanobook|vectorbt N_SYMBOLS daily|monthly
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np
from backtest_workload import COST_BPS, SESSIONS, best_and_median, closes, decisions, targets

CASH_CENTS = 100_000_000


def nanobook(prices: np.ndarray, weights: np.ndarray, mask: np.ndarray) -> Callable[[], float]:
    """Its lists and price objects are built beforehand; it cannot hold, so it repeats the last target."""
    import nanobook as peer

    symbols = [f"S{i:04d}" for i in range(prices.shape[1])]
    cents = np.rint(prices * 100).astype(np.int64)
    schedule, bars, last = [], [], []
    for t in range(SESSIONS):
        if mask[t]:
            last = [(symbol, float(w)) for symbol, w in zip(symbols, weights[t]) if w]  # noqa: B905 (Python of the peers)
        schedule.append(last)
        bars.append([(s, peer.BarPrices(c, c, c, c)) for s, c in zip(symbols, cents[t].tolist())])  # noqa: B905
    cost, fill = peer.CostModel(commission_bps=COST_BPS), peer.FillPolicy.signal_bar_close()

    def run() -> float:
        return peer.backtest_weights(schedule, bars, CASH_CENTS, cost, fill)["equity_curve"][-1] / CASH_CENTS

    return run


def vectorbt(prices: np.ndarray, weights: np.ndarray, mask: np.ndarray) -> Callable[[], float]:
    """Warm: the run before the clock starts compiles it."""
    import pandas as pd
    import vectorbt as peer

    sessions = pd.bdate_range("2016-01-04", periods=SESSIONS)
    frame = pd.DataFrame(prices, sessions)
    sizes = pd.DataFrame(np.where(mask[:, None], weights, np.nan), sessions)

    def run() -> float:
        portfolio = peer.Portfolio.from_orders(
            frame,
            size=sizes,
            size_type="targetpercent",
            group_by=True,
            cash_sharing=True,
            call_seq="auto",
            fees=COST_BPS / 1e4,
            init_cash=1e6,
            freq="1D",
        )
        return float(portfolio.value().iloc[-1]) / 1e6

    return run


def main() -> None:
    name, n_symbols, frequency = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    prices = closes(n_symbols)
    make = {"nanobook": nanobook, "vectorbt": vectorbt}[name]
    best, median, final = best_and_median(make(prices, targets(prices), decisions(frequency)), 3)
    print(json.dumps({"best": best, "median": median, "final": final}))


if __name__ == "__main__":
    main()
