"""The 48 checks in their fixed order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from nanodesk.market.order import Order
from nanodesk.risk.checks import exposure, fat_finger, flow, freshness, loss, sanity, state
from nanodesk.risk.proposal import Proposal
from nanodesk.risk.report import RiskCheck

OrderCheck = Callable[[Proposal, Order], RiskCheck]
BatchCheck = Callable[[Proposal], RiskCheck]


class CheckRule(NamedTuple):
    """One check of the catalogue; exactly one of the two functions is there.

    Parameters
    ----------
    number : int
        1 to 48.
    name : str
        For the row of a check that could not be evaluated.
    of_order : callable or None
        Looks at one order of the batch.
    of_batch : callable or None
        Looks at the batch.
    """

    number: int
    name: str
    of_order: OrderCheck | None
    of_batch: BatchCheck | None


def _order(number: int, name: str, check: OrderCheck) -> CheckRule:
    return CheckRule(number, name, check, None)


def _batch(number: int, name: str, check: BatchCheck) -> CheckRule:
    return CheckRule(number, name, None, check)


CATALOGUE: Final[tuple[CheckRule, ...]] = (
    _order(1, "whole positive numbers", sanity.whole_numbers),
    _order(2, "known instrument", sanity.known_instrument),
    _order(3, "symbol syntax", sanity.symbol_syntax),
    _order(4, "side, type and time in force", sanity.supported_type),
    _order(5, "grid and bounds", sanity.grid_and_bounds),
    _order(6, "session open, not expired", sanity.session_open),
    _batch(7, "account and mode", sanity.right_account),
    _order(8, "order quantity", fat_finger.order_quantity),
    _order(9, "order notional", fat_finger.order_notional),
    _order(10, "share of volume and of displayed size", fat_finger.market_share),
    _order(11, "price collar", fat_finger.price_collar),
    _order(12, "market order", fat_finger.market_order),
    _order(13, "slippage of a marketable limit", fat_finger.marketable_slippage),
    _batch(14, "target weights", fat_finger.target_weights),
    _order(15, "least trade size", fat_finger.least_notional),
    _order(16, "quote age", freshness.quote_age),
    _batch(17, "account age", freshness.account_age),
    _batch(18, "holdings age and sequence", freshness.holdings_age),
    _batch(19, "clock skew", freshness.clock_skew),
    _order(20, "crossed, locked or one-sided quote", freshness.sound_quote),
    _order(21, "price jump since the last plan", freshness.price_jump),
    _order(22, "position", exposure.position),
    _batch(23, "gross", exposure.gross),
    _batch(24, "net", exposure.net),
    _batch(25, "leverage", exposure.leverage),
    _order(26, "short", exposure.short),
    _batch(27, "buying power", exposure.buying_power),
    _batch(28, "concentration", exposure.concentration),
    _batch(29, "turnover", exposure.turnover),
    _order(30, "reduce-only", exposure.reduce_only),
    _batch(31, "equity", exposure.positive_equity),
    _batch(32, "daily loss", loss.daily_loss),
    _batch(33, "drawdown", loss.drawdown),
    _batch(34, "reject and slippage breaker", loss.breaker),
    _batch(35, "order and message rate", flow.rates),
    _order(36, "duplicate", flow.duplicate),
    _order(37, "repeated executions", flow.repeated_execution),
    _batch(38, "open orders", flow.open_orders),
    _order(39, "self-match", flow.self_match),
    _batch(40, "run seen before", flow.repeated_run),
    _batch(41, "batch", flow.batch),
    _batch(42, "kill switch", state.kill_switch),
    _order(43, "halted", state.halted),
    _order(44, "unknown order on the symbol", state.unknown_order),
    _batch(45, "reconciled", state.reconciled),
    _batch(46, "event stream", state.stream_live),
    _batch(47, "trading state", state.trading_state),
    _batch(48, "human confirmation", state.confirmed),
)

AT_SEND_NUMBERS: Final = frozenset({7, 11, 16, 27, 34, 35, 36, 37, 42, 43, 44, 45, 46, 47})
AT_SEND: Final = tuple(rule for rule in CATALOGUE if rule.number in AT_SEND_NUMBERS)
"""What is looked at again just before the first byte leaves: the plan may be old, and a run may go wrong."""
