"""How much of each name is traded a day, for a risk check that bounds an order by it."""

from __future__ import annotations

from typing import Final

import numpy as np

from nanodesk.market.panel import PricePanel

SESSIONS: Final = 20
"""About a month, as the studies of market impact average over."""

LEAST_SESSIONS: Final = 10
"""Fewer tell too little of a name to size an order by."""


def average_daily_volume(prices: PricePanel) -> dict[str, float]:
    """Mean volume of the last sessions, by name.

    Parameters
    ----------
    prices : PricePanel
        Cut at the session of the decision.

    Returns
    -------
    volumes : dict of str to float
        Units a day over the last 20 sessions, shape (n_known,); names without volume on 10 of them are left out.
    """
    if prices.volume is None:
        return {}
    recent = prices.volume[-SESSIONS:]
    known = np.count_nonzero(np.isfinite(recent), axis=0)
    total = np.nansum(recent, axis=0)
    return {
        symbol: float(total[i] / known[i])
        for i, symbol in enumerate(prices.symbols)
        if known[i] >= LEAST_SESSIONS and total[i] > 0
    }
