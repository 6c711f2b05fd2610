"""Interactive Brokers through TWS or IB Gateway: the port of a broker over one session.

What is ours and what is ``ib_async``'s: the library writes the request frames and reads the two layouts of
orders. Pacing, the socket, the state of each order, the booking of fills and recovery are in the files beside
this one.

A replace is a cancel, the venue's word that the order is dead, and then a new order. The gateway could change the
order in place, but a changed order keeps the identity of the old one (``orderRef`` and all fills before and after
under one permId), so after a crash nobody could tell which of the two client ids a fill belongs to. Two orders at
the venue, of which the second is written only after the first is certainly dead, cannot both be live either.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace as with_changes
from pathlib import Path
from typing import Final, Literal

from nanodesk.brokers.base import (
    AbsenceRule,
    BrokerEvent,
    Clock,
    Outcome,
    Reached,
    nothing_reached,
)
from nanodesk.brokers.ibkr import lists
from nanodesk.brokers.ibkr.configuration import check_configuration, check_prefix
from nanodesk.brokers.ibkr.contracts import ContractBook, multiplier_of, rules_from_details
from nanodesk.brokers.ibkr.messages import OrderMessage, TwsContract
from nanodesk.brokers.ibkr.order_ids import OrderIds
from nanodesk.brokers.ibkr.pacing import DEFAULT_RATE, Pacer
from nanodesk.brokers.ibkr.placing import NOT_ANSWERED, Placing
from nanodesk.brokers.ibkr.quotes import quote_of_ticks
from nanodesk.brokers.ibkr.session import SessionTimes, TwsSession
from nanodesk.errors import BrokerError, NanodeskError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import parse_e9
from nanodesk.market.order import Execution, Order, OrderReport, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules

_BPS: Final = 10_000
_SUMMARY_TAGS: Final = "NetLiquidation,TotalCashValue,BuyingPower,$LEDGER:ALL"


class IbkrBroker:
    """One account at Interactive Brokers.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        Where TWS or IB Gateway runs. The socket is neither encrypted nor authenticated, so any other host than
        this machine is refused unless ``allow_remote_host`` says so.
    port : int
        4002 or 7497 for paper, 4001 or 7496 for live, by the vendor's custom.
    client_id : int
        Number of this client; a gateway refuses one that is in use.
    account : str
        Whose orders; checked against the accounts that the gateway names. Empty for the only one that it has.
    mode : {"paper", "live"}, default "paper"
        Must agree with the account's prefix and with the port, where the port has a meaning.
    reached, now_ns : callable
        Steps of sending, and the wall clock.
    contracts : mapping of str to TwsContract, optional
        Names that are not plain shares in dollars.
    allow_remote_host : bool, default False
        Take a host other than this machine.
    market_bound_bps : int or None, default 50
        A market order goes out as a limit order that takes at most this many basis points beyond the quote, and
        what it does not take is cancelled; ``None`` sends it as it is.
    order_id_path : Path, optional
        File in which order ids are reserved, against a gateway whose counter was reset.
    messages_per_second : float, default 40
        Pace of everything we send; the gateway takes 50.
    times : SessionTimes, optional
        Deadlines.
    absence_rule : AbsenceRule, optional
        When a miss of :meth:`status` proves that an order never arrived.

    Raises
    ------
    ConfigError
        If host, port, mode and account contradict each other.

    Examples
    --------
    >>> broker = IbkrBroker(port=4002, client_id=1, account="DU0000001")
    >>> broker.name, broker.is_live, broker.is_connected
    ('ibkr', False, False)
    """

    name: str = "ibkr"

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int,
        client_id: int,
        account: str,
        mode: Literal["paper", "live"] = "paper",
        reached: Reached = nothing_reached,
        now_ns: Clock = time.time_ns,
        contracts: Mapping[str, TwsContract] | None = None,
        allow_remote_host: bool = False,
        market_bound_bps: int | None = 50,
        order_id_path: Path | None = None,
        messages_per_second: float = DEFAULT_RATE,
        times: SessionTimes | None = None,
        absence_rule: AbsenceRule | None = None,
    ) -> None:
        check_configuration(host, port, client_id, account, mode, allow_remote_host)
        self._account = account
        self._mode = mode
        self._reached = reached
        self._now_ns = now_ns
        self._contracts = ContractBook(contracts)
        self._bound_bps = market_bound_bps
        self._times = times or SessionTimes()
        self._absence_rule = absence_rule or AbsenceRule(wait_s=2.0, misses=2, spacing_s=0.5)
        self._rules: dict[str, TradingRules] = {}
        self._session = TwsSession(
            (host, port),
            client_id,
            contracts=self._contracts,
            pacer=Pacer(messages_per_second),
            order_ids=OrderIds(order_id_path),
            times=self._times,
            check_accounts=self._check_accounts,
            is_ours=lambda account: account in ("", self._account) or not self._account,
            reached=reached,
            now_ns=now_ns,
        )
        self._placing = Placing(
            self._session,
            self._contracts,
            account=lambda: self._account,
            bounded=self._bounded,
            status=self.status,
            reached=reached,
        )

    # --- the session ------------------------------------------------------------------------------------------

    @property
    def account_id(self) -> str:
        """The account's name; empty before :meth:`connect` when it was left to the gateway."""
        return self._account

    @property
    def is_live(self) -> bool:
        """Whether real money is at stake."""
        return self._mode == "live"

    @property
    def is_connected(self) -> bool:
        """Whether the gateway is there, in sync, and linked to the venue."""
        return self._session.is_connected

    @property
    def absence_rule(self) -> AbsenceRule:
        """When a miss of :meth:`status` is proof.

        A gateway works off one socket in order, so an order that was written before the question is in the answer;
        the wait covers bytes of an earlier connection that were still under way.
        """
        return self._absence_rule

    def connect(self) -> None:
        """Connect, check the account, and read open orders, completed orders and executions.

        Raises
        ------
        BrokerError
            If the gateway cannot be reached, the client id is in use, the account is not the one configured, or
            one of the lists cannot be read.
        """
        self._session.open()

    def disconnect(self) -> None:
        """End the session; safe to call twice. Open orders stay open."""
        self._session.close()

    def _check_accounts(self, accounts: tuple[str, ...]) -> None:
        if not self._account and len(accounts) == 1:
            check_prefix(accounts[0], self._mode)
            self._account = accounts[0]
        if self._account not in accounts:
            raise BrokerError(
                f"account={self._account!r} is not among the gateway's accounts {list(accounts)}.",
                field="account",
                value=self._account,
                allowed=", ".join(accounts),
                fix="Log the gateway in to the right user or change the account.",
            )

    # --- reading ----------------------------------------------------------------------------------------------

    def account(self) -> Account:
        """Money now, from the account summary.

        Returns
        -------
        account : Account
            Equity, cash and buying power in the base currency; cash of each currency in ``balances_e9``.

        Raises
        ------
        BrokerError
            If the gateway cannot be asked or leaves a line out.
        """
        rows = [row for row in lists.read_summary(self._session, _SUMMARY_TAGS) if row.account == self._account]
        values = {row.tag: row for row in rows if row.tag != "CashBalance"}
        try:
            equity, cash, power = (values[tag] for tag in ("NetLiquidation", "TotalCashValue", "BuyingPower"))
            return Account(
                account_id=self._account,
                currency=equity.currency,
                equity_e9=parse_e9(equity.value, field="NetLiquidation"),
                cash_e9=parse_e9(cash.value, field="TotalCashValue"),
                buying_power_e9=parse_e9(power.value, field="BuyingPower"),
                is_live=self.is_live,
                ts_ns=self._now_ns(),
                balances_e9={
                    row.currency: parse_e9(row.value, field="CashBalance")
                    for row in rows
                    if row.tag == "CashBalance" and row.currency != "BASE"
                },
            )
        except (KeyError, NanodeskError) as error:
            raise BrokerError(
                f"The account summary of {self._account} cannot be read: {error}.", field="account summary"
            ) from error

    def positions(self) -> tuple[Holding, ...]:
        """Holdings that are not zero, sorted by symbol.

        Returns
        -------
        holdings : tuple of Holding
            Of this account alone, with the price per unit: the gateway's cost is that of a whole contract.
        """
        latest = {
            self._contracts.desk_name(row.contract): row
            for row in lists.read_positions(self._session)
            if row.account == self._account
        }
        return tuple(
            Holding(symbol, row.quantity_e9, _round_half_up(row.average_cost_e9, multiplier_of(row.contract)))
            for symbol, row in sorted(latest.items())
            if row.quantity_e9
        )

    def trading_rules(self, symbol: str) -> TradingRules:
        """What the venue accepts for one instrument.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        rules : TradingRules
            From the contract's details, asked anew each time because the trading hours are among them.

        Raises
        ------
        BrokerError
            If no contract fits the name, or several do.
        """
        rows = lists.read_details(self._session, symbol, self._contracts)
        if len({row.contract.con_id for row in rows}) != 1:
            exchanges = sorted({row.contract.primary_exchange or row.contract.exchange for row in rows})
            raise BrokerError(
                f"symbol={symbol!r} fits {len(rows)} contracts ({', '.join(exchanges)[:80]}).",
                field="symbol",
                value=symbol,
                allowed="one contract",
                fix="Describe it with contracts={name: TwsContract(...)}.",
            )
        self._contracts.learn(symbol, rows[0].contract)
        rules = self._rules[symbol] = rules_from_details(symbol, rows[0], self._now_ns())
        return rules

    def quote(self, symbol: str) -> Quote:
        """Best bid and ask now.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        quote : Quote
            ``ts_ns`` is 0 for frozen or delayed data: when it was true is not known, so no check of its age passes.

        Raises
        ------
        BrokerError
            If there is no such contract, no right to its data, no price at all, or no answer in time.
        """
        rows = lists.read_snapshot(self._session, symbol, self._contracts)
        quote = quote_of_ticks(symbol, rows, self._now_ns())
        if quote.mid_e9 is None:
            raise BrokerError(f"quote of {symbol}: the gateway has no price.", field="symbol", value=symbol)
        return quote

    def clock_offset_ns(self) -> int:
        """The gateway's clock minus ours.

        Returns
        -------
        offset_ns : int
            0 when ours lies within the second that the gateway tells, else the distance to it.
        """
        before_ns = self._now_ns()
        start_ns = lists.read_time(self._session) * 10**9
        middle_ns = before_ns + (self._now_ns() - before_ns) // 2
        return min(start_ns + 10**9 - middle_ns, 0) + max(start_ns - middle_ns, 0)

    # --- orders -----------------------------------------------------------------------------------------------

    def submit(self, order: Order) -> Outcome:
        """Send one order, once.

        Parameters
        ----------
        order : Order
            What to send; its intent is durable already.

        Returns
        -------
        outcome : Outcome
            Unknown with code ``not_sent`` when the connection ended before the whole frame was handed to the
            socket; unknown with another code when it was handed over and nobody answered.

        Raises
        ------
        NotConnectedError
            If there is no connection to begin with.
        """
        return self.submit_many((order,))[0]

    def submit_many(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """Send several in order at the gateway's pace, without waiting for one answer before the next.

        Parameters
        ----------
        orders : sequence of Order
            What to send.

        Returns
        -------
        outcomes : tuple of Outcome
            One for each, in the same order. Once the connection is gone nothing of the rest is sent, even if it
            comes back meanwhile, because what was to be sold first may not have been.

        Raises
        ------
        NotConnectedError
            If there is no connection to begin with.
        """
        return self._placing.submit_many(orders)

    def cancel(self, client_order_id: str) -> Outcome:
        """Ask to cancel.

        Parameters
        ----------
        client_order_id : str
            The order's id; of this client id, because a gateway cancels no other client's orders.

        Returns
        -------
        outcome : Outcome
            Accepted when the order is pending cancel or gone by it; refused when it is finished or not ours.

        Raises
        ------
        NotConnectedError
            If there is no connection to begin with.
        """
        return self._placing.cancel(client_order_id)

    def replace(self, client_order_id: str, replacement: Order) -> Outcome:
        """Cancel an order, wait until it is dead, then send another.

        Parameters
        ----------
        client_order_id : str
            The order's id.
        replacement : Order
            The new order, with an id of its own; its quantity does not count what the old one filled.

        Returns
        -------
        outcome : Outcome
            Its report is the new order's. Refused, with nothing new sent, when the old order cannot be cancelled;
            unknown with code ``not_sent`` when nobody could tell in time.

        Raises
        ------
        NotConnectedError
            If there is no connection to begin with.
        """
        return self._placing.replace(client_order_id, replacement)

    def _bounded(self, order: Order) -> Order:
        """A market order as the limit order that takes no worse than the bound."""
        if self._bound_bps is None:
            return order
        quote = self.quote(order.symbol)
        rules = self._rules.get(order.symbol) or self.trading_rules(order.symbol)
        touch = quote.ask_e9 if order.side is Side.BUY else quote.bid_e9
        if touch is None:
            raise BrokerError(f"quote of {order.symbol}: nobody to trade with.", field="symbol", value=order.symbol)
        if order.side is Side.BUY:
            limit = rules.floor_to_tick(touch + touch * self._bound_bps // _BPS)
        else:
            limit = rules.ceil_to_tick(touch - touch * self._bound_bps // _BPS)
        return with_changes(order, order_type=OrderType.LIMIT, limit_price_e9=limit, time_in_force=TimeInForce.IOC)

    def status(self, client_order_id: str, symbol: str | None = None) -> OrderReport | None:  # noqa: ARG002
        """The venue's word on one order: from its open orders, its completed orders and its executions.

        Parameters
        ----------
        client_order_id : str
            The order's id, which travels as ``orderRef``.
        symbol : str, optional
            Not needed here.

        Returns
        -------
        report : OrderReport or None
            ``None`` only when all three lists came whole and none holds it.

        Raises
        ------
        BrokerError
            If one of the lists cannot be read.
        """
        session = self._session
        shown = [order for order in lists.read_open_orders(session) if order.order_ref == client_order_id]
        shown += [order for order in lists.read_completed_orders(session) if order.order_ref == client_order_id]
        lists.read_executions(session)
        with session.changed:
            tracked = session.orders.find(client_order_id)
            fills = session.executions.of_order(client_order_id)
            if tracked is None:
                return self._from_fills(client_order_id) if fills else None
            report = tracked.report
        if shown or report.state.is_terminal:
            return report
        if report.state in NOT_ANSWERED and not fills:
            return None
        filled = sum(fill.quantity_e9 for fill in fills)
        is_filled = filled >= report.quantity_e9
        # Heard of before and in no list now: finished, but how is not told.
        return with_changes(
            report,
            state=OrderState.FILLED if is_filled else OrderState.UNKNOWN,
            filled_quantity_e9=max(filled, report.filled_quantity_e9),
        )

    def _from_fills(self, client_order_id: str) -> OrderReport:
        # The day's completed orders do not list it, so its fills are the only witness: it trades no more.
        fills = self._session.executions.of_order(client_order_id)
        last = max(fills, key=lambda fill: fill.cumulative_e9)
        return OrderReport(
            client_order_id=client_order_id,
            venue_order_id=str(last.perm_id),
            symbol=self._contracts.desk_name(last.contract),
            side=last.side,
            state=OrderState.CANCELLED,
            quantity_e9=sum(fill.quantity_e9 for fill in fills),
            filled_quantity_e9=sum(fill.quantity_e9 for fill in fills),
            average_price_e9=last.average_price_e9,
            text="Known from its executions alone.",
            ts_event_ns=last.ts_ns,
        )

    def open_orders(self) -> tuple[OrderReport, ...]:
        """Every open order of the account, ours or not.

        Returns
        -------
        reports : tuple of OrderReport
            Of every client id, and of a human at the screen.

        Raises
        ------
        BrokerError
            If the gateway answers with an error or not at all; that is never "no orders".
        """
        rows = [row for row in lists.read_open_orders(self._session) if row.account in ("", self._account)]
        return self._reports(rows)

    def _reports(self, rows: Sequence[OrderMessage]) -> tuple[OrderReport, ...]:
        session = self._session
        with session.changed:
            found = {row.perm_id: session.orders.find_perm(row.perm_id) for row in rows}
        return tuple(one.report for one in found.values() if one is not None and not one.report.state.is_terminal)

    def executions(self, since_ns: int = 0) -> tuple[Execution, ...]:
        """Fills of the account from an instant on, oldest first; the gateway keeps those of the day.

        Parameters
        ----------
        since_ns : int, default 0
            Nanoseconds since 1970.

        Returns
        -------
        executions : tuple of Execution
            With corrections and busts.
        """
        names = [row.execution_id for row in lists.read_executions(self._session) if row.account == self._account]
        with self._session.changed:
            return self._session.executions.history(names, since_ns)

    def events(self, timeout_s: float = 0.0) -> tuple[BrokerEvent, ...]:
        """What the stream brought since the last call.

        Parameters
        ----------
        timeout_s : float, default 0.0
            How long to wait for the first event.

        Returns
        -------
        events : tuple of BrokerEvent
            In the order of arrival; a fill waits a moment for its commission.
        """
        return self._session.take_events(timeout_s)


def _round_half_up(amount_e9: int, parts: int) -> int:
    return (2 * amount_e9 + parts) // (2 * parts)
