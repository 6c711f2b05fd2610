"""A screen must not see the future: cut it off or scramble it, and nothing before changes by a bit."""

import numpy as np
import pytest

from nanodesk.errors import DataError
from nanodesk.market.panel import PricePanel
from nanodesk.research.screen_context import ScreenContext
from nanodesk.research.universe import parse_filters, screen
from reference import universe_reference as slow

N_DATES, N_SYMBOLS = 90, 12
FILTERS = parse_filters(
    [
        {"kind": "history", "min_sessions": 20, "max_missing": 0.2, "window": 20},
        {"kind": "price", "min": 5.0},
        {"kind": "dollar_volume", "min": 1e5, "window": 15},
        {"kind": "spread_proxy", "method": "abdi_ranaldo", "max_bps": 180.0, "window": 15},
        {"kind": "volatility", "max": 0.62, "window": 15},
        {"kind": "momentum", "lookback": 20, "skip": 3, "min_percentile": 0.2},
        {"kind": "rank_top", "n": 4, "exit_rank": 6},
        {"kind": "diversify", "max_correlation": 0.3, "window": 30, "min_overlap": 10, "max_sector_share": 0.5},
    ]
)


def random_panel(rng):
    close = 12 * np.exp(np.cumsum(rng.normal(0, 0.03, (N_DATES, N_SYMBOLS)), axis=0))
    high, low = close * (1 + rng.uniform(0, 0.03, close.shape)), close * (1 - rng.uniform(0, 0.03, close.shape))
    volume = rng.integers(5_000, 30_000, close.shape).astype(float)
    gone = rng.random(close.shape) < 0.03
    for matrix in (close, high, low, volume):
        matrix[gone] = np.nan
        matrix[:30, 0] = np.nan
        matrix[60:, 1] = np.nan
    symbols = tuple(f"S{i:02}" for i in range(N_SYMBOLS))
    sectors = {symbol: "ab"[i % 2] for i, symbol in enumerate(symbols)}
    dates = np.datetime64("2024-01-01") + np.arange(N_DATES)
    return PricePanel(dates, symbols, close, high=high, low=low, volume=volume, raw_close=close * 0.9, sectors=sectors)


def screens(panel, rows, scores):
    """Mask of every decision, each with the names held from the one before; an empty universe holds nothing."""
    context, held, masks = ScreenContext(panel, rows), np.zeros(N_SYMBOLS, dtype=bool), []
    for row in rows:
        try:
            held, _ = screen(FILTERS, context, int(row), composite=scores[row], held=held)
        except DataError:
            held = np.zeros(N_SYMBOLS, dtype=bool)
        masks.append(held)
    return np.array(masks, dtype=bool).reshape(-1, N_SYMBOLS)


@pytest.mark.parametrize("seed", range(25))
class TestScreen:
    def test_cutting_the_data_changes_nothing_before(self, seed):
        rng = np.random.default_rng(seed)
        panel, scores = random_panel(rng), rng.normal(size=(N_DATES, N_SYMBOLS))
        rows = np.sort(rng.choice(np.arange(25, N_DATES), size=12, replace=False))
        whole = screens(panel, rows, scores)
        for cut in rng.choice(np.arange(30, N_DATES), size=4, replace=False):
            kept = rows[rows < cut]
            np.testing.assert_array_equal(screens(panel.rows(int(cut)), kept, scores), whole[: len(kept)])

    def test_another_future_changes_nothing_before(self, seed):
        rng = np.random.default_rng(seed)
        panel, scores = random_panel(rng), rng.normal(size=(N_DATES, N_SYMBOLS))
        rows = np.arange(40, N_DATES, 7)
        whole = screens(panel, rows, scores)
        cut = int(rows[3]) + 1
        other = random_panel(np.random.default_rng(seed + 1000))
        names = ("close", "high", "low", "volume", "raw_close")
        mixed = {name: np.vstack([getattr(panel, name)[:cut], getattr(other, name)[cut:]]) for name in names}
        changed = PricePanel(panel.dates, panel.symbols, sectors=panel.sectors, **mixed)
        np.testing.assert_array_equal(screens(changed, rows, scores)[:4], whole[:4])

    def test_agrees_with_the_slow_screen(self, seed):
        rng = np.random.default_rng(seed)
        panel, scores = random_panel(rng), rng.normal(size=(N_DATES, N_SYMBOLS))
        rows = np.arange(30, N_DATES, 6)
        expected, held = [], set()
        for row in rows:
            held = slow_screen(panel, int(row), scores[row], held)
            expected.append([column in held for column in range(N_SYMBOLS)])
        np.testing.assert_array_equal(screens(panel, rows, scores), expected)


def slow_screen(panel, row, score, held):
    close, high, low, volume = panel.close, panel.high, panel.low, panel.volume
    names = {j for j in range(N_SYMBOLS) if not np.isnan(close[row, j])}
    names = {j for j in names if slow.sessions_traded(close[:, j], row) >= 20}
    names = {j for j in names if slow.missing_share(close[:, j], row, 20) <= 0.2 + 1e-9}
    names = {j for j in names if panel.raw_close[row, j] >= 5}
    names = {j for j in names if slow.median_dollar_volume(close[:, j], volume[:, j], row, 15) >= 1e5}
    names = {j for j in names if slow.abdi_ranaldo_bps(high[:, j], low[:, j], close[:, j], row, 15) <= 180}
    names = {j for j in names if slow.annual_volatility(close[:, j], row, 15) <= 0.62}
    momentum = {j: slow.skipped_return(close[:, j], row, 20, 3) for j in names}
    known = [value for value in momentum.values() if not np.isnan(value)]
    names = {j for j in names if known and momentum[j] >= np.quantile(known, 0.2)}
    names = slow.rank_top(names, score, held, 4, 6)
    order, moves = [], np.log(close[max(0, row - 30) : row + 1])
    for j in sorted(names, key=lambda name: (-score[name], name)):
        twins = (slow.correlation(np.diff(moves[:, i]), np.diff(moves[:, j]), 10) for i in order)
        if not any(value > 0.3 for value in twins):
            order.append(j)
    return set(slow.within_sectors(order, [j % 2 for j in range(N_SYMBOLS)], 0.5))
