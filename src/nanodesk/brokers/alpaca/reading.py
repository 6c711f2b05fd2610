"""What the account and the market hold now, asked of Alpaca's REST interfaces."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from nanodesk.brokers.alpaca import messages as alpaca_messages
from nanodesk.brokers.alpaca.fills import in_order, named_fills
from nanodesk.brokers.alpaca.messages import FillRow, is_of_several_legs, order_report, time_of
from nanodesk.brokers.alpaca.refusal import AlpacaRefusal
from nanodesk.brokers.alpaca.rest import AlpacaRest
from nanodesk.brokers.alpaca.times import SECOND, format_time, parse_time
from nanodesk.brokers.base import Clock
from nanodesk.brokers.fields import Fields, rows_of
from nanodesk.brokers.known_orders import KnownOrders
from nanodesk.brokers.venue_clock import VenueClock
from nanodesk.errors import BrokerError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.order import Execution, OrderReport
from nanodesk.market.trading_rules import TradingRules

ORDERS_IN_AN_ANSWER: Final = 500
FILLS_IN_AN_ANSWER: Final = 100
RULES_GOOD_FOR_S: Final = 60.0
_SLACK_NS: Final = SECOND
"""Questions by time begin this much earlier; what is too old is dropped here."""

_OVERLAP_NS: Final = SECOND // 1000


class AlpacaReading:
    """Questions about account, orders, fills, assets and quotes.

    Parameters
    ----------
    rest, data : AlpacaRest
        Trading and market data.
    known : KnownOrders
        The venue's ids of our orders.
    clock : VenueClock
        The venue's time.
    now_ns : callable
        Our wall clock.
    is_live, is_fractional : bool
        Real money; parts of shares.
    monotonic_s : callable, optional
        Clock of what is remembered for a while.
    """

    def __init__(
        self,
        rest: AlpacaRest,
        data: AlpacaRest,
        *,
        known: KnownOrders,
        clock: VenueClock,
        now_ns: Clock,
        is_live: bool,
        is_fractional: bool,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest = rest
        self._data = data
        self._known = known
        self._clock = clock
        self._now_ns = now_ns
        self._is_live = is_live
        self._is_fractional = is_fractional
        self._monotonic_s = monotonic_s
        self._rules: dict[str, tuple[float, TradingRules]] = {}
        self._orders_seen: dict[str, tuple[str, int]] = {}
        self._open: tuple[float, bool] | None = None

    # -- account and market ---------------------------------------------------------------------------------------

    async def account(self) -> Account:
        """Money now."""
        ts_ns = self._now_ns()
        return alpaca_messages.account(
            Fields(await self._rest.read("account"), "account"), is_live=self._is_live, ts_ns=ts_ns
        )

    async def positions(self) -> tuple[Holding, ...]:
        """Holdings that are not zero, sorted by symbol."""
        rows = rows_of(await self._rest.read("positions"), "positions")
        found = [alpaca_messages.position(row) for row in rows]
        return tuple(sorted((one for one in found if one.quantity_e9), key=lambda one: one.symbol))

    async def quote(self, symbol: str) -> Quote:
        """Newest bid and ask.

        Parameters
        ----------
        symbol : str
            Name of a share.

        Returns
        -------
        quote : Quote
            With the venue's time of it.

        Raises
        ------
        BrokerError
            If the venue tells none.
        """
        answer = Fields(await self._data.read(f"stocks/{_part(symbol)}/quotes/latest"), "quote")
        found = alpaca_messages.latest_quote(answer, symbol)
        if found.bid_e9 is None and found.ask_e9 is None:
            raise BrokerError(f"Alpaca tells no quote of {symbol}.", field="symbol", value=symbol)
        return found

    async def trading_rules(self, symbol: str) -> TradingRules:
        """What the venue accepts for one asset, at most a minute old.

        Parameters
        ----------
        symbol : str
            Name of the asset.

        Returns
        -------
        rules : TradingRules
            Closed while the market is.
        """
        asked_s = self._monotonic_s()
        kept = self._rules.get(symbol)
        if kept is not None and asked_s - kept[0] < RULES_GOOD_FOR_S:
            return kept[1]
        row = Fields(await self._rest.read(f"assets/{_part(symbol)}"), "asset")
        if row.text("symbol") != symbol:
            raise BrokerError("The answer is about another symbol.", field="symbol", value=row.text("symbol")[:40])
        rules = alpaca_messages.asset_rules(row, is_open=await self.is_open(), is_fractional=self._is_fractional)
        self._rules[symbol] = (asked_s, rules)
        return rules

    async def is_open(self) -> bool:
        """Whether the market is open, at most a minute ago."""
        if self._open is None or self._monotonic_s() - self._open[0] >= RULES_GOOD_FOR_S:
            await self.measure_clock()
        assert self._open is not None  # noqa: S101  (measuring sets it)
        return self._open[1]

    async def measure_clock(self) -> None:
        """Ask the venue for its time, and whether it is open."""
        sent_ns = self._now_ns()
        answer = Fields(await self._rest.read("clock"), "clock")
        venue_ns = parse_time(answer.text("timestamp"))
        self._clock.measured(sent_ns=sent_ns, received_ns=self._now_ns(), venue_ns=venue_ns)
        self._open = (self._monotonic_s(), answer.flag("is_open"))

    # -- orders ---------------------------------------------------------------------------------------------------

    async def status(self, client_order_id: str) -> OrderReport | None:
        """The venue's word on one order, looked up by our id.

        Parameters
        ----------
        client_order_id : str
            Our id.

        Returns
        -------
        report : OrderReport or None
            ``None`` when the venue knows none.
        """
        try:
            answer = await self._rest.read("orders:by_client_order_id", {"client_order_id": client_order_id})
        except AlpacaRefusal as refusal:
            if refusal.status == 404:
                return None
            raise
        row = Fields(answer, "order")
        if row.text("client_order_id") != client_order_id:
            raise BrokerError("The answer is about another order.", field="client_order_id")
        return await self.report(row)

    async def report(self, row: Fields) -> OrderReport:
        """An order of an answer, with our id of the order before it.

        Parameters
        ----------
        row : Fields
            The object.

        Returns
        -------
        report : OrderReport
            Remembered.
        """
        before = row.text("replaces", "")
        if before and before not in self._orders_seen:
            await self.order(before)
        return self.remember(row)

    def remember(self, row: Fields) -> OrderReport:
        """An order of an answer or of the stream; note which order it is.

        Parameters
        ----------
        row : Fields
            The object.

        Returns
        -------
        report : OrderReport
            Naming the order before it where that is known here.
        """
        report = order_report(row, replaces=self.client_id(row.text("replaces", "")))
        self._known.told_report(report, report.symbol)
        self._orders_seen[report.venue_order_id] = (report.symbol, time_of(row, "created_at"))
        return report

    def client_id(self, venue_order_id: str) -> str:
        """Our id of an order.

        Parameters
        ----------
        venue_order_id : str
            The venue's.

        Returns
        -------
        client_order_id : str
            Empty when it is not known here, or not ours.
        """
        symbol, _ = self._orders_seen.get(venue_order_id, ("", 0))
        return self._known.client_id_of(symbol, venue_order_id)

    async def order(self, venue_order_id: str) -> OrderReport:
        """An order by the venue's id.

        Parameters
        ----------
        venue_order_id : str
            The venue's.

        Returns
        -------
        report : OrderReport
            Open or not.

        Raises
        ------
        BrokerError
            If it is not found.
        """
        row = Fields(await self._rest.read(f"orders/{_part(venue_order_id)}"), "order")
        if row.text("id") != venue_order_id:
            raise BrokerError("The answer is about another order.", field="id")
        return self.remember(row)

    async def open_orders(self) -> tuple[OrderReport, ...]:
        """Every open order of the account, ours or not."""
        rows = await self._orders({"status": "open"}, since_ns=0)
        return tuple([await self.report(row) for row in rows])

    async def _orders(self, parameters: dict[str, str], *, since_ns: int) -> list[Fields]:
        # Pages overlap by a moment, for the venue pages by time and several orders may share one instant.
        found: dict[str, Fields] = {}
        while True:
            after = {"after": format_time(since_ns)} if since_ns > 0 else {}
            asked = {**parameters, **after, "limit": str(ORDERS_IN_AN_ANSWER), "direction": "asc"}
            rows = rows_of(await self._rest.read("orders", asked), "orders")
            before = len(found)
            found.update({row.text("id"): row for row in rows})
            if len(rows) < ORDERS_IN_AN_ANSWER:
                return [row for row in found.values() if not is_of_several_legs(row)]
            if len(found) == before:
                raise BrokerError("More orders share an instant than one answer holds.", field="submitted_at")
            since_ns = max(parse_time(row.text("submitted_at"), field="submitted_at") for row in rows) - _OVERLAP_NS

    # -- fills ----------------------------------------------------------------------------------------------------

    async def executions(self, since_ns: int) -> tuple[Execution, ...]:
        """Fills from an instant on, oldest first, with corrections and busts.

        Parameters
        ----------
        since_ns : int
            Nanoseconds since 1970.

        Returns
        -------
        executions : tuple of Execution
            With our id of the order where it is ours.
        """
        rows = await self._activities(since_ns)
        await self._learn_orders({row.order_id for row in rows}, since_ns)
        of_order: defaultdict[str, list[FillRow]] = defaultdict(list)
        for row in rows:
            of_order[row.order_id].append(row)
        found: list[Execution] = []
        for order_id, own in of_order.items():
            # Names depend on the busts and corrections before, so an order that is older is read whole.
            is_older = self._orders_seen[order_id][1] < since_ns
            found += named_fills(await self.fills_of(order_id) if is_older else own, self.client_id(order_id))
        return tuple(sorted((one for one in found if one.ts_event_ns >= since_ns), key=lambda one: one.ts_event_ns))

    async def fills_of(self, venue_order_id: str) -> list[FillRow]:
        """All fills of one order.

        Parameters
        ----------
        venue_order_id : str
            The venue's id.

        Returns
        -------
        rows : list of FillRow
            Oldest first.
        """
        if venue_order_id not in self._orders_seen:
            await self.order(venue_order_id)
        _, since_ns = self._orders_seen[venue_order_id]
        return [fill for fill in await self._activities(since_ns) if fill.order_id == venue_order_id]

    async def _activities(self, since_ns: int) -> list[FillRow]:
        found: dict[str, FillRow] = {}
        token: dict[str, str] = {}
        after = {"after": format_time(since_ns - _SLACK_NS)} if since_ns > _SLACK_NS else {}
        while True:
            asked = {**after, "direction": "asc", "page_size": str(FILLS_IN_AN_ANSWER), **token}
            rows = rows_of(await self._rest.read("account/activities/FILL", asked), "fills")
            before = len(found)
            found.update({row.text("id"): alpaca_messages.activity(row) for row in rows})
            if len(rows) < FILLS_IN_AN_ANSWER or len(found) == before:
                return in_order(found.values())
            token = {"page_token": rows[-1].text("id")}

    async def _learn_orders(self, order_ids: set[str], since_ns: int) -> None:
        # Activities name orders by the venue's id only. One list brings most of ours, the rest is asked for one by one.
        if any(one not in self._orders_seen for one in order_ids):
            for row in await self._orders({"status": "all"}, since_ns=since_ns - _SLACK_NS):
                self.remember(row)
        for one in sorted(order_ids):
            if one not in self._orders_seen:
                await self.order(one)


def _part(text: str) -> str:
    return quote(text, safe="")
