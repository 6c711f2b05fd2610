"""One workload for every simulator: the top fifth by 12-1 momentum over 2520 synthetic sessions, 10 bps, same close.

Needs NumPy only, so that the peers' own interpreter can import it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

SESSIONS = 2520
COST_BPS = 10.0
LOOKBACK, SKIP, TOP = 252, 21, 0.2
SEED = 7


def closes(n_symbols: int) -> np.ndarray:
    """Random walks with a common factor, shape (SESSIONS, n_symbols)."""
    rng = np.random.default_rng(SEED)
    market = rng.normal(3e-4, 0.009, (SESSIONS, 1))
    moves = market + rng.normal(1e-4, 0.016, (SESSIONS, n_symbols))
    return 100.0 * np.exp(np.cumsum(moves, axis=0))


def targets(prices: np.ndarray) -> np.ndarray:
    """Equal weights of the top fifth by momentum, zero before there is any."""
    weights = np.zeros_like(prices)
    momentum = prices[LOOKBACK - SKIP : SESSIONS - SKIP] / prices[: SESSIONS - LOOKBACK] - 1.0
    n_long = max(1, int(prices.shape[1] * TOP))
    best = np.argpartition(-momentum, n_long - 1, axis=1)[:, :n_long]
    np.put_along_axis(weights[LOOKBACK:], best, 1.0 / n_long, axis=1)
    return weights


def decisions(frequency: str) -> np.ndarray:
    """Mask of the sessions that rebalance: every one, or every 21st."""
    mask = np.zeros(SESSIONS, dtype=bool)
    mask[LOOKBACK :: 1 if frequency == "daily" else 21] = True
    return mask


def best_and_median(run: Callable[[], float], repeats: int) -> tuple[float, float, float]:
    """Best and median seconds, and what the last run returned; one run warms up."""
    run()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        value = run()
        spent.append(time.perf_counter() - start)
    return min(spent), float(np.median(spent)), value
