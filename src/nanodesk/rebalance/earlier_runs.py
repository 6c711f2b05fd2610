"""What earlier runs left behind: orders of unknown fate, open orders, books that differ from the broker's."""

from __future__ import annotations

from collections.abc import Sequence

from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.reconcile import reconcile
from nanodesk.rebalance.clock_watch import Clocks
from nanodesk.rebalance.risk_view import RiskView
from nanodesk.rebalance.sending import CANCEL_AGAIN_S, LONGEST_WAIT_S


def clear_up(engine: OrderEngine, view: RiskView, clocks: Clocks, patience_s: float) -> tuple[str, ...]:
    """Recover, cancel what is open, and compare the books; afterwards the view knows whether they agree.

    Parameters
    ----------
    engine : OrderEngine
        Over a connected broker.
    view : RiskView
        Told whether orders may be sent.
    clocks : Clocks
        How to wait.
    patience_s : float
        How long the ends of open orders are waited for.

    Returns
    -------
    warnings : tuple of str
        What was found, for a person.
    """
    recovery = engine.recover()
    warnings: list[str] = []
    if recovery.unknown:
        warnings.append(f"{len(recovery.unknown)} orders of earlier runs are still unknown; their symbols are blocked.")
    left = [order.client_order_id for order in engine.open_orders() if not order.is_terminal]
    still = _cancel(engine, left, clocks, patience_s)
    if len(still) < len(left):
        warnings.append(f"{len(left) - len(still)} orders of earlier runs were open and have been cancelled.")
    if still:
        warnings.append(f"{len(still)} orders of earlier runs could not be cancelled: nothing is sent beside them.")
    view.is_reconciled = books_agree(engine, warnings) and not still
    return tuple(warnings)


def books_agree(engine: OrderEngine, warnings: list[str]) -> bool:
    """Compare until nothing new is found: what was missed is booked by the first comparison, the second finds nothing.

    Parameters
    ----------
    engine : OrderEngine
        Over a connected broker.
    warnings : list of str
        Gets a line for each difference, and for each symbol that stays blocked.

    Returns
    -------
    do_agree : bool
        Whether orders may be sent.
    """
    first = reconcile(engine)
    warnings += [f"the broker's books differed: {f.kind} {f.symbol} {f.ours} -> {f.theirs}" for f in first.findings]
    if first.is_clean:
        return True
    again = reconcile(engine)
    warnings += [f"{symbol} is blocked: {reason}{_way_out(engine, symbol)}" for symbol, reason in again.blocked.items()]
    return again.is_clean


def _cancel(engine: OrderEngine, names: Sequence[str], clocks: Clocks, patience_s: float) -> list[str]:
    """Ask for the ends of orders until they are told or time is up; those that have not ended."""
    until_s = clocks.monotonic_s() + patience_s
    ask_s = clocks.monotonic_s()
    while left := [name for name in names if not engine.order(name).is_terminal]:
        now_s = clocks.monotonic_s()
        if now_s >= until_s:
            break
        if now_s >= ask_s:
            ask_s = now_s + CANCEL_AGAIN_S
            for name in left:
                engine.cancel(name)
        came = engine.poll(LONGEST_WAIT_S)
        rest_s = LONGEST_WAIT_S - (clocks.monotonic_s() - now_s)
        if not came and rest_s > 0:
            clocks.sleep(rest_s)
    return left


def _way_out(engine: OrderEngine, symbol: str) -> str:
    if symbol not in engine.ledger.unexplained_e9:
        return "."
    return f". Look into it at the broker, then take over its position: nanodesk rebalance recover --accept {symbol}."
