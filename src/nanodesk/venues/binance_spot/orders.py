"""New orders at the Binance look-alike: parameters read, filters enforced, handed to the market."""

from __future__ import annotations

from typing import Final

from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import IdRule, PaperOrder
from nanodesk.errors import ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, notional_e9
from nanodesk.market.order import Order, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus
from nanodesk.venues.binance_spot.errors import SpotError, filter_failure, missing, of_refusal
from nanodesk.venues.binance_spot.parameters import Parameters
from nanodesk.venues.binance_spot.views import MAX_NUM_ALGO_ORDERS, MAX_NUM_ORDERS, PERCENT_DOWN, PERCENT_UP, STP

_TYPES: Final = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "LIMIT_MAKER": OrderType.LIMIT,
    "STOP_LOSS": OrderType.STOP,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
}
_NOT_SERVED: Final = {"TAKE_PROFIT": "Take profit", "TAKE_PROFIT_LIMIT": "Take profit limit"}
_TIMES: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_DETAILS: Final = ("ACK", "RESULT", "FULL")
LARGEST_E9: Final = 9_000_000 * E9
_OPTIONAL: Final = ("strategyId", "strategyType", "icebergQty", "trailingDelta")


class SpotOrders:
    """Places orders of one account.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue.
    account_id : str
        Whose.
    quote_asset : str
        What follows a symbol in the name of a pair.
    """

    def __init__(self, market: PaperMarket, account_id: str, quote_asset: str) -> None:
        self._market = market
        self._account_id = account_id
        self._quote_asset = quote_asset
        self._given = 0

    def symbol(self, parameters: Parameters) -> str:
        """The market's symbol that a request names.

        Parameters
        ----------
        parameters : Parameters
            With ``symbol``.

        Returns
        -------
        symbol : str
            Name at the market.

        Raises
        ------
        SpotError
            -1102 or -1121.
        """
        return self.known(parameters.text("symbol"))

    def known(self, pair: str) -> str:
        """The market's symbol of a pair.

        Parameters
        ----------
        pair : str
            Name at the venue.

        Returns
        -------
        symbol : str
            Name at the market.

        Raises
        ------
        SpotError
            -1121.
        """
        symbol = pair.removesuffix(self._quote_asset)
        if symbol == pair or symbol not in self._market.listings:
            raise SpotError(-1121, "Invalid symbol.")
        return symbol

    def detail(self, parameters: Parameters, kind: OrderType) -> str:
        """How long the answer shall be.

        Parameters
        ----------
        parameters : Parameters
            With ``newOrderRespType`` or without.
        kind : OrderType
            Market and limit orders are answered in full by default.

        Returns
        -------
        detail : str
            ``ACK``, ``RESULT`` or ``FULL``.
        """
        usual = "FULL" if kind in (OrderType.MARKET, OrderType.LIMIT) else "ACK"
        word = parameters.text("newOrderRespType", usual)
        if word not in _DETAILS:
            raise SpotError(-1100, "Illegal characters found in parameter 'newOrderRespType'.")
        return word

    def read(self, parameters: Parameters) -> tuple[Order, str, str]:
        """The order that a request describes, checked against the filters.

        Parameters
        ----------
        parameters : Parameters
            Of the request.

        Returns
        -------
        order : Order
            For the market; its own id stands for the client's.
        client_id : str
            The client's id, or one that the venue gives.
        tag : str
            The cash to spend in billionths, for an order by cash.

        Raises
        ------
        SpotError
            Whatever is wrong first.
        """
        symbol = self.symbol(parameters)
        side = Side.parse(parameters.word("side", ("BUY", "SELL"), -1117, "Invalid side.").lower())
        word = parameters.text("type")
        if word in _NOT_SERVED:
            raise _not_supported(_NOT_SERVED[word])
        word = parameters.word("type", _TYPES, -1116, "Invalid orderType.")
        kind = _TYPES[word]
        time_in_force = self._time_in_force(parameters, word)
        tag, quantity = self._quantity(parameters, kind, symbol, side)
        price = parameters.amount("price") if kind.needs_limit else None
        stop = parameters.amount("stopPrice") if kind.needs_stop else None
        client_id = parameters.client_id("newClientOrderId") or self._next_id()
        parameters.ignore((*_OPTIONAL, "newOrderRespType"))
        # What is taken and then not done would be a rehearsal of something else.
        if "icebergQty" in parameters:
            raise _not_supported("Iceberg")
        if "trailingDelta" in parameters:
            raise _not_supported("Trailing stop")
        if parameters.text("selfTradePreventionMode", STP) != STP:
            raise SpotError(-1013, "This symbol does not allow the specified self-trade prevention mode.")
        self._require_filters(symbol, kind, quantity, price, stop)
        try:
            order = Order(
                "v", symbol, side, quantity, kind, price, stop, time_in_force, post_only=word == "LIMIT_MAKER"
            )
        except ValidationError:
            raise filter_failure("LOT_SIZE") from None
        return order, client_id, tag

    def _time_in_force(self, parameters: Parameters, word: str) -> TimeInForce:
        if word in ("LIMIT", "STOP_LOSS_LIMIT"):
            return _TIMES[parameters.word("timeInForce", _TIMES, -1115, "Invalid timeInForce.")]
        parameters.refuse("timeInForce")
        if word != "LIMIT_MAKER":
            parameters.refuse("price")
        return TimeInForce.GTC

    def _quantity(self, parameters: Parameters, kind: OrderType, symbol: str, side: Side) -> tuple[str, int]:
        if "quantity" in parameters or kind is not OrderType.MARKET:
            parameters.refuse("quoteOrderQty")
            return "", parameters.amount("quantity")
        if "quoteOrderQty" not in parameters:
            raise missing("quantity")
        cash = parameters.amount("quoteOrderQty")
        quantity = self._market.quantity_for(symbol, side, cash)
        if not quantity:
            raise filter_failure("NOTIONAL")
        return str(cash), quantity

    def _next_id(self) -> str:
        self._given += 1
        return f"venue{self._given:017d}"

    def _require_filters(
        self, symbol: str, kind: OrderType, quantity: int, price: int | None, stop: int | None
    ) -> None:
        rules = self._market.rules(symbol)
        if rules.status is not TradingStatus.TRADING:
            raise SpotError(-1013, "Market is closed.")
        for one in (price, stop):
            if one is not None:
                _require_price(rules, one)
        _require_quantity(rules, quantity, kind)
        reference = self._reference(symbol)
        if price is not None and reference is not None:
            _require_near(price, reference)
        cash_price = price or stop or reference
        if cash_price is not None:
            cash = notional_e9(cash_price, quantity)
            if cash < rules.min_notional_e9 or (price is not None and cash > min(rules.max_notional_e9, LARGEST_E9)):
                raise filter_failure("NOTIONAL")
        self._require_room(symbol, kind)

    def _reference(self, symbol: str) -> int | None:
        return self._market.listing(symbol).mark()

    def _require_room(self, symbol: str, kind: OrderType) -> None:
        if kind is OrderType.MARKET:
            return
        resting = self._market.orders(self._account_id, symbol=symbol, open_only=True)
        if len(resting) >= MAX_NUM_ORDERS:
            raise filter_failure("MAX_NUM_ORDERS")
        waiting = sum(order.is_waiting_stop for order in resting)
        if kind.needs_stop and waiting >= MAX_NUM_ALGO_ORDERS:
            raise filter_failure("MAX_NUM_ALGO_ORDERS")

    def place(self, order: Order, client_id: str, tag: str) -> PaperOrder:
        """Hand an order to the market.

        Parameters
        ----------
        order : Order
            What.
        client_id : str
            The client's id.
        tag : str
            Kept with it.

        Returns
        -------
        order : PaperOrder
            As it stands now.

        Raises
        ------
        SpotError
            If the market refuses it.
        """
        # The trap of this venue, kept on purpose: an id is free again as soon as its order has ended.
        placed = self._market.submit(self._account_id, order, client_order_id=client_id, id_rule=IdRule.OPEN, tag=tag)
        if placed.state is OrderState.REJECTED:
            raise of_refusal(placed.code, placed.text)
        return placed


def _not_supported(what: str) -> SpotError:
    return SpotError(-1013, f"{what} orders are not supported for this symbol.")


def _require_price(rules: TradingRules, price: int) -> None:
    lowest, highest = max(rules.min_price_e9, rules.tick_e9), min(rules.max_price_e9, LARGEST_E9)
    if price % rules.tick_e9 or not lowest <= price <= highest:
        raise filter_failure("PRICE_FILTER")


def _require_quantity(rules: TradingRules, quantity: int, kind: OrderType) -> None:
    highest = min(rules.max_quantity_e9, LARGEST_E9)
    if quantity % rules.lot_e9 or quantity < max(rules.min_quantity_e9, rules.lot_e9):
        raise filter_failure("LOT_SIZE")
    if quantity > highest:
        raise filter_failure("MARKET_LOT_SIZE" if kind is OrderType.MARKET else "LOT_SIZE")


def _require_near(price: int, reference: int) -> None:
    if price > reference * PERCENT_UP or price * PERCENT_DOWN < reference:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")
