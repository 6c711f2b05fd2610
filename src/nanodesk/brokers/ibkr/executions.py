"""Fills of Interactive Brokers: each booked once, corrections in the place of what they correct, with its fee.

An execution id ends in the number of its revision: ``0000e0d5.65a1.01.02`` corrects ``0000e0d5.65a1.01.01``, it
is no second fill. The commission comes in a message of its own, after the fill and sometimes twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nanodesk.brokers.ibkr.messages import CommissionMessage, ExecutionMessage, TwsContract
from nanodesk.market.order import Execution, ExecutionKind


def split_revision(execution_id: str) -> tuple[str, int]:
    """The id that stays the same through corrections, and the number of the revision.

    Parameters
    ----------
    execution_id : str
        As sent.

    Returns
    -------
    base : str
        Without the digits after the last dot.
    revision : int
        From 1; 1 when the id does not end in digits.

    Examples
    --------
    >>> split_revision("0000e0d5.65a1.01.02"), split_revision("F1")
    (('0000e0d5.65a1.01', 2), ('F1', 1))
    """
    base, dot, digits = execution_id.rpartition(".")
    if dot and base and digits.isascii() and digits.isdigit() and len(digits) <= 9:
        return base, int(digits)
    return execution_id, 1


@dataclass(slots=True)
class _Fill:
    message: ExecutionMessage
    revision: int
    seen_s: float
    told: list[Execution]
    fee_e9: int | None = None
    fee_currency: str = ""
    is_waiting: bool = True


class ExecutionTable:
    """Every fill of the session, keyed by the id without its revision.

    Parameters
    ----------
    desk_name : callable
        Gives the symbol at the desk for a contract.
    commission_wait_s : float, default 0.25
        How long a fill waits for its commission; after that it is told without one, and the commission follows as
        a correction of the fee alone.

    Notes
    -----
    Pure: the clock comes with each call.
    """

    def __init__(self, desk_name: Callable[[TwsContract], str], *, commission_wait_s: float = 0.25) -> None:
        self._desk_name = desk_name
        self._wait_s = commission_wait_s
        self._fills: dict[str, _Fill] = {}
        self._commissions: dict[str, CommissionMessage] = {}
        self._waiting: dict[str, None] = {}

    def on_execution(self, message: ExecutionMessage, now_s: float) -> list[Execution]:
        """Take a fill or a correction.

        Parameters
        ----------
        message : ExecutionMessage
            As sent, perhaps for the second time.
        now_s : float
            Monotonic clock.

        Returns
        -------
        events : list of Execution
            What is new and complete.
        """
        base, revision = split_revision(message.execution_id)
        known = self._fills.get(base)
        if known is not None and revision <= known.revision:
            return []
        events = self._tell(known, is_forced=True) if known is not None else []
        told = known.told if known is not None else []
        fill = self._fills[base] = _Fill(message, revision, now_s, told)
        commission = self._commissions.get(message.execution_id)
        if commission is not None:
            fill.fee_e9, fill.fee_currency = commission.commission_e9, commission.currency
        self._waiting[base] = None
        return events + self._tell(fill)

    def on_commission(self, message: CommissionMessage) -> list[Execution]:
        """Take a commission; one that repeats another changes nothing.

        Parameters
        ----------
        message : CommissionMessage
            As sent.

        Returns
        -------
        events : list of Execution
            The fill that waited for it, or the correction of its fee.
        """
        if self._commissions.get(message.execution_id) == message:
            return []
        self._commissions[message.execution_id] = message
        base, revision = split_revision(message.execution_id)
        fill = self._fills.get(base)
        if fill is None or fill.revision != revision:
            return []
        fill.fee_e9, fill.fee_currency = message.commission_e9, message.currency
        fill.is_waiting = True
        return self._tell(fill)

    def overdue(self, now_s: float) -> list[Execution]:
        """Fills whose commission has not come in time.

        Parameters
        ----------
        now_s : float
            Monotonic clock.

        Returns
        -------
        events : list of Execution
            Each once, without a fee.
        """
        late = [base for base in self._waiting if now_s - self._fills[base].seen_s >= self._wait_s]
        return [event for base in late for event in self._tell(self._fills[base], is_forced=True)]

    def next_due_s(self) -> float | None:
        """When :meth:`overdue` may have something to tell.

        Returns
        -------
        instant_s : float or None
            Of the monotonic clock; ``None`` when no fill waits.
        """
        return min((self._fills[base].seen_s + self._wait_s for base in self._waiting), default=None)

    def is_complete(self, execution_ids: Iterable[str]) -> bool:
        """Whether the commissions of some fills are known.

        Parameters
        ----------
        execution_ids : iterable of str
            As sent.

        Returns
        -------
        complete : bool
            True when none is missing.
        """
        return all(name in self._commissions for name in execution_ids)

    def history(self, execution_ids: Iterable[str], since_ns: int = 0) -> tuple[Execution, ...]:
        """What has been told of some fills, oldest first.

        Parameters
        ----------
        execution_ids : iterable of str
            As sent, with or without repeats.
        since_ns : int, default 0
            Fills before it are left out, unless their instant is not known.

        Returns
        -------
        executions : tuple of Execution
            Fills, corrections and busts.
        """
        bases = dict.fromkeys(split_revision(name)[0] for name in execution_ids)
        for base in bases:
            self._tell(self._fills[base], is_forced=True)
        told = [event for base in bases for event in self._fills[base].told]
        kept = [event for event in told if event.ts_event_ns >= since_ns or not event.ts_event_ns]
        return tuple(sorted(kept, key=lambda event: event.ts_event_ns))

    def of_order(self, client_order_id: str) -> tuple[ExecutionMessage, ...]:
        """Fills of one order, latest revision of each.

        Parameters
        ----------
        client_order_id : str
            Our id.

        Returns
        -------
        messages : tuple of ExecutionMessage
            Busts left out.
        """
        fills = (fill.message for fill in self._fills.values())
        return tuple(fill for fill in fills if fill.order_ref == client_order_id and fill.quantity_e9 > 0)

    def _tell(self, fill: _Fill, *, is_forced: bool = False) -> list[Execution]:
        if not fill.is_waiting or (fill.fee_e9 is None and not is_forced):
            return []
        fill.is_waiting = False
        base = split_revision(fill.message.execution_id)[0]
        self._waiting.pop(base, None)
        event = self._event(fill, base)
        if fill.told and fill.told[-1] == event:
            return []
        fill.told.append(event)
        return [event]

    def _event(self, fill: _Fill, base: str) -> Execution:
        message, before = fill.message, fill.told[-1] if fill.told else None
        is_bust = message.quantity_e9 == 0
        kind = ExecutionKind.TRADE if before is None and fill.revision == 1 else ExecutionKind.CORRECT
        return Execution(
            execution_id=base,
            client_order_id=message.order_ref,
            venue_order_id=str(message.perm_id),
            symbol=self._desk_name(message.contract),
            side=message.side,
            quantity_e9=before.quantity_e9 if is_bust and before is not None else message.quantity_e9,
            price_e9=before.price_e9 if is_bust and before is not None else message.price_e9,
            fee_e9=0 if is_bust else fill.fee_e9 or 0,
            fee_currency=fill.fee_currency,
            kind=ExecutionKind.BUST if is_bust else kind,
            ts_event_ns=message.ts_ns,
        )
