"""Everything that networks and venues do wrong, on a new order, a cancel and a replace at every broker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from torture.workplace import Case, CaseResult, Nursery, Workplace

OPS: Final = ("new", "cancel", "replace")

DOUBTFUL: Final = ("manual_order", "split", "symbol_change")
"""After these nobody but a human can say what is right: the symbol must be blocked."""

_REQUEST: Final = (
    "reset_before_accept", "reset_after_accept", "black_hole", "half_open", "slow_trickle", "rate_limited", "banned",
    "pacing_disconnect", "error_before_accept", "error_after_accept", "malformed", "truncated", "oversize",
    "partial_then_disconnect",
)  # fmt: skip
_SECONDS: Final = {"slow_trickle": 0.02, "rate_limited": 0.3, "banned": 0.5, "black_hole": 5.0, "half_open": 5.0}
_CONNECT: Final = ("refuse_connect", "id_in_use")
_EVENT: Final = ("duplicate", "reorder", "gap", "mute")
_RESTART: Final = ("restart", {})
_FORGET: Final = ("heal", {})


_NOT_TOLD: Final = (("binance", "bust"),)
"""A spot venue of coins has no message for a trade that is taken back, and a row that a list lacks proves nothing."""


def requests(kind: str) -> dict[str, dict[str, Any]]:
    """The faults at a broker by name, without the request that they strike."""
    faults: dict[str, dict[str, Any]] = {}
    for name in _REQUEST:
        rule = {"fault": name, "match": "*"}
        faults[name] = {"rules": [rule | ({"seconds": _SECONDS[name]} if name in _SECONDS else {})]}
    # The request arrived and its answer did not, and until healing nobody answers questions after it either.
    faults["black_hole_after"] = {"rules": [{"fault": "reset_after_accept", "match": "*"},
                                            {"fault": "error_before_accept", "match": "status", "count": 0},
                                            {"fault": "error_before_accept", "match": "open_orders", "count": 0},
                                            {"fault": "mute", "at": "event", "count": 0, "seconds": 0.6}],
                                  "under_s": 0.5}  # fmt: skip
    faults["reset_before_cancel"] = {"rules": [{"fault": "reset_before_accept", "match": "cancel"}]}
    for name in _CONNECT:
        faults[name] = {"rules": [{"fault": name, "at": "connect", "count": 0}], "before": [_RESTART]}
    for name in _EVENT:
        count = {"duplicate": 0, "reorder": 2, "gap": 2, "mute": 1}[name]
        faults[name] = {"rules": [{"fault": name, "at": "event", "count": count, "seconds": 0.6}]}
    faults["clock_ahead"] = {"rules": [], "before": [("clock", {"seconds": "10"})],
                             "healing": [_FORGET, ("clock", {"seconds": "-10"})]}  # fmt: skip
    faults["clock_behind"] = {"rules": [], "before": [("clock", {"seconds": "-10"})],
                              "healing": [_FORGET, ("clock", {"seconds": "10"})]}  # fmt: skip
    faults["clock_step"] = {"rules": [], "after": [("clock", {"seconds": "3"})],
                            "healing": [_FORGET, ("clock", {"seconds": "-3"})]}  # fmt: skip
    faults["venue_restart"] = {"rules": [], "after": [_RESTART], "under_s": 0.1}
    faults["restart_on_event"] = {"rules": [{"fault": "restart", "at": "venue", "match": "!"}]}
    faults["cancel_races_fill"] = {"rules": [{"fault": "cancel_races_fill", "match": "cancel", "count": 0}],
                                   "healing": []}  # fmt: skip
    faults["late_fill"] = {"rules": [{"fault": "late_fill", "at": "venue", "match": "cancelled"}], "healing": []}
    faults["bust"] = {"rules": [{"fault": "bust", "at": "venue", "match": "trade"}], "healing": []}
    faults["correct"] = {"rules": [{"fault": "correct", "at": "venue", "match": "trade", "value": "100.02"}],
                         "healing": []}  # fmt: skip
    faults["manual_order"] = {"rules": [], "after": [("order", {"symbol": "CCC", "side": "buy", "quantity": "10"})]}
    if kind == "binance":  # a pair of coins neither splits nor changes its name; it is halted
        for name, symbol in (("halt", "BBB"), ("halt_of_another", "CCC")):
            faults[name] = {"rules": [], "after": [("status", {"symbol": symbol, "status": "halted"})],
                            "healing": [_FORGET, ("status", {"symbol": symbol, "status": "trading"})]}  # fmt: skip
    else:
        faults["split"] = {"rules": [], "after": [("split", {"symbol": "AAA", "new": 2, "old": 1})], "live": "CCC"}
        faults["symbol_change"] = {"rules": [], "after": [("rename", {"symbol": "CCC", "new_symbol": "CCX"})]}
    return faults


@dataclass(frozen=True)
class NetworkFault:
    """One case."""

    kind: str
    op: str
    fault: str

    def __str__(self) -> str:
        return f"{self.kind} {self.op} {self.fault}"


def network_faults(kinds: Sequence[str], ops: Sequence[str] = OPS, faults: Sequence[str] = ()) -> list[NetworkFault]:
    """Every one, or the named ones."""
    return [NetworkFault(kind, op, fault) for kind in kinds for op in ops for fault in (faults or requests(kind))]


def run_network_fault(nursery: Nursery, fault: NetworkFault, mutants: Sequence[str] = ()) -> CaseResult:
    """One life under the fault; it must end in order, with the same books as the venue."""
    case = Case(nursery, str(fault), fault.kind, mutants=list(mutants))
    case.live(request={"op": fault.op, **_aimed(requests(fault.kind)[fault.fault], fault)})
    result = case.end(None, has_one_clock=not fault.fault.startswith("clock"))
    last = result.results[-1]
    is_doubtful = fault.fault in DOUBTFUL or (fault.kind, fault.fault) in _NOT_TOLD
    if result.verdict.unknown and not is_doubtful:
        result.notes.append(f"still in doubt: {result.verdict.unknown}")
    if fault.op == "replace" and fault.fault != "late_fill":
        result.notes += _both_filled(result.truth)
    if last.get("open"):
        result.notes.append(f"orders are still open for us: {last['open']}")
    if not result.is_good:
        result.notes += [str(last.get(key)) for key in ("runs", "books", "blocked", "unknown") if last.get(key)]
    return result


def _both_filled(truth: dict[str, Any]) -> list[str]:
    """A replacement must not be sent for an order that was filled instead of cancelled."""
    states = {row["client_order_id"].split("-")[1]: row["state"] for row in truth["orders"] if row["client_order_id"]}
    is_wrong = states.get("1") == "filled" and states.get("2", "rejected") != "rejected"
    return ["the old order was filled, and the new one was sent"] if is_wrong else []


def _aimed(request: dict[str, Any], fault: NetworkFault) -> dict[str, Any]:
    # At TWS a replace is a cancel and then a new order: the second is the one that may be lost.
    asked = "new" if (fault.kind, fault.op) == ("ibkr", "replace") else fault.op
    happened = {"new": "new", "cancel": "cancelled", "replace": "new"}[fault.op]
    rules = [dict(rule) for rule in request["rules"]]
    for rule in rules:
        rule["match"] = {"*": asked, "!": happened}.get(rule.get("match", ""), rule.get("match", ""))
    return {**request, "rules": rules}


def run_network_faults(place: Workplace, cases: list[NetworkFault]) -> list[CaseResult]:
    """Every case, several at once."""
    return place.map(run_network_fault, cases)
