"""From what a broker tells to events of the journal: what is new is kept, what was told before is dropped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from nanodesk.brokers.base import BrokerEvent, RequestRejected, StreamChange
from nanodesk.market.order import Execution, ExecutionKind, OrderReport
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
from nanodesk.oms.ledger import NO_ORDER, Ledger
from nanodesk.oms.payloads import execution_payload, foreign_payload, report_payload

_CORRECTED, _BUSTED, _SUPERSEDED = "execution_corrected", "execution_busted", "execution_superseded"


class _Booked(NamedTuple):
    revision: int
    kind: str
    payload: dict[str, Any]


class Bookings:
    """The events of one commit, in the making.

    Parameters
    ----------
    ledger : Ledger
        The state before; it is not changed.
    journal : Journal
        Remembers every execution that was booked.
    """

    def __init__(self, ledger: Ledger, journal: Journal) -> None:
        self.events: list[JournalEvent] = []
        self._ledger = ledger
        self._journal = journal
        self._told: set[str] = set()
        self._booked: dict[str, list[_Booked]] = {}

    def add(self, event: JournalEvent) -> None:
        """Take an event as it is.

        Parameters
        ----------
        event : JournalEvent
            To be written with the others.
        """
        self.events.append(event)
        if not event.execution_id:
            self._told.add(event.client_order_id)

    def tell(self, events: Iterable[BrokerEvent]) -> None:
        """Take what a stream brought, in the order of arrival.

        Parameters
        ----------
        events : iterable of BrokerEvent
            Reports, executions, refused requests, changes of the stream.
        """
        for event in events:
            if isinstance(event, Execution):
                self.execution(event)
            elif isinstance(event, OrderReport):
                self.report(event)
            elif isinstance(event, RequestRejected):
                self._rejection(event)
            elif isinstance(event, StreamChange):
                self.add(JournalEvent("stream_changed", {"state": event.state.value, "text": event.text[:500]}))

    def owner(self, told: OrderReport | Execution) -> str:
        """The order of ours that is meant.

        Parameters
        ----------
        told : OrderReport or Execution
            Of any order; either of its ids may be empty.

        Returns
        -------
        client_order_id : str
            Empty if the order is not ours.
        """
        if told.client_order_id in self._ledger.orders:
            return told.client_order_id
        return self._ledger.venue_ids.get((told.symbol, told.venue_order_id), NO_ORDER)

    def report(
        self, report: OrderReport, *, kind: str = "order_status", is_answer: bool = False, is_alive: bool = False
    ) -> bool:
        """Take what a venue says of an order.

        Parameters
        ----------
        report : OrderReport
            Of an order of ours or of another's.
        kind : str, default "order_status"
            Name of the event; ``order_adopted`` when recovery found it.
        is_answer : bool, default False
            Whether we asked.
        is_alive : bool, default False
            Whether we asked because a list shows it open and for us it has ended.

        Returns
        -------
        is_news : bool
            Whether it is to be written.
        """
        name = self.owner(report)
        if not name:
            return self._foreign_report(report)
        payload = report_payload(report)
        record = self._ledger.orders[name]
        is_news = name in self._told or kind != "order_status" or record.classify(payload, is_alive=is_alive)[1]
        if is_answer:
            is_news = is_news or report.filled_quantity_e9 != record.venue_cum_e9 != 0
            # Nothing filled, of an order whose trades were taken back: then nothing more of it is to come.
            is_news = is_news or bool(not report.filled_quantity_e9 and record.taken_back_e9 and record.awaited_e9)
        elif not record.life.is_terminal:
            # A later word of a live order is kept even if it says the same, or an older one coming late would win.
            is_news = is_news or report.ts_event_ns > record.report_ts_ns
        if is_news:
            told: dict[str, Any] = {"report": payload}
            if is_answer:
                told["is_answer"] = True
            if is_alive:
                told["is_alive"] = True
            self.add(JournalEvent(kind, told, name))
        return is_news

    def _foreign_report(self, report: OrderReport) -> bool:
        payload = foreign_payload(report)
        seen = self._ledger.orphans.get((report.symbol, report.venue_order_id))
        is_older = seen is not None and 0 < report.ts_event_ns < seen["ts_event_ns"]
        is_news = bool(report.venue_order_id) and not is_older
        is_news = is_news and (seen is None or any(payload.get(key, 0) != value for key, value in seen.items()))
        if is_news:
            self.add(JournalEvent("foreign_order", payload))
        return is_news

    def _rejection(self, event: RequestRejected) -> None:
        record = self._ledger.orders.get(event.client_order_id)
        if record is not None:
            wanted = self._ledger.orders.get(record.wanted_by) if event.is_replace else None
            if wanted is not None and 0 < event.ts_event_ns < wanted.intent_ns:
                return  # An earlier replacement is meant; of this one nothing is known by it.
            kind = "replace_rejected" if event.is_replace else "cancel_rejected"
            payload = {"code": event.code, "text": event.text[:500], "ts_event_ns": event.ts_event_ns}
            self.add(JournalEvent(kind, payload, event.client_order_id))

    def execution(self, execution: Execution, *, is_history: bool = False) -> bool:
        """Take a fill, a correction or a bust.

        Parameters
        ----------
        execution : Execution
            Of any order of the account.
        is_history : bool, default False
            Whether it comes from a list: then one that is not ours and older than the opening positions is part of
            them.

        Returns
        -------
        is_news : bool
            Whether it is to be written; one that was told before is not.
        """
        known = self._known(execution.execution_id)
        before = len(self.events)
        if execution.kind is ExecutionKind.TRADE:
            self._trade(execution, known, is_history=is_history)
        else:
            self._revision(execution, known)
        return len(self.events) > before

    def _known(self, execution_id: str) -> list[_Booked]:
        if execution_id not in self._booked:
            stored = self._journal.find_execution(self._ledger.venue, self._ledger.account, execution_id)
            self._booked[execution_id] = [_Booked(event.revision, event.kind, event.payload) for event in stored]
        return self._booked[execution_id]

    def _trade(self, execution: Execution, known: list[_Booked], *, is_history: bool) -> None:
        payload = execution_payload(execution)
        name = self.owner(execution)
        if not known:
            opened_ns = self._ledger.opened_ns
            # A stream may be late by more than the opening: what had been done by then is part of it all the same.
            is_in_opening = is_history if opened_ns < 0 else 0 < execution.ts_event_ns <= opened_ns
            if name or not is_in_opening:
                kind = "order_filled" if name else "foreign_filled"
                self._book(kind, 0, payload, execution, name)
            return
        first, last = known[0], known[-1]
        if first.revision > 0:
            told = {"corrected_to_e9": first.payload["quantity_e9"]}
            self._book(_SUPERSEDED, 0, payload | told, execution, name)
        elif all(_differ(payload, booked.payload) for booked in known):
            if is_history and last.kind != _BUSTED and _same_trade(payload, last.payload):
                # A list is the venue's answer as of now: where no message tells of a correction, this does.
                self._book(_CORRECTED, last.revision + 1, payload | {"was": _values(last.payload)}, execution, name)
                return
            reason = f"execution {execution.execution_id} was told twice with different contents"
            if self._ledger.anomalies.get(execution.symbol) != reason:
                self.add(JournalEvent("symbol_blocked", {"symbol": execution.symbol, "reason": reason}))
            return
        if last.kind != _BUSTED and "fee_currency" in payload and "fee_currency" not in last.payload:
            self._amend_fee(execution, last, name)

    def _amend_fee(self, execution: Execution, last: _Booked, name: str) -> None:
        payload = {key: value for key, value in last.payload.items() if key not in ("was", "corrected_to_e9")}
        payload |= {"fee_e9": execution.fee_e9, "fee_currency": execution.fee_currency, "was": _values(last.payload)}
        self._book(_CORRECTED, last.revision + 1, payload, execution, name)

    def _revision(self, execution: Execution, known: list[_Booked]) -> None:
        kind = _CORRECTED if execution.kind is ExecutionKind.CORRECT else _BUSTED
        payload = execution_payload(execution)
        revised = [booked for booked in known if booked.revision > 0]
        ts_ns = execution.ts_event_ns
        if any(
            booked.kind == kind
            and booked.payload.get("ts_event_ns", 0) == ts_ns
            and not _differ(payload, booked.payload)
            for booked in revised
        ):
            return
        last = known[-1] if known else None
        if revised and last is not None:
            last_ts_ns = last.payload.get("ts_event_ns", 0)
            is_older = 0 < ts_ns < last_ts_ns
            if is_older or (last.kind == _BUSTED and (kind == _BUSTED or ts_ns <= last_ts_ns)):
                return
        if last is not None and last.kind != _BUSTED:
            was = _values(last.payload)
            # A revision that names another side, as a bust does that tells the way back, takes back what was booked.
            was |= {key: last.payload[key] for key in ("symbol", "side") if last.payload[key] != payload[key]}
            payload["was"] = was
            if "fee_currency" not in payload and "fee_currency" in was and kind == _CORRECTED:
                payload |= {"fee_e9": was["fee_e9"], "fee_currency": was["fee_currency"]}
        revision = max(1, last.revision + 1 if last else 1)
        self._book(kind, revision, payload, execution, self.owner(execution))

    def _book(self, kind: str, revision: int, payload: dict[str, Any], execution: Execution, name: str) -> None:
        ledger = self._ledger
        self.add(JournalEvent(kind, payload, name, ledger.venue, ledger.account, execution.execution_id, revision))
        known = self._booked[execution.execution_id]
        known.append(_Booked(revision, kind, payload))
        known.sort(key=lambda booked: booked.revision)


def _differ(payload: dict[str, Any], booked: dict[str, Any]) -> bool:
    return not _same_trade(payload, booked) or any(payload[key] != booked[key] for key in ("quantity_e9", "price_e9"))


def _same_trade(payload: dict[str, Any], booked: dict[str, Any]) -> bool:
    return (payload["symbol"], payload["side"]) == (booked["symbol"], booked["side"])


def _values(payload: dict[str, Any]) -> dict[str, Any]:
    values = {"quantity_e9": payload["quantity_e9"], "price_e9": payload["price_e9"]}
    if "fee_currency" in payload:
        values |= {"fee_e9": payload.get("fee_e9", 0), "fee_currency": payload["fee_currency"]}
    return values
