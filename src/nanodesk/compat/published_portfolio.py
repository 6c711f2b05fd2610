"""The published portfolio: targets in the given order, no sells first, nothing kept back for costs.

`nanodesk.portfolio.portfolio.Portfolio` sells before it buys and never spends more cash than it has. This class keeps
the published sequence instead: weights that add up to 1.0 end with a little negative cash, cent for cent as published.
It does not count a missing price as zero: a holding without a price keeps its last one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nanodesk import atomic_file
from nanodesk.compat import published_arguments as arguments
from nanodesk.compat.published_costs import CostModel
from nanodesk.compat.published_metrics import Metrics, compute_metrics
from nanodesk.compat.published_position import Position

_MAX_CENTS = 2**63 - 1


class Portfolio:
    """Cash, positions, returns and equity curve, in whole cents.

    Parameters
    ----------
    initial_cash : int
        Cents.
    cost_model : CostModel
        Charged on every fill.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    OverflowError
        If the cash does not fit 64 bits.

    Examples
    --------
    >>> portfolio = Portfolio(1_000_000_00, CostModel(commission_bps=5))
    >>> portfolio.rebalance_simple([("AAPL", 0.6)], [("AAPL", 150_00)])
    >>> portfolio.record_return([("AAPL", 155_00)])
    >>> portfolio.returns(), portfolio.cash
    ([0.0197], 39970000)
    """

    def __init__(self, initial_cash: Any, cost_model: Any) -> None:
        if not isinstance(cost_model, CostModel):
            raise TypeError(
                f"argument 'cost_model': '{type(cost_model).__name__}' object cannot be cast as 'CostModel'"
            )
        cash = arguments.integer(initial_cash, "initial_cash")
        self._cost_model = cost_model
        self._cash = cash
        self._positions: dict[str, Position] = {}
        self._last_prices: dict[str, int] = {}
        self._returns: list[float] = []
        self._equity_curve = [cash]

    @property
    def cash(self) -> int:
        """Cents; may be negative."""
        return self._cash

    def position(self, symbol: Any) -> Position | None:
        """What is held of a symbol.

        Parameters
        ----------
        symbol : str
            Name.

        Returns
        -------
        position : Position or None
            A copy; None if the symbol was never traded.
        """
        held = self._positions.get(arguments.symbol(symbol, "symbol"))
        return None if held is None else held.copy()

    def positions(self) -> dict[str, Position]:
        """Every position, closed ones too, in the order of the first trade.

        Returns
        -------
        positions : dict of str to Position
            Copies.
        """
        return {symbol: held.copy() for symbol, held in self._positions.items()}

    def total_equity(self, prices: Any) -> int:
        """Cash plus market value.

        Parameters
        ----------
        prices : list of (str, int)
            Cents per share. A holding without a price above zero keeps its last one.

        Returns
        -------
        equity : int
            Cents.
        """
        return self._equity(_prices(prices))

    def current_weights(self, prices: Any) -> list[tuple[str, float]]:
        """Market value of each holding as a fraction of equity.

        Parameters
        ----------
        prices : list of (str, int)
            Cents per share.

        Returns
        -------
        weights : list of (str, float)
            Flat positions are left out; empty if equity is zero.
        """
        return self._weights(_prices(prices))

    def returns(self) -> list[float]:
        """Every recorded return, as fractions.

        Returns
        -------
        returns : list of float
            A copy.
        """
        return list(self._returns)

    def equity_curve(self) -> list[int]:
        """Initial cash and the equity at every recorded return, in cents.

        Returns
        -------
        curve : list of int
            A copy.
        """
        return list(self._equity_curve)

    def rebalance_simple(self, targets: Any, prices: Any) -> None:
        """Trade to target weights at the given prices.

        Symbols without a target are closed first; then each target is traded in the given order, from the equity
        before all trades, in whole shares, rounded toward zero.

        Parameters
        ----------
        targets : list of (str, float)
            Weights as fractions of equity; negative sells short; ``nan`` counts as zero.
        prices : list of (str, int)
            Cents per share. Without a price above zero nothing is traded.
        """
        goals, marks = arguments.pairs(targets, "targets", arguments.real), _prices(prices)
        equity = self._equity(marks)
        self._last_prices.update(marks)
        if equity <= 0:
            return
        wanted = {symbol for symbol, _ in goals}
        for symbol, held in self._positions.items():
            if symbol not in wanted and symbol in marks:
                self._fill(symbol, -held.quantity, marks[symbol])
        for symbol, weight in goals:
            if symbol in marks:
                self._fill(symbol, self._shares_to_trade(symbol, equity * weight, marks[symbol]), marks[symbol])

    def _shares_to_trade(self, symbol: str, value: float, price: int) -> int:
        held = self._positions.get(symbol)
        missing = _truncated(value) - (0 if held is None else held.quantity * price)
        return missing // price if missing >= 0 else -(-missing // price)

    def _fill(self, symbol: str, shares: int, price: int) -> None:
        if shares == 0:
            return
        notional = shares * price
        self._cash -= notional + self._cost_model.compute_cost(max(-_MAX_CENTS, min(notional, _MAX_CENTS)))
        self._positions.setdefault(symbol, Position(symbol)).apply_fill(shares, price)

    def record_return(self, prices: Any) -> None:
        """Add the equity at these prices to the curve, and its return where the equity before was positive.

        Parameters
        ----------
        prices : list of (str, int)
            Cents per share.
        """
        marks, before = _prices(prices), self._equity_curve[-1]
        equity = self._equity(marks)
        self._last_prices.update(marks)
        if before > 0:
            self._returns.append((equity - before) / before)
        self._equity_curve.append(equity)

    def snapshot(self, prices: Any) -> dict[str, Any]:
        """The portfolio in one dict.

        Parameters
        ----------
        prices : list of (str, int)
            Cents per share.

        Returns
        -------
        snapshot : dict
            ``cash``, ``equity`` and ``total_realized_pnl`` in cents, ``num_positions`` that are not flat, and
            ``weights`` by symbol.
        """
        marks, positions = _prices(prices), self._positions.values()
        return {
            "cash": self.cash,
            "equity": self._equity(marks),
            "num_positions": sum(held.quantity != 0 for held in positions),
            "total_realized_pnl": sum(held.realized_pnl for held in positions),
            "weights": dict(self._weights(marks)),
        }

    def compute_metrics(self, periods_per_year: Any, risk_free: Any) -> Metrics | None:
        """Performance numbers of the recorded returns.

        Parameters
        ----------
        periods_per_year : float
            For annualising.
        risk_free : float
            Risk-free return per period.

        Returns
        -------
        metrics : Metrics or None
            None if nothing was recorded.
        """
        return compute_metrics(self._returns, periods_per_year, risk_free)

    def save_json(self, path: Any) -> None:
        """Write the portfolio to a file, replacing it in one step.

        Parameters
        ----------
        path : str
            Destination; its folder must exist.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        text = json.dumps(self._state(), indent=2)
        atomic_file.write_text(Path(arguments.string(path, "path")), text)

    @staticmethod
    def load_json(path: Any) -> Portfolio:
        """Read a portfolio that `save_json`, or the published package, wrote.

        Parameters
        ----------
        path : str
            File.

        Returns
        -------
        portfolio : Portfolio
            As it was saved.

        Raises
        ------
        OSError
            If the file cannot be read or is no portfolio.
        """
        source = Path(arguments.string(path, "path"))
        try:
            return _restored(json.loads(source.read_text(encoding="utf-8")))
        except KeyError as missing:
            raise OSError(f"{source}: missing field `{missing.args[0]}`") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise OSError(f"{source}: {error}") from error

    def copy(self) -> Portfolio:
        """A portfolio of its own in the same state.

        Returns
        -------
        portfolio : Portfolio
            Later trades of one do not change the other.
        """
        twin = Portfolio(self._cash, self._cost_model)
        twin._positions = self.positions()
        twin._last_prices = dict(self._last_prices)
        twin._returns, twin._equity_curve = self.returns(), self.equity_curve()
        return twin

    def __repr__(self) -> str:
        return f"Portfolio(cash=${self.cash / 100:.2f}, returns={len(self._returns)})"

    def _equity(self, marks: Mapping[str, int]) -> int:
        return self._cash + sum(held.quantity * self._mark(held, marks) for held in self._positions.values())

    def _mark(self, held: Position, marks: Mapping[str, int]) -> int:
        """The given price, else the last one seen, else what was paid."""
        price = marks.get(held.symbol)
        return self._last_prices.get(held.symbol, held.avg_entry_price) if price is None else price

    def _weights(self, marks: Mapping[str, int]) -> list[tuple[str, float]]:
        equity = self._equity(marks)
        if equity == 0:
            return []
        held = [position for position in self._positions.values() if position.quantity]
        return [(item.symbol, item.quantity * self._mark(item, marks) / equity) for item in held]

    def _state(self) -> dict[str, Any]:
        """The published file, with the last prices added; the published reader passes over them."""
        return {
            "cash": self._cash,
            "positions": [[symbol, held.state()] for symbol, held in sorted(self._positions.items())],
            "cost_model": self._cost_model.state(),
            "returns": self._returns,
            "equity_curve": self._equity_curve,
            "prev_equity": self._equity_curve[-1],
            "last_prices": sorted(self._last_prices.items()),
        }


def _restored(state: Any) -> Portfolio:
    portfolio = Portfolio(state["cash"], CostModel(**state["cost_model"]))
    portfolio._positions = {symbol: Position.restore(**held) for symbol, held in state["positions"]}
    portfolio._returns = [arguments.real(item, "returns") for item in state["returns"]]
    portfolio._equity_curve = [arguments.integer(item, "equity_curve") for item in state["equity_curve"]]
    portfolio._equity_curve[-1:] = [arguments.integer(state["prev_equity"], "prev_equity")]
    portfolio._last_prices = _prices([tuple(pair) for pair in state.get("last_prices", [])])
    return portfolio


def _prices(pairs: Any) -> dict[str, int]:
    """Prices above zero by symbol, the last of a repeated symbol; a price of zero or below is no price."""
    return {symbol: price for symbol, price in arguments.pairs(pairs, "prices", arguments.integer) if price > 0}


def _truncated(value: float) -> int:
    """Toward zero, within a signed 64-bit integer; 0 for what is not a number."""
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return _MAX_CENTS if value > 0.0 else -_MAX_CENTS
    return max(-_MAX_CENTS, min(int(value), _MAX_CENTS))
