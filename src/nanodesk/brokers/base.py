"""The port that every broker adapter fills: a synchronous face, whatever runs inside.

An outcome that can be expected is a value, not an exception: a refusal is :attr:`OutcomeKind.REFUSED`, and
everything that is neither an acceptance nor a structured refusal (time-out, reset, 5xx, an answer that cannot
be read) is :attr:`OutcomeKind.UNKNOWN`. An adapter never calls an unknown outcome a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from typing import Protocol, runtime_checkable

from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.order import Execution, Order, OrderReport
from nanodesk.market.trading_rules import TradingRules

Clock = Callable[[], int]
"""Nanoseconds since 1970."""

Reached = Callable[[str], None]
"""Called with the name of each step as it is reached; tests stop the process there, everyone else passes it on."""


def nothing_reached(step: str) -> None:
    """Let every step pass.

    Parameters
    ----------
    step : str
        Name of the step.
    """


@unique
class OutcomeKind(Enum):
    """What is known after a request to a venue."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request.

    Parameters
    ----------
    kind : OutcomeKind
        Accepted, definitely refused, or not known.
    report : OrderReport, optional
        The order as the venue describes it in its answer.
    executions : tuple of Execution
        Fills that the answer carries.
    code, text : str
        The venue's reason, or what went wrong.
    may_retry : bool, default False
        Of a refusal: whether the same request may pass later (rate limit, busy), under a new id.
    """

    kind: OutcomeKind
    report: OrderReport | None = None
    executions: tuple[Execution, ...] = ()
    code: str = ""
    text: str = ""
    may_retry: bool = False


@unique
class StreamState(Enum):
    """What may be believed of a broker's stream of events."""

    LIVE = "live"
    LOST = "lost"
    RESTORED = "restored"
    RESTORED_DATA_LOST = "restored_data_lost"


@dataclass(frozen=True, slots=True)
class StreamChange:
    """The stream of events was lost or came back.

    Parameters
    ----------
    state : StreamState
        After ``RESTORED_DATA_LOST`` executions, open orders and positions must be read again.
    ts_ns : int
        When we saw it.
    text : str, default ""
        The reason.
    """

    state: StreamState
    ts_ns: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class RequestRejected:
    """A cancel or a replace was refused after it had been taken; the order lives on.

    Parameters
    ----------
    client_order_id : str
        The order.
    is_replace : bool
        Whether a replace was refused, else a cancel.
    code, text : str
        The venue's reason.
    ts_event_ns : int, default 0
        The venue's clock.
    """

    client_order_id: str
    is_replace: bool
    code: str
    text: str
    ts_event_ns: int = 0


BrokerEvent = OrderReport | Execution | RequestRejected | StreamChange


@dataclass(frozen=True, slots=True)
class AbsenceRule:
    """When "no such order" proves that an order was never accepted.

    Parameters
    ----------
    wait_s : float
        Seconds after the request was written before a miss counts.
    misses : int
        How many misses in a row are needed after that wait.
    spacing_s : float, default 0.0
        Seconds between them.
    same_id_is_refused : bool, default False
        Whether the venue refuses an id for good once used, so that sending the same id again is safe.
    """

    wait_s: float
    misses: int
    spacing_s: float = 0.0
    same_id_is_refused: bool = False


@runtime_checkable
class Broker(Protocol):
    """One account at one broker.

    Reading calls raise :class:`~nanodesk.errors.BrokerError` when the broker cannot be asked or its answer
    cannot be read; they never return an empty answer in place of an error.
    """

    @property
    def name(self) -> str:
        """Kind of broker: ``paper``, ``ibkr``, ``binance`` or ``alpaca``."""

    @property
    def account_id(self) -> str:
        """The broker's name of the account, known after :meth:`connect`."""

    @property
    def is_live(self) -> bool:
        """Whether real money is at stake."""

    @property
    def is_connected(self) -> bool:
        """Whether requests can be made now."""

    @property
    def absence_rule(self) -> AbsenceRule:
        """When a miss of :meth:`status` is proof."""

    def connect(self) -> None:
        """Open the connection; live is refused unless mode, account prefix and environment agree."""

    def disconnect(self) -> None:
        """Close it; safe to call twice."""

    def account(self) -> Account:
        """Money now."""

    def positions(self) -> tuple[Holding, ...]:
        """Holdings that are not zero, sorted by symbol."""

    def trading_rules(self, symbol: str) -> TradingRules:
        """What the venue accepts for one instrument.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        rules : TradingRules
            Grid, bounds, status.
        """

    def quote(self, symbol: str) -> Quote:
        """Best bid and ask now.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        quote : Quote
            Prices and the instant they were true.
        """

    def submit(self, order: Order) -> Outcome:
        """Send one order, once; an adapter never sends it a second time.

        Parameters
        ----------
        order : Order
            What to send; its intent is durable already.

        Returns
        -------
        outcome : Outcome
            Accepted, refused or unknown.
        """

    def submit_many(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """Send several in order, without waiting for one answer before the next.

        Parameters
        ----------
        orders : sequence of Order
            What to send.

        Returns
        -------
        outcomes : tuple of Outcome
            One for each, in the same order.
        """

    def cancel(self, client_order_id: str) -> Outcome:
        """Ask to cancel.

        Parameters
        ----------
        client_order_id : str
            The order's id.

        Returns
        -------
        outcome : Outcome
            Accepted means that the venue took the request, not that the order is dead.
        """

    def replace(self, client_order_id: str, replacement: Order) -> Outcome:
        """Ask to put another order in the place of a live one.

        Parameters
        ----------
        client_order_id : str
            The order's id.
        replacement : Order
            The new order, with an id of its own.

        Returns
        -------
        outcome : Outcome
            Its report is the new order's.
        """

    def status(self, client_order_id: str, symbol: str | None = None) -> OrderReport | None:
        """The venue's word on one order, open or not.

        Parameters
        ----------
        client_order_id : str
            The order's id.
        symbol : str, optional
            Its instrument, where the caller knows it: a venue that keeps orders by instrument is searched whole
            without it.

        Returns
        -------
        report : OrderReport or None
            ``None`` only when the venue answered that it knows no such order.
        """

    def open_orders(self) -> tuple[OrderReport, ...]:
        """Every open order of the account, ours or not."""

    def executions(self, since_ns: int = 0) -> tuple[Execution, ...]:
        """Fills of the account from an instant on, oldest first.

        Parameters
        ----------
        since_ns : int, default 0
            Nanoseconds since 1970.

        Returns
        -------
        executions : tuple of Execution
            With corrections and busts.
        """

    def events(self, timeout_s: float = 0.0) -> tuple[BrokerEvent, ...]:
        """What the stream brought since the last call.

        Parameters
        ----------
        timeout_s : float, default 0.0
            How long to wait for the first event.

        Returns
        -------
        events : tuple of BrokerEvent
            In the order of arrival.
        """

    def clock_offset_ns(self) -> int:
        """The venue's clock minus ours, 0 where the venue tells no time."""
