"""What a venue accepts for one instrument: grid, bounds, status and order types."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

from nanodesk.errors import ValidationError
from nanodesk.market.enums import TimeInForce
from nanodesk.market.fixed_point import E9, LARGEST_E9, require_positive_e9
from nanodesk.market.order import OrderType


@unique
class TradingStatus(Enum):
    """Whether an instrument trades now."""

    TRADING = "trading"
    HALTED = "halted"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class TradingRules:
    """Rules of one instrument at one venue; all amounts in billionths.

    Parameters
    ----------
    symbol : str
        Name at the desk.
    base, currency : str, default "", "USD"
        Asset that is traded (a coin; empty for shares) and currency that pays.
    tick_e9 : int, default one cent
        Price step.
    lot_e9 : int, default one unit
        Quantity step.
    min_quantity_e9, max_quantity_e9 : int
        Bounds of one order.
    min_notional_e9, max_notional_e9 : int
        Bounds of its cash value.
    min_price_e9, max_price_e9 : int
        Bounds of a limit price.
    multiplier : int, default 1
        Cash per point and contract.
    status : TradingStatus, default TRADING
        Whether it trades now.
    order_types, times_in_force : frozenset
        What the venue accepts.
    can_short : bool, default False
        Whether a sale may go below zero.
    asset_class, sector, venue : str, default ""
        What concentration limits group by.
    expires_ns : int, optional
        Last instant of trading of a future or an option.

    Raises
    ------
    ValidationError
        If the symbol is empty or a step is not positive.
    """

    symbol: str
    base: str = ""
    currency: str = "USD"
    tick_e9: int = E9 // 100
    lot_e9: int = E9
    min_quantity_e9: int = 1
    max_quantity_e9: int = LARGEST_E9
    min_notional_e9: int = 0
    max_notional_e9: int = LARGEST_E9
    min_price_e9: int = 1
    max_price_e9: int = LARGEST_E9
    multiplier: int = 1
    status: TradingStatus = TradingStatus.TRADING
    order_types: frozenset[OrderType] = frozenset(OrderType)
    times_in_force: frozenset[TimeInForce] = frozenset(TimeInForce)
    can_short: bool = False
    asset_class: str = ""
    sector: str = ""
    venue: str = ""
    expires_ns: int | None = None

    def __post_init__(self) -> None:
        if not self.symbol:
            raise ValidationError("symbol is empty.", field="symbol", value=self.symbol, allowed="a name")
        require_positive_e9(self.tick_e9, field="tick_e9")
        require_positive_e9(self.lot_e9, field="lot_e9")

    def floor_to_tick(self, price_e9: int) -> int:
        """Highest price of the grid that is not above a price.

        Parameters
        ----------
        price_e9 : int
            Price in billionths.

        Returns
        -------
        price_e9 : int
            On the grid.
        """
        return price_e9 - price_e9 % self.tick_e9

    def ceil_to_tick(self, price_e9: int) -> int:
        """Lowest price of the grid that is not below a price.

        Parameters
        ----------
        price_e9 : int
            Price in billionths.

        Returns
        -------
        price_e9 : int
            On the grid.
        """
        return price_e9 + -price_e9 % self.tick_e9

    def floor_to_lot(self, quantity_e9: int) -> int:
        """Quantity truncated toward zero onto the lot grid.

        Parameters
        ----------
        quantity_e9 : int
            Signed quantity in billionths.

        Returns
        -------
        quantity_e9 : int
            On the grid, no further from zero.
        """
        magnitude = abs(quantity_e9) // self.lot_e9 * self.lot_e9
        return magnitude if quantity_e9 >= 0 else -magnitude
