"""What the account and the market hold now, asked of Binance's REST interface."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Final

from nanodesk.brokers.base import Clock
from nanodesk.brokers.binance.messages import MS, balances, order_report, trade
from nanodesk.brokers.binance.pairs import Pairs
from nanodesk.brokers.binance.refusal import ARCHIVED, NO_SUCH_ORDER, BinanceRefusal
from nanodesk.brokers.binance.rest import BinanceRest
from nanodesk.brokers.fields import Fields, rows_of
from nanodesk.brokers.known_orders import KnownOrders
from nanodesk.errors import BrokerError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.fixed_point import notional_e9
from nanodesk.market.order import Execution, OrderReport

logger = logging.getLogger(__name__)

MOST_PAIRS_TO_SEARCH: Final = 1000
"""More instruments than this are not searched one by one for an order: its weight would be a minute's whole limit."""

MOST_PAIRS_FOR_FILLS: Final = 100
"""Above this, fills are asked for only where the account is or was active, at five times the weight of an order."""

AT_ONCE: Final = 8
"""Questions under way at once during a search."""

MOST_LOOKED_UP_ALONE: Final = 5
"""Orders that are asked for one by one; more are read as a list, which counts as much as five of them."""

TRADES_IN_AN_ANSWER: Final = 1000
ORDERS_IN_AN_ANSWER: Final = 1000
QUOTES_GOOD_FOR_NS: Final = 100 * MS
"""How long one answer with the quotes of every instrument serves."""


class BinanceReading:
    """Questions about account, orders, fills and quotes.

    Parameters
    ----------
    rest : BinanceRest
        Signed calls.
    pairs : Pairs
        Names of instruments.
    known : KnownOrders
        Where each order of ours went.
    now_ns : callable
        Our wall clock.
    is_live : bool
        Whether real money is at stake.
    """

    def __init__(self, rest: BinanceRest, *, pairs: Pairs, known: KnownOrders, now_ns: Clock, is_live: bool) -> None:
        self._rest = rest
        self._pairs = pairs
        self._known = known
        self._now_ns = now_ns
        self._is_live = is_live
        self._quotes: dict[str, Fields] = {}
        self._quotes_ns = -QUOTES_GOOD_FOR_NS
        self._without_market: set[str] = set()
        self.asked: set[str] = set()

    async def account(self) -> Account:
        """Money now: the quote asset is cash, every other coin counts at its mid price against it."""
        ts_ns = self._now_ns()
        answer = Fields(await self._rest.read("account", weight=20), "account")
        held = balances(answer)
        free, locked = held.get(self._pairs.quote_asset, (0, 0))
        worth = 0
        for asset in set(held) - {self._pairs.quote_asset}:
            quote = await self._quote_of_pair(asset + self._pairs.quote_asset)
            if quote is not None and quote.mid_e9 is not None:
                worth += notional_e9(quote.mid_e9, sum(held[asset]))
        return Account(
            account_id=str(answer.integer("uid", 0)),
            currency=self._pairs.quote_asset,
            equity_e9=free + locked + worth,
            cash_e9=free + locked,
            buying_power_e9=free,
            is_live=self._is_live,
            ts_ns=ts_ns,
            balances_e9={asset: sum(amounts) for asset, amounts in held.items()},
        )

    async def positions(self) -> tuple[Holding, ...]:
        """Every coin held that trades against the quote asset, free and locked together."""
        held = balances(Fields(await self._rest.read("account", weight=20), "account"))
        held.pop(self._pairs.quote_asset, None)
        # Tokens of savings products, gifts and coins that were delisted have no market here: they can be neither sold
        # nor priced, and as holdings they would stop every run. The account's worth leaves them out as well.
        for asset in sorted(held):
            if asset + self._pairs.quote_asset not in self._pairs.listed:
                del held[asset]
                if asset not in self._without_market:
                    self._without_market.add(asset)
                    logger.warning("coin_without_a_market", extra={"asset": asset})
        found = [Holding(self._pairs.coin(asset), sum(amounts)) for asset, amounts in held.items()]
        return tuple(sorted(found, key=lambda holding: holding.symbol))

    def _pair_of_asset(self, asset: str) -> str:
        pair = asset + self._pairs.quote_asset
        return pair if pair in self._pairs.desk_of else ""

    async def quote(self, symbol: str) -> Quote:
        """Best bid and ask.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        quote : Quote
            As old as the question at most, plus a tenth of a second.

        Raises
        ------
        BrokerError
            If the venue tells none.
        """
        pair = self._pairs.pair(symbol)
        self.asked.add(pair)
        quote = await self._quote_of_pair(pair)
        if quote is None:
            raise BrokerError(f"Binance tells no quote of {symbol}.", field="symbol", value=symbol)
        return quote

    async def _quote_of_pair(self, pair: str) -> Quote | None:
        # One question serves a whole list of instruments for a moment.
        asked_ns = self._now_ns()
        if not 0 <= asked_ns - self._quotes_ns < QUOTES_GOOD_FOR_NS:
            rows = rows_of(await self._rest.read("ticker/bookTicker", weight=4, is_signed=False), "quotes")
            self._quotes = {row.text("symbol"): row for row in rows}
            self._quotes_ns = asked_ns
        row = self._quotes.get(pair)
        return None if row is None else self._quote(row, self._quotes_ns)

    def _quote(self, row: Fields, ts_ns: int) -> Quote:
        return Quote(
            symbol=self._pairs.symbol(row.text("symbol")),
            bid_e9=row.amount("bidPrice") or None,
            ask_e9=row.amount("askPrice") or None,
            last_e9=None,
            ts_ns=ts_ns,
            bid_quantity_e9=row.amount("bidQty"),
            ask_quantity_e9=row.amount("askQty"),
        )

    async def status(self, client_order_id: str, symbol: str | None = None) -> OrderReport | None:
        """The venue's word on one order.

        Parameters
        ----------
        client_order_id : str
            Our id.
        symbol : str, optional
            Where it went, if it is known and still listed; else it is searched for.

        Returns
        -------
        report : OrderReport or None
            ``None`` when no instrument that it can have gone to knows it.

        Raises
        ------
        BrokerError
            If the search could not cover every instrument.
        """
        pair = self._known.pair_of(client_order_id) or self._pairs.pair_of.get(symbol or "")
        if pair is not None:
            return await self._status_at(pair, client_order_id)
        for report in await self.open_orders():
            if report.client_order_id == client_order_id:
                return report
        searched = set(self._pairs.desk_of)
        if len(searched) > MOST_PAIRS_TO_SEARCH:
            raise BrokerError(
                f"Order {client_order_id} cannot be searched for among {len(searched)} instruments.",
                field="symbols",
                fix="Name the instruments you trade in symbols.",
            )
        likely = sorted(searched, key=lambda name: (name not in self._known.pairs(), name))
        for start in range(0, len(likely), AT_ONCE):
            some = likely[start : start + AT_ONCE]
            found = await asyncio.gather(*(self._status_at(one, client_order_id) for one in some))
            for answer in found:
                if answer is not None:
                    return answer
        return None

    async def _status_at(self, pair: str, client_order_id: str) -> OrderReport | None:
        parameters = {"symbol": pair, "origClientOrderId": client_order_id}
        try:
            answer = await self._rest.read("order", dict(parameters), weight=4)
        except BinanceRefusal as refusal:
            if refusal.code == NO_SUCH_ORDER:
                return None
            if refusal.code == ARCHIVED:
                raise BrokerError(
                    f"Order {client_order_id} ended long ago unfilled; Binance keeps no details."
                ) from None
            raise
        report = order_report(Fields(answer, "order"), self._pairs)
        self._known.told_report(report, pair)
        return report

    async def status_of(self, pair: str, venue_order_id: str) -> OrderReport:
        """The venue's word on an order that it has.

        Parameters
        ----------
        pair, venue_order_id : str
            The venue's names.

        Returns
        -------
        report : OrderReport
            Open or not.

        Raises
        ------
        BrokerError
            If it is not found.
        """
        answer = await self._rest.read("order", {"symbol": pair, "orderId": venue_order_id}, weight=4)
        return order_report(Fields(answer, "order"), self._pairs)

    async def open_orders(self) -> tuple[OrderReport, ...]:
        """Every open order of the account, ours or not."""
        rows = rows_of(await self._rest.read("openOrders", weight=80), "open orders")
        return tuple(order_report(row, self._pairs) for row in rows)

    async def executions(self, since_ns: int) -> tuple[Execution, ...]:
        """Fills of every instrument that may have some, oldest first.

        Parameters
        ----------
        since_ns : int
            Nanoseconds since 1970.

        Returns
        -------
        executions : tuple of Execution
            With our id of the order where it is known.

        Notes
        -----
        Where the venue lists many instruments and none were named, those are asked for that hold a coin or an open
        order, had an order looked up or sent, or whose rules or quote were asked for.
        """
        pairs = set(self._pairs.desk_of)
        if len(pairs) > MOST_PAIRS_FOR_FILLS and not self._pairs.is_named:
            pairs &= await self._active_pairs()
        found = [fill for pair in sorted(pairs) for fill in await self._trades(pair, since_ns)]
        return tuple(sorted(found, key=lambda fill: fill.ts_event_ns))

    async def _active_pairs(self) -> set[str]:
        held = balances(Fields(await self._rest.read("account", weight=20), "account"))
        working = [self._pairs.pair_of.get(report.symbol, report.symbol) for report in await self.open_orders()]
        return {self._pair_of_asset(asset) for asset in held} | set(working) | self._known.pairs() | self.asked

    async def _trades(self, pair: str, since_ns: int) -> list[Execution]:
        # By time for the first page, then by number: the venue takes one or the other.
        start: dict[str, int] = {"startTime": since_ns // MS} if since_ns > 0 else {"fromId": 0}
        found: list[Execution] = []
        while True:
            rows = rows_of(
                await self._rest.read("myTrades", {"symbol": pair, "limit": TRADES_IN_AN_ANSWER, **start}, weight=20),
                "fills",
            )
            found += await self._with_client_ids([trade(row, self._pairs) for row in rows], pair)
            if len(rows) < TRADES_IN_AN_ANSWER:
                return [fill for fill in found if fill.ts_event_ns >= since_ns]
            start = {"fromId": max(row.integer("id") for row in rows) + 1}

    async def fills_of(self, pair: str, venue_order_id: str) -> tuple[Execution, ...]:
        """Fills of one order.

        Parameters
        ----------
        pair, venue_order_id : str
            The venue's names.

        Returns
        -------
        executions : tuple of Execution
            Oldest first.
        """
        answer = await self._rest.read("myTrades", {"symbol": pair, "orderId": venue_order_id}, weight=5)
        return tuple(await self._with_client_ids([trade(row, self._pairs) for row in rows_of(answer, "fills")], pair))

    async def _with_client_ids(self, fills: list[Execution], pair: str) -> list[Execution]:
        # myTrades names orders only by the venue's number; the rest is looked up, once for each order.
        unknown = self._unknown({fill.venue_order_id for fill in fills}, pair)
        if len(unknown) > MOST_LOOKED_UP_ALONE:
            learnt = await self._learn_orders(pair, unknown)
            unknown = [number for number in unknown if number not in learnt]
        for number in unknown:
            try:
                answer = await self._rest.read("order", {"symbol": pair, "orderId": number}, weight=4)
            except BinanceRefusal as refusal:
                if refusal.code not in (NO_SUCH_ORDER, ARCHIVED):
                    raise
                continue
            self._known.told_report(order_report(Fields(answer, "order"), self._pairs), pair)
        return [
            _named(fill, self._known.client_id_of(pair, fill.venue_order_id)) if not fill.client_order_id else fill
            for fill in fills
        ]

    def _unknown(self, numbers: Iterable[str], pair: str) -> list[str]:
        return sorted((number for number in numbers if not self._known.client_id_of(pair, number)), key=int)

    async def _learn_orders(self, pair: str, numbers: Sequence[str]) -> set[str]:
        # A thousand orders in one answer, for the weight of five questions: a process that died after a busy hour
        # would else ask for half an hour which orders its fills were of.
        wanted, learnt = set(numbers), set[str]()
        first, last = int(numbers[0]), int(numbers[-1])
        while first <= last:
            answer = await self._rest.read(
                "allOrders", {"symbol": pair, "orderId": first, "limit": ORDERS_IN_AN_ANSWER}, weight=20
            )
            rows = rows_of(answer, "orders")
            for report in (order_report(row, self._pairs) for row in rows):
                if report.venue_order_id in wanted:
                    self._known.told_report(report, pair)
                    learnt.add(report.venue_order_id)
            if len(rows) < ORDERS_IN_AN_ANSWER:
                break
            first = rows[-1].integer("orderId") + 1
        return learnt


def _named(fill: Execution, client_order_id: str) -> Execution:
    return Execution(
        fill.execution_id,
        client_order_id,
        fill.venue_order_id,
        fill.symbol,
        fill.side,
        fill.quantity_e9,
        fill.price_e9,
        fill.fee_e9,
        fill.fee_currency,
        fill.kind,
        fill.ts_event_ns,
    )
