"""The venue's truth against the journal: what may never happen, whatever died in between."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanodesk.market.fixed_point import parse_e9
from nanodesk.oms.journal import Journal
from nanodesk.oms.ledger import Ledger

_FILLS = ("order_filled", "foreign_filled", "execution_corrected", "execution_busted")
_SENT_STATES = {"rejected"}
ACCOUNT = "PAPER"


@dataclass
class Verdict:
    """What was found wrong; empty lists are what we want.

    ``duplicates``: orders that the venue holds twice, over-executed, or never intended. ``fills``: lost, double or
    different ones. ``state``: positions or ends that differ. ``unknown``: orders and symbols that are said, in so many
    words, to be in doubt.
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
    truth: dict[str, Any], journal_path: Path, expected: dict[str, int] | None, *, has_one_clock: bool = True
) -> Verdict:
    """Compare; ``expected`` are the final positions of the uninterrupted run, in billionths.

    A difference in a symbol that the journal itself calls blocked is doubt that is stated, and no fault.
    """
    verdict = Verdict()
    with Journal.open(journal_path, read_only=True) as journal:
        journal.verify()
        events = list(journal.read())
    ledger = Ledger()
    for event in events:
        ledger.apply(event)
    intents = {e.client_order_id: e.ts_ns if has_one_clock else 0 for e in events if e.kind == "order_intent"}
    _judge_orders(truth, intents, verdict)
    taken = {row["client_order_id"] for row in _ours(truth["orders"]) if row["state"] not in _SENT_STATES}
    there = {row["client_order_id"] for row in _ours(truth["orders"])}
    for kind, where in (("not_sent", there), ("refused", taken)):
        failed = {e.client_order_id for e in events if e.kind == "order_failed" and e.payload["error_type"] == kind}
        verdict.duplicates += [f"{name} was called {kind}, and is there" for name in sorted(failed & where)]
    _judge_fills(truth, events, ledger, verdict)
    _judge_state(truth, ledger, expected, verdict)
    return verdict


def _ours(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["account"] == ACCOUNT]


def _judge_orders(truth: dict[str, Any], intents: dict[str, int], verdict: Verdict) -> None:
    orders = [row for row in _ours(truth["orders"]) if not row.get("is_manual")]
    taken = Counter(row["client_order_id"] for row in orders if row["state"] not in _SENT_STATES)
    verdict.duplicates += [f"{name} was taken {n} times" for name, n in taken.items() if n > 1]
    for row in orders:
        if row["client_order_id"] not in intents:
            verdict.duplicates.append(f"{row['client_order_id']} was sent without an intent")
        elif row["created_ns"] < intents[row["client_order_id"]]:
            verdict.duplicates.append(f"{row['client_order_id']} was sent before its intent was durable")
        if parse_e9(row["filled"]) > parse_e9(row["quantity"]):
            verdict.duplicates.append(f"{row['client_order_id']} was over-executed")


def _judge_fills(truth: dict[str, Any], events: list[Any], ledger: Ledger, verdict: Verdict) -> None:
    """Net quantity and cash by order: corrections and busts count as what they leave."""
    theirs: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in _ours(truth["executions"]):
        if row["kind"] != "bust":
            quantity = parse_e9(row["quantity"])
            theirs[row["client_order_id"] or "manual"][0] += quantity
            theirs[row["client_order_id"] or "manual"][1] += quantity * parse_e9(row["price"])
    ours: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    last: dict[str, Any] = {}
    for event in events:
        if event.kind in _FILLS and event.execution_id:
            booked = last.get(event.execution_id)
            if booked is None or event.revision > booked.revision:
                last[event.execution_id] = event
    for event in last.values():
        if event.kind != "execution_busted":
            quantity = event.payload["quantity_e9"]
            ours[event.client_order_id or "manual"][0] += quantity
            ours[event.client_order_id or "manual"][1] += quantity * event.payload["price_e9"]
    for name in sorted({*ours, *theirs}):
        if ours[name] != theirs[name]:
            told = f"{name}: booked {ours[name][0] / 1e9:g}, at the venue {theirs[name][0] / 1e9:g}"
            is_doubted = name in ledger.orders and ledger.orders[name].order.symbol in ledger.blocked_symbols()
            (verdict.unknown if is_doubted else verdict.fills).append(told)
    booked = Counter(event.execution_id for event in events if event.kind == "order_filled")
    verdict.fills += [f"execution {name} was booked {n} times" for name, n in booked.items() if n > 1]


def _judge_state(truth: dict[str, Any], ledger: Ledger, expected: dict[str, int] | None, verdict: Verdict) -> None:
    held = {symbol: parse_e9(amount) for symbol, amount in truth["balances"][ACCOUNT].items()}
    currency = ledger.cash_currency
    theirs = {symbol: amount for symbol, amount in held.items() if symbol != currency and amount}
    ours = ledger.positions_e9()
    if ours != theirs:
        verdict.state.append(f"positions: ours {ours}, at the venue {theirs}")
    if expected is not None and theirs != expected:
        verdict.state.append(f"positions: {theirs}, uninterrupted {expected}")
    if expected is not None:
        verdict.duplicates += _turned(truth, expected)
    live = [row["client_order_id"] for row in _ours(truth["orders"]) if row["state"] in ("new", "partially_filled")]
    verdict.state += [f"{name} is still open at the venue" for name in live]
    if truth["imbalance"]:
        verdict.state.append(f"the venue's own ledger is off: {truth['imbalance']}")
    verdict.unknown += [f"{symbol}: {reason}" for symbol, reason in ledger.blocked_symbols().items()]


def _turned(truth: dict[str, Any], expected: dict[str, int]) -> list[str]:
    """Symbols traded further than from where they began to where they ended: one order too many, and one back."""
    from torture.venue_life import HELD

    traded: Counter[str] = Counter()
    for row in _ours(truth["executions"]):
        traded[row["symbol"]] += parse_e9(row["quantity"])
    needed = {name: abs(expected.get(name, 0) - parse_e9(HELD.get(name, "0"))) for name in traded}
    return [f"{name}: {traded[name] / 1e9:g} traded for {needed[name] / 1e9:g}" for name in traded
            if traded[name] > needed[name]]  # fmt: skip
