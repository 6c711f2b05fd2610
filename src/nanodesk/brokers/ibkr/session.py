"""A session with TWS or IB Gateway that outlives its connections.

Three threads meet here. The caller's thread writes requests and waits; the reading thread of a link brings
messages; the keeper watches for silence, connects again after a loss and reads anew what may have been missed.
All state changes happen under one lock, and every wait has a deadline.
"""

from __future__ import annotations

import logging
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from nanodesk.brokers.base import BrokerEvent, Clock, Reached, StreamChange, StreamState, nothing_reached
from nanodesk.brokers.ibkr.contracts import ContractBook
from nanodesk.brokers.ibkr.executions import ExecutionTable
from nanodesk.brokers.ibkr.link import Sending, TwsLink, require_open
from nanodesk.brokers.ibkr.lists import read_completed_orders, read_executions, read_open_orders, read_time
from nanodesk.brokers.ibkr.messages import (
    CommissionMessage,
    CurrentTime,
    EndMessage,
    EndOf,
    ExecutionMessage,
    ManagedAccounts,
    NextValidId,
    OrderMessage,
    OrderStatusMessage,
    PositionMessage,
    TwsError,
    TwsMessage,
)
from nanodesk.brokers.ibkr.order_ids import OrderIds
from nanodesk.brokers.ibkr.orders import OrderTable
from nanodesk.brokers.ibkr.pacing import Pacer
from nanodesk.errors import BrokerError, NanodeskError, NotConnectedError
from nanodesk.market.order import Execution, ExecutionKind

_LOG = logging.getLogger(__name__)

LINK_LOST: Final = (1100, 2110)
RESTORED_DATA_LOST: Final = 1101
RESTORED: Final = 1102
PORT_CHANGED: Final = 1300
ID_IN_USE: Final = 326
RATE_EXCEEDED: Final = 100

_FIRST_REQUEST_ID: Final = 1_500_000_000
LONGEST_LIST_S: Final = 120.0
"""How much longer than a request a list may take, as long as it goes on."""

_BACKOFF_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_BETWEEN_OLD_SESSIONS_S: Final = 0.25


def is_information(code: int) -> bool:
    """Whether a code tells something without ending a request.

    Parameters
    ----------
    code : int
        Of an error message.

    Returns
    -------
    information : bool
        True for the states of farms, for delayed data and for data that is shown in part.
    """
    return 2100 <= code < 2200 or code in (10167, 10090, 399)


@dataclass(slots=True)
class _Asked:
    what: str
    request_id: int
    end_of: EndOf | None
    rows: list[TwsMessage] = field(default_factory=list)
    is_done: bool = False
    error: TwsError | None = None
    enough: Callable[[Sequence[TwsMessage]], bool] | None = None


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """Deadlines of a session, in seconds.

    Parameters
    ----------
    connect_s, request_s, write_s : float
        Of the handshake and each first list, of a request, of one write.
    commission_s : float
        How long a fill waits for its commission.
    silence_s : float
        Quiet time after which the gateway is asked for the time, to find out whether it is there.
    reconnect_s : float
        How long a lost connection is tried again; a nightly restart takes some minutes.
    backoff : float
        Scale of the pauses between tries, 1, 2, 4, 8, 16 and then every 30 s.
    """

    connect_s: float = 5.0
    request_s: float = 10.0
    write_s: float = 5.0
    commission_s: float = 0.25
    silence_s: float = 30.0
    reconnect_s: float = 3600.0
    backoff: float = 1.0


class TwsSession:
    """Connection, tables and events of one client id.

    Parameters
    ----------
    address : tuple of (str, int)
        Host and port.
    client_id : int
        Number of this client at the gateway.
    contracts : ContractBook
        Names.
    pacer : Pacer
        Slots of outgoing messages.
    order_ids : OrderIds
        Never used twice.
    times : SessionTimes
        Deadlines.
    check_accounts : callable
        Called with the accounts of each new connection; raises to refuse it.
    is_ours : callable
        Whether orders and fills of an account count: an advisor's gateway tells those of every account.
    reached, now_ns : callable
        Steps, and the wall clock of stream changes.
    """

    def __init__(
        self,
        address: tuple[str, int],
        client_id: int,
        *,
        contracts: ContractBook,
        pacer: Pacer,
        order_ids: OrderIds,
        times: SessionTimes,
        check_accounts: Callable[[tuple[str, ...]], None],
        is_ours: Callable[[str], bool],
        reached: Reached = nothing_reached,
        now_ns: Clock = time.time_ns,
    ) -> None:
        self._address = address
        self.client_id = client_id
        self._pacer = pacer
        self.order_ids = order_ids
        self.times = times
        self.commission_wait_s = times.commission_s
        self._check_accounts = check_accounts
        self._is_ours = is_ours
        self._reached = reached
        self._now_ns = now_ns
        self.changed = threading.Condition(threading.RLock())
        self.orders = OrderTable(contracts.desk_name)
        self.executions = ExecutionTable(contracts.desk_name, commission_wait_s=times.commission_s)
        self._request_lock = threading.Lock()
        self._asked: _Asked | None = None
        self._next_request_id = _FIRST_REQUEST_ID
        self._events: deque[BrokerEvent] = deque()
        self._link: TwsLink | None = None
        self._accounts: tuple[str, ...] = ()
        self._has_order_id = False
        self._is_ready = False
        self._is_cut_off = False
        self._is_wanted = False
        self._is_telling = False
        self._to_resync: StreamState | None = None
        self._keeper: threading.Thread | None = None
        self._last_error = ""
        # Only spreads the tries of several clients over time; nothing of what is traded depends on it.
        self._jitter = random.Random(client_id)  # noqa: S311

    # --- connection -------------------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Whether the gateway is there, in sync, and linked to the venue."""
        link = self._link
        return self._is_ready and not self._is_cut_off and link is not None and link.is_open

    def open(self) -> None:
        """Connect and read open orders, completed orders and executions.

        Raises
        ------
        BrokerError
            If any of it fails; nothing stays open then.
        """
        if self._is_wanted:
            self._await_keeper()
            return
        deadline_s = time.monotonic() + self.times.connect_s
        while True:
            try:
                self._open_once()
                break
            except NotConnectedError as error:
                # The gateway frees the id of a client that died only when it has noticed.
                if error.field != "client_id" or time.monotonic() + _BETWEEN_OLD_SESSIONS_S > deadline_s:
                    raise
                time.sleep(_BETWEEN_OLD_SESSIONS_S)
        with self.changed:
            self._is_wanted = self._is_telling = True
            self._change(StreamState.LIVE, "Connected.")
        self._keeper = threading.Thread(target=self._keep, name=f"ibkr-keep-{self._address[1]}", daemon=True)
        self._keeper.start()

    def _await_keeper(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.is_connected or not self._is_wanted, self.times.connect_s)
        if not self.is_connected:
            raise NotConnectedError(
                f"The connection to {self._address[0]}:{self._address[1]} was lost and is not back yet.",
                fix="Wait for the stream to be restored, or disconnect() first.",
            )

    def close(self) -> None:
        """End the session; safe to call twice."""
        self._is_wanted = False
        self._drop_link()
        keeper, self._keeper = self._keeper, None
        if keeper is not None and keeper is not threading.current_thread():
            keeper.join(timeout=self.times.request_s)

    def _drop_link(self) -> None:
        with self.changed:
            self._is_ready = False
            link, self._link = self._link, None
            self.changed.notify_all()
        if link is not None:
            link.close()

    def _open_once(self) -> None:
        with self.changed:
            self._accounts, self._has_order_id, self._is_cut_off, self._last_error = (), False, False, ""
        link: TwsLink

        def on_message(message: TwsMessage) -> None:
            self._on_message(link, message)

        def on_closed(reason: str) -> None:
            self._on_closed(link, reason)

        link = TwsLink(
            self._address,
            self._pacer,
            on_message=on_message,
            on_closed=on_closed,
            connect_timeout_s=self.times.connect_s,
            write_timeout_s=self.times.write_s,
            reached=self._reached,
        )
        self._link = link
        try:
            link.open()
            self._start_api(link)
            self._check_accounts(self._accounts)
            self._read_all()
        except BaseException:
            self._link = None
            link.close()
            raise
        self._is_ready = True

    def _start_api(self, link: TwsLink) -> None:
        deadline_s = time.monotonic() + self.times.connect_s
        link.send(link.codec.request(71, 2, self.client_id, ""), deadline_s=deadline_s)
        with self.changed:
            self.changed.wait_for(
                lambda: not link.is_open or (self._accounts and self._has_order_id), self.times.connect_s
            )
            if self._accounts and self._has_order_id and link.is_open:
                return
            why = self._last_error or "no account and order id came"
        if why.startswith(str(ID_IN_USE)):
            raise NotConnectedError(
                f"client_id={self.client_id} is in use at {self._address[0]}:{self._address[1]}.",
                field="client_id",
                value=self.client_id,
                fix="Stop the other program or choose another client_id.",
            )
        raise NotConnectedError(f"The gateway did not start the session: {why}.", field="startApi")

    def _read_all(self) -> None:
        read_open_orders(self)
        read_completed_orders(self)
        for fill in read_executions(self):
            if fill.client_id == self.client_id:
                self.order_ids.raise_to(fill.order_id + 1)

    # --- what the reading thread brings -----------------------------------------------------------------------

    def _on_message(self, link: TwsLink, message: TwsMessage) -> None:
        with self.changed:
            if link is not self._link:
                return
            match message:
                case TwsError():
                    self._on_error(message)
                case OrderMessage():
                    if message.client_id == self.client_id:
                        self.order_ids.raise_to(message.order_id + 1)
                    if self._is_ours(message.account):
                        self._tell(self.orders.on_order(message))
                case OrderStatusMessage():
                    self._tell(self.orders.on_status(message))
                case ExecutionMessage() if self._is_ours(message.account):
                    self._tell_fills(self.executions.on_execution(message, time.monotonic()))
                case CommissionMessage():
                    self._tell_fills(self.executions.on_commission(message))
                case ManagedAccounts():
                    self._accounts = message.accounts
                case NextValidId():
                    self.order_ids.raise_to(message.order_id)
                    self._has_order_id = True
            self._collect(message)
            self.changed.notify_all()

    def _collect(self, message: TwsMessage) -> None:
        asked = self._asked
        if asked is None:
            return
        request_id = getattr(message, "request_id", -1)
        if isinstance(message, EndMessage):
            asked.is_done = asked.is_done or (message.end_of is asked.end_of and request_id == asked.request_id)
        elif isinstance(message, CurrentTime):
            asked.rows.append(message)
            asked.is_done = asked.is_done or asked.end_of is None
        elif isinstance(message, OrderMessage | PositionMessage) or request_id == asked.request_id:
            asked.rows.append(message)
            asked.is_done = asked.is_done or (asked.enough is not None and asked.enough(asked.rows))

    def _on_error(self, error: TwsError) -> None:
        _LOG.info("ibkr_message", extra={"code": error.code, "request": error.request_id, "text": error.text})
        if error.code == RATE_EXCEEDED:
            self._pacer.halve()
        if error.code in LINK_LOST and not self._is_cut_off:
            self._is_cut_off = True
            self._change(StreamState.LOST, f"{error.code}: {error.text}")
        elif error.code in (RESTORED, RESTORED_DATA_LOST):
            self._is_cut_off = False
            is_lost = error.code == RESTORED_DATA_LOST or self._to_resync is StreamState.RESTORED_DATA_LOST
            self._to_resync = StreamState.RESTORED_DATA_LOST if is_lost else StreamState.RESTORED
        elif error.code == PORT_CHANGED:
            self._is_wanted = False
        elif (told := self.orders.on_error(self.client_id, error)) is not None:
            self._tell(told)
        elif not is_information(error.code) and error.code not in LINK_LOST:
            self._last_error = f"{error.code} {error.text}"
            asked = self._asked
            if asked is not None and error.request_id in (asked.request_id, -1):
                asked.error, asked.is_done = error, True

    def _on_closed(self, link: TwsLink, reason: str) -> None:
        with self.changed:
            if link is not self._link:
                return
            was_ready, self._is_ready = self._is_ready, False
            if was_ready:
                self._change(StreamState.LOST, reason)
            self._last_error = self._last_error or reason
            self.changed.notify_all()

    def _tell_fills(self, fills: Sequence[Execution]) -> None:
        for fill in fills:
            self._tell([fill])
            if fill.kind is ExecutionKind.BUST:
                self._tell(self.orders.on_correction(fill.client_order_id, fill.quantity_e9))

    def _tell(self, events: Sequence[BrokerEvent]) -> None:
        if self._is_telling:
            self._events.extend(events)

    def _change(self, state: StreamState, text: str) -> None:
        _LOG.info("ibkr_stream", extra={"state": state.value, "text": text})
        self._tell([StreamChange(state, self._now_ns(), text)])

    # --- requests ---------------------------------------------------------------------------------------------

    def ask(
        self,
        what: str,
        write: Callable[[TwsLink, int], bytes],
        end_of: EndOf | None,
        *,
        is_numbered: bool = True,
        enough: Callable[[Sequence[TwsMessage]], bool] | None = None,
        patience_s: float = 0.0,
    ) -> list[TwsMessage]:
        """Send one request and wait for all of its answer.

        Parameters
        ----------
        what : str
            Name used in errors.
        write : callable
            Gives the frame for a link and a request id.
        end_of : EndOf or None
            Which end to wait for; ``None`` for the time, which has none.
        is_numbered : bool, default True
            Whether the answer carries the request's id.
        enough : callable, optional
            Ends the wait early once it holds of the rows.
        patience_s : float, default 0
            Shortest time that the answer is given, where the gateway is known to take it.

        Returns
        -------
        rows : list of TwsMessage
            Without the end.

        Raises
        ------
        NotConnectedError
            If there is no connection, or it ends.
        BrokerError
            If the gateway answers with an error, or not in time: a list must not stop for longer than a request may
            take. An error is never an empty list.
        """
        with self._request_lock:
            link = require_open(self._link)
            limit_s = max(self.times.request_s, patience_s)
            deadline_s = time.monotonic() + limit_s
            with self.changed:
                request_id = self._next_request_id if is_numbered else -1
                self._next_request_id += 1
                asked = self._asked = _Asked(what, request_id, end_of, enough=enough)
            try:
                if link.send(write(link, request_id), deadline_s=deadline_s) is not Sending.SENT:
                    raise NotConnectedError(f"{what}: the connection ended before the request was sent.")
                self._await(asked, link, deadline_s, limit_s)
            finally:
                with self.changed:
                    self._asked = None
            return self._answer(link, asked, limit_s)

    def _await(self, asked: _Asked, link: TwsLink, deadline_s: float, limit_s: float) -> None:
        # A list that goes on is waited for, or a day of many orders on a busy machine could never be read again.
        give_up_s = deadline_s + LONGEST_LIST_S
        heard = -1
        with self.changed:
            while heard < len(asked.rows) and deadline_s <= give_up_s:
                heard = len(asked.rows) if asked.enough is None else sys.maxsize
                left_s = max(deadline_s - time.monotonic(), 0.0)
                if self.changed.wait_for(lambda: asked.is_done or not link.is_open, left_s):
                    return
                deadline_s = time.monotonic() + limit_s

    def _answer(self, link: TwsLink, asked: _Asked, limit_s: float) -> list[TwsMessage]:
        if asked.error is not None:
            raise BrokerError(
                f"{asked.what}: error {asked.error.code}: {asked.error.text[:200]}",
                field=asked.what,
                value=asked.error.code,
            )
        if asked.is_done:
            return asked.rows
        if not link.is_open:
            raise NotConnectedError(f"{asked.what}: the connection ended before the answer came.")
        if asked.request_id < 0:
            # The late end of this list would pass for the end of the next one, so the connection is of no more use.
            link.close(f"{asked.what} was not answered within {limit_s} s.")
        raise BrokerError(f"{asked.what}: no answer within {limit_s} s.", field=asked.what)

    def say(self, *fields: object) -> None:
        """Send one message that nothing answers, if there is a connection.

        Parameters
        ----------
        *fields : object
            Message id, version and arguments, in order.
        """
        link = self._link
        if link is not None:
            link.send(link.codec.request(*fields), deadline_s=time.monotonic() + self.times.request_s)

    def send_order(self, write: Callable[[TwsLink], bytes], *, deadline_s: float) -> Sending:
        """Write the frame of an order, if the venue can be reached.

        Parameters
        ----------
        write : callable
            Gives the frame for a link.
        deadline_s : float
            Instant of the monotonic clock after which it is not sent any more.

        Returns
        -------
        sending : Sending
            What became of the bytes.
        """
        link = self._link
        if link is None or not self.is_connected:
            return Sending.NOT_SENT
        return link.send(write(link), deadline_s=deadline_s, is_order=True)

    def send_cancel(self, order_id: int, *, deadline_s: float) -> Sending:
        """Write the frame of a cancel, if the venue can be reached.

        Parameters
        ----------
        order_id : int
            Of this client id.
        deadline_s : float
            Instant of the monotonic clock after which it is not sent any more.

        Returns
        -------
        sending : Sending
            What became of the bytes.
        """
        link = self._link
        if link is None or not self.is_connected:
            return Sending.NOT_SENT
        return link.send(link.codec.cancel_order(order_id), deadline_s=deadline_s)

    # --- events -----------------------------------------------------------------------------------------------

    def take_events(self, timeout_s: float) -> tuple[BrokerEvent, ...]:
        """What came since the last call.

        Parameters
        ----------
        timeout_s : float
            How long to wait for the first event.

        Returns
        -------
        events : tuple of BrokerEvent
            In the order of arrival.
        """
        deadline_s = time.monotonic() + timeout_s
        with self.changed:
            while True:
                self._tell_fills(self.executions.overdue(time.monotonic()))
                left_s = deadline_s - time.monotonic()
                if self._events or left_s <= 0:
                    break
                due_s = self.executions.next_due_s()
                self.changed.wait(left_s if due_s is None else min(left_s, max(due_s - time.monotonic(), 0.001)))
            events = tuple(self._events)
            self._events.clear()
            return events

    # --- the keeper -------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        while self._is_wanted:
            with self.changed:
                self.changed.wait_for(lambda: not self._is_wanted or self._has_work(), self.times.silence_s / 4)
            if not self._is_wanted:
                return
            link = self._link
            if link is None or not link.is_open:
                self._connect_again()
            elif self._to_resync is not None:
                self._resync()
            elif time.monotonic() - link.heard_s > self.times.silence_s:
                self._ask_for_life(link)

    def _has_work(self) -> bool:
        return self._to_resync is not None or self._link is None or not self._link.is_open

    def _ask_for_life(self, link: TwsLink) -> None:
        try:
            read_time(self)
        except BrokerError as error:
            link.close(f"The gateway is silent: {error}")

    def _resync(self) -> None:
        with self.changed:
            state, self._to_resync = self._to_resync, None
        try:
            self._read_all()
        except BrokerError as error:
            link = self._link
            if link is not None:
                link.close(f"What was missed cannot be read: {error}")
            return
        with self.changed:
            self._change(state or StreamState.RESTORED, "The link to the venue is back; what was missed was read.")
            self.changed.notify_all()

    def _connect_again(self) -> None:
        give_up_s = time.monotonic() + self.times.reconnect_s
        tries = 0
        while self._is_wanted and time.monotonic() < give_up_s:
            pause_s = _BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)] * self.times.backoff
            with self.changed:
                self.changed.wait_for(lambda: not self._is_wanted, pause_s * self._jitter.uniform(0.8, 1.2))
            if not self._is_wanted:
                return
            tries += 1
            with suppress(NanodeskError):
                self._open_once()
                if not self._is_wanted:  # closed by the caller meanwhile
                    self._drop_link()
                    return
                with self.changed:
                    self._to_resync = None
                    self._change(StreamState.RESTORED_DATA_LOST, f"Connected again at try {tries}.")
                    self.changed.notify_all()
                return
        if self._is_wanted:
            self._is_wanted = False
            with self.changed:
                self._change(StreamState.LOST, f"Given up after {tries} tries; call connect() to try again.")
                self.changed.notify_all()
