"""The risk engine: every check, every order, one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nanodesk.market.order import Order
from nanodesk.risk.catalogue import AT_SEND, CATALOGUE, BatchCheck, CheckRule, OrderCheck
from nanodesk.risk.context import RiskContext
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.proposal import Proposal
from nanodesk.risk.report import RiskCheck, RiskReport
from nanodesk.risk.verdict import failed


class RiskEngine:
    """Pre-trade checks with one set of limits; it keeps no state between calls.

    All checks run, in the order of their numbers, whatever the earlier ones found. A check that raises, misses an
    input or meets a number that is not finite fails.

    Parameters
    ----------
    config : RiskConfig, optional
        The limits; the defaults are those of a paper account.
    """

    def __init__(self, config: RiskConfig | None = None) -> None:
        self.config = RiskConfig() if config is None else config

    def check_order(self, order: Order, context: RiskContext) -> RiskReport:
        """All 48 checks of one order.

        Parameters
        ----------
        order : Order
            What is about to be sent.
        context : RiskContext
            The account and the desk.

        Returns
        -------
        report : RiskReport
            48 checks.
        """
        return _report(CATALOGUE, Proposal((order,), context, self.config))

    def check_batch(
        self, orders: Sequence[Order], context: RiskContext, *, target_weights: Mapping[str, float] | None = None
    ) -> RiskReport:
        """All 48 checks of orders that are sent together, whatever subset of them fills, in any order.

        Parameters
        ----------
        orders : sequence of Order
            In the order of sending.
        context : RiskContext
            The account and the desk.
        target_weights : mapping of str to float, optional
            The weights that the batch trades toward.

        Returns
        -------
        report : RiskReport
            One row a check of the batch, and one an order where a check looks at orders one by one.
        """
        return _report(CATALOGUE, Proposal(orders, context, self.config, target_weights=target_weights))

    def check_at_send(self, order: Order, context: RiskContext) -> RiskReport:
        """Checks 7, 11, 16, 27, 34 to 37 and 42 to 47 again, just before an order leaves.

        Parameters
        ----------
        order : Order
            Whose intent is logged; it may stand among the open orders already, and is not counted twice.
        context : RiskContext
            As of now.

        Returns
        -------
        report : RiskReport
            14 checks.
        """
        return _report(AT_SEND, Proposal((order,), context, self.config, is_at_send=True))


def _report(rules: tuple[CheckRule, ...], proposal: Proposal) -> RiskReport:
    checks: list[RiskCheck] = []
    named = [(order, getattr(order, "client_order_id", "")) for order in proposal.orders]
    for rule in rules:
        if rule.of_batch is not None:
            checks.append(_judge_batch(rule, rule.of_batch, proposal))
        elif rule.of_order is not None:
            checks.extend(_judge_orders(rule, rule.of_order, proposal, named))
    return RiskReport(tuple(checks))


def _judge_batch(rule: CheckRule, of_batch: BatchCheck, proposal: Proposal) -> RiskCheck:
    try:
        return of_batch(proposal)
    except Exception as error:  # noqa: BLE001  (whatever goes wrong in a check, the order does not go)
        return _broken(rule, error)


def _judge_orders(
    rule: CheckRule, of_order: OrderCheck, proposal: Proposal, named: list[tuple[Order, str]]
) -> list[RiskCheck]:
    checks = []
    for order, order_id in named:
        try:
            check = of_order(proposal, order)
        except Exception as error:  # noqa: BLE001
            check = _broken(rule, error)
        checks.append(tuple.__new__(RiskCheck, check[:8] + (order_id,)))
    return checks


def _broken(rule: CheckRule, error: Exception) -> RiskCheck:
    return failed(rule.number, rule.name, f"it cannot be evaluated: {type(error).__name__}: {str(error)[:200]}")
