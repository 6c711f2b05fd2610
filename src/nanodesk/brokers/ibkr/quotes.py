"""A quote from the ticks of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence

from nanodesk.brokers.ibkr.messages import MarketDataType, Tick
from nanodesk.market.account import Quote


def quote_of_ticks(symbol: str, rows: Sequence[Tick | MarketDataType], now_ns: int) -> Quote:
    """Bid, ask and last of a snapshot.

    Parameters
    ----------
    symbol : str
        Name at the desk.
    rows : sequence of Tick or MarketDataType
        As sent; a price of 0 or below means none.
    now_ns : int
        When they came.

    Returns
    -------
    quote : Quote
        With ``ts_ns`` 0 if any of it is frozen or delayed.
    """
    # Delayed ticks carry other numbers for the same thing: 66 bid, 67 ask, 68 last, 69 to 71 their sizes.
    live = {66: 1, 67: 2, 68: 4, 69: 0, 70: 3, 71: 5}
    prices: dict[int, int] = {}
    sizes: dict[int, int] = {}
    is_live = True
    for row in rows:
        if isinstance(row, MarketDataType):
            is_live = is_live and row.data_type == 1
            continue
        is_live = is_live and row.tick_type not in live
        kind = live.get(row.tick_type, row.tick_type)
        if row.price_e9 is not None and row.price_e9 > 0:
            prices[kind] = row.price_e9
        if row.size_e9 is not None:
            sizes[{1: 0, 2: 3, 4: 5}.get(kind, kind)] = row.size_e9
    return Quote(
        symbol=symbol,
        bid_e9=prices.get(1),
        ask_e9=prices.get(2),
        last_e9=prices.get(4),
        ts_ns=now_ns if is_live else 0,
        bid_quantity_e9=sizes.get(0, 0),
        ask_quantity_e9=sizes.get(3, 0),
    )
