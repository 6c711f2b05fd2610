"""Orders of the market under the three identities of TWS, and what each event of the market makes TWS say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nanodesk.brokers.ibkr.messages import TwsContract
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import EventKind, MarketEvent, PaperOrder, Refusal
from nanodesk.market.order import OrderState
from nanodesk.venues.tws import messages as say
from nanodesk.venues.tws.messages import Fields

FIRST_PERM_ID: Final = 1_000_000_000
FIRST_CON_ID: Final = 100_001

REFUSAL_CODES: Final = {
    Refusal.TICK.value: (110, "The price does not conform to the minimum price variation for this contract."),
    Refusal.UNKNOWN_SYMBOL.value: (200, "No security definition has been found for the request"),
    Refusal.ORDER_TYPE.value: (387, "Unsupported order type for this exchange and security type."),
    Refusal.ORDER_CLOSED.value: (104, "Cannot modify a filled order."),
}
"""Refusals of the market that have a code of their own; every other one is a rejection, 201."""

BEFORE_THE_VENUE: Final = (110, 200, 387)
"""Codes that TWS gives itself, without ever holding the order."""


@dataclass(frozen=True, slots=True)
class OrderKey:
    """Who placed an order, and as what.

    Parameters
    ----------
    client_id, order_id : int
        Both 0 for an order that no client placed.
    """

    client_id: int
    order_id: int

    @property
    def tag(self) -> str:
        """Text in which it is kept with the order."""
        return f"tws:{self.client_id}:{self.order_id}"


NOBODY: Final = OrderKey(0, 0)


class TwsOrders:
    """Identities of orders and names of contracts at this venue.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue.
    account : str
        Name of the account as clients see it.
    account_id : str
        Its name in the market.
    seed : int
        Begins every execution id.
    """

    def __init__(self, market: PaperMarket, account: str, account_id: str, seed: int) -> None:
        self.market = market
        self.account = account
        self.account_id = account_id
        self.seed = seed
        self._numbers: dict[OrderKey, int] = {}
        self._next_ids: dict[int, int] = {}

    # --- identities -------------------------------------------------------------------------------------------

    def next_id(self, client_id: int) -> int:
        """Lowest order id that a client has not used.

        Parameters
        ----------
        client_id : int
            Which client.

        Returns
        -------
        order_id : int
            From 1.
        """
        return self._next_ids.get(client_id, 1)

    def use_id(self, key: OrderKey, number: int | None = None) -> None:
        """Count an order id as used.

        Parameters
        ----------
        key : OrderKey
            Client and id.
        number : int, optional
            Number of the order in the market, when there is one.
        """
        self._next_ids[key.client_id] = max(self.next_id(key.client_id), key.order_id + 1)
        if number is not None:
            self._numbers[key] = number

    def find(self, key: OrderKey) -> PaperOrder | None:
        """An order by client and id.

        Parameters
        ----------
        key : OrderKey
            Client and id.

        Returns
        -------
        order : PaperOrder or None
            As it stands.
        """
        number = self._numbers.get(key)
        return None if number is None else self.market.order(number)

    @staticmethod
    def key(order: PaperOrder) -> OrderKey:
        """Who placed an order.

        Parameters
        ----------
        order : PaperOrder
            Of the market.

        Returns
        -------
        key : OrderKey
            :data:`NOBODY` for orders from elsewhere.
        """
        kind, _, rest = order.tag.partition(":")
        if kind != "tws":
            return NOBODY
        client, _, number = rest.partition(":")
        return OrderKey(int(client), int(number))

    def ids(self, order: PaperOrder) -> tuple[int, int, int]:
        """Order id, client id and permId.

        Parameters
        ----------
        order : PaperOrder
            Of the market.

        Returns
        -------
        ids : tuple of (int, int, int)
            As messages carry them.
        """
        key = self.key(order)
        return key.order_id, key.client_id, FIRST_PERM_ID + order.number

    # --- contracts --------------------------------------------------------------------------------------------

    def contract(self, symbol: str) -> TwsContract:
        """A listed instrument in the venue's words.

        Parameters
        ----------
        symbol : str
            Name in the market.

        Returns
        -------
        contract : TwsContract
            With its number.
        """
        rules = self.market.rules(symbol)
        is_coin = bool(rules.base)
        name = rules.base if is_coin else symbol.replace(".", " ")
        multiplier = str(rules.multiplier) if rules.multiplier != 1 else ""
        return TwsContract(
            symbol=name,
            sec_type="CRYPTO" if is_coin else "STK",
            exchange="PAXOS" if is_coin else "SMART",
            currency=rules.currency,
            con_id=FIRST_CON_ID + self.market.symbols.index(symbol),
            primary_exchange=rules.venue or ("PAXOS" if is_coin else "NASDAQ"),
            multiplier=multiplier,
            local_symbol=f"{rules.base}.{rules.currency}" if is_coin else name,
            trading_class=name if is_coin else "NMS",
        )

    def resolve(self, asked: TwsContract) -> str | None:
        """The listed instrument that a client describes.

        Parameters
        ----------
        asked : TwsContract
            By its number, or by symbol, kind and currency.

        Returns
        -------
        symbol : str or None
            Name in the market; ``None`` if nothing fits.
        """
        symbols = self.market.symbols
        if asked.con_id:
            index = asked.con_id - FIRST_CON_ID
            return symbols[index] if 0 <= index < len(symbols) else None
        for symbol in symbols:
            mine = self.contract(symbol)
            wanted = (asked.symbol or asked.local_symbol, asked.sec_type, asked.currency or mine.currency)
            if wanted in ((mine.symbol, mine.sec_type, mine.currency), (symbol, mine.sec_type, mine.currency)):
                return symbol
        return None

    # --- what is said -----------------------------------------------------------------------------------------

    def open_order(self, order: PaperOrder, *, status: str = "", margin_e9: int | None = None) -> Fields:
        """Message 5 of an order.

        Parameters
        ----------
        order : PaperOrder
            As it stands.
        status : str, optional
            Stands in for the order's own.
        margin_e9 : int, optional
            Makes it the answer to a what-if.

        Returns
        -------
        fields : list
            Of one message.
        """
        contract = self.contract(order.symbol)
        return say.open_order(order, self.ids(order), contract, self.account, status=status, margin_e9=margin_e9)

    def status(self, order: PaperOrder, *, status: str = "", last_price_e9: int = 0) -> Fields:
        """Message 3 of an order.

        Parameters
        ----------
        order : PaperOrder
            As it stands.
        status : str, optional
            Stands in for the order's own.
        last_price_e9 : int, default 0
            Price of the last fill.

        Returns
        -------
        fields : list
            Of one message.
        """
        return say.order_status(order, self.ids(order), status=status, last_price_e9=last_price_e9)

    def executions(self, request_id: int, orders: Iterable[PaperOrder]) -> list[Fields]:
        """Messages 11 and 59 of the fills of some orders.

        Parameters
        ----------
        request_id : int
            Request that they answer.
        orders : iterable of PaperOrder
            Whose fills.

        Returns
        -------
        messages : list of list
            Each fill with its commission.
        """
        found: list[Fields] = []
        for order in orders:
            contract = self.contract(order.symbol)
            for one in self.market.executions(order_number=order.number):
                ids = self.ids(order)
                found.append(
                    say.execution_details(
                        one, order, ids, contract, self.account, request_id=request_id, seed=self.seed
                    )
                )
                found.append(say.commission_report(one, self.seed))
        return found

    def tell(self, event: MarketEvent) -> list[Fields]:
        """What TWS says when something happens to an order, in its usual order.

        Parameters
        ----------
        event : MarketEvent
            Of the market.

        Returns
        -------
        messages : list of list
            Empty for what TWS does not tell.
        """
        order = event.order
        if order is None:
            return []
        order_id = self.key(order).order_id or -1
        match event.kind:
            case EventKind.PENDING | EventKind.CHANGED | EventKind.TRIGGERED:
                return [self.open_order(order), self.status(order)]
            case EventKind.NEW:
                # Accepted by TWS first, at the exchange next; both are always said.
                early = [self.open_order(order, status="PreSubmitted"), self.status(order, status="PreSubmitted")]
                return early if order.is_waiting_stop else [*early, self.open_order(order), self.status(order)]
            case EventKind.REJECTED:
                code, text = refusal(event.code, event.text)
                if code in BEFORE_THE_VENUE:
                    return [say.error(order_id, code, text)]
                return [self.open_order(order), self.status(order), say.error(order_id, code, text)]
            case EventKind.CANCELLED | EventKind.EXPIRED | EventKind.REPLACED:
                return [self.status(order), say.error(order_id, 202, "Order Canceled - reason:" + order.text)]
            case EventKind.CANCEL_REJECTED:
                return [say.error(order_id, *cancel_refusal(order))]
            case EventKind.REPLACE_REJECTED:
                return [say.error(order_id, *refusal(event.code, event.text))]
            case EventKind.TRADE | EventKind.BUST | EventKind.CORRECT:
                return self._fill(event, order)
        return []

    def _fill(self, event: MarketEvent, order: PaperOrder) -> list[Fields]:
        one = event.execution
        if one is None:
            return []
        contract = self.contract(order.symbol)
        return [
            say.execution_details(one, order, self.ids(order), contract, self.account, seed=self.seed),
            self.open_order(order),
            self.status(order, last_price_e9=one.price_e9),
            say.commission_report(one, self.seed),
        ]


def refusal(code: str, text: str) -> tuple[int, str]:
    """Error of TWS for a refusal of the market.

    Parameters
    ----------
    code : str
        Of the market, or a number given in a written refusal.
    text : str
        Its sentence.

    Returns
    -------
    error : tuple of (int, str)
        Code and text.
    """
    if code.isascii() and code.isdigit() and len(code) <= 6:
        return int(code), text
    return REFUSAL_CODES.get(code, (201, f"Order rejected - reason:{text}"))


def cancel_refusal(order: PaperOrder) -> tuple[int, str]:
    """Error of TWS for a cancel that comes too late.

    Parameters
    ----------
    order : PaperOrder
        Finished.

    Returns
    -------
    error : tuple of (int, str)
        Code and text.
    """
    if order.state is OrderState.FILLED:
        return 161, f"Cancel attempted when order is not in a cancellable state. Order permId ={order.number}"
    return 10148, f"OrderId {TwsOrders.key(order).order_id} that needs to be cancelled cannot be cancelled."
