"""What orders are expected to cost, in the exact amounts that brokers speak."""

from __future__ import annotations

from dataclasses import dataclass

from nanodesk.market.fixed_point import E9


@dataclass(frozen=True, slots=True)
class TradingCost:
    """Commission and slippage to reckon with before an order is sent; all amounts in billionths.

    Parameters
    ----------
    per_unit_e9 : int, default 0
        Commission per share, contract or coin, in the currency.
    commission_e9_frac : int, default 0
        Commission as a fraction of the notional.
    minimum_e9 : int, default 0
        Least commission of an order, in the currency.
    slippage_e9_frac : int, default 0
        Loss against the limit price that an estimate adds, as a fraction of the notional.
    """

    per_unit_e9: int = 0
    commission_e9_frac: int = 0
    minimum_e9: int = 0
    slippage_e9_frac: int = 0

    def commission_e9(self, quantity_e9: int, cash_e9: int) -> int:
        """Commission of one order, rounded up.

        Parameters
        ----------
        quantity_e9, cash_e9 : int
            Its quantity and notional, not negative.

        Returns
        -------
        fee_e9 : int
            The larger of the minimum and the sum of both kinds; 0 for no quantity.

        Examples
        --------
        >>> TradingCost(per_unit_e9=3_500_000, minimum_e9=350_000_000).commission_e9(2702 * E9, 0) / E9
        9.457
        """
        if not quantity_e9:
            return 0
        exact = -(-quantity_e9 * self.per_unit_e9 // E9) - (-cash_e9 * self.commission_e9_frac // E9)
        return max(exact, self.minimum_e9)

    def estimate_e9(self, quantity_e9: int, cash_e9: int) -> int:
        """Commission and slippage of one order.

        Parameters
        ----------
        quantity_e9, cash_e9 : int
            Its quantity and notional, not negative.

        Returns
        -------
        cost_e9 : int
            Billionths of the currency.
        """
        return self.commission_e9(quantity_e9, cash_e9) - (-cash_e9 * self.slippage_e9_frac // E9)
