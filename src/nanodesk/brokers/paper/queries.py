"""What can be read from a paper market: orders, executions, accounts, balances; and who listens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from nanodesk.brokers.paper.checks import Funds
from nanodesk.brokers.paper.ledger import Ledger
from nanodesk.brokers.paper.listing import Listing
from nanodesk.brokers.paper.orders import EventFeed, Listener, OrderStore
from nanodesk.brokers.paper.values import PaperExecution, PaperOrder
from nanodesk.errors import ValidationError
from nanodesk.market.account import Account, Holding


class MarketQueries(ABC):
    """The part of :class:`~nanodesk.brokers.paper.market.PaperMarket` that is read.

    Attributes
    ----------
    listings : dict of str to Listing
        By symbol.
    ledger : Ledger
        Amounts by account.
    store : OrderStore
        Orders and executions.
    feed : EventFeed
        Who is told.
    funds : Funds
        What accounts can pay for.
    """

    listings: dict[str, Listing]
    ledger: Ledger
    store: OrderStore
    feed: EventFeed
    funds: Funds
    _currencies: dict[str, str]

    @abstractmethod
    def now_ns(self) -> int:
        """The market's clock, nanoseconds since 1970."""

    @abstractmethod
    def advance(self) -> None:
        """Let everything happen that is due by now."""

    def order(self, number: int) -> PaperOrder | None:
        """One order by number.

        Parameters
        ----------
        number : int
            The market's id.

        Returns
        -------
        order : PaperOrder or None
            ``None`` when there is none.
        """
        self.advance()
        return self.store.orders.get(number)

    def find(self, account_id: str, client_order_id: str, *, open_only: bool = False) -> PaperOrder | None:
        """One order by client id: the open one, else the newest accepted, else the newest.

        Parameters
        ----------
        account_id, client_order_id : str
            Whose, and the client's id.
        open_only : bool, default False
            Whether finished orders do not count.

        Returns
        -------
        order : PaperOrder or None
            ``None`` when there is none.
        """
        self.advance()
        return self.store.find(account_id, client_order_id, open_only=open_only)

    def orders(
        self, account_id: str | None = None, *, symbol: str | None = None, open_only: bool = False
    ) -> tuple[PaperOrder, ...]:
        """Orders ever taken, by number.

        Parameters
        ----------
        account_id, symbol : str, optional
            Only these.
        open_only : bool, default False
            Only what may still trade.

        Returns
        -------
        orders : tuple of PaperOrder
            Oldest first.
        """
        self.advance()
        if open_only:
            found: Iterable[PaperOrder] = (self.store.orders[number] for number in sorted(self.store.open))
            found = (order for order in found if account_id in (None, order.account_id))
        else:
            found = self.store.of_account(account_id)
        return tuple(order for order in found if symbol in (None, order.symbol))

    def executions(
        self,
        account_id: str | None = None,
        *,
        order_number: int | None = None,
        symbol: str | None = None,
        since_ns: int = 0,
    ) -> tuple[PaperExecution, ...]:
        """Executions ever made, by number, as they stand after busts and corrections.

        Parameters
        ----------
        account_id, symbol : str, optional
            Only these.
        order_number : int, optional
            Only of this order.
        since_ns : int, default 0
            Only from this instant on.

        Returns
        -------
        executions : tuple of PaperExecution
            Oldest first.
        """
        self.advance()
        found = self.store.executions_of(account_id, order_number)
        return tuple(one for one in found if symbol in (None, one.symbol) and one.ts_ns >= since_ns)

    def account(self, account_id: str) -> Account:
        """Money of one account, in its reporting currency.

        Parameters
        ----------
        account_id : str
            Which.

        Returns
        -------
        account : Account
            With all its currencies, coins and shares in ``balances_e9``.
        """
        self.advance()
        currency = self._require_account(account_id)
        return Account(
            account_id,
            currency,
            self.funds.equity(account_id, currency),
            self.ledger.amount(account_id, currency),
            self.funds.buying_power(account_id, currency),
            is_live=False,
            ts_ns=self.now_ns(),
            balances_e9=dict(self.ledger.holdings(account_id)),
        )

    def _require_account(self, account_id: str) -> str:
        try:
            return self._currencies[account_id]
        except KeyError:
            raise ValidationError(
                f"account_id={account_id!r} is not open.",
                field="account_id",
                value=account_id,
                allowed=", ".join(self._currencies),
            ) from None

    def currency(self, account_id: str) -> str:
        """Reporting currency of an account.

        Parameters
        ----------
        account_id : str
            Which.

        Returns
        -------
        currency : str
            As ``USD``.
        """
        return self._require_account(account_id)

    def positions(self, account_id: str) -> tuple[Holding, ...]:
        """Holdings of listed instruments that are not zero, sorted by symbol.

        Parameters
        ----------
        account_id : str
            Which.

        Returns
        -------
        holdings : tuple of Holding
            A coin that several symbols trade appears once, under the first that pays in the reporting currency.
        """
        self.advance()
        currency = self._require_account(account_id)
        listings = sorted(self.listings.values(), key=lambda one: (one.rules.currency != currency, one.rules.symbol))
        seen: set[str] = set()
        found = []
        for listing in listings:
            held = self.ledger.amount(account_id, listing.asset)
            if held and listing.asset not in seen:
                seen.add(listing.asset)
                average = self.ledger.average_price(account_id, listing.asset, listing.rules.multiplier)
                found.append(Holding(listing.rules.symbol, held, average))
        return tuple(sorted(found, key=lambda one: one.symbol))

    def balances(self, account_id: str) -> dict[str, tuple[int, int]]:
        """Free and reserved amount of every asset of an account that is not zero, sorted by asset.

        Parameters
        ----------
        account_id : str
            Which.

        Returns
        -------
        balances_e9 : dict of str to (int, int)
            Free and locked, in billionths; together what is held.
        """
        self.advance()
        self._require_account(account_id)
        return {asset: self.balance(account_id, asset) for asset in self.ledger.holdings(account_id)}

    def balance(self, account_id: str, asset: str) -> tuple[int, int]:
        """Free and reserved amount of one asset of an account.

        Parameters
        ----------
        account_id, asset : str
            Of whom, and of what.

        Returns
        -------
        free_e9, locked_e9 : int
            In billionths; together what is held.
        """
        locked = self.ledger.reserved(account_id, asset)
        return self.ledger.amount(account_id, asset) - locked, locked

    def listen(self, account_id: str, listener: Listener) -> Callable[[], None]:
        """Call a function with each event of an account from now on, in order.

        Parameters
        ----------
        account_id : str
            Whose events.
        listener : callable
            Takes one :class:`MarketEvent`; must not call the market back.

        Returns
        -------
        stop : callable
            Ends it.
        """
        self._require_account(account_id)
        return self.feed.listen(account_id, listener)
