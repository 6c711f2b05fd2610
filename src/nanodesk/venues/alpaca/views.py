"""Orders, fills, positions and quotes in the words of Alpaca."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from nanodesk.brokers.alpaca.times import format_time
from nanodesk.brokers.paper.values import EventKind, MarketEvent, PaperExecution, PaperOrder
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.fixed_point import E9, format_e9, notional_e9
from nanodesk.market.order import ExecutionKind, OrderState
from nanodesk.market.trading_rules import TradingRules, TradingStatus

_NEW_YORK: Final = ZoneInfo("America/New_York")
_STATUS: Final = {
    OrderState.PENDING_NEW: "pending_new",
    OrderState.NEW: "new",
    OrderState.PARTIALLY_FILLED: "partially_filled",
    OrderState.FILLED: "filled",
    OrderState.CANCELLED: "canceled",
    OrderState.REPLACED: "replaced",
    OrderState.REJECTED: "rejected",
    OrderState.EXPIRED: "expired",
}
_ENDED_AT: Final = {
    OrderState.FILLED: "filled_at",
    OrderState.CANCELLED: "canceled_at",
    OrderState.EXPIRED: "expired_at",
    OrderState.REJECTED: "failed_at",
    OrderState.REPLACED: "replaced_at",
}
EVENTS: Final = {
    EventKind.PENDING: "pending_new",
    EventKind.NEW: "new",
    EventKind.REJECTED: "rejected",
    EventKind.TRADE: "fill",
    EventKind.CANCELLED: "canceled",
    EventKind.EXPIRED: "expired",
    EventKind.REPLACED: "replaced",
    EventKind.CHANGED: "restated",
    EventKind.CANCEL_REJECTED: "order_cancel_rejected",
    EventKind.REPLACE_REJECTED: "order_replace_rejected",
    EventKind.BUST: "trade_bust",
    EventKind.CORRECT: "trade_correct",
}
"""The stream's word for each kind of event; there is none for others."""


class AlpacaViews:
    """Renders values of one account.

    Parameters
    ----------
    account_id : str
        Whose.
    seed : int
        Of every id: the same seed gives the same ids.
    """

    def __init__(self, account_id: str, seed: int) -> None:
        self._account_id = account_id
        self._space = uuid.uuid5(uuid.NAMESPACE_OID, f"nanodesk/{seed}/{account_id}")
        self._numbers: dict[str, int] = {}
        self._rendered = 0

    def uuid(self, kind: str, name: object) -> str:
        """The id of something.

        Parameters
        ----------
        kind : str
            Of what.
        name : object
            Its name or number.

        Returns
        -------
        uuid : str
            Always the same.
        """
        return str(uuid.uuid5(self._space, f"{kind}/{name}"))

    def number(self, order_id: str, count: int) -> int | None:
        """The market's number of an order.

        Parameters
        ----------
        order_id : str
            As rendered.
        count : int
            How many orders there are.

        Returns
        -------
        number : int or None
            ``None`` when no order has the id.
        """
        while self._rendered < count:
            self._rendered += 1
            self._numbers[self.uuid("order", self._rendered)] = self._rendered
        return self._numbers.get(order_id)

    def order(self, order: PaperOrder) -> dict[str, Any]:
        """One order.

        Parameters
        ----------
        order : PaperOrder
            As it stands.

        Returns
        -------
        order : dict
            The venue's object; numbers are text.
        """
        terms, created, updated = order.order, format_time(order.created_ns), format_time(order.updated_ns)
        ended = dict.fromkeys(("filled_at", "expired_at", "canceled_at", "failed_at", "replaced_at"))
        if order.state in _ENDED_AT:
            ended[_ENDED_AT[order.state]] = updated
        kind = terms.order_type.value
        return {
            "id": self.uuid("order", order.number),
            "client_order_id": order.client_order_id or self.uuid("client", order.number),
            "created_at": created,
            "updated_at": updated,
            "submitted_at": created,
            **ended,
            "replaced_by": self.uuid("order", order.replaced_by) if order.replaced_by else None,
            "replaces": self.uuid("order", order.replaces) if order.replaces else None,
            "asset_id": self.uuid("asset", order.symbol),
            "symbol": order.symbol,
            "asset_class": "us_equity",
            "notional": order.tag or None,
            "qty": format_e9(order.quantity_e9),
            "filled_qty": format_e9(order.filled_quantity_e9),
            "filled_avg_price": format_e9(order.average_price_e9) if order.filled_quantity_e9 else None,
            "order_class": "simple",
            "order_type": kind,
            "type": kind,
            "side": order.side.value,
            "time_in_force": terms.time_in_force.value,
            "limit_price": None if terms.limit_price_e9 is None else format_e9(terms.limit_price_e9),
            "stop_price": None if terms.stop_price_e9 is None else format_e9(terms.stop_price_e9),
            "status": _STATUS[order.state],
            "extended_hours": False,
            "legs": None,
            "trail_percent": None,
            "trail_price": None,
            "hwm": None,
        }

    def update(self, event: MarketEvent, position_e9: int) -> dict[str, Any] | None:
        """One event of the trade stream.

        Parameters
        ----------
        event : MarketEvent
            What happened.
        position_e9 : int
            Position after it.

        Returns
        -------
        data : dict or None
            ``None`` for an event that the stream does not tell.
        """
        if event.order is None or event.kind not in EVENTS:
            return None
        name = EVENTS[event.kind]
        data: dict[str, Any] = {"event": name, "timestamp": format_time(event.ts_ns), "order": self.order(event.order)}
        if event.text and name.endswith("_rejected"):
            data["reason"] = event.text
        if event.execution is None:
            return {**data, "execution_id": self.uuid("event", event.sequence)}
        if name == "fill" and event.order.state is not OrderState.FILLED:
            data["event"] = "partial_fill"
        return {**data, **self._fill(event.execution, event), "position_qty": format_e9(position_e9)}

    def _fill(self, one: PaperExecution, event: MarketEvent) -> dict[str, Any]:
        fields = {
            "execution_id": self.execution_id(one),
            "price": format_e9(one.price_e9),
            "qty": format_e9(one.quantity_e9 or (event.previous.quantity_e9 if event.previous else 0)),
        }
        if event.previous is not None:
            fields["previous_execution_id"] = self.execution_id(event.previous)
        if one.fee_e9:
            fields["commission"] = format_e9(one.fee_e9)
        return fields

    def execution_id(self, one: PaperExecution) -> str:
        """Id of a fill, correction or bust.

        Parameters
        ----------
        one : PaperExecution
            As it stands.

        Returns
        -------
        execution_id : str
            Of this revision.
        """
        revision = one.revision + (one.kind is ExecutionKind.BUST)
        return self.uuid("execution", f"{one.number}.{revision}" if revision else one.number)

    def activity(self, event: MarketEvent) -> dict[str, Any]:
        """One row of ``account/activities``.

        Parameters
        ----------
        event : MarketEvent
            A fill, correction or bust.

        Returns
        -------
        row : dict
            Its id begins with the time in New York.
        """
        one, order = event.execution, event.order
        assert one is not None and order is not None  # noqa: S101  (of a fill)
        local = datetime.fromtimestamp(event.ts_ns // E9, UTC).astimezone(_NEW_YORK).strftime("%Y%m%d%H%M%S")
        kind = EVENTS[event.kind]
        if kind == "fill" and order.state is not OrderState.FILLED:
            kind = "partial_fill"
        return {
            "id": f"{local}{event.ts_ns // 1_000_000 % 1000:03d}::{self.execution_id(one)}",
            "account_id": self.uuid("account", self._account_id),
            "activity_type": "FILL",
            "transaction_time": format_time(event.ts_ns),
            "type": kind,
            **{name: value for name, value in self._fill(one, event).items() if name != "execution_id"},
            "side": one.side.value,
            "symbol": one.symbol,
            "leaves_qty": format_e9(max(order.quantity_e9 - order.filled_quantity_e9, 0)),
            "order_id": self.uuid("order", one.order_number),
            "cum_qty": format_e9(order.filled_quantity_e9),
            "order_status": _STATUS[order.state],
        }

    def position(self, holding: Holding, mark_e9: int | None, free_e9: int) -> dict[str, Any]:
        """One position.

        Parameters
        ----------
        holding : Holding
            What is held.
        mark_e9 : int or None
            Price that it is valued at.
        free_e9 : int
            Quantity that no order holds.

        Returns
        -------
        position : dict
            The venue's object.
        """
        price = holding.average_price_e9 if mark_e9 is None else mark_e9
        cost = notional_e9(holding.average_price_e9, holding.quantity_e9)
        value = notional_e9(price, holding.quantity_e9)
        gain = E9 * (value - cost) // abs(cost) if cost else 0
        return {
            "asset_id": self.uuid("asset", holding.symbol),
            "symbol": holding.symbol,
            "exchange": "NASDAQ",
            "asset_class": "us_equity",
            "asset_marginable": True,
            "qty": format_e9(holding.quantity_e9),
            "qty_available": format_e9(free_e9),
            "avg_entry_price": format_e9(holding.average_price_e9),
            "side": "long" if holding.quantity_e9 > 0 else "short",
            "market_value": format_e9(value),
            "cost_basis": format_e9(cost),
            "unrealized_pl": format_e9(value - cost),
            "unrealized_plpc": format_e9(gain),
            "unrealized_intraday_pl": "0",
            "unrealized_intraday_plpc": "0",
            "current_price": format_e9(price),
            "lastday_price": format_e9(price),
            "change_today": "0",
        }

    def account(self, account: Account, values: tuple[int, int], *, leverage: int, now_ns: int) -> dict[str, Any]:
        """Money of the account.

        Parameters
        ----------
        account : Account
            At the market.
        values : (int, int)
            Long and short market value, in billionths.
        leverage : int
            Multiple of the equity.
        now_ns : int
            The venue's clock.

        Returns
        -------
        account : dict
            The venue's object.
        """
        power, equity = format_e9(account.buying_power_e9), format_e9(account.equity_e9)
        flags = ("pattern_day_trader", "trading_blocked", "transfers_blocked", "account_blocked")
        zeros = ("accrued_fees", "pending_transfer_in", "pending_transfer_out", "initial_margin", "maintenance_margin")
        return {
            "id": self.uuid("account", self._account_id),
            "account_number": self._account_id if self._account_id.startswith("PA") else f"PA{self._account_id}",
            "status": "ACTIVE",
            "crypto_status": "INACTIVE",
            "currency": account.currency,
            "buying_power": power,
            "regt_buying_power": power,
            "daytrading_buying_power": power,
            "non_marginable_buying_power": power,
            "cash": format_e9(account.cash_e9),
            "portfolio_value": equity,
            "equity": equity,
            "last_equity": equity,
            "long_market_value": format_e9(values[0]),
            "short_market_value": format_e9(values[1]),
            "last_maintenance_margin": "0",
            "sma": "0",
            "daytrade_count": 0,
            "multiplier": str(leverage),
            "shorting_enabled": True,
            "trade_suspended_by_user": False,
            "created_at": format_time(now_ns - now_ns % (86_400 * E9)),
            **dict.fromkeys(flags, False),
            **dict.fromkeys(zeros, "0"),
        }

    def asset(self, rules: TradingRules) -> dict[str, Any]:
        """One asset.

        Parameters
        ----------
        rules : TradingRules
            At the market.

        Returns
        -------
        asset : dict
            The venue's object.
        """
        is_fractional = rules.lot_e9 < E9
        return {
            "id": self.uuid("asset", rules.symbol),
            "class": "us_equity",
            "exchange": "NASDAQ",
            "symbol": rules.symbol,
            "name": f"{rules.symbol} of the loopback venue",
            "status": "active",
            "tradable": rules.status is not TradingStatus.HALTED,
            "marginable": True,
            "shortable": rules.can_short,
            "easy_to_borrow": rules.can_short,
            "fractionable": is_fractional,
            **({"min_trade_increment": format_e9(rules.lot_e9)} if is_fractional else {}),
            **({"price_increment": format_e9(rules.tick_e9)} if rules.tick_e9 != E9 // 100 else {}),
        }


def quote_row(quote: Quote, now_ns: int) -> dict[str, Any]:
    """A quote as market data tells it; prices are numbers there.

    Parameters
    ----------
    quote : Quote
        Of house and accounts.
    now_ns : int
        The venue's clock: the house stands behind its quote now.

    Returns
    -------
    row : dict
        ``t``, ``bp``, ``bs``, ``ap``, ``as`` and the rest; 0 where there is no price.
    """
    return {
        "t": format_time(now_ns),
        "ax": "V",
        "ap": _number(quote.ask_e9 or 0),
        "as": _number(quote.ask_quantity_e9),
        "bx": "V",
        "bp": _number(quote.bid_e9 or 0),
        "bs": _number(quote.bid_quantity_e9),
        "c": ["R"],
        "z": "C",
    }


def trade_row(one: PaperExecution) -> dict[str, Any]:
    """A trade as market data tells it.

    Parameters
    ----------
    one : PaperExecution
        Either side.

    Returns
    -------
    row : dict
        ``t``, ``p``, ``s`` and the rest.
    """
    return {
        "t": format_time(one.ts_ns),
        "x": "V",
        "p": _number(one.price_e9),
        "s": _number(one.quantity_e9),
        "c": ["@"],
        "i": one.trade_number,
        "z": "C",
    }


def _number(amount_e9: int) -> int | float:
    # The shortest text of a float below 2^53 / 10^9 gives the same billionths back.
    return amount_e9 // E9 if amount_e9 % E9 == 0 else float(format_e9(amount_e9))
