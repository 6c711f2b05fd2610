"""The venue's truth against the journal: what may never happen, whatever died in between."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import OrderState
from nanodesk.oms.journal import Journal
from nanodesk.oms.ledger import Ledger

ACCOUNT = "PAPER"
JOURNAL, SNAPSHOT = "orders.db", "snapshot.db"

_FILLS = ("order_filled", "foreign_filled", "execution_corrected", "execution_busted")
_CORRECTIONS = ("position_mismatch", "cash_mismatch", "symbol_blocked", "position_accepted")
_OPEN = ("new", "partially_filled")
_NEVER_THERE = (OrderState.RISK_REJECTED, OrderState.NOT_SENT, OrderState.REJECTED)


@dataclass
class Verdict:
    """What was found wrong; empty lists are what we want.

    ``duplicates``: orders that the venue holds twice, over-executed, never intended, or called not sent; symbols traded
    further than the target needs. ``fills``: lost, double or different ones. ``state``: positions, cash, ends of orders
    or states that differ. ``unknown``: orders and symbols that are said, in so many words, to be in doubt.
    """

    duplicates: list[str] = field(default_factory=list)
    fills: list[str] = field(default_factory=list)
    state: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong; doubt that is stated is not wrong here."""
        return not (self.duplicates or self.fills or self.state)

    def __str__(self) -> str:
        return "; ".join((*self.duplicates, *self.fills, *self.state)) or "good"


def judge(
    truth: dict[str, Any],
    folder: Path,
    expected: dict[str, int] | None,
    *,
    state_hash: str | None = None,
    has_one_clock: bool = True,
) -> Verdict:
    """Compare.

    ``expected`` are the final positions of the uninterrupted run, in billionths: then a venue that tells the truth has
    evidence for everything, so nothing may be in doubt at the end, and the books may never have been put right by
    taking over what the broker holds. Without it, a difference in a symbol that the journal calls blocked is doubt that
    is stated, and cash is taken over only beside such a doubt. ``state_hash`` is what the last process called its
    state, for a replay to reach as well.
    """
    verdict = Verdict()
    events = _sound_events(folder / JOURNAL)
    ledger = Ledger()
    for event in events:
        ledger.apply(event)
    if (folder / SNAPSHOT).exists() and (copied := _sound_events(folder / SNAPSHOT)) != events[: len(copied)]:
        verdict.state.append("the snapshot holds what the journal does not")
    if state_hash not in (None, ledger.state_hash()):
        verdict.state.append("a replay of the journal ends in another state than the process had")
    intents = {e.client_order_id: e.ts_ns if has_one_clock else 0 for e in events if e.kind == "order_intent"}
    _judge_orders(truth, intents, ledger, verdict)
    _judge_denials(truth, events, verdict)
    _judge_fills(truth, events, ledger, verdict)
    _judge_holdings(truth, ledger, verdict)
    doubts = [f"{symbol}: {reason}" for symbol, reason in ledger.blocked_symbols().items()]
    put_right = [e for e in events if e.kind in _CORRECTIONS]
    if expected is None:
        verdict.unknown += doubts
        verdict.state += [f"{e.kind} {e.payload}" for e in put_right if e.kind == "cash_mismatch" and not doubts]
    else:
        verdict.state += doubts + [f"{e.kind} {e.payload}" for e in put_right]
        _judge_end(truth, expected, verdict)
    return verdict


def _sound_events(path: Path) -> list[Any]:
    with Journal.open(path, read_only=True) as journal:
        journal.verify()
        return list(journal.read())


def _ours(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["account"] == ACCOUNT]


def _judge_orders(truth: dict[str, Any], intents: dict[str, int], ledger: Ledger, verdict: Verdict) -> None:
    orders = [row for row in _ours(truth["orders"]) if not row.get("is_manual")]
    taken = {name: [row for row in orders if row["client_order_id"] == name and row["state"] != "rejected"]
             for name in {row["client_order_id"] for row in orders}}  # fmt: skip
    # Even where the venue has refused the second: it does so only while the first is open.
    sent = Counter(row["client_order_id"] for row in orders)
    verdict.duplicates += [f"{name} was sent {n} times" for name, n in sent.items() if n > 1]
    busted: Counter[str] = Counter()
    for row in _ours(truth["executions"]):
        busted[row["client_order_id"]] += parse_e9(row["quantity"]) if row["kind"] == "bust" else 0
    for row in orders:
        name = row["client_order_id"]
        if name not in intents:
            verdict.duplicates.append(f"{name} was sent without an intent")
        elif row["created_ns"] < intents[name]:
            verdict.duplicates.append(f"{name} was sent before its intent was durable")
        elif not _terms_agree(row, ledger.orders[name].order, busted[name]):
            verdict.duplicates.append(f"{name} is another order at the venue than was intended")
        if parse_e9(row["filled"]) > parse_e9(row["quantity"]):
            verdict.duplicates.append(f"{name} was over-executed")
    for name, record in ledger.orders.items():
        rows = taken.get(name, [])
        if rows and record.state in _NEVER_THERE:
            verdict.duplicates.append(f"{name} is {record.state.value} for us, and was taken")
        elif not rows and record.state not in _NEVER_THERE:
            _doubt(ledger, name, verdict.state, verdict).append(f"{name} is {record.state.value}, and is not there")
        elif rows and record.state.is_terminal == (rows[0]["state"] in _OPEN):
            told = f"{name} is {record.state.value}, at the venue {rows[0]['state']}"
            _doubt(ledger, name, verdict.state, verdict).append(told)
    live = [row["client_order_id"] or "manual" for row in _ours(truth["orders"]) if row["state"] in _OPEN]
    verdict.state += [f"{name} is still open at the venue" for name in live]


def _judge_denials(truth: dict[str, Any], events: Sequence[Any], verdict: Verdict) -> None:
    """An order that was called refused or not sent may be planned anew: it must not be there, not even for a while."""
    rows = _ours(truth["orders"])
    there = {"not_sent": {row["client_order_id"] for row in rows},
             "refused": {row["client_order_id"] for row in rows if row["state"] != "rejected"}}  # fmt: skip
    for event in events:
        kind = event.payload.get("error_type")
        if event.kind == "order_failed" and event.client_order_id in there.get(kind, ()):
            verdict.duplicates.append(f"{event.client_order_id} was called {kind.replace('_', ' ')}, and is there")


def _terms_agree(row: dict[str, Any], order: Any, busted_e9: int) -> bool:
    limit_e9 = None if row["limit_price"] is None else parse_e9(row["limit_price"])
    there = (row["symbol"], row["side"], limit_e9)
    # What is taken back of an open order is not offered again: its quantity shrinks.
    quantities = (order.quantity_e9, order.quantity_e9 - busted_e9)
    return there == (order.symbol, order.side.value, order.limit_price_e9) and parse_e9(row["quantity"]) in quantities


def _doubt(ledger: Ledger, name: str, wrong: list[str], verdict: Verdict) -> list[str]:
    is_doubted = name in ledger.orders and ledger.orders[name].order.symbol in ledger.blocked_symbols()
    return verdict.unknown if is_doubted else wrong


def _judge_fills(truth: dict[str, Any], events: Sequence[Any], ledger: Ledger, verdict: Verdict) -> None:
    """Every execution by order, side, quantity and price: corrections and busts count as what they leave."""
    theirs: defaultdict[str, Counter[Any]] = defaultdict(Counter)
    ours: defaultdict[str, Counter[Any]] = defaultdict(Counter)
    for row in _ours(truth["executions"]):
        if row["kind"] != "bust":
            key = (row["side"], parse_e9(row["quantity"]), parse_e9(row["price"]))
            theirs[row["client_order_id"] or "manual"][key] += 1
    last: dict[str, Any] = {}
    for event in events:
        if event.kind in _FILLS and event.execution_id:
            booked = last.get(event.execution_id)
            if booked is None or event.revision > booked.revision:
                last[event.execution_id] = event
    for event in last.values():
        payload = event.payload
        if event.kind != "execution_busted":
            key = (payload["side"], payload["quantity_e9"], payload["price_e9"])
            ours[event.client_order_id or "manual"][key] += 1
    for name in sorted({*ours, *theirs}):
        if ours[name] != theirs[name]:
            told = f"{name}: booked {_told(ours[name])}, at the venue {_told(theirs[name])}"
            _doubt(ledger, name, verdict.fills, verdict).append(told)
    booked_ids = Counter(event.execution_id for event in events if event.kind == "order_filled")
    verdict.fills += [f"execution {name} was booked {n} times" for name, n in booked_ids.items() if n > 1]
    unnamed = [e.client_order_id or e.kind for e in events if e.kind in _FILLS and not e.execution_id]
    verdict.fills += [f"{name} was filled by an execution without a name" for name in unnamed]


def _told(fills: Counter[Any]) -> str:
    return " + ".join(f"{n} x {quantity / E9:g} at {price / E9:g}" for (_, quantity, price), n in sorted(fills.items()))


def _judge_holdings(truth: dict[str, Any], ledger: Ledger, verdict: Verdict) -> None:
    held = {symbol: parse_e9(amount) for symbol, amount in truth["balances"][ACCOUNT].items()}
    currency = ledger.cash_currency
    theirs = {symbol: amount for symbol, amount in held.items() if symbol != currency and amount}
    ours = ledger.positions_e9()
    if ours != theirs:
        verdict.state.append(f"positions: ours {ours}, at the venue {theirs}")
    flow_e18 = sum(ledger.flows_e18.values()) - sum(ledger.opening_flows_e18.values())
    fees_e9 = ledger.fees_e9.get(currency, 0) - ledger.opening_fees_e9.get(currency, 0)
    cash_e9 = ledger.opening_cash_e9 + ledger.unexplained_cash_e9 + flow_e18 // E9 - fees_e9
    if ledger.opened_ns >= 0 and cash_e9 != held[currency]:
        verdict.state.append(f"cash: ours {cash_e9 / E9:g}, at the venue {held[currency] / E9:g}")
    if truth["imbalance"]:
        verdict.state.append(f"the venue's own ledger is off: {truth['imbalance']}")


def _judge_end(truth: dict[str, Any], expected: dict[str, int], verdict: Verdict) -> None:
    """The same end as without an interruption, by no more trading than it takes: one order too many is noticed even
    where a later one has traded it back."""
    from torture.venue_life import HELD

    there = truth["balances"][ACCOUNT]
    held = {symbol: parse_e9(there.get(symbol, "0")) for symbol in {*expected, *HELD}}
    if held != {symbol: expected.get(symbol, 0) for symbol in held}:
        verdict.state.append(f"positions: {held}, uninterrupted {expected}")
    traded: Counter[str] = Counter()
    for row in _ours(truth["executions"]):
        traded[row["symbol"]] += parse_e9(row["quantity"])
    for name in sorted(traded):
        needed = abs(expected.get(name, 0) - parse_e9(HELD.get(name, "0")))
        if traded[name] > needed:
            verdict.duplicates.append(f"{name}: {traded[name] / E9:g} traded for {needed / E9:g}")
