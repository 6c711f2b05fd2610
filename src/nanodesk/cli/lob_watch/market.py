"""What a screen shows of a book, gathered while its commands run. No screen is needed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanodesk.book.snapshot import BookSnapshot
    from nanodesk.cli.lob_watch.order_flow import OrderFlow

TAPE_LENGTH = 200
MIDS_KEPT = 600
STEPS_BETWEEN_MIDS = 5
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Print:
    """A trade on the tape.

    Parameters
    ----------
    id : int
        Trade id.
    price : int
        Cents.
    quantity : int
        What was traded.
    is_buy : bool
        Whether the buyer arrived.
    """

    id: int
    price: int
    quantity: int
    is_buy: bool


class Market:
    """A flow and everything that is told about it.

    Parameters
    ----------
    flow : OrderFlow
        Gives the commands and the book.
    """

    def __init__(self, flow: OrderFlow) -> None:
        self.flow = flow
        self._begin()

    def _begin(self) -> None:
        self.tape: deque[Print] = deque(maxlen=TAPE_LENGTH)
        self.mids: deque[float] = deque(maxlen=MIDS_KEPT)
        self.steps = self.trades = self.volume = self.notional = self.stops_triggered = 0
        self.last_command = ""
        self.is_done = False
        self._gather()

    def restart(self) -> None:
        """Begin the flow again."""
        self.flow.restart()
        self._begin()

    def advance(self, steps: int) -> None:
        """Run some commands and take in what they did.

        Parameters
        ----------
        steps : int
            How many; fewer at the end of a flow that ends.
        """
        for count in range(1, steps + 1):
            text = self.flow.step()
            if text is None:
                self.is_done = True
                break
            self.last_command = text
            self.steps += 1
            if self.steps % STEPS_BETWEEN_MIDS == 0:
                self._sample()
            if count % _CHUNK == 0:
                self._gather()
        self._gather()

    def _sample(self) -> None:
        bid, ask = self.flow.exchange.best_bid_ask()
        if bid is not None and ask is not None:
            self.mids.append((bid + ask) / 2)

    def _gather(self) -> None:
        """Take trades and notices off the book, so that a long run holds no more than the tape."""
        exchange = self.flow.exchange
        for trade in exchange.trades():
            is_buy = trade.aggressor_side.value == "buy"
            self.tape.appendleft(Print(trade.id, trade.price, trade.quantity, is_buy))
            self.trades += 1
            self.volume += trade.quantity
            self.notional += trade.price * trade.quantity
        exchange.clear_trades()
        self.stops_triggered += sum(notice.kind == "triggered" for notice in exchange.take_notices())

    @property
    def vwap(self) -> float | None:
        """Volume-weighted price of everything that traded, in cents."""
        return self.notional / self.volume if self.volume else None

    def depth(self, levels: int) -> BookSnapshot:
        """The best levels now.

        Parameters
        ----------
        levels : int
            How many of each side.

        Returns
        -------
        snapshot : BookSnapshot
            Depth and its measures.
        """
        return self.flow.exchange.depth(levels)
