"""How an order becomes a fill: here at once, at the price of the bar."""

from __future__ import annotations

from dataclasses import dataclass

from nanodesk.market.instrument import Instrument
from nanodesk.portfolio.costs import CostModel


@dataclass(frozen=True, slots=True)
class Fill:
    """One purchase or sale with what it cost.

    Parameters
    ----------
    symbol : str
        What was traded.
    quantity : int
        Signed units; positive bought.
    price : int
        Price, in cents.
    notional : int
        ``abs(quantity) * price * multiplier``, in cents.
    cost : int
        Commission and spread, in cents.
    """

    symbol: str
    quantity: int
    price: int
    notional: int
    cost: int

    @property
    def cash(self) -> int:
        """Change of cash, costs included: negative for a purchase at a positive price."""
        return (-self.notional if self.quantity * self.price > 0 else self.notional) - self.cost


@dataclass(frozen=True, slots=True)
class SimpleFill:
    """Everything fills at once and in full at the price of the bar; spread and commission are paid in cash.

    Parameters
    ----------
    cost_model : CostModel
        What a fill costs.

    Examples
    --------
    >>> SimpleFill(CostModel(commission_bps=10)).fill(Instrument("AAPL"), -100, 150_00)
    Fill(symbol='AAPL', quantity=-100, price=15000, notional=1500000, cost=1500)
    """

    cost_model: CostModel

    def fill(self, instrument: Instrument, quantity: int, price: int) -> Fill:
        """Buy or sell now.

        Parameters
        ----------
        instrument : Instrument
            What is traded.
        quantity : int
            Signed units, not zero.
        price : int
            Price of the bar, in cents.

        Returns
        -------
        fill : Fill
            In full.
        """
        notional = abs(instrument.notional(price, quantity))
        return Fill(instrument.symbol, quantity, price, notional, self.cost_model.trade_cost_cents(quantity, notional))
