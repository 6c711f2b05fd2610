"""A paper market of one evening: the last closes that a decision knew, with a spread around them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.quotes import quotes_from_closes
from nanodesk.brokers.paper.values import Fees
from nanodesk.errors import DataError
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.research.manifest import Manifest
from nanodesk.research.run import inputs_until
from nanodesk.research.run_inputs import RunInputs

TICK_E9 = E9 // 100
SMALL_TICK_E9 = E9 // 10_000
"""For prices below one unit of currency, as SEC rule 612 has it."""


def closing_market(
    manifest: Manifest,
    as_of: datetime.date | None,
    symbols: Iterable[str],
    *,
    base_dir: str | Path,
    spread_bps: float,
    now_ns: Callable[[], int],
    fees: Fees | None = None,
    account_id: str = "PAPER",
) -> PaperMarket:
    """A market in which every name of the strategy is quoted at its last close.

    Parameters
    ----------
    manifest : Manifest
        The strategy; the account starts with its ``backtest.cash``.
    as_of : datetime.date or None
        Last session whose close is known.
    symbols : iterable of str
        Names that must be quoted; every other name with a close is quoted too.
    base_dir : str or Path
        Folder that ``data.lake`` is relative to.
    spread_bps : float
        Whole spread around the close.
    now_ns : callable
        Clock of the market.
    fees : Fees, optional
        What fills cost.
    account_id : str, default "PAPER"
        Name of the account.

    Returns
    -------
    market : PaperMarket
        Raw prices where the data has them; unlimited sizes; short sales allowed where the strategy may hold shorts.

    Raises
    ------
    DataError
        If one of the names has no close.
    """
    data = inputs_until(manifest, as_of, Path(base_dir))
    closes = last_closes(data)
    if absent := sorted(set(symbols) - closes.keys()):
        raise DataError(
            f"{len(absent)} names to trade have no close by {data.panel.dates[-1]}, the first is {absent[0]}.",
            field="symbol",
            value=absent[0],
            fix="Ingest prices, or trade as of an earlier day.",
        )
    can_short = not manifest.portfolio.long_only
    rules = {
        symbol: TradingRules(symbol, tick_e9=TICK_E9 if close >= 1 else SMALL_TICK_E9, can_short=can_short)
        for symbol, close in closes.items()
    }
    return PaperMarket(
        rules.values(),
        quotes=quotes_from_closes(closes, spread_bps=repr(spread_bps), rules=rules, ts_ns=now_ns()),
        cash_e9={manifest.backtest.currency: parse_e9(manifest.backtest.cash)},
        leverage=1 if manifest.portfolio.gross <= 1 and manifest.portfolio.long_only else 4,
        account_id=account_id,
        fees=fees,
        now_ns=now_ns,
    )


def last_closes(inputs: RunInputs) -> dict[str, float]:
    """The last known close of every name.

    Parameters
    ----------
    inputs : RunInputs
        Data cut at the session of the decision.

    Returns
    -------
    closes : dict of str to float
        Names without any close, or below a tick, are left out.
    """
    prices = inputs.execution.close
    known = np.where(np.isnan(prices), -1, np.arange(len(prices))[:, None]).max(axis=0)
    return {
        symbol: round(float(prices[row, i]), 4)
        for i, (symbol, row) in enumerate(zip(inputs.execution.symbols, known, strict=True))
        if row >= 0 and prices[row, i] >= 0.01
    }
