"""Orders, positions and blocked symbols: what follows from the events of a journal, and from nothing else.

The same fold runs while trading and when a journal is read again, so both end in the same state.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from nanodesk.errors import JournalError
from nanodesk.market.fixed_point import format_e9
from nanodesk.market.order import OrderState
from nanodesk.oms.journal_event import StoredEvent
from nanodesk.oms.order_record import OrderRecord, told_reason
from nanodesk.oms.order_state import OrderEvent, Verdict
from nanodesk.oms.payloads import order_of

_SEND_FAILED: Final = {
    "refused": OrderEvent.SEND_REFUSED,
    "unknown": OrderEvent.SEND_UNKNOWN,
    "not_sent": OrderEvent.PROVED_ABSENT,
    "risk": OrderEvent.RISK_REFUSED,
    "blocked": OrderEvent.RISK_REFUSED,
}
_CANCEL_ANSWER: Final = {
    "accepted": OrderEvent.CANCEL_TAKEN,
    "refused": OrderEvent.CANCEL_REFUSED,
    "unknown": OrderEvent.CANCEL_UNKNOWN,
}
_REPLACE_ANSWER: Final = {
    "accepted": OrderEvent.REPLACE_TAKEN,
    "refused": OrderEvent.REPLACE_REFUSED,
    "unknown": OrderEvent.REPLACE_UNKNOWN,
}
NO_ORDER: Final = ""
_Booked = tuple[str, int, int, int, str]
"""Side, quantity, price, fee and its currency."""


class Ledger:
    """The state of one account's trading.

    Attributes
    ----------
    orders : dict of str to OrderRecord
        Every order ever intended, by client id, oldest first.
    open_ids : dict of str to None
        Ids of those that may still change, oldest first.
    venue_ids : dict of (str, str) to str
        Our id by symbol and the venue's id, which some venues count per symbol.
    fills_e9 : dict of str to int
        Position by symbol, from executions alone.
    opening_e9 : dict of str to int
        Position by symbol that was there before.
    unexplained_e9 : dict of str to int
        What the venue holds beyond both, by symbol.
    flows_e18 : dict of str to int
        Cash per unit of multiplier that executions brought, by symbol.
    fees_e9 : dict of str to int
        Fees paid, by currency.
    instruments : dict of str to (int, str)
        Multiplier and currency of what was traded, by symbol.
    anomalies : dict of str to str
        Symbols blocked until reconciled, with the reason.
    orphans : dict of (str, str) to dict
        Orders at the venue that are not ours, by symbol and venue id, as last seen.
    runs : dict of str to str
        ``started``, ``completed`` or ``failed``, by run.
    booked : int
        Executions, whoever's.
    venue, account : str
        To whom the journal belongs; empty until bound.
    """

    def __init__(self) -> None:
        self.orders: dict[str, OrderRecord] = {}
        self.open_ids: dict[str, None] = {}
        self.venue_ids: dict[tuple[str, str], str] = {}
        self.fills_e9: defaultdict[str, int] = defaultdict(int)
        self.opening_e9: dict[str, int] = {}
        self.unexplained_e9: dict[str, int] = {}
        self.flows_e18: defaultdict[str, int] = defaultdict(int)
        self.fees_e9: defaultdict[str, int] = defaultdict(int)
        self.instruments: dict[str, tuple[int, str]] = {}
        self.anomalies: dict[str, str] = {}
        self.orphans: dict[tuple[str, str], dict[str, Any]] = {}
        self.runs: dict[str, str] = {}
        self._unowned: defaultdict[tuple[str, str], list[_Booked]] = defaultdict(list)
        self._unowned_back_e9: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.venue = self.account = ""
        self.opened_ns = -1
        self.opening_flows_e18: dict[str, int] = {}
        self.opening_fees_e9: dict[str, int] = {}
        self.opening_cash_e9 = 0
        self.unexplained_cash_e9 = 0
        self.cash_currency = ""
        self.booked = 0
        self.sequence = 0
        self._folds: dict[str, Callable[[StoredEvent], None]] = {
            "account_bound": self._bind,
            "run_started": self._start_run,
            "run_completed": self._complete_run,
            "order_intent": self._intend,
            "order_submitted": self._accept,
            "order_failed": self._fail,
            "order_status": self._report,
            "order_adopted": self._report,
            "order_written_off": self._write_off,
            "cancel_intent": self._ask_cancel,
            "cancel_result": self._answer_cancel,
            "cancel_rejected": self._reject_cancel,
            "replace_intent": self._ask_replace,
            "replace_result": self._answer_replace,
            "replace_rejected": self._reject_replace,
            "order_filled": self._fill,
            "foreign_filled": self._fill,
            "execution_corrected": self._correct,
            "execution_busted": self._bust,
            "execution_superseded": self._supersede,
            "foreign_order": self._see_orphan,
            "positions_opened": self._open_positions,
            "position_mismatch": self._differ,
            "position_accepted": self._accept_position,
            "cash_mismatch": self._differ_in_cash,
            "instrument_noted": self._note_instrument,
            "symbol_blocked": self._block,
            "symbol_cleared": self._clear,
        }

    @property
    def kinds(self) -> frozenset[str]:
        """Events that change the state; every other name is a note."""
        return frozenset(self._folds)

    def apply(self, event: StoredEvent) -> None:
        """Fold one event in.

        Parameters
        ----------
        event : StoredEvent
            The next of the journal.

        Raises
        ------
        JournalError
            If it makes no sense after those before, which only another program can have written.
        """
        fold = self._folds.get(event.kind)
        if fold is not None:
            try:
                fold(event)
            except (KeyError, TypeError, ValueError) as error:
                raise JournalError(
                    f"event {event.sequence} ({event.kind}) does not fit those before it: {error!r}.",
                    field="sequence",
                    value=event.sequence,
                ) from error
        self.sequence = event.sequence

    def position_e9(self, symbol: str) -> int:
        """Signed position: what was there, what was filled, and what the venue holds besides.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        quantity_e9 : int
            In billionths; 0 if there is none.
        """
        held_e9 = self.opening_e9.get(symbol, 0) + self.fills_e9.get(symbol, 0) + self.unexplained_e9.get(symbol, 0)
        # A fee that is paid in the coin itself leaves the position; the name of the cash may be a ticker as well.
        if self.cash_currency and symbol != self.cash_currency:
            held_e9 -= self.fees_e9.get(symbol, 0)
        return held_e9

    def positions_e9(self) -> dict[str, int]:
        """Every position that is not zero.

        Returns
        -------
        positions_e9 : dict of str to int
            Sorted by symbol.
        """
        symbols = sorted({*self.opening_e9, *self.fills_e9, *self.unexplained_e9})
        return {symbol: held for symbol in symbols if (held := self.position_e9(symbol))}

    def blocked_symbols(self, in_flight: frozenset[str] = frozenset()) -> dict[str, str]:
        """Symbols in which nothing is sent, with the reason.

        Parameters
        ----------
        in_flight : frozenset of str, optional
            Orders that are being sent just now, which block nothing.

        Returns
        -------
        blocked : dict of str to str
            By symbol.
        """
        blocked = {
            symbol: f"the venue holds {format_e9(abs(rest_e9))} {'more' if rest_e9 > 0 else 'less'} than our books, "
            "which no fill explains"
            for symbol, rest_e9 in self.unexplained_e9.items()
        }
        blocked |= self.anomalies
        for name in self.open_ids:
            record = self.orders[name]
            if record.is_unresolved and name not in in_flight:
                blocked[record.order.symbol] = f"nothing is known of {name}"
        return blocked

    def state_hash(self) -> str:
        """One text for the whole state, the same for the same trading.

        Ids that the venue gave, reasons and times are left out: two runs of the same orders with the same fills have
        one hash, whether they were interrupted or not.

        Returns
        -------
        digest : str
            SHA-256, hexadecimal.
        """
        digest = sha256()
        for client_order_id in sorted(self.orders):
            record = self.orders[client_order_id]
            order = record.order
            row = (
                client_order_id,
                order.symbol,
                order.side.value,
                record.quantity_e9,
                order.limit_price_e9,
                record.state.value,
                record.cum_e9,
                record.product_e18,
                sorted((record.fees_e9 or {}).items()),
                record.leaves_e9,
            )
            digest.update(json.dumps(row, separators=(",", ":")).encode())
        flows = sorted((symbol, flow) for symbol, flow in self.flows_e18.items() if flow)
        fees = sorted((currency, fee) for currency, fee in self.fees_e9.items() if fee)
        rest = (self.positions_e9(), flows, fees, sorted(self.anomalies), sorted(self.unexplained_e9.items()))
        digest.update(json.dumps(rest, separators=(",", ":")).encode())
        return digest.hexdigest()

    def _bind(self, event: StoredEvent) -> None:
        self.venue, self.account = event.payload["venue"], event.payload["account"]

    def _start_run(self, event: StoredEvent) -> None:
        self.runs[event.payload["run_id"]] = "started"

    def _complete_run(self, event: StoredEvent) -> None:
        is_failed = event.payload.get("outcome") == "failed"
        self.runs[event.payload["run_id"]] = "failed" if is_failed else "completed"

    def _intend(self, event: StoredEvent) -> None:
        payload = event.payload
        name = event.client_order_id
        replaces = payload.get("replaces", NO_ORDER)
        self.orders[name] = OrderRecord(order_of(name, payload), payload.get("run_id", ""), replaces, event.ts_ns)
        self.open_ids[name] = None

    def _accept(self, event: StoredEvent) -> None:
        record = self.orders[event.client_order_id]
        verdict = record.apply_event(OrderEvent.SEND_ACCEPTED) if "report" not in event.payload else None
        if verdict is None:
            # The answer may be older than what the stream has told; the report is joined, not believed last.
            if record.is_unresolved:
                record.life = OrderState.PENDING_NEW
            verdict = record.apply_report(event.payload["report"], is_answer=False)
        self._judge(record, verdict, "accepted after it had ended for us")

    def _fail(self, event: StoredEvent) -> None:
        record, payload = self.orders[event.client_order_id], event.payload
        kind = payload["error_type"]
        verdict = record.apply_event(_SEND_FAILED[kind])
        if verdict is Verdict.APPLIED:
            record.reason = told_reason(payload) or kind
            record.may_retry = payload.get("may_retry", False)
        self._judge(record, verdict, "refused, though the venue had told of it")

    def _report(self, event: StoredEvent) -> None:
        record, payload = self.orders[event.client_order_id], event.payload
        verdict = record.apply_report(
            payload["report"], is_answer=payload.get("is_answer", False), is_alive=payload.get("is_alive", False)
        )
        self._judge(record, verdict, f"the venue calls it {payload['report']['state']}, for us it had ended")

    def _write_off(self, event: StoredEvent) -> None:
        record = self.orders[event.client_order_id]
        record.write_off(has_ended=event.payload["has_ended"])
        self._judge(record, Verdict.APPLIED, "")

    def _ask_cancel(self, event: StoredEvent) -> None:
        record = self.orders[event.client_order_id]
        if record.apply_event(OrderEvent.CANCEL_ASKED) is Verdict.APPLIED:
            record.is_cancel_pending = True

    def _answer_cancel(self, event: StoredEvent) -> None:
        record, payload = self.orders[event.client_order_id], event.payload
        self._judge(record, record.apply_event(_CANCEL_ANSWER[payload["outcome"]]), "")
        if payload["outcome"] == "refused":
            record.is_cancel_pending = False
        if "report" in payload:
            self._judge(record, record.apply_report(payload["report"], is_answer=False), "told in a cancel's answer")

    def _reject_cancel(self, event: StoredEvent) -> None:
        record = self.orders[event.client_order_id]
        record.apply_event(OrderEvent.CANCEL_REFUSED)
        record.is_cancel_pending = False
        record.venue_pending = None
        self._judge(record, Verdict.APPLIED, "")

    def _ask_replace(self, event: StoredEvent) -> None:
        record = self.orders[event.client_order_id]
        if record.apply_event(OrderEvent.REPLACE_ASKED) is Verdict.APPLIED:
            record.wanted_by = event.payload["replacement"]

    def _answer_replace(self, event: StoredEvent) -> None:
        record, payload = self.orders[event.client_order_id], event.payload
        self._judge(record, record.apply_event(_REPLACE_ANSWER[payload["outcome"]]), "")
        if payload["outcome"] == "accepted":
            record.replaced_by = payload["replacement"]
        if payload["outcome"] != "unknown":
            record.wanted_by = ""

    def _reject_replace(self, event: StoredEvent) -> None:
        record = self.orders[event.client_order_id]
        wanted, record.wanted_by = record.wanted_by, ""
        record.apply_event(OrderEvent.REPLACE_REFUSED)
        if wanted in self.orders:
            replacement = self.orders[wanted]
            if replacement.apply_event(OrderEvent.SEND_REFUSED) is Verdict.APPLIED:
                replacement.reason = told_reason(event.payload)
            self._judge(replacement, Verdict.APPLIED, "")
        self._judge(record, Verdict.APPLIED, "")

    def _fill(self, event: StoredEvent) -> None:
        payload = event.payload
        self.booked += 1
        self._book(event, payload["quantity_e9"], payload["price_e9"], payload.get("fee_e9", 0), OrderEvent.FILL)

    def _correct(self, event: StoredEvent) -> None:
        payload = event.payload
        was = payload.get("was", {})
        if was:
            self._book(event, -was["quantity_e9"], was["price_e9"], -was.get("fee_e9", 0), OrderEvent.CORRECTION, was)
        self._book(event, payload["quantity_e9"], payload["price_e9"], payload.get("fee_e9", 0), OrderEvent.CORRECTION)
        if was:
            self._take_back(event, max(was["quantity_e9"] - payload["quantity_e9"], 0))

    def _bust(self, event: StoredEvent) -> None:
        was = event.payload.get("was", {})
        if was:
            self._book(event, -was["quantity_e9"], was["price_e9"], -was.get("fee_e9", 0), OrderEvent.BUST, was)
        self._take_back(event, (was or event.payload)["quantity_e9"])

    def _supersede(self, event: StoredEvent) -> None:
        # The execution itself, told after its correction: it is not booked, but what the venue once called filled
        # was more by the difference.
        self._take_back(event, max(event.payload["quantity_e9"] - event.payload["corrected_to_e9"], 0))

    def _take_back(self, event: StoredEvent, quantity_e9: int) -> None:
        record, payload = self._owner(event), event.payload
        if record is not None:
            record.taken_back_e9 += quantity_e9
            self._judge(record, Verdict.APPLIED, "")
        elif payload.get("venue_order_id"):
            self._unowned_back_e9[payload["symbol"], payload["venue_order_id"]] += quantity_e9

    def _book(
        self,
        event: StoredEvent,
        quantity_e9: int,
        price_e9: int,
        fee_e9: int,
        kind: OrderEvent,
        named: dict[str, Any] | None = None,
    ) -> None:
        payload = event.payload
        named = payload if named is None else named
        currency = named.get("fee_currency", "")
        symbol, side = named.get("symbol", payload["symbol"]), named.get("side", payload["side"])
        signed_e9 = quantity_e9 if side == "buy" else -quantity_e9
        self.fills_e9[symbol] += signed_e9
        self.flows_e18[symbol] -= signed_e9 * price_e9
        if fee_e9:
            self.fees_e9[currency] += fee_e9
        venue_order_id = payload.get("venue_order_id", "")
        record = self._owner(event)
        if record is None:
            if venue_order_id:
                self._unowned[symbol, venue_order_id].append((side, quantity_e9, price_e9, fee_e9, currency))
            return
        if (symbol, side) != (record.order.symbol, record.order.side.value):
            name = record.order.client_order_id
            self.anomalies[record.order.symbol] = f"a fill of {name} is told as {side} {symbol}"
            return
        verdict = record.apply_event(kind)
        record.book(quantity_e9, price_e9, fee_e9, currency)
        self._check_quantity(record)
        record.venue_order_id = record.venue_order_id or venue_order_id
        self._judge(record, verdict, "filled, though it was never sent")

    def _owner(self, event: StoredEvent) -> OrderRecord | None:
        # Told by the venue's number alone, perhaps in the commit in which that number was learned.
        payload = event.payload
        name = event.client_order_id or self.venue_ids.get((payload["symbol"], payload.get("venue_order_id", "")))
        return self.orders.get(name) if name else None

    def _check_quantity(self, record: OrderRecord) -> None:
        if record.cum_e9 > record.quantity_e9:
            name = record.order.client_order_id
            self.anomalies[record.order.symbol] = f"{name} is filled beyond its quantity"

    def _judge(self, record: OrderRecord, verdict: Verdict, what: str) -> None:
        name = record.order.client_order_id
        if verdict is Verdict.ANOMALY:
            self.anomalies[record.order.symbol] = f"{name}: {what}"
        if record.venue_order_id:
            key = (record.order.symbol, record.venue_order_id)
            self.venue_ids[key] = name
            if key in self._unowned or key in self._unowned_back_e9:
                self._claim(record, key)
        if record.state.is_terminal and not record.awaited_e9:
            self.open_ids.pop(name, None)
        elif name not in self.open_ids:
            self.open_ids[name] = None

    def _claim(self, record: OrderRecord, key: tuple[str, str]) -> None:
        """Fills and busts that were told under the venue's id before we knew whose it was; the position has them."""
        record.taken_back_e9 += self._unowned_back_e9.pop(key, 0)
        for side, quantity_e9, price_e9, fee_e9, currency in self._unowned.pop(key, ()):
            if side == record.order.side.value:
                record.apply_event(OrderEvent.FILL)
                record.book(quantity_e9, price_e9, fee_e9, currency)
        self._check_quantity(record)

    def _see_orphan(self, event: StoredEvent) -> None:
        payload = event.payload
        key = (payload["symbol"], payload["venue_order_id"])
        seen = self.orphans.get(key)
        if seen is not None and 0 < payload.get("ts_event_ns", 0) < seen["ts_event_ns"]:
            return
        self.orphans[key] = {
            name: payload[name] for name in ("symbol", "side", "state", "quantity_e9", "filled_quantity_e9")
        } | {"ts_event_ns": payload.get("ts_event_ns", 0)}

    def _open_positions(self, event: StoredEvent) -> None:
        payload = event.payload
        self.opening_e9 = dict(payload["holdings"])
        self.opening_cash_e9, self.cash_currency = payload["cash_e9"], payload["currency"]
        self.opened_ns = payload["ts_event_ns"]
        self.opening_flows_e18, self.opening_fees_e9 = dict(self.flows_e18), dict(self.fees_e9)

    def _differ(self, event: StoredEvent) -> None:
        payload = event.payload
        symbol = payload["symbol"]
        rest = self.unexplained_e9.get(symbol, 0) + payload["theirs_e9"] - payload["ours_e9"]
        if rest:
            self.unexplained_e9[symbol] = rest
        else:
            self.unexplained_e9.pop(symbol, None)

    def _accept_position(self, event: StoredEvent) -> None:
        symbol = event.payload["symbol"]
        accepted = self.unexplained_e9.pop(symbol, 0)
        self.opening_e9[symbol] = self.opening_e9.get(symbol, 0) + accepted

    def _differ_in_cash(self, event: StoredEvent) -> None:
        self.unexplained_cash_e9 += event.payload["theirs_e9"] - event.payload["ours_e9"]

    def _note_instrument(self, event: StoredEvent) -> None:
        payload = event.payload
        self.instruments[payload["symbol"]] = (payload["multiplier"], payload["currency"])

    def _block(self, event: StoredEvent) -> None:
        self.anomalies[event.payload["symbol"]] = event.payload["reason"]

    def _clear(self, event: StoredEvent) -> None:
        self.anomalies.pop(event.payload["symbol"], None)
