"""Where the commands of a watched book come from: a seeded crowd, or a recorded log."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Protocol

from nanodesk.cli.lob_shell.render import dollars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nanodesk.book.events import Event
    from nanodesk.book.exchange import Exchange

START_CENTS = 10_000
SEEDED_ORDERS = 160
"""Orders in the book before the first step."""
TYPICAL_ORDERS = 260
"""Orders in the book at which as many leave as come."""
_PART = 4_096
_PRICES = ("stop_price", "limit_price", "take_profit", "stop_loss", "low", "high", "reference_price", "offset")


class OrderFlow(Protocol):
    """Commands that come one at a time.

    Attributes
    ----------
    title : str
        What the screen calls it.
    exchange : Exchange
        The book that the commands go to.
    length : int or None
        Number of commands, if they end.
    """

    title: str
    exchange: Exchange
    length: int | None

    def step(self) -> str | None:
        """Carry out the next command; what it was, or None when there is none."""

    def restart(self) -> None:
        """Begin again with a new book."""


class SyntheticFlow:
    """A crowd that quotes around a value which wanders: orders, cancels, icebergs, stops and bursts of market orders.

    Parameters
    ----------
    seed : int
        The same seed gives the same commands, step by step.
    """

    def __init__(self, seed: int) -> None:
        self.title = f"synthetic flow, seed {seed}"
        self.length: int | None = None
        self._seed = seed
        self.restart()

    def restart(self) -> None:
        """Begin again with a new book."""
        from nanodesk.book.exchange import Exchange

        self.exchange = Exchange(event_log=False)
        self._random = Random(self._seed)  # noqa: S311  a picture, not a secret
        self._value = float(START_CENTS)
        self._mood = 0.0
        self._live: list[int] = []
        for _ in range(SEEDED_ORDERS):
            self._place(self._random.random() < 0.5, post_only=True)

    def step(self) -> str | None:
        """Carry out the next command; what it was."""
        random = self._random
        self._value += random.gauss(0, 0.25) + 0.001 * (START_CENTS - self._value)
        self._mood = 0.97 * self._mood + random.gauss(0, 0.24)
        leaves = 0.46 * len(self._live) / TYPICAL_ORDERS
        draw = random.random()
        if draw < leaves:
            return self._cancel()
        is_buy = random.random() < 1 / (1 + math.exp(-self._mood))
        if draw < leaves + 0.09:
            return self._take(is_buy)
        if draw < leaves + 0.095:
            return self._protect(is_buy)
        return self._place(is_buy)

    def _size(self) -> int:
        return max(1, min(900, round(math.exp(self._random.gauss(3.5, 0.9)))))

    def _place(self, is_buy: bool, *, post_only: bool = False) -> str:
        distance = int(self._random.expovariate(0.22)) + (1 if self._random.random() < 0.8 else 0)
        price = max(1, round(self._value) + (-distance if is_buy else distance))
        quantity, side = self._size(), "buy" if is_buy else "sell"
        display = max(1, quantity // 5) if quantity > 60 and self._random.random() < 0.06 else None
        result = self.exchange.submit_limit(side, price, quantity, post_only=post_only, display=display)
        if result.resting_quantity:
            self._live.append(result.order_id)
        shown = "" if display is None else f", shows {display}"
        return f"O{result.order_id} {side} {quantity:,} @ {dollars(price)}{shown}"

    def _take(self, is_buy: bool) -> str:
        side, quantity = "buy" if is_buy else "sell", self._size()
        result = self.exchange.submit_market(side, quantity)
        return f"O{result.order_id} market {side} {quantity:,}"

    def _protect(self, is_buy: bool) -> str:
        offset = 4 + int(self._random.expovariate(0.2))
        price = max(1, round(self._value) + (offset if is_buy else -offset))
        side, quantity = "buy" if is_buy else "sell", self._size()
        result = self.exchange.submit_stop_market(side, price, quantity)
        return f"O{result.order_id} stop {side} {quantity:,} at {dollars(price)}"

    def _cancel(self) -> str:
        """Cancel one of the orders that are still there; those filled meanwhile are dropped on the way."""
        live = self._live
        while live:
            place = self._random.randrange(len(live))
            live[place], live[-1] = live[-1], live[place]
            order_id = live.pop()
            if self.exchange.cancel(order_id).success:
                return f"O{order_id} cancelled"
        return self._place(self._random.random() < 0.5)


class ReplayFlow:
    """The commands of a recorded book, in order.

    Parameters
    ----------
    recorded : Exchange
        With its event log.
    title : str
        What the screen calls it.
    """

    def __init__(self, recorded: Exchange, title: str) -> None:
        self.title = title
        self._recorded = recorded
        self.length: int | None = recorded.event_count()
        self.restart()

    def restart(self) -> None:
        """Begin again with a new book."""
        from nanodesk.book.exchange import Exchange

        self.exchange = Exchange(self._recorded.instrument, **self._recorded.configuration)
        self._coming = self._read()

    def step(self) -> str | None:
        """Carry out the next command; what it was, or None at the end."""
        event = next(self._coming, None)
        if event is None:
            return None
        self.exchange.apply(event)
        return describe_event(event)

    def _read(self) -> Iterator[Event]:
        """A long log in parts, as objects are larger than records."""
        count = self._recorded.event_count()
        for start in range(0, count, _PART):
            yield from self._recorded.events(start, min(start + _PART, count))


def describe_event(event: Event) -> str:
    """A record of the log in a line.

    Parameters
    ----------
    event : Event
        From the log.

    Returns
    -------
    text : str
        Prices in dollars.
    """
    fields = dict(event.fields)
    words = [event.kind.removeprefix("submit_").replace("_", " ")]
    words += [str(fields.pop("side"))] if "side" in fields else []
    words += [f"O{fields.pop('order_id')}"] if "order_id" in fields else []
    words += [f"{fields.pop('quantity'):,}"] if "quantity" in fields else []
    words += [f"@ {dollars(fields.pop('price'))}"] if "price" in fields else []
    for name, value in fields.items():
        if value not in (None, False, "gtc", "off"):
            shown = dollars(value) if name in _PRICES else value
            words.append(f"{name.replace('_', ' ')} {shown}")
    return " ".join(words)
