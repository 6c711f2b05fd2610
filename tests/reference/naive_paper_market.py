"""A paper market in the plainest words: lists that are sorted anew each time, whole units, no exchange behind it.

Written from docs/paper-trading.md; it shares no code with the market that it judges.
"""

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class NaiveOrder:
    number: int
    account: str
    symbol: str
    side: str
    leaves: int
    price: int | None
    rank: int
    filled: int = 0
    value: int = 0
    state: str = "new"
    fills: list = field(default_factory=list)


class NaiveMarket:
    """Prices in cents, quantities in units, cash in Fractions of a unit of currency."""

    def __init__(self, accounts, symbols, maker=Fraction(0), taker=Fraction(0), grain=10**9):
        self.cash = {account: Fraction(cash) for account, cash in accounts.items()}
        self.held = {(account, symbol): 0 for account in accounts for symbol in symbols}
        self.maker, self.taker, self.grain = maker, taker, grain
        self.orders = []
        self.book = {symbol: [] for symbol in symbols}
        self.rank = 0
        self.fees = Fraction(0)

    def fee(self, cash, rate):
        return Fraction(int(cash * rate * self.grain // 1), self.grain)

    def fill(self, order, quantity, price, rate):
        sign = 1 if order.side == "buy" else -1
        cash = Fraction(quantity * price, 100)
        fee = self.fee(cash, rate)
        self.cash[order.account] -= sign * cash + fee
        self.held[order.account, order.symbol] += sign * quantity
        self.fees += fee
        order.leaves -= quantity
        order.filled += quantity
        order.fills.append((quantity, price))
        order.state = "filled" if order.leaves == 0 else "partially_filled"

    def facing(self, symbol, side):
        rest = [one for one in self.book[symbol] if one.side != side]
        return sorted(rest, key=lambda one: (one.price if side == "buy" else -one.price, one.rank))

    def match(self, order):
        for other in self.facing(order.symbol, order.side):
            crosses = order.price is None or (
                order.price >= other.price if order.side == "buy" else order.price <= other.price
            )
            if order.leaves == 0 or not crosses:
                break
            quantity = min(order.leaves, other.leaves)
            for one, rate in ((other, self.maker), (order, self.taker)):
                if one.account:
                    self.fill(one, quantity, other.price, rate)
                else:
                    one.leaves -= quantity
            if other.leaves == 0:
                self.book[order.symbol].remove(other)

    def reserved(self, account):
        """Cash held back by open buys; units held back by open sells, by symbol."""
        cash, units = Fraction(0), {}
        for book in self.book.values():
            for one in book:
                if one.account == account and one.side == "buy":
                    whole = Fraction(one.leaves * one.price, 100)
                    cash += whole + self.fee(whole, max(self.maker, self.taker))
                elif one.account == account:
                    units[one.symbol] = units.get(one.symbol, 0) + one.leaves
        return cash, units

    def refusal(self, order):
        cash, units = self.reserved(order.account)
        if order.price is None and not self.facing(order.symbol, order.side):
            return "no_liquidity"
        if order.side == "sell":
            free = self.held[order.account, order.symbol] - units.get(order.symbol, 0)
            return "insufficient_position" if order.leaves > free else None
        if order.price is None:
            need, left = Fraction(0), order.leaves
            for other in self.facing(order.symbol, "buy"):
                need += Fraction(min(left, other.leaves) * other.price, 100)
                left -= min(left, other.leaves)
        else:
            need = Fraction(order.leaves * order.price, 100)
        need += self.fee(need, max(self.maker, self.taker))
        return "insufficient_funds" if need > self.cash[order.account] - cash else None

    def submit(self, account, symbol, side, quantity, price, tif):
        self.rank += 1
        order = NaiveOrder(len(self.orders) + 1, account, symbol, side, quantity, price, self.rank)
        self.orders.append(order)
        if self.refusal(order):
            order.state = "rejected"
            return order
        if tif == "fok":
            ready = sum(
                one.leaves
                for one in self.facing(symbol, side)
                if price is None or (one.price <= price if side == "buy" else one.price >= price)
            )
            if ready < quantity:
                order.state = "cancelled"
                return order
        self.match(order)
        if order.leaves:
            if price is None or tif in ("ioc", "fok"):
                order.state = "cancelled"
            else:
                self.book[symbol].append(order)
        return order

    def cancel(self, number):
        order = self.orders[number - 1]
        if order in self.book[order.symbol]:
            self.book[order.symbol].remove(order)
            order.state = "cancelled"
            return True
        return False

    def shrink(self, number, quantity):
        """Whole quantity down to ``quantity``; keeps its place."""
        order = self.orders[number - 1]
        if order in self.book[order.symbol] and order.filled < quantity < order.filled + order.leaves:
            order.leaves = quantity - order.filled
            return True
        return False

    def quote(self, symbol, bid, ask, bid_size, ask_size):
        self.book[symbol] = [one for one in self.book[symbol] if one.account]
        for side, price, size in (("buy", bid, bid_size), ("sell", ask, ask_size)):
            self.rank += 1
            house = NaiveOrder(0, "", symbol, side, size, price, self.rank)
            self.match(house)
            if house.leaves:
                self.book[symbol].append(house)
