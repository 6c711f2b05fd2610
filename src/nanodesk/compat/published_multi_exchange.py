"""The published collection of books: one exchange a symbol, in the order in which the symbols came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nanodesk.compat import published_arguments as arguments
from nanodesk.compat.published_exchange import Exchange
from nanodesk.compat.published_results import CancelResult, ModifyResult, SubmitResult


class MultiExchange:
    """Independent books by symbol; what `get_or_create` gives is the book itself.

    Examples
    --------
    >>> multi = MultiExchange()
    >>> multi.get_or_create("AAPL").submit_limit("sell", 150_00, 100).order_id
    1
    >>> multi.best_prices()
    [('AAPL', None, 15000)]
    """

    __slots__ = ("_books",)

    def __init__(self) -> None:
        self._books: dict[str, Exchange] = {}

    def get_or_create(self, symbol: Any) -> Exchange:
        """The book of a symbol, made at its first use.

        Parameters
        ----------
        symbol : str
            At most eight bytes.

        Returns
        -------
        exchange : Exchange
            Live: what is sent to it is in this collection.
        """
        name = arguments.symbol(symbol, "symbol")
        found = self._books.get(name)
        if found is None:
            found = self._books[name] = Exchange()
        return found

    def get(self, symbol: Any) -> Exchange | None:
        """The book of a symbol, if there is one.

        Parameters
        ----------
        symbol : str
            At most eight bytes.

        Returns
        -------
        exchange : Exchange or None
            Live.
        """
        return self._books.get(arguments.symbol(symbol, "symbol"))

    def submit_limit(self, symbol: Any, side: Any, price: Any, quantity: Any, tif: Any = "gtc") -> SubmitResult:
        """Send a limit order to the book of a symbol.

        Parameters
        ----------
        symbol : str
            At most eight bytes.
        side : str
            ``"buy"`` or ``"sell"``.
        price : int
            Cents.
        quantity : int
            Shares, from 1.
        tif : str, default "gtc"
            Time in force.

        Returns
        -------
        result : SubmitResult
            How the order stands.
        """
        return self.get_or_create(symbol).submit_limit(side, price, quantity, tif)

    def submit_market(self, symbol: Any, side: Any, quantity: Any) -> SubmitResult:
        """Send a market order to the book of a symbol.

        Parameters
        ----------
        symbol : str
            At most eight bytes.
        side : str
            ``"buy"`` or ``"sell"``.
        quantity : int
            Shares, from 1.

        Returns
        -------
        result : SubmitResult
            How the order stands.
        """
        return self.get_or_create(symbol).submit_market(side, quantity)

    def cancel(self, symbol: Any, order_id: Any) -> CancelResult:
        """Cancel in the book of a symbol; asking an unknown one makes no book.

        Parameters
        ----------
        symbol : str
            At most eight bytes.
        order_id : int
            Number in that book.

        Returns
        -------
        result : CancelResult
            What was cancelled, or why nothing was.
        """
        return (self.get(symbol) or Exchange()).cancel(order_id)

    def modify(self, symbol: Any, order_id: Any, new_price: Any, new_quantity: Any) -> ModifyResult:
        """Modify in the book of a symbol; asking an unknown one makes no book.

        Parameters
        ----------
        symbol : str
            At most eight bytes.
        order_id : int
            Number in that book.
        new_price : int
            Cents.
        new_quantity : int
            Open quantity of the new order.

        Returns
        -------
        result : ModifyResult
            The new order, or why there is none.
        """
        return (self.get(symbol) or Exchange()).modify(order_id, new_price, new_quantity)

    def symbols(self) -> list[str]:
        """Symbols that have a book.

        Returns
        -------
        symbols : list of str
            In the order in which they came.
        """
        return list(self._books)

    def best_prices(self) -> list[tuple[str, int | None, int | None]]:
        """Best prices of every book.

        Returns
        -------
        prices : list of (str, int or None, int or None)
            Symbol, best bid, best ask, in the order in which the symbols came.
        """
        return [(symbol, *book.best_bid_ask()) for symbol, book in self._books.items()]

    def len(self) -> int:
        """How many symbols have a book.

        Returns
        -------
        count : int
            The same as ``len(multi)``.
        """
        return len(self._books)

    def __len__(self) -> int:
        return len(self._books)

    def __iter__(self) -> Iterator[str]:
        return iter(self._books)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._books

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"MultiExchange(symbols={len(self._books)})"
