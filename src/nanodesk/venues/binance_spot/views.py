"""What the Binance look-alike says of orders, fills and instruments: the market's values in the venue's words."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from nanodesk.brokers.paper.values import EventKind, MarketEvent, PaperExecution, PaperOrder
from nanodesk.market.enums import TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus

MS: Final = 1_000_000
STP: Final = "NONE"
MAX_NUM_ORDERS: Final = 200
MAX_NUM_ALGO_ORDERS: Final = 5
PERCENT_UP, PERCENT_DOWN = 5, 5
"""A limit price may lie between a fifth of the reference and five times it."""

_TYPES: Final = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
}
_STATES: Final = {
    OrderState.PENDING_NEW: "PENDING_NEW",
    OrderState.NEW: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.REPLACED: "CANCELED",
    OrderState.REJECTED: "REJECTED",
    OrderState.EXPIRED: "EXPIRED",
}


@lru_cache(maxsize=1 << 14)
def decimal8(amount_e9: int) -> str:
    """An amount with eight places, as the venue writes it.

    Parameters
    ----------
    amount_e9 : int
        In billionths; what lies beyond the eighth place is cut.

    Returns
    -------
    text : str
        As ``"0.10000000"``.

    Examples
    --------
    >>> decimal8(100_000_000), decimal8(-1_500_000_000)
    ('0.10000000', '-1.50000000')
    """
    whole, rest = divmod(abs(amount_e9) // 10, E9 // 10)
    return f"{'-' if amount_e9 < 0 else ''}{whole}.{rest:08d}"


def status_word(order: PaperOrder) -> str:
    """Status of an order.

    Parameters
    ----------
    order : PaperOrder
        Of the market.

    Returns
    -------
    word : str
        A remainder that could not rest is ``EXPIRED``, not ``CANCELED``.
    """
    if order.state is OrderState.CANCELLED:
        return "EXPIRED_IN_MATCH" if order.code == "self_trade" else "EXPIRED" if order.code else "CANCELED"
    return _STATES[order.state]


def type_word(order: PaperOrder) -> str:
    """Type of an order.

    Parameters
    ----------
    order : PaperOrder
        Of the market.

    Returns
    -------
    word : str
        As ``LIMIT_MAKER``.
    """
    return "LIMIT_MAKER" if order.order.post_only else _TYPES[order.order.order_type]


def tif_word(order: PaperOrder) -> str:
    """Time in force of an order.

    Parameters
    ----------
    order : PaperOrder
        Of the market.

    Returns
    -------
    word : str
        ``GTC``, ``IOC`` or ``FOK``.
    """
    known = (TimeInForce.IOC, TimeInForce.FOK)
    return order.order.time_in_force.value.upper() if order.order.time_in_force in known else "GTC"


class SpotViews:
    """Objects of the venue.

    Parameters
    ----------
    quote_asset : str
        What follows a symbol of the market in the name of a pair.
    """

    def __init__(self, quote_asset: str) -> None:
        self._quote_asset = quote_asset
        self.renamed: dict[int, tuple[str, str]] = {}

    def pair(self, symbol: str) -> str:
        """Name of a pair.

        Parameters
        ----------
        symbol : str
            Name at the market.

        Returns
        -------
        pair : str
            Name at the venue.
        """
        return symbol + self._quote_asset

    def client_id(self, order: PaperOrder) -> str:
        """The id that an order has now.

        Parameters
        ----------
        order : PaperOrder
            Of the market.

        Returns
        -------
        client_id : str
            After an amendment the new one.
        """
        renamed = self.renamed.get(order.number)
        return renamed[0] if renamed else order.client_order_id or f"web_{order.number:032x}"

    def order(self, order: PaperOrder) -> dict[str, Any]:
        """An order as a query shows it.

        Parameters
        ----------
        order : PaperOrder
            Of the market.

        Returns
        -------
        row : dict
            The venue's object.
        """
        created, updated = order.created_ns // MS, order.updated_ns // MS
        return {
            **self._core(order),
            "stopPrice": decimal8(order.order.stop_price_e9 or 0),
            "icebergQty": decimal8(0),
            "time": created,
            "updateTime": updated,
            "isWorking": not order.is_waiting_stop,
            "workingTime": created if not order.is_waiting_stop else -1,
        }

    def _core(self, order: PaperOrder) -> dict[str, Any]:
        return {
            "symbol": self.pair(order.symbol),
            "orderId": order.number,
            "orderListId": -1,
            "clientOrderId": self.client_id(order),
            "price": decimal8(order.order.limit_price_e9 or 0),
            "origQty": decimal8(order.quantity_e9),
            "executedQty": decimal8(order.filled_quantity_e9),
            "origQuoteOrderQty": decimal8(int(order.tag) if order.tag.isdigit() else 0),
            "cummulativeQuoteQty": decimal8(order.filled_value // E9),
            "status": status_word(order),
            "timeInForce": tif_word(order),
            "type": type_word(order),
            "side": order.side.value.upper(),
            "selfTradePreventionMode": STP,
        }

    def placed(self, order: PaperOrder, fills: Iterable[PaperExecution], detail: str) -> dict[str, Any]:
        """The answer to a new order.

        Parameters
        ----------
        order : PaperOrder
            Of the market.
        fills : iterable of PaperExecution
            Its fills.
        detail : str
            ``ACK``, ``RESULT`` or ``FULL``.

        Returns
        -------
        row : dict
            The venue's object.
        """
        core = self._core(order)
        ids = {key: core.pop(key) for key in ("symbol", "orderId", "orderListId", "clientOrderId")}
        row = {**ids, "transactTime": order.updated_ns // MS}
        if detail == "ACK":
            return row
        row |= {**core, "workingTime": order.created_ns // MS if not order.is_waiting_stop else -1}
        if order.order.stop_price_e9 is not None:
            row["stopPrice"] = decimal8(order.order.stop_price_e9)
        if detail == "FULL":
            row["fills"] = [
                {
                    "price": decimal8(fill.price_e9),
                    "qty": decimal8(fill.quantity_e9),
                    "commission": decimal8(fill.fee_e9),
                    "commissionAsset": fill.fee_asset,
                    "tradeId": fill.trade_number,
                }
                for fill in fills
            ]
        return row

    def cancelled(self, order: PaperOrder, cancel_id: str) -> dict[str, Any]:
        """The answer to a cancel.

        Parameters
        ----------
        order : PaperOrder
            Of the market.
        cancel_id : str
            Id of the cancel.

        Returns
        -------
        row : dict
            The venue's object.
        """
        row = {**self._core(order), "transactTime": order.updated_ns // MS}
        row["origClientOrderId"], row["clientOrderId"] = row["clientOrderId"], cancel_id
        return row

    def amended(self, order: PaperOrder, execution_id: int) -> dict[str, Any]:
        """The answer to an amendment.

        Parameters
        ----------
        order : PaperOrder
            Of the market.
        execution_id : int
            Number of the report.

        Returns
        -------
        row : dict
            The venue's object.
        """
        core = self._core(order)
        core["qty"] = core.pop("origQty")
        core["cumulativeQuoteQty"] = core.pop("cummulativeQuoteQty")
        core["quoteOrderQty"] = core.pop("origQuoteOrderQty")
        core |= {"preventedQty": decimal8(0), "workingTime": order.created_ns // MS}
        core["origClientOrderId"] = self.renamed[order.number][1]
        return {"transactTime": order.updated_ns // MS, "executionId": execution_id, "amendedOrder": core}

    def trade(self, fill: PaperExecution) -> dict[str, Any]:
        """A row of ``myTrades``.

        Parameters
        ----------
        fill : PaperExecution
            Of the market.

        Returns
        -------
        row : dict
            The venue's object.
        """
        return {
            "symbol": self.pair(fill.symbol),
            "id": fill.trade_number,
            "orderId": fill.order_number,
            "orderListId": -1,
            "price": decimal8(fill.price_e9),
            "qty": decimal8(fill.quantity_e9),
            "quoteQty": decimal8(fill.cash_e9),
            "commission": decimal8(fill.fee_e9),
            "commissionAsset": fill.fee_asset,
            "time": fill.ts_ns // MS,
            "isBuyer": fill.side.value == "buy",
            "isMaker": fill.is_maker,
            "isBestMatch": True,
        }

    def report(self, event: MarketEvent, *, cancel_id: str = "") -> dict[str, Any] | None:
        """An ``executionReport``.

        Parameters
        ----------
        event : MarketEvent
            Of the market.
        cancel_id : str, default ""
            Id of the cancel that led to it.

        Returns
        -------
        report : dict or None
            ``None`` for what the venue does not report.
        """
        order, kind = event.order, _EXECUTION_TYPES.get(event.kind)
        if order is None or kind is None:
            return None
        if event.kind is EventKind.CANCELLED and order.code:
            kind = "EXPIRED"
        name, before = self.client_id(order), ""
        if kind == "CANCELED":
            name, before = cancel_id or f"c{order.number:021d}", name
        elif kind == "REPLACED":
            before = self.renamed.get(order.number, (name, name))[1]
        fill = event.execution if kind == "TRADE" else None
        return {
            "e": "executionReport",
            "E": event.ts_ns // MS,
            "s": self.pair(order.symbol),
            "c": name,
            "S": order.side.value.upper(),
            "o": type_word(order),
            "f": tif_word(order),
            "q": decimal8(order.quantity_e9),
            "p": decimal8(order.order.limit_price_e9 or 0),
            "P": decimal8(order.order.stop_price_e9 or 0),
            "F": decimal8(0),
            "g": -1,
            "C": before,
            "x": kind,
            "X": status_word(order),
            "r": "NONE",
            "i": order.number,
            "l": decimal8(fill.quantity_e9 if fill else 0),
            "z": decimal8(fill.cumulative_e9 if fill else order.filled_quantity_e9),
            "L": decimal8(fill.price_e9 if fill else 0),
            "n": decimal8(fill.fee_e9) if fill else "0",
            "N": fill.fee_asset if fill else None,
            "T": event.ts_ns // MS,
            "t": fill.trade_number if fill else -1,
            "I": event.sequence,
            "w": order.is_open and not order.is_waiting_stop,
            "m": fill.is_maker if fill else False,
            "M": False,
            "O": order.created_ns // MS,
            "Z": decimal8(order.filled_value // E9),
            "Y": decimal8(fill.cash_e9 if fill else 0),
            "Q": decimal8(int(order.tag) if order.tag.isdigit() else 0),
            "V": STP,
            **({} if order.is_waiting_stop else {"W": order.created_ns // MS}),
        }

    def instrument(self, rules: TradingRules) -> dict[str, Any]:
        """An entry of ``exchangeInfo``.

        Parameters
        ----------
        rules : TradingRules
            Of the market.

        Returns
        -------
        row : dict
            The venue's object.
        """
        types = [_TYPES[kind] for kind in _TYPES if kind in rules.order_types]
        return {
            "symbol": self.pair(rules.symbol),
            "status": {TradingStatus.TRADING: "TRADING", TradingStatus.HALTED: "HALT"}.get(rules.status, "BREAK"),
            "baseAsset": rules.base or rules.symbol,
            "baseAssetPrecision": 8,
            "quoteAsset": self._quote_asset,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": [*types, "LIMIT_MAKER"],
            "icebergAllowed": False,
            "ocoAllowed": False,
            "otoAllowed": False,
            "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "pegInstructionsAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": filters_of(rules),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": STP,
            "allowedSelfTradePreventionModes": [STP],
        }


def filters_of(rules: TradingRules) -> list[dict[str, Any]]:
    """Filters of an instrument.

    Parameters
    ----------
    rules : TradingRules
        Of the market.

    Returns
    -------
    filters : list of dict
        As ``exchangeInfo`` tells them.
    """
    largest = 9_000_000 * E9
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": decimal8(max(rules.min_price_e9, rules.tick_e9)),
            "maxPrice": decimal8(min(rules.max_price_e9, largest)),
            "tickSize": decimal8(rules.tick_e9),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": decimal8(max(rules.min_quantity_e9, rules.lot_e9)),
            "maxQty": decimal8(min(rules.max_quantity_e9, largest)),
            "stepSize": decimal8(rules.lot_e9),
        },
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": decimal8(0),
            "maxQty": decimal8(min(rules.max_quantity_e9, largest)),
            "stepSize": decimal8(0),
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": str(PERCENT_UP),
            "bidMultiplierDown": f"{1 / PERCENT_DOWN:g}",
            "askMultiplierUp": str(PERCENT_UP),
            "askMultiplierDown": f"{1 / PERCENT_DOWN:g}",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": decimal8(rules.min_notional_e9),
            "applyMinToMarket": True,
            "maxNotional": decimal8(min(rules.max_notional_e9, largest)),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_NUM_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_NUM_ALGO_ORDERS},
    ]


_EXECUTION_TYPES: Final = {
    EventKind.NEW: "NEW",
    EventKind.TRIGGERED: "NEW",
    EventKind.TRADE: "TRADE",
    EventKind.CANCELLED: "CANCELED",
    EventKind.EXPIRED: "EXPIRED",
    EventKind.REPLACED: "CANCELED",
    EventKind.CHANGED: "REPLACED",
}
