"""An account, its holdings and the quotes they are priced with, as a broker reports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """Money of one account, in billionths of its currency.

    Parameters
    ----------
    account_id : str
        The broker's name of it.
    currency : str
        In which the amounts stand.
    equity_e9, cash_e9, buying_power_e9 : int
        Net liquidation value, cash and what may still be bought.
    is_live : bool
        Whether real money is at stake.
    ts_ns : int
        When it was read, nanoseconds since 1970.
    balances_e9 : mapping of str to int, optional
        Cash by currency, or coins by asset, where the broker keeps several.
    """

    account_id: str
    currency: str
    equity_e9: int
    cash_e9: int
    buying_power_e9: int
    is_live: bool
    ts_ns: int
    balances_e9: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Holding:
    """A signed position as the broker reports it.

    Parameters
    ----------
    symbol : str
        Name at the desk.
    quantity_e9 : int
        Signed quantity in billionths; negative is short.
    average_price_e9 : int, default 0
        Cost per unit where the broker tells it.
    """

    symbol: str
    quantity_e9: int
    average_price_e9: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask at an instant.

    Parameters
    ----------
    symbol : str
        Name at the desk.
    bid_e9, ask_e9, last_e9 : int or None
        Prices in billionths; ``None`` where there is none.
    ts_ns : int
        When it was true, nanoseconds since 1970.
    bid_quantity_e9, ask_quantity_e9 : int, default 0
        Displayed quantities, 0 when unknown.
    """

    symbol: str
    bid_e9: int | None
    ask_e9: int | None
    last_e9: int | None
    ts_ns: int
    bid_quantity_e9: int = 0
    ask_quantity_e9: int = 0

    @property
    def mid_e9(self) -> int | None:
        """Middle of bid and ask, else the one there is, else the last price."""
        if self.bid_e9 is not None and self.ask_e9 is not None:
            return self.bid_e9 + (self.ask_e9 - self.bid_e9) // 2
        return next((price for price in (self.bid_e9, self.ask_e9, self.last_e9) if price is not None), None)
