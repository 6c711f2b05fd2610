"""Lists that a gateway gives when asked: orders, fills, holdings, money, contracts, a quote, the time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from nanodesk.brokers.ibkr.contracts import ContractBook
from nanodesk.brokers.ibkr.executions import ExecutionTable
from nanodesk.brokers.ibkr.link import TwsLink
from nanodesk.brokers.ibkr.messages import (
    AccountValue,
    ContractDetailsMessage,
    CurrentTime,
    EndOf,
    ExecutionMessage,
    MarketDataType,
    OrderMessage,
    PositionMessage,
    Tick,
    TwsMessage,
)

SNAPSHOT_S: Final = 15.0
"""A snapshot ends eleven seconds after it was asked for (vendor's page on market data); a slow link has four more."""


class Asker(Protocol):
    """A session that sends a request and waits for its answer."""

    changed: threading.Condition
    executions: ExecutionTable
    commission_wait_s: float

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
            Which end to wait for.
        is_numbered : bool, default True
            Whether the answer carries the request's id.
        enough : callable, optional
            Ends the wait early once it holds of the rows.
        patience_s : float, default 0
            Shortest time that the answer is given, where the gateway is known to take it.
        """

    def say(self, *fields: object) -> None:
        """Send one message that nothing answers.

        Parameters
        ----------
        *fields : object
            Message id, version and arguments.
        """


def read_open_orders(session: Asker) -> list[OrderMessage]:
    """Open orders of every client of the account.

    Parameters
    ----------
    session : Asker
        Whom to ask.

    Returns
    -------
    orders : list of OrderMessage
        As sent.
    """
    rows = session.ask("open orders", lambda link, _: link.codec.request(16, 1), EndOf.OPEN_ORDERS, is_numbered=False)
    return [row for row in rows if isinstance(row, OrderMessage) and not row.is_completed]


def read_completed_orders(session: Asker) -> list[OrderMessage]:
    """Orders of the day that are finished.

    Parameters
    ----------
    session : Asker
        Whom to ask.

    Returns
    -------
    orders : list of OrderMessage
        As sent.
    """
    rows = session.ask(
        "completed orders", lambda link, _: link.codec.request(99, False), EndOf.COMPLETED_ORDERS, is_numbered=False
    )
    return [row for row in rows if isinstance(row, OrderMessage) and row.is_completed]


def read_executions(session: Asker) -> list[ExecutionMessage]:
    """Fills of the day, of every client of the account.

    Parameters
    ----------
    session : Asker
        Whom to ask.

    Returns
    -------
    fills : list of ExecutionMessage
        As sent; their commissions have come, or were waited for.
    """
    rows = session.ask(
        "executions",
        lambda link, request_id: link.codec.request(7, 3, request_id, 0, "", "", "", "", "", ""),
        EndOf.EXECUTIONS,
    )
    fills = [row for row in rows if isinstance(row, ExecutionMessage)]
    names = [fill.execution_id for fill in fills]
    with session.changed:
        session.changed.wait_for(lambda: session.executions.is_complete(names), session.commission_wait_s)
    return fills


def read_positions(session: Asker) -> list[PositionMessage]:
    """Holdings of every account of the session.

    Parameters
    ----------
    session : Asker
        Whom to ask.

    Returns
    -------
    rows : list of PositionMessage
        As sent.
    """
    rows = session.ask("positions", lambda link, _: link.codec.request(61, 1), EndOf.POSITIONS, is_numbered=False)
    session.say(64, 1)
    return [row for row in rows if isinstance(row, PositionMessage)]


def read_summary(session: Asker, tags: str) -> list[AccountValue]:
    """Lines of the account summary.

    Parameters
    ----------
    session : Asker
        Whom to ask.
    tags : str
        Which, with commas between.

    Returns
    -------
    rows : list of AccountValue
        As sent.
    """
    asked: list[int] = []

    def write(link: TwsLink, request_id: int) -> bytes:
        asked.append(request_id)
        return link.codec.request(62, 1, request_id, "All", tags)

    try:
        rows = session.ask("account summary", write, EndOf.ACCOUNT_SUMMARY)
    finally:
        # It is a subscription, and a gateway takes two at once (error 322), one without an answer counted too.
        for request_id in asked:
            session.say(63, 1, request_id)
    return [row for row in rows if isinstance(row, AccountValue)]


def read_details(session: Asker, symbol: str, contracts: ContractBook) -> list[ContractDetailsMessage]:
    """Contracts that fit a name.

    Parameters
    ----------
    session : Asker
        Whom to ask.
    symbol : str
        Name at the desk.
    contracts : ContractBook
        Names.

    Returns
    -------
    rows : list of ContractDetailsMessage
        As sent.
    """
    rows = session.ask(
        f"contract details of {symbol}",
        lambda link, request_id: link.codec.contract_details(request_id, contracts.contract(symbol)),
        EndOf.CONTRACT_DETAILS,
    )
    return [row for row in rows if isinstance(row, ContractDetailsMessage)]


def read_snapshot(session: Asker, symbol: str, contracts: ContractBook) -> list[Tick | MarketDataType]:
    """One quote.

    Parameters
    ----------
    session : Asker
        Whom to ask.
    symbol : str
        Name at the desk.
    contracts : ContractBook
        Names.

    Returns
    -------
    rows : list of Tick or MarketDataType
        As sent, up to the first bid and ask, or to the end, which a gateway says after eleven seconds and not before.
    """
    rows = session.ask(
        f"quote of {symbol}",
        lambda link, request_id: link.codec.snapshot(request_id, contracts.contract(symbol)),
        EndOf.SNAPSHOT,
        enough=_has_quote,
        patience_s=SNAPSHOT_S,
    )
    return [row for row in rows if isinstance(row, Tick | MarketDataType)]


def read_time(session: Asker) -> int:
    """The gateway's clock.

    Parameters
    ----------
    session : Asker
        Whom to ask.

    Returns
    -------
    seconds : int
        Whole seconds since 1970.
    """
    rows = session.ask("current time", lambda link, _: link.codec.request(49, 1), None, is_numbered=False)
    return next(row.seconds for row in rows if isinstance(row, CurrentTime))


def _has_quote(rows: Sequence[TwsMessage]) -> bool:
    # A side that nobody is on is told as -1. Delayed prices have numbers of their own.
    kinds = {row.tick_type for row in rows if isinstance(row, Tick) and row.price_e9 is not None}
    return kinds >= {1, 2} or kinds >= {66, 67}
