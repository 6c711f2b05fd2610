"""Ours against the broker's truth: fills, orders, positions, cash.

The venue wins. What it has and we lack is booked from its executions; what no execution explains is taken over as it
is, written down with both versions, and blocks its symbol until an execution explains it or a person accepts it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from nanodesk.brokers.base import Broker
from nanodesk.errors import BrokerError, ValidationError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, format_e9
from nanodesk.oms.bookings import Bookings
from nanodesk.oms.desk import Desk
from nanodesk.oms.journal_event import JournalEvent

CENT_E9: Final = E9 // 100
LARGEST_REREADS: Final = 3
"""How often positions are read again when fills arrive between two readings."""

_KINDS: Final = {
    "order_filled": "fill",
    "foreign_filled": "foreign_fill",
    "execution_corrected": "fill",
    "execution_busted": "fill",
    "order_status": "order",
    "foreign_order": "orphan",
    "symbol_blocked": "order",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One point on which we and the broker differed.

    Parameters
    ----------
    kind : str
        ``fill``, ``foreign_fill``, ``order``, ``orphan``, ``position`` or ``cash``.
    symbol : str
        Name at the desk; the currency for cash.
    client_order_id : str
        The order, if one is concerned.
    ours, theirs : str
        Both versions before; the venue's holds now.
    """

    kind: str
    symbol: str
    client_order_id: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What a comparison found.

    Parameters
    ----------
    findings : tuple of Finding
        Differences, each now booked with the venue's version; a second comparison finds none of them.
    blocked : mapping of str to str
        Symbols in which nothing is sent, with the reason.
    unknown : tuple of str
        Orders of which nothing is known yet.
    awaited : tuple of str
        Orders that the venue calls filled beyond the executions it has told.
    orphans : tuple of str
        Venue ids of open orders that are not ours.
    positions : int
        How many were compared.
    """

    findings: tuple[Finding, ...]
    blocked: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    positions: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing differed and nothing is open to doubt."""
        return not (self.findings or self.blocked or self.unknown or self.awaited)


def reconcile(
    desk: Desk,
    broker: Broker | None = None,
    *,
    accept: Collection[str] = (),
    cash_tolerance_e9: int = CENT_E9,
) -> ReconcileReport:
    """Compare everything with the broker once, and take over its version.

    The first comparison of an account takes its positions and cash as the opening ones.

    Parameters
    ----------
    desk : Desk
        The order engine.
    broker : Broker, optional
        Whom to ask for positions and cash; the engine's own by default.
    accept : collection of str
        Symbols that a person has looked into at the broker: their unexplained positions are taken over, their orders
        that the broker knows no more count as expired, and their block ends.
    cash_tolerance_e9 : int, default one cent
        What each booked execution may be off by rounding.

    Returns
    -------
    report : ReconcileReport
        A second call finds nothing that this one has found.

    Raises
    ------
    BrokerError
        If the broker cannot be asked; nothing was compared.
    """
    broker = desk.broker if broker is None else broker
    desk.drain()
    findings = _read_orders(desk)
    if desk.ledger.opened_ns < 0:
        _open_positions(desk, broker)
    _write_off(desk, accept)
    more, compared = _compare_positions(desk, broker)
    _accept(desk, accept)
    findings += more
    findings += _compare_cash(desk, broker, cash_tolerance_e9)
    _clear(desk, findings)
    return _report(desk, findings, compared)


class PeriodicReconcile:
    """Comparison on a timer that the caller's loop drives.

    Parameters
    ----------
    desk : Desk
        The order engine.
    every_s : float, default 60.0
        Seconds from one comparison to the next.
    monotonic_s : callable, optional
        Clock; the engine's by default.
    """

    def __init__(self, desk: Desk, *, every_s: float = 60.0, monotonic_s: Callable[[], float] | None = None) -> None:
        self._desk = desk
        self._every_s = every_s
        self._monotonic_s = monotonic_s or desk.monotonic_s
        self._due_s = self._monotonic_s()

    def step(self) -> ReconcileReport | None:
        """Compare if it is time.

        Returns
        -------
        report : ReconcileReport or None
            ``None`` when it is not time, or the broker cannot be asked now: then it is tried at the next call.
        """
        now_s = self._monotonic_s()
        if now_s < self._due_s or not self._desk.broker.is_connected:
            return None
        try:
            report = reconcile(self._desk)
        except BrokerError:
            return None
        self._due_s = now_s + self._every_s
        return report


def _read_orders(desk: Desk) -> list[Finding]:
    asked_ns = desk.now_ns()
    bookings = desk.read_venue()
    findings = [_finding(desk, event) for event in bookings.events if event.kind in _KINDS]
    desk.write(bookings, inside="reconcile.inside")
    desk.caught_up(asked_ns)
    return findings


def _finding(desk: Desk, event: JournalEvent) -> Finding:
    payload, name = event.payload, event.client_order_id
    record = desk.ledger.orders.get(name)
    symbol = record.order.symbol if record else payload.get("symbol", "")
    kind = _KINDS[event.kind]
    if kind == "order" and record:
        return Finding(kind, symbol, name, record.state.value, payload["report"]["state"])
    if kind == "order":
        return Finding(kind, symbol, name, "live", payload["reason"])
    if kind == "orphan":
        return Finding(kind, symbol, payload["foreign_client_order_id"], "none", payload["state"])
    return Finding(kind, symbol, name, "none", f"{event.execution_id}: {format_e9(payload['quantity_e9'])}")


def _open_positions(desk: Desk, broker: Broker) -> None:
    for _ in range(LARGEST_REREADS):
        before = broker.executions(desk.executions_since_ns())
        desk.catch_up(inside="reconcile.inside")
        account, positions = broker.account(), broker.positions()
        if len(broker.executions(desk.executions_since_ns())) == len(before):
            break
    ledger = desk.ledger
    ledger_currency = account.currency
    holdings = {holding.symbol: holding.quantity_e9 for holding in positions}
    for symbol, filled_e9 in ledger.fills_e9.items():
        fee_e9 = ledger.fees_e9.get(symbol, 0) if symbol != ledger_currency else 0
        holdings[symbol] = holdings.get(symbol, 0) - filled_e9 + fee_e9
    payload = {
        "holdings": {symbol: held_e9 for symbol, held_e9 in sorted(holdings.items()) if held_e9},
        "cash_e9": account.cash_e9,
        "currency": account.currency,
        "ts_event_ns": max((execution.ts_event_ns for execution in before), default=0),
    }
    _write(desk, [JournalEvent("positions_opened", payload)])


def _write_off(desk: Desk, symbols: Collection[str]) -> None:
    """Orders and fills that no list tells of any more, as at a broker that lists what was done today."""
    events = []
    for view in desk.open_orders():
        name = view.client_order_id
        if view.order.symbol in symbols and (name in desk.missing or view.awaited_quantity_e9):
            events.append(JournalEvent("order_written_off", {"has_ended": name in desk.missing}, name))
            desk.missing.pop(name, None)
    _write(desk, events)


def _accept(desk: Desk, symbols: Collection[str]) -> None:
    accepted = sorted(set(symbols) & set(desk.ledger.unexplained_e9))
    _write(desk, [JournalEvent("position_accepted", {"symbol": symbol}) for symbol in accepted])


def _compare_positions(desk: Desk, broker: Broker) -> tuple[list[Finding], int]:
    theirs = _holdings(broker)
    differing = _differing(desk, theirs)
    findings: list[Finding] = []
    for _ in range(LARGEST_REREADS - 1):
        if not differing and not _awaited_e9(desk):
            break
        # A fill between two readings is no difference: read all again.
        findings += _read_orders(desk)
        theirs = _holdings(broker)
        differing = _differing(desk, theirs)
    events = []
    for symbol in differing:
        ours_e9, theirs_e9 = desk.ledger.position_e9(symbol), theirs.get(symbol, 0)
        events.append(JournalEvent("position_mismatch", {"symbol": symbol, "ours_e9": ours_e9, "theirs_e9": theirs_e9}))
        findings.append(Finding("position", symbol, "", format_e9(ours_e9), format_e9(theirs_e9)))
    _write(desk, events)
    return findings, len({*theirs, *desk.ledger.positions_e9()})


def _holdings(broker: Broker) -> dict[str, int]:
    return {holding.symbol: holding.quantity_e9 for holding in broker.positions()}


def _differing(desk: Desk, theirs: Mapping[str, int]) -> list[str]:
    awaited = _awaited_e9(desk)
    symbols = {*theirs, *desk.ledger.positions_e9()}
    return sorted(
        symbol
        for symbol in symbols
        if theirs.get(symbol, 0) - desk.ledger.position_e9(symbol) not in (0, awaited.get(symbol, 0))
    )


def _awaited_e9(desk: Desk) -> dict[str, int]:
    awaited: dict[str, int] = {}
    for view in desk.open_orders():
        if view.awaited_quantity_e9:
            sign = 1 if view.order.side is Side.BUY else -1
            symbol = view.order.symbol
            awaited[symbol] = awaited.get(symbol, 0) + sign * view.awaited_quantity_e9
    return awaited


def _compare_cash(desk: Desk, broker: Broker, tolerance_e9: int) -> list[Finding]:
    account, ledger = broker.account(), desk.ledger
    if account.currency != ledger.cash_currency or _awaited_e9(desk):
        return []
    flow_e9 = _cash_flow_e9(desk, broker)
    if flow_e9 is None:
        return []
    ours_e9 = ledger.opening_cash_e9 + ledger.unexplained_cash_e9 + flow_e9
    currency = ledger.cash_currency
    ours_e9 -= ledger.fees_e9.get(currency, 0) - ledger.opening_fees_e9.get(currency, 0)
    if abs(account.cash_e9 - ours_e9) <= tolerance_e9 * (ledger.booked + 1):
        return []
    payload = {"currency": currency, "ours_e9": ours_e9, "theirs_e9": account.cash_e9}
    _write(desk, [JournalEvent("cash_mismatch", payload)])
    return [Finding("cash", currency, "", format_e9(ours_e9), format_e9(account.cash_e9))]


def _cash_flow_e9(desk: Desk, broker: Broker) -> int | None:
    """What fills have moved since the opening; ``None`` where the broker cannot tell what an instrument is."""
    ledger, total_e18 = desk.ledger, 0
    opening = ledger.opening_flows_e18
    moved_e18 = {symbol: flow - opening.get(symbol, 0) for symbol, flow in ledger.flows_e18.items()}
    _note_instruments(desk, broker, [symbol for symbol, moved in moved_e18.items() if moved])
    for symbol, moved in moved_e18.items():
        if moved:
            if symbol not in ledger.instruments:
                return None
            multiplier, currency = ledger.instruments[symbol]
            total_e18 += moved * multiplier if currency == ledger.cash_currency else 0
    return total_e18 // E9


def _note_instruments(desk: Desk, broker: Broker, symbols: Collection[str]) -> None:
    """Ask once for each, and keep the answer: it may be delisted when the next run asks."""
    notes = []
    for symbol in sorted(set(symbols) - desk.ledger.instruments.keys()):
        with suppress(BrokerError, ValidationError):
            rules = broker.trading_rules(symbol)
            payload = {"symbol": symbol, "multiplier": rules.multiplier, "currency": rules.currency}
            notes.append(JournalEvent("instrument_noted", payload))
    _write(desk, notes)


def _clear(desk: Desk, findings: list[Finding]) -> None:
    doubtful = {finding.symbol for finding in findings if finding.kind in ("position", "order")}
    doubtful |= {view.order.symbol for view in desk.open_orders() if view.awaited_quantity_e9}
    doubtful |= set(desk.missing.values())
    cleared = [symbol for symbol in sorted(desk.ledger.anomalies) if symbol not in doubtful]
    _write(desk, [JournalEvent("symbol_cleared", {"symbol": symbol}) for symbol in cleared])


def _report(desk: Desk, findings: list[Finding], compared: int) -> ReconcileReport:
    views = desk.open_orders()
    return ReconcileReport(
        findings=tuple(findings),
        blocked=desk.blocked_symbols(),
        unknown=tuple(view.client_order_id for view in views if desk.is_unresolved(view.client_order_id)),
        awaited=tuple(view.client_order_id for view in views if view.awaited_quantity_e9),
        orphans=tuple(sorted(desk.open_orphans)),
        positions=compared,
    )


def _write(desk: Desk, events: list[JournalEvent]) -> None:
    bookings: Bookings = desk.bookings()
    for event in events:
        bookings.add(event)
    desk.write(bookings, inside="reconcile.inside" if events else "")
