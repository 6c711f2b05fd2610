"""How far an account is from its target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.fixed_point import E9, format_e9, notional_e9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.rebalance.plan import BPS, middle_price_e9


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One name.

    Parameters
    ----------
    symbol : str
        Name at the desk.
    held_e9, wanted_e9 : int
        Quantity held, and what the weight buys at the middle price, both signed, in billionths.
    price_e9 : int
        Middle price.
    actual_e9, weight_e9 : int
        Actual and wanted fraction of equity, in billionths.
    is_drifted : bool
        Whether it is further from its weight than the tolerance, by at least one lot.
    """

    symbol: str
    held_e9: int
    wanted_e9: int
    price_e9: int
    actual_e9: int
    weight_e9: int
    is_drifted: bool

    @property
    def difference_e9(self) -> int:
        """Actual less wanted fraction of equity."""
        return self.actual_e9 - self.weight_e9


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Every name held or wanted, sorted by symbol.

    Parameters
    ----------
    rows : tuple of DriftRow
        One a name.
    equity_e9, cash_e9 : int
        Of the account, in billionths of its currency.
    """

    rows: tuple[DriftRow, ...]
    equity_e9: int
    cash_e9: int

    @property
    def drifted(self) -> tuple[DriftRow, ...]:
        """The names beyond the tolerance."""
        return tuple(row for row in self.rows if row.is_drifted)

    @property
    def tracking_error_pct(self) -> float:
        """Percent: 100 times the root of the mean squared difference of the weights."""
        squares = [(row.difference_e9 / E9) ** 2 for row in self.rows]
        return 100.0 * math.sqrt(sum(squares) / len(squares)) if squares else 0.0

    def as_values(self) -> dict[str, Any]:
        """Plain values for JSON and for the journal.

        Returns
        -------
        values : dict
            Amounts as decimal text.
        """
        return {
            "equity": format_e9(self.equity_e9),
            "cash": format_e9(self.cash_e9),
            "tracking_error_pct": f"{self.tracking_error_pct:.6f}",
            "rows": [
                {
                    "symbol": row.symbol,
                    "quantity": format_e9(row.held_e9),
                    "target_quantity": format_e9(row.wanted_e9),
                    "price": format_e9(row.price_e9),
                    "actual_weight": format_e9(row.actual_e9),
                    "target_weight": format_e9(row.weight_e9),
                    "diff": format_e9(row.difference_e9),
                    "drifted": row.is_drifted,
                }
                for row in self.rows
            ],
        }


def measure_drift(
    weights: Mapping[str, float],
    holdings: Iterable[Holding],
    *,
    quotes: Mapping[str, Quote],
    rules: Mapping[str, TradingRules],
    account: Account,
    tolerance_bps: float,
) -> DriftReport:
    """Compare holdings with weights.

    Parameters
    ----------
    weights : mapping of str to float
        Signed fraction of equity by symbol; any other holding is wanted at zero.
    holdings : iterable of Holding
        What is held.
    quotes, rules : mapping of str to Quote and TradingRules
        For every name held or wanted.
    account : Account
        Its equity.
    tolerance_bps : float
        Basis points of equity that a weight may be off.

    Returns
    -------
    report : DriftReport
        Sorted by symbol.
    """
    held = {holding.symbol: holding.quantity_e9 for holding in holdings if holding.quantity_e9}
    tolerance = parse_e9(tolerance_bps, field="tolerance_bps") // BPS
    rows = []
    for symbol in sorted(held.keys() | weights.keys()):
        price, rule = middle_price_e9(quotes[symbol]), rules[symbol]
        weight = parse_e9(weights.get(symbol, 0), field=f"weight of {symbol}")
        quantity = held.get(symbol, 0)
        value = notional_e9(price, quantity, rule.multiplier)
        actual = _quotient(value * E9, account.equity_e9)
        wanted = rule.floor_to_lot(_quotient(_quotient(account.equity_e9 * weight, E9) * E9, price * rule.multiplier))
        is_off = abs(actual - weight) > tolerance and abs(wanted - quantity) >= rule.lot_e9
        rows.append(DriftRow(symbol, quantity, wanted, price, actual, weight, is_off))
    return DriftReport(tuple(rows), account.equity_e9, account.cash_e9)


def _quotient(numerator: int, denominator: int) -> int:
    """Truncated toward zero; zero where there is no equity."""
    if denominator == 0:
        return 0
    whole = abs(numerator) // abs(denominator)
    return whole if (numerator >= 0) == (denominator > 0) else -whole
