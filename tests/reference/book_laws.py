"""Laws that hold in any order book, checked on what a driver shows, without knowing how it matches.

Quantity is conserved order by order, both sides of every trade agree, the book is never crossed in continuous
trading, levels are in order and agree with the orders, ids and timestamps only grow, and nobody is overtaken at a
level.
"""

from __future__ import annotations

from collections import defaultdict

from reference.naive_orders import BUY, SELL, TERMINAL

Orders = dict[int, tuple]


class BookLaws:
    """Watches one driver; ``after`` names the first law that a command broke."""

    def __init__(self, configuration: dict) -> None:
        self.is_price_time = configuration.get("matching", "price_time") == "price_time"
        self.phase = "continuous"
        self.last_trade_id = 0
        self.last_timestamp = 0
        self.filled: dict[int, int] = defaultdict(int)
        self.terminal: dict[int, tuple] = {}
        self.has_queue_jumps = False  # icebergs, pegs and cuts move orders within a level
        self.commands = 0
        self.entered: dict[int, int] = {}  # command after which an order was first seen resting

    def after(self, command: tuple, observation: tuple, orders: Orders | None = None) -> str | None:
        """Check one observation, and every order if given."""
        result, trades, _notices, bids, asks, _hash = observation
        self._follow(command, result)
        self.commands += 1
        for order_id, order in (orders or {}).items():
            if order[4] > 0:
                self.entered.setdefault(order_id, self.commands)
        return (
            self._trades_broken(trades)
            or self._levels_broken(bids, asks)
            or (self._orders_broken(orders, bids, asks) if orders is not None else None)
            or (self._overtaken(trades, orders) if orders is not None else None)
        )

    def _follow(self, command: tuple, result: tuple) -> None:
        if result[0] == "error":
            return
        name = command[0]
        phases = {"halt": "halted", "resume": "continuous", "start_auction": "auction", "uncross": "continuous"}
        self.phase = phases.get(name, self.phase)
        options = command[-1] if isinstance(command[-1], dict) else {}
        if name == "pegged" or "display" in options or "self_trade" in options or options.get("reduce_only"):
            self.has_queue_jumps = True
        if name == "start_auction":
            self.has_queue_jumps = True

    def _trades_broken(self, trades: tuple) -> str | None:
        for trade_id, price, quantity, aggressor, passive, _side, timestamp in trades:
            if trade_id != self.last_trade_id + 1:
                return f"trade id {trade_id} after {self.last_trade_id}"
            if timestamp <= self.last_timestamp:
                return f"timestamp {timestamp} after {self.last_timestamp}"
            if quantity < 1 or aggressor == passive:
                return f"trade {trade_id} of {quantity} at {price} between {aggressor} and {passive}"
            self.last_trade_id, self.last_timestamp = trade_id, timestamp
            self.filled[aggressor] += quantity
            self.filled[passive] += quantity
        return None

    def _levels_broken(self, bids: tuple, asks: tuple) -> str | None:
        for side, levels, sign in ((BUY, bids, -1), (SELL, asks, 1)):
            prices = [sign * price for price, _, _ in levels]
            if prices != sorted(set(prices)):
                return f"{side} levels out of order"
            if any(quantity < 1 or count < 1 for _, quantity, count in levels):
                return f"an empty {side} level"
        if self.phase == "continuous" and bids and asks and bids[0][0] >= asks[0][0]:
            return f"crossed: bid {bids[0][0]}, ask {asks[0][0]}"
        return None

    def _orders_broken(self, orders: Orders, bids: tuple, asks: tuple) -> str | None:
        shown: dict[tuple[str, int], list[int]] = defaultdict(list)
        for order_id, order in orders.items():
            side, price, quantity, left, visible, filled, _time, _tif, status, _owner = order
            if filled != self.filled.get(order_id, 0):
                return f"order {order_id} says filled {filled}, its trades {self.filled.get(order_id, 0)}"
            if left < 0 or filled < 0 or filled + left > quantity or not 0 <= visible <= left:
                return f"order {order_id}: {filled} filled, {left} open ({visible} shown) of {quantity}"
            if (status in TERMINAL) != (left == 0):
                return f"order {order_id} is {status} with {left} open"
            if self.terminal.get(order_id, order) != order:
                return f"order {order_id} changed after its end"
            if status in TERMINAL:
                self.terminal[order_id] = order
            if visible > 0:
                shown[side, price].append(visible)
        for side, levels in ((BUY, bids), (SELL, asks)):
            told = {price: (quantity, count) for price, quantity, count in levels}
            found = {price: (sum(v), len(v)) for (s, price), v in shown.items() if s == side}
            if told != found:
                return f"{side} levels {told} but the orders make {found}"
        return None

    def _overtaken(self, trades: tuple, orders: Orders) -> str | None:
        """First in, first out: who trades at a level leaves no earlier order of that level behind.

        An order of a bracket is older than its place in the queue: it counts from when it was first seen resting.
        """
        if not self.is_price_time or self.has_queue_jumps:
            return None
        for _id, price, _quantity, _aggressor, passive, _side, _time in trades:
            if passive not in orders:
                continue
            side, _price, *_rest = orders[passive]
            arrived, entered = orders[passive][6], self.entered.get(passive, self.commands)
            for order_id, order in orders.items():
                was_before = order[6] < arrived and self.entered.get(order_id, self.commands) < entered
                if order[0] == side and order[1] == price and order[4] > 0 and was_before:
                    return f"order {passive} traded at {price} before order {order_id}"
        return None
