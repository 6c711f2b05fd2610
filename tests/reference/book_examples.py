"""A short way to write worked examples, for the naive book and the compiled one alike."""

from __future__ import annotations

from reference.exchange_driver import Driver
from reference.naive_book import NaiveDriver

DRIVERS = (NaiveDriver, Driver)


class Example:
    """A driver that is told things in one line each; ids count from 1 in the order written."""

    def __init__(self, driver: type, **configuration) -> None:
        self.driver = driver(**configuration)
        self.seen: tuple = ()

    def do(self, *command) -> tuple:
        """Apply one command; its result, with errors by class (and field, where it names what the caller wrote)."""
        self.seen = self.driver.apply(command)
        return self.seen[0]

    def buy(self, price: int, quantity: int, tif: str = "gtc", **options) -> tuple:
        return self.do("limit", "buy", price, quantity, tif, options)

    def sell(self, price: int, quantity: int, tif: str = "gtc", **options) -> tuple:
        return self.do("limit", "sell", price, quantity, tif, options)

    def trade_at(self, price: int, quantity: int = 1) -> None:
        """One trade at a price, between two new orders."""
        self.sell(price, quantity)
        self.buy(price, quantity)

    @property
    def fills(self) -> list[tuple[int, int, int]]:
        """Price, quantity, passive id of each trade of the last command."""
        return [(price, quantity, passive) for _, price, quantity, _, passive, _, _ in self.seen[1]]

    @property
    def notices(self) -> list[tuple]:
        return list(self.seen[2])

    @property
    def bids(self) -> list[tuple]:
        return list(self.seen[3])

    @property
    def asks(self) -> list[tuple]:
        return list(self.seen[4])

    def queue(self, side: str) -> list[int]:
        """Ids at the best level of a side, front first."""
        return self.driver.queue(side)

    def open(self, order_id: int) -> int:
        return self.driver.orders()[order_id][3]

    def status(self, order_id: int) -> str:
        return self.driver.orders()[order_id][8]
