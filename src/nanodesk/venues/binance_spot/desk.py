"""The calls of the Binance look-alike, the same behind REST and the WebSocket API."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nanodesk.brokers.base import Clock
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import MarketEvent, PaperExecution, PaperOrder
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.venues.binance_spot.book import SpotBooks
from nanodesk.venues.binance_spot.candles import INTERVALS, Candle, candles, start_of
from nanodesk.venues.binance_spot.errors import SpotError, of_refusal
from nanodesk.venues.binance_spot.limits import SpotMeter
from nanodesk.venues.binance_spot.orders import SpotOrders
from nanodesk.venues.binance_spot.parameters import Parameters
from nanodesk.venues.binance_spot.views import MS, SpotViews, decimal8
from nanodesk.venues.fault_effects import strike_order
from nanodesk.venues.faults import Fault, FaultKind

MOST_TRADES: Final = 1000
_A_DAY: Final = 86_400_000
_FIVE_MINUTES: Final = 300_000
_LIGHTER: Final = {
    "GET openOrders": ("symbol", 6),
    "GET myTrades": ("orderId", 5),
    "GET ticker/bookTicker": ("symbol", 2),
    "GET ticker/price": ("symbol", 2),
    "GET ticker/24hr": ("symbol", 2),
}
"""What a call counts when it names one thing."""

_TRADES_BY: Final = frozenset(
    frozenset(names)
    for names in ((), ("orderId",), ("startTime",), ("endTime",), ("fromId",), ("startTime", "endTime"))
) | {frozenset(("orderId", "fromId"))}
"""Ways to ask for one's own trades of a pair; any other is refused with -1128."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Parameters
    ----------
    name : str
        Method and path: ``"POST order"``.
    weight : int
        What it counts.
    needs_key, is_signed : bool
        What the client has to show.
    fault : str
        Its name in the fault file.
    run : callable
        Takes parameters, gives the answer.
    """

    name: str
    weight: int
    needs_key: bool
    is_signed: bool
    fault: str
    run: Callable[[Parameters], Any]

    def weight_of(self, values: Mapping[str, str]) -> int:
        """What one request counts.

        Parameters
        ----------
        values : mapping of str to str
            Its parameters.

        Returns
        -------
        weight : int
            Less where it names one symbol or one order.
        """
        name, lighter = _LIGHTER.get(self.name, ("", 0))
        return lighter if values.get(name) else self.weight


class SpotDesk:
    """Answers of one venue for one account.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue.
    account_id : str
        Whose.
    quote_asset : str
        What follows a symbol in the name of a pair.
    meter : SpotMeter
        Limits.
    now_ns : callable
        The venue's clock.
    """

    def __init__(
        self, market: PaperMarket, *, account_id: str, quote_asset: str, meter: SpotMeter, now_ns: Clock
    ) -> None:
        self.market = market
        self.account_id = account_id
        self.views = SpotViews(quote_asset)
        self.orders = SpotOrders(market, account_id, quote_asset)
        self.books = SpotBooks(market)
        self._quote_asset = quote_asset
        self._meter = meter
        self._now_ns = now_ns
        self.cancel_ids: dict[int, str] = {}
        self._counted: set[int] = set()
        self._cancels = 0
        self.calls: Mapping[str, Call] = {call.name: call for call in self._all_calls()}
        market.listen(account_id, self._on_event)

    def _all_calls(self) -> list[Call]:
        def public(name: str, weight: int, fault: str, run: Callable[[Parameters], Any]) -> Call:
            return Call(name, weight, False, False, fault, run)

        def signed(name: str, weight: int, fault: str, run: Callable[[Parameters], Any]) -> Call:
            return Call(name, weight, True, True, fault, run)

        return [
            public("GET ping", 1, "other", lambda _: {}),
            public("GET time", 1, "time", lambda _: {"serverTime": self._now_ns() // MS}),
            public("GET exchangeInfo", 20, "rules", self._exchange_info),
            public("GET depth", 5, "quote", self._depth),
            public("GET ticker/bookTicker", 4, "quote", self._book_ticker),
            public("GET ticker/price", 4, "quote", self._price),
            public("GET trades", 25, "other", self._trades),
            public("GET historicalTrades", 25, "other", self._trades),
            public("GET aggTrades", 4, "other", self._agg_trades),
            public("GET klines", 2, "other", self._klines),
            public("GET uiKlines", 2, "other", self._klines),
            public("GET avgPrice", 2, "quote", self._average),
            public("GET ticker/24hr", 80, "quote", self._day),
            signed("GET account/commission", 20, "account", self._commission),
            signed("GET openOrderList", 6, "open_orders", lambda _: []),
            signed("GET allOrderList", 20, "open_orders", lambda _: []),
            signed("GET myPreventedMatches", 20, "executions", lambda _: []),
            signed("GET myAllocations", 20, "executions", lambda _: []),
            signed("GET account", 20, "account", self._account),
            signed("GET order", 4, "status", self._query),
            signed("GET openOrders", 80, "open_orders", self._open_orders),
            signed("GET allOrders", 20, "open_orders", self._all_orders),
            signed("GET myTrades", 20, "executions", self._my_trades),
            signed("GET rateLimit/order", 40, "other", lambda _: self._meter.rows(with_counts=True)[1:]),
            signed("POST order", 1, "new", self._new),
            signed("POST order/test", 1, "other", self._test),
            signed("DELETE order", 1, "cancel", self._cancel),
            signed("DELETE openOrders", 1, "cancel", self._cancel_all),
            signed("POST order/cancelReplace", 1, "replace", self._cancel_replace),
            signed("PUT order/amend/keepPriority", 4, "replace", self._amend),
        ]

    def _on_event(self, event: MarketEvent) -> None:
        # An order that has traded no longer counts against the limit of unfilled orders.
        if event.execution is not None and event.execution.order_number in self._counted:
            self._counted.discard(event.execution.order_number)
            self._meter.order_filled()

    def strike_before(self, fault: Fault, values: Mapping[str, str]) -> None:
        """Let a fault fill the order that a cancel names, before the cancel arrives.

        Parameters
        ----------
        fault : Fault
            That struck the request.
        values : mapping of str to str
            Its parameters.
        """
        if fault.kind is FaultKind.CANCEL_RACES_FILL:
            prefix, number = ("cancelOrig", "cancelOrderId") if "cancelReplaceMode" in values else ("orig", "orderId")
            order = self._find(Parameters(values), prefix, number)
            if order is not None:
                strike_order(fault, self.market, order.number)

    def strike_after(self, fault: Fault, answer: Any) -> None:
        """Let a fault fill a part of the order that was just placed.

        Parameters
        ----------
        fault : Fault
            That struck the request.
        answer : object
            What would have been answered.
        """
        if isinstance(answer, dict) and isinstance(answer.get("orderId"), int):
            strike_order(fault, self.market, answer["orderId"])

    # -- public ---------------------------------------------------------------------------------------------------

    def _symbols(self, parameters: Parameters) -> list[str]:
        if "symbol" in parameters:
            return [self.orders.symbol(parameters)]
        if "symbols" in parameters:
            words = parameters.text("symbols").strip("[]").replace('"', "").split(",")
            return [self.orders.known(word.strip()) for word in words]
        return list(self.market.symbols)

    def _exchange_info(self, parameters: Parameters) -> dict[str, Any]:
        parameters.ignore(("permissions", "showPermissionSets", "symbolStatus"))
        return {
            "timezone": "UTC",
            "serverTime": self._now_ns() // MS,
            "rateLimits": self._meter.rows(with_counts=False),
            "exchangeFilters": [],
            "symbols": [self.views.instrument(self.market.rules(symbol)) for symbol in self._symbols(parameters)],
        }

    def _depth(self, parameters: Parameters) -> dict[str, Any]:
        symbol = self.orders.symbol(parameters)
        return self.books.snapshot(symbol, min(max(parameters.integer("limit", 100), 1), 5000))

    def _book_ticker(self, parameters: Parameters) -> Any:
        parameters.ignore(("symbolStatus",))
        rows = [self._ticker(self.market.quote(symbol)) for symbol in self._symbols(parameters)]
        return rows[0] if "symbol" in parameters else rows

    def _ticker(self, quote: Quote) -> dict[str, Any]:
        bids, asks = self.books.best(quote.symbol)
        return {
            "symbol": self.views.pair(quote.symbol),
            "bidPrice": decimal8(bids[0]),
            "bidQty": decimal8(bids[1]),
            "askPrice": decimal8(asks[0]),
            "askQty": decimal8(asks[1]),
        }

    def _price(self, parameters: Parameters) -> Any:
        parameters.ignore(("symbolStatus",))
        rows = [
            {"symbol": self.views.pair(symbol), "price": decimal8(self.market.listing(symbol).mark() or 0)}
            for symbol in self._symbols(parameters)
        ]
        return rows[0] if "symbol" in parameters else rows

    def _trades(self, parameters: Parameters) -> list[dict[str, Any]]:
        symbol = self.orders.symbol(parameters)
        limit = parameters.integer("limit", 500)
        return [
            {
                "id": fill.trade_number,
                "price": decimal8(fill.price_e9),
                "qty": decimal8(fill.quantity_e9),
                "quoteQty": decimal8(fill.cash_e9),
                "time": fill.ts_ns // MS,
                "isBuyerMaker": fill.is_maker == (fill.side is Side.BUY),
                "isBestMatch": True,
            }
            for fill in self.market.executions(symbol=symbol)[-limit:]
        ]

    def _agg_trades(self, parameters: Parameters) -> list[dict[str, Any]]:
        # Every trade of the look-alike is an aggregate of its own.
        parameters.ignore(("fromId", "startTime", "endTime"))
        return [
            {
                "a": row["id"],
                "p": row["price"],
                "q": row["qty"],
                "f": row["id"],
                "l": row["id"],
                "T": row["time"],
                "m": row["isBuyerMaker"],
                "M": True,
            }
            for row in self._trades(parameters)
        ]

    def candles(self, symbol: str, starts: Iterable[int], interval_ms: int) -> list[Candle]:
        """Candles of an instrument.

        Parameters
        ----------
        symbol : str
            Name at the market.
        starts : iterable of int
            When each begins, in milliseconds.
        interval_ms : int
            Length of each.

        Returns
        -------
        candles : list of Candle
            One for each start.
        """
        mark = self.market.listing(symbol).mark() or 0
        return candles(self.market.executions(symbol=symbol), starts, interval_ms, mark)

    def _klines(self, parameters: Parameters) -> list[list[Any]]:
        symbol = self.orders.symbol(parameters)
        length = INTERVALS[parameters.word("interval", INTERVALS, -1120, "Invalid interval.")]
        parameters.ignore(("timeZone",))
        since, until = self._span(parameters)
        limit = self._limit(parameters)
        last = start_of(min(until, self._now_ns() // MS), length)
        first = last - (limit - 1) * length
        if since:
            first = start_of(since + length - 1, length)
            last = min(last, first + (limit - 1) * length)
        return [candle.row() for candle in self.candles(symbol, range(first, last + 1, length), length)]

    def _average(self, parameters: Parameters) -> dict[str, Any]:
        symbol, now = self.orders.symbol(parameters), self._now_ns() // MS
        [candle] = self.candles(symbol, [now - _FIVE_MINUTES], _FIVE_MINUTES + 1)
        return {"mins": 5, "price": decimal8(candle.mean()), "closeTime": now}

    def _day(self, parameters: Parameters) -> Any:
        parameters.ignore(("symbolStatus",))
        is_short = parameters.text("type", "FULL") == "MINI"
        rows = [self._day_of(symbol, is_short=is_short) for symbol in self._symbols(parameters)]
        return rows[0] if "symbol" in parameters else rows

    def _day_of(self, symbol: str, *, is_short: bool) -> dict[str, Any]:
        now = self._now_ns() // MS
        [candle] = self.candles(symbol, [now - _A_DAY], _A_DAY + 1)
        change = candle.close - candle.open
        row = {
            "symbol": self.views.pair(symbol),
            "openPrice": decimal8(candle.open),
            "highPrice": decimal8(candle.high),
            "lowPrice": decimal8(candle.low),
            "lastPrice": decimal8(candle.close),
            "volume": decimal8(candle.volume),
            "quoteVolume": decimal8(candle.cash),
            "openTime": candle.start,
            "closeTime": now,
            "firstId": candle.first,
            "lastId": candle.last,
            "count": candle.count,
        }
        if is_short:
            return row
        ticker = self._ticker(self.market.quote(symbol))
        return (
            row
            | ticker
            | {
                "priceChange": decimal8(change),
                "priceChangePercent": f"{100 * change / candle.open:.3f}" if candle.open else "0.000",
                "weightedAvgPrice": decimal8(candle.mean()),
                "prevClosePrice": decimal8(candle.price),
                "lastQty": decimal8(candle.last_quantity),
            }
        )

    # -- account --------------------------------------------------------------------------------------------------

    def _account(self, parameters: Parameters) -> dict[str, Any]:
        parameters.ignore(("omitZeroBalances",))
        fees = self.market.fees
        maker, taker = decimal8(fees.maker_e9), decimal8(fees.taker_e9)
        return {
            "makerCommission": fees.maker_e9 * 10_000 // E9,
            "takerCommission": fees.taker_e9 * 10_000 // E9,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {"maker": maker, "taker": taker, "buyer": decimal8(0), "seller": decimal8(0)},
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self._now_ns() // MS,
            "accountType": "SPOT",
            "balances": self.balances(),
            "permissions": ["SPOT"],
            "uid": 1 + self.market.account_ids.index(self.account_id),
        }

    def _commission(self, parameters: Parameters) -> dict[str, Any]:
        fees, nothing = self.market.fees, decimal8(0)
        none = {"maker": nothing, "taker": nothing, "buyer": nothing, "seller": nothing}
        return {
            "symbol": self.views.pair(self.orders.symbol(parameters)),
            "standardCommission": none | {"maker": decimal8(fees.maker_e9), "taker": decimal8(fees.taker_e9)},
            "specialCommission": none,
            "taxCommission": none,
            "discount": {
                "enabledForAccount": False,
                "enabledForSymbol": False,
                "discountAsset": "BNB",
                "discount": nothing,
            },
        }

    def balances(self, assets: Collection[str] = ()) -> list[dict[str, str]]:
        """Free and locked amounts.

        Parameters
        ----------
        assets : collection of str, optional
            Of these, also where nothing is held; else of every asset that is held, and of the quote asset.

        Returns
        -------
        balances : list of dict
            Sorted by asset.
        """
        if assets:
            held = {asset: self.market.balance(self.account_id, asset) for asset in sorted(assets)}
        else:
            held = self.market.balances(self.account_id)
            held.setdefault(self._quote_asset, (0, 0))
        return [
            {"asset": asset, "free": decimal8(free), "locked": decimal8(locked)}
            for asset, (free, locked) in held.items()
        ]

    def _find(self, parameters: Parameters, prefix: str = "orig", number: str = "orderId") -> PaperOrder | None:
        """The order that a request names; of an id used twice the open one, else the newest."""
        self.orders.symbol(parameters)
        name = f"{prefix}ClientOrderId"
        wanted = parameters.client_id(name)
        if number in parameters:
            order = self.market.order(parameters.integer(number))
        elif wanted is not None:
            order = self._by_client_id(wanted)
        else:
            raise SpotError(-1102, f"Param '{name}' or '{number}' must be sent, but both were empty/null!")
        if order is None or order.account_id != self.account_id:
            return None
        if self.views.pair(order.symbol) != parameters.text("symbol"):
            return None
        return None if wanted is not None and self.views.client_id(order) != wanted else order

    def _by_client_id(self, wanted: str) -> PaperOrder | None:
        for number, (name, _) in self.views.renamed.items():
            if name == wanted:
                return self.market.order(number)
        return self.market.find(self.account_id, wanted)

    def _query(self, parameters: Parameters) -> dict[str, Any]:
        order = self._find(parameters)
        if order is None or order.state.value == "rejected":
            raise SpotError(-2013, "Order does not exist.")
        return self.views.order(order)

    def _open_orders(self, parameters: Parameters) -> list[dict[str, Any]]:
        symbol = self.orders.symbol(parameters) if "symbol" in parameters else None
        return [self.views.order(one) for one in self.market.orders(self.account_id, symbol=symbol, open_only=True)]

    def _all_orders(self, parameters: Parameters) -> list[dict[str, Any]]:
        symbol, first = self.orders.symbol(parameters), parameters.integer("orderId", 0)
        since, until = self._span(parameters)
        found = [
            self.views.order(one)
            for one in self.market.orders(self.account_id, symbol=symbol)
            if one.state.value != "rejected" and one.number >= first and since <= one.created_ns // MS <= until
        ]
        limit = self._limit(parameters)
        return found[:limit] if first or since else found[-limit:]

    def _span(self, parameters: Parameters) -> tuple[int, int]:
        since, until = parameters.integer("startTime", 0), parameters.integer("endTime", 10**18)
        if until < since:
            raise SpotError(-1127, "Start time is greater than end time.")
        return since, until

    def _limit(self, parameters: Parameters) -> int:
        limit = parameters.integer("limit", 500)
        if not 1 <= limit <= MOST_TRADES:
            raise SpotError(-1130, "Data sent for parameter 'limit' is not valid.")
        return limit

    def _my_trades(self, parameters: Parameters) -> list[dict[str, Any]]:
        symbol = self.orders.symbol(parameters)
        if parameters.named("orderId", "fromId", "startTime", "endTime") not in _TRADES_BY:
            raise SpotError(-1128, "Combination of optional parameters invalid.")
        since, until = self._span(parameters)
        if "startTime" in parameters and "endTime" in parameters and until - since > _A_DAY:
            raise SpotError(-1127, "More than 24 hours between startTime and endTime.")
        order = parameters.integer("orderId") if "orderId" in parameters else None
        limit = self._limit(parameters)
        has_first = "fromId" in parameters
        first = parameters.integer("fromId", 0)
        found = [
            self.views.trade(fill)
            for fill in self.market.executions(self.account_id, symbol=symbol, order_number=order)
            if fill.trade_number >= first and since <= fill.ts_ns // MS <= until and fill.quantity_e9 > 0
        ]
        return found[:limit] if has_first or since else found[-limit:]

    # -- orders ---------------------------------------------------------------------------------------------------

    def _new(self, parameters: Parameters) -> dict[str, Any]:
        order, client_id, tag = self.orders.read(parameters)
        detail = self.orders.detail(parameters, order.order_type)
        parameters.require_all_read()
        self._meter.take_order()
        placed = self.orders.place(order, client_id, tag)
        self._count(placed)
        return self.views.placed(placed, self._fills(placed), detail)

    def _count(self, placed: PaperOrder) -> None:
        if placed.filled_quantity_e9:
            self._meter.order_filled()
        else:
            self._counted.add(placed.number)

    def _fills(self, order: PaperOrder) -> tuple[PaperExecution, ...]:
        if not order.filled_quantity_e9:
            return ()
        return self.market.executions(self.account_id, order_number=order.number)

    def _test(self, parameters: Parameters) -> dict[str, Any]:
        order, _, _ = self.orders.read(parameters)
        parameters.ignore(("computeCommissionRates",))
        fault = self.market.check(self.account_id, order)
        if fault is not None:
            raise of_refusal(*fault)
        return {}

    def _cancel(self, parameters: Parameters) -> dict[str, Any]:
        parameters.ignore(("cancelRestrictions",))
        order = self._find(parameters)
        cancel_id = parameters.client_id("newClientOrderId")
        if order is None:
            raise SpotError(-2011, "Unknown order sent.")
        return self._cancel_order(order, cancel_id)

    def _cancel_order(self, order: PaperOrder, cancel_id: str | None) -> dict[str, Any]:
        self._cancels += 1
        name = cancel_id or f"cancel{self._cancels:016d}"
        self.cancel_ids[order.number] = name
        answer = self.market.cancel(self.account_id, order.number)
        if not answer.is_taken or answer.order is None:
            self.cancel_ids.pop(order.number, None)
            raise SpotError(-2011, "Unknown order sent.")
        return self.views.cancelled(answer.order, name)

    def _cancel_all(self, parameters: Parameters) -> list[dict[str, Any]]:
        symbol = self.orders.symbol(parameters)
        found = self.market.orders(self.account_id, symbol=symbol, open_only=True)
        if not found:
            raise SpotError(-2011, "Unknown order sent.")
        return [self._cancel_order(order, None) for order in found]

    def _cancel_replace(self, parameters: Parameters) -> dict[str, Any]:
        mode = parameters.word(
            "cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"), -1103, "Unknown cancelReplaceMode."
        )
        order, client_id, tag = self.orders.read(parameters)
        detail = self.orders.detail(parameters, order.order_type)
        old = self._find(parameters, "cancelOrig", "cancelOrderId")
        cancel_id = parameters.client_id("cancelNewClientOrderId")
        parameters.ignore(("cancelRestrictions",))
        is_cautious = parameters.text("orderRateLimitExceededMode", "DO_NOTHING") == "DO_NOTHING"
        parameters.require_all_read()
        if is_cautious:
            self._meter.require_room_for_an_order()
        cancelled, cancel_error = self._attempt(lambda: self._cancel_named(old, cancel_id))
        if cancel_error is not None and mode == "STOP_ON_FAILURE":
            raise _half(-2022, "Order cancel-replace failed.", 400, cancel_error, None, None, None)
        placed, new_error = self._attempt(lambda: self._place_counted(order, client_id, tag, detail))
        if cancel_error is None and new_error is None:
            return {
                "cancelResult": "SUCCESS",
                "newOrderResult": "SUCCESS",
                "cancelResponse": cancelled,
                "newOrderResponse": placed,
            }
        if cancel_error is not None and new_error is not None:
            raise _half(-2022, "Order cancel-replace failed.", 400, cancel_error, new_error, None, None)
        raise _half(-2021, "Order cancel-replace partially failed.", 409, cancel_error, new_error, cancelled, placed)

    @staticmethod
    def _attempt(action: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any] | None, SpotError | None]:
        try:
            return action(), None
        except SpotError as error:
            return None, error

    def _cancel_named(self, old: PaperOrder | None, cancel_id: str | None) -> dict[str, Any]:
        if old is None:
            raise SpotError(-2011, "Unknown order sent.")
        return self._cancel_order(old, cancel_id)

    def _place_counted(self, order: Any, client_id: str, tag: str, detail: str) -> dict[str, Any]:
        self._meter.take_order()
        placed = self.orders.place(order, client_id, tag)
        self._count(placed)
        return self.views.placed(placed, self._fills(placed), detail)

    def _amend(self, parameters: Parameters) -> dict[str, Any]:
        order = self._find(parameters)
        if order is None or not order.is_open:
            raise SpotError(-2013, "Order does not exist.")
        quantity = parameters.amount("newQty")
        new_id = parameters.client_id("newClientOrderId")
        if quantity >= order.quantity_e9 or quantity <= order.filled_quantity_e9:
            raise SpotError(-2038, "The amend order is either rejected or would increase the quantity.")
        self._cancels += 1
        before = self.views.client_id(order)
        kept = self.views.renamed.get(order.number)
        self.views.renamed[order.number] = (new_id or f"amend{self._cancels:017d}", before)
        answer = self.market.change(self.account_id, order.number, quantity_e9=quantity)
        if not answer.is_taken or answer.order is None:
            self.views.renamed.pop(order.number)
            if kept is not None:
                self.views.renamed[order.number] = kept
            raise of_refusal(answer.code, answer.text)
        return self.views.amended(answer.order, self.market.feed.sequence)


def _half(
    code: int,
    text: str,
    status: int,
    cancel_error: SpotError | None,
    new_error: SpotError | None,
    cancelled: dict[str, Any] | None,
    placed: dict[str, Any] | None,
) -> SpotError:
    def result(error: SpotError | None, answer: dict[str, Any] | None) -> tuple[str, Any]:
        if error is not None:
            return "FAILURE", error.content()
        return ("SUCCESS", answer) if answer is not None else ("NOT_ATTEMPTED", None)

    cancel, new = result(cancel_error, cancelled), result(new_error, placed)
    data = {
        "cancelResult": cancel[0],
        "newOrderResult": new[0],
        "cancelResponse": cancel[1],
        "newOrderResponse": new[1],
    }
    return SpotError(code, text, status=status, data=data)
