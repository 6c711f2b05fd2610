"""What a rebalance was: its plan, what risk said, what was sent and filled, and how far off it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import Any

from nanodesk.market.account import Account
from nanodesk.market.fixed_point import format_e9
from nanodesk.rebalance.drift import DriftReport
from nanodesk.rebalance.plan import Plan
from nanodesk.rebalance.sending import LineResult
from nanodesk.risk.report import CheckStatus, RiskReport

SCHEMA = 1
MOST_DETAILS = 20


@unique
class RunOutcome(Enum):
    """How a rebalance ended."""

    NOTHING_TO_DO = "nothing_to_do"
    DRY_RUN = "dry_run"
    DECLINED = "declined"
    REFUSED = "refused"
    DONE = "done"
    INCOMPLETE = "incomplete"
    UNRESOLVED = "unresolved"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything of one rebalance.

    Parameters
    ----------
    run_id, window_id : str
        This run, and what it works on.
    outcome : RunOutcome
        How it ended.
    account : Account
        Before the first order.
    plan : Plan
        What was to be done.
    risk : RiskReport or None
        What the checks said; ``None`` when there was nothing to check.
    lines : tuple of LineResult
        What was sent, in the order of sending.
    drift : DriftReport or None
        Afterwards; ``None`` when nothing was sent.
    reason : str
        Why it did not go to its end.
    warnings : tuple of str
        What the reader must know.
    is_staged : bool
        Whether purchases waited for the ends of all sales.
    """

    run_id: str
    window_id: str
    outcome: RunOutcome
    account: Account
    plan: Plan
    risk: RiskReport | None = None
    lines: tuple[LineResult, ...] = ()
    drift: DriftReport | None = None
    reason: str = ""
    warnings: tuple[str, ...] = ()
    is_staged: bool = False

    def as_values(self) -> dict[str, Any]:
        """Plain values for JSON.

        Returns
        -------
        values : dict
            Amounts as decimal text.
        """
        return {
            "schema": SCHEMA,
            "run_id": self.run_id,
            "window_id": self.window_id,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "account": {
                "id": self.account.account_id,
                "currency": self.account.currency,
                "is_live": self.account.is_live,
                "equity": format_e9(self.account.equity_e9),
                "cash": format_e9(self.account.cash_e9),
            },
            "plan": plan_values(self.plan),
            "risk": None if self.risk is None else self.risk.as_rows(),
            "orders": [line_values(result) for result in self.lines],
            "drift": None if self.drift is None else self.drift.as_values(),
            "staged": self.is_staged,
            "warnings": list(self.warnings),
        }


def plan_values(plan: Plan) -> dict[str, Any]:
    """A plan as plain values.

    Parameters
    ----------
    plan : Plan
        Any plan.

    Returns
    -------
    values : dict
        Amounts as decimal text.
    """
    return {
        "orders": [
            {
                "line": order.line,
                "symbol": order.symbol,
                "action": order.action,
                "shares": format_e9(order.quantity_e9),
                "limit": format_e9(order.limit_price_e9),
                "description": order.description,
            }
            for order in plan.orders
        ],
        "skipped": [
            {"symbol": skip.symbol, "quantity": format_e9(skip.quantity_e9), "reason": skip.reason}
            for skip in plan.skipped
        ],
        "cost_estimate": format_e9(plan.cost_e9),
        "cash_bound": plan.is_cash_bound,
        "buy_scale": format_e9(plan.scale_e9),
    }


def risk_payload(risk: RiskReport) -> dict[str, Any]:
    """A risk report for the journal: every check once, and each order that one of them did not pass.

    Parameters
    ----------
    risk : RiskReport
        Any report.

    Returns
    -------
    payload : dict
        Some ten kilobytes, however many orders there were.
    """
    rows: dict[int, dict[str, Any]] = {}
    for check in risk.checks:
        row = rows.setdefault(check.number, {"number": check.number, "name": check.name, "status": "pass", "orders": 0})
        row["orders"] += bool(check.client_order_id)
        if check.status is not CheckStatus.PASS:
            row["status"] = max(row["status"], check.status.value, key=_SEVERITY.index)
            details = row.setdefault("details", [])
            if len(details) < MOST_DETAILS:
                details.append(str(check)[:300])
    return {"passed": risk.is_accepted, "checks": list(rows.values())}


_SEVERITY = ("pass", "warn", "fail")


def line_values(result: LineResult) -> dict[str, Any]:
    """What came of one line, as plain values.

    Parameters
    ----------
    result : LineResult
        Any line.

    Returns
    -------
    values : dict
        Amounts as decimal text.
    """
    line = result.line
    return {
        "line": line.line,
        "symbol": line.symbol,
        "action": line.action,
        "shares": format_e9(line.quantity_e9),
        "limit": format_e9(line.limit_price_e9),
        "filled": format_e9(result.filled_e9),
        "avg_price": format_e9(result.average_price_e9),
        "commission": {currency: format_e9(fee) for currency, fee in sorted(result.fees_e9.items())},
        "status": result.status,
        "reason": result.reason,
        "client_order_ids": [view.client_order_id for view in result.orders],
    }
