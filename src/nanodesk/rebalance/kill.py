"""Stopping everything: the process that rebalances, every open order, and at wish every position.

Nothing here is believed because it was asked for. A kill is done when the lock is free and the broker, asked again,
has no open order.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nanodesk.brokers.base import Broker
from nanodesk.errors import BrokerError, NotConnectedError
from nanodesk.market.order import OrderReport
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.rebalance.run_lock import current_holder, is_held

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class StopReport:
    """What became of the process that was rebalancing.

    Parameters
    ----------
    how : str
        ``none`` (nobody was), ``terminated`` (it ended by itself when asked) or ``killed``.
    pid : int or None
        Which.
    """

    how: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class CancelReport:
    """What became of the open orders.

    Parameters
    ----------
    cancelled : int
        How many the broker no longer has open.
    remaining : tuple of OrderReport
        What the broker still has open.
    is_verified : bool
        Whether the broker answered the last question.
    duration_s : float
        How long it took.
    errors : tuple of str
        What went wrong on the way.
    """

    cancelled: int
    remaining: tuple[OrderReport, ...]
    is_verified: bool
    duration_s: float
    errors: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether the broker itself said that nothing is open."""
        return self.is_verified and not self.remaining

    def as_values(self) -> dict[str, Any]:
        """Plain values for JSON and for the journal.

        Returns
        -------
        values : dict
            Without floats.
        """
        return {
            "orders_cancelled_count": self.cancelled,
            "orders_remaining_count": len(self.remaining),
            "remaining": [f"{o.side.value} {o.symbol} {o.venue_order_id}" for o in self.remaining],
            "verified": self.is_verified,
            "duration_ms": round(self.duration_s * 1000),
            "error_messages": list(self.errors),
        }


def stop_running(
    lock: Path,
    *,
    timeout_s: float,
    monotonic_s: Callable[[], float],
    sleep: Sleep,
    send: Callable[[int, int], None] = os.kill,
) -> StopReport:
    """Ask the process that holds the lock to end, and end it when it does not.

    Its journal survives that at any instant, so a process that hangs is no reason to let its orders stand.

    Parameters
    ----------
    lock : Path
        Lock file of the rebalancer.
    timeout_s : float
        How long it may take to cancel its orders and end.
    monotonic_s, sleep : callable
        Time.
    send : callable, default os.kill
        Sends a signal to a process.

    Returns
    -------
    report : StopReport
        The lock is free when this returns, unless nobody could be found who holds it, or the kernel cannot end him.
    """
    holder = current_holder(lock)
    if holder is None or not holder.is_alive:
        _is_freed(lock, timeout_s if is_held(lock) else 0.0, monotonic_s, sleep)
        return StopReport("none")
    with suppress(ProcessLookupError):
        send(holder.pid, signal.SIGTERM)
    if _is_freed(lock, timeout_s, monotonic_s, sleep):
        return StopReport("terminated", holder.pid)
    if holder.is_alive:
        with suppress(ProcessLookupError):
            send(holder.pid, signal.SIGKILL)
    _is_freed(lock, timeout_s, monotonic_s, sleep)
    return StopReport("killed", holder.pid)


def _is_freed(lock: Path, timeout_s: float, monotonic_s: Callable[[], float], sleep: Sleep) -> bool:
    until_s = monotonic_s() + timeout_s
    while is_held(lock):
        if monotonic_s() >= until_s:
            return False
        sleep(FIRST_PAUSE_S)
    return True


def cancel_everything(
    engine: OrderEngine | None, broker: Broker, *, timeout_s: float, monotonic_s: Callable[[], float], sleep: Sleep
) -> CancelReport:
    """Cancel every open order of the account, ours and others, until the broker says that none is left.

    Parameters
    ----------
    engine : OrderEngine or None
        Our orders go through it, so that the journal knows; ``None`` where there is no journal that can be written.
    broker : Broker
        Connected; asked after every round.
    timeout_s : float
        When to give up.
    monotonic_s, sleep : callable
        Time.

    Returns
    -------
    report : CancelReport
        An error of the broker never counts as "no orders".
    """
    started_s = monotonic_s()
    errors: dict[str, None] = {}
    seen: set[str] = set()
    left: tuple[OrderReport, ...] = ()
    is_verified = False
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            left = broker.open_orders()
            is_verified = True
            seen |= {order.venue_order_id for order in left}
            _cancel_all(engine, broker, left, errors)
            if engine is not None:
                engine.poll(0.0)
            left = broker.open_orders()
        except BrokerError as error:
            is_verified = False
            errors[str(error)[:200]] = None
            if isinstance(error, NotConnectedError):
                with suppress(BrokerError):
                    broker.connect()
        if (is_verified and not left) or monotonic_s() - started_s >= timeout_s:
            break
        sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    gone = len(seen - {order.venue_order_id for order in left})
    return CancelReport(gone, left, is_verified, monotonic_s() - started_s, tuple(errors))


def _cancel_all(
    engine: OrderEngine | None, broker: Broker, left: tuple[OrderReport, ...], errors: dict[str, None]
) -> None:
    # An order whose answer was never booked is cancelled like another's: that harms nobody, and recovery learns of it.
    ours = {view.client_order_id for view in engine.open_orders()} if engine is not None else set()
    for order in left:
        name = order.client_order_id
        try:
            if engine is not None and name in ours and not engine.is_unresolved(name):
                engine.cancel(name)
            elif name:
                broker.cancel(name)
            else:
                what = f"order {order.venue_order_id} of {order.symbol}"
                errors[f"{what} has no id of a program; cancel it by hand"] = None
        except BrokerError as error:  # one that cannot be asked for keeps no other open
            errors[str(error)[:200]] = None
