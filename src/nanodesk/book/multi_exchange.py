"""One exchange per symbol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nanodesk.book.exchange import Exchange
from nanodesk.book.results import CancelResult, ModifyResult, SubmitResult
from nanodesk.errors import UnknownOrderError
from nanodesk.market.enums import Side
from nanodesk.market.instrument import Instrument


class MultiExchange:
    """Independent exchanges by symbol, in the order in which they were first asked for.

    Parameters
    ----------
    instruments : iterable of Instrument, optional
        Opened at once, in this order. A symbol opened later without an instrument has tick and lot 1.
    **configuration
        Matching rules of every exchange, as keywords of ``Exchange``.

    Examples
    --------
    >>> venues = MultiExchange()
    >>> _ = venues.submit_limit("AAPL", "buy", 15_000, 10)
    >>> venues.best_prices()
    [('AAPL', 15000, None)]
    """

    def __init__(self, instruments: Any = (), **configuration: Any) -> None:
        self._configuration = configuration
        self._exchanges: dict[str, Exchange] = {}
        for instrument in instruments:
            self.get_or_create(instrument.symbol, instrument)

    def get_or_create(self, symbol: str, instrument: Instrument | None = None) -> Exchange:
        """The exchange of a symbol itself, not a copy.

        Parameters
        ----------
        symbol : str
            Its name.
        instrument : Instrument, optional
            Used if the exchange is new.

        Returns
        -------
        exchange : Exchange
            Live: what is done to it is seen here.
        """
        exchange = self._exchanges.get(symbol)
        if exchange is None:
            exchange = self._exchanges[symbol] = Exchange(instrument, **self._configuration)
        return exchange

    def get(self, symbol: str) -> Exchange | None:
        """The exchange of a symbol, or None.

        Parameters
        ----------
        symbol : str
            Its name.

        Returns
        -------
        exchange : Exchange or None
            None if the symbol was never used.
        """
        return self._exchanges.get(symbol)

    def _known(self, symbol: str) -> Exchange:
        exchange = self._exchanges.get(symbol)
        if exchange is None:
            raise UnknownOrderError(
                f"symbol={symbol!r} has no exchange, so no order either.",
                field="symbol",
                value=symbol,
                allowed=", ".join(self._exchanges) or "none yet",
            )
        return exchange

    def submit_limit(
        self, symbol: str, side: Side | str, price: int, quantity: int, tif: str = "gtc", **options: Any
    ) -> SubmitResult:
        """Submit a limit order to the symbol's exchange, opening it if needed.

        Parameters
        ----------
        symbol : str
            Where to.
        side : Side or str
            Direction.
        price, quantity : int
            Limit and quantity.
        tif : str, default "gtc"
            Time in force.
        **options
            As ``Exchange.submit_limit``.

        Returns
        -------
        result : SubmitResult
            Of that exchange.
        """
        return self.get_or_create(symbol).submit_limit(side, price, quantity, tif, **options)

    def submit_market(self, symbol: str, side: Side | str, quantity: int, **options: Any) -> SubmitResult:
        """Submit a market order to the symbol's exchange, opening it if needed.

        Parameters
        ----------
        symbol : str
            Where to.
        side : Side or str
            Direction.
        quantity : int
            Quantity.
        **options
            As ``Exchange.submit_market``.

        Returns
        -------
        result : SubmitResult
            Of that exchange.
        """
        return self.get_or_create(symbol).submit_market(side, quantity, **options)

    def cancel(self, symbol: str, order_id: int) -> CancelResult:
        """Cancel an order of a symbol.

        Parameters
        ----------
        symbol : str
            Where it is.
        order_id : int
            Which order.

        Returns
        -------
        result : CancelResult
            Of that exchange.

        Raises
        ------
        UnknownOrderError
            If the symbol has no exchange; none is made.
        """
        return self._known(symbol).cancel(order_id)

    def modify(self, symbol: str, order_id: int, price: int, quantity: int) -> ModifyResult:
        """Modify an order of a symbol.

        Parameters
        ----------
        symbol : str
            Where it is.
        order_id : int
            Which order.
        price, quantity : int
            New limit and open quantity.

        Returns
        -------
        result : ModifyResult
            Of that exchange.

        Raises
        ------
        UnknownOrderError
            If the symbol has no exchange; none is made.
        """
        return self._known(symbol).modify(order_id, price, quantity)

    def symbols(self) -> list[str]:
        """All symbols, oldest first.

        Returns
        -------
        symbols : list of str
            In the order in which they were first used.
        """
        return list(self._exchanges)

    def best_prices(self) -> list[tuple[str, int | None, int | None]]:
        """Best bid and ask of every symbol, oldest symbol first.

        Returns
        -------
        prices : list of (symbol, bid, ask)
            None where a side is empty.
        """
        return [(symbol, *exchange.best_bid_ask()) for symbol, exchange in self._exchanges.items()]

    def __len__(self) -> int:
        return len(self._exchanges)

    def __iter__(self) -> Iterator[tuple[str, Exchange]]:
        return iter(self._exchanges.items())

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._exchanges
