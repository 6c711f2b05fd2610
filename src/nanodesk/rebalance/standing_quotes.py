"""A paper broker whose quotes stand: the market of a quotes file, or of one evening's closes, which nobody updates."""

from __future__ import annotations

from dataclasses import replace

from nanodesk.brokers.paper.broker import PaperBroker
from nanodesk.market.account import Quote


class StandingQuotesBroker(PaperBroker):
    """A :class:`PaperBroker` that says of every quote that it is true now.

    A quote of a file has the age of the file, and every age is too old for a risk check. What the file says holds for
    as long as the process that was given it runs, so its quotes are told as of the moment of asking.
    """

    def quote(self, symbol: str) -> Quote:
        """Best bid and ask, as of now.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        quote : Quote
            With the present instant.
        """
        return replace(super().quote(symbol), ts_ns=self.market.now_ns())
