"""The brokers under torture, pointed at a loopback venue, with waits scaled down to its distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nanodesk.brokers.base import AbsenceRule, Broker

QUICK_RULE: Final = AbsenceRule(wait_s=0.15, misses=2, spacing_s=0.05)
"""On one machine a request that was written has arrived after a few milliseconds, or never will."""


def broker_for(
    kind: str, ready: dict[str, Any], reached: Callable[[str], None], *, honest: bool = False, deadline_s: float = 10.0
) -> Broker:
    """An adapter for the venue whose ready line this is; ``honest`` keeps its own rule of absence."""
    makers = {"binance": _binance, "ibkr": _ibkr, "alpaca": _alpaca}
    return makers[kind](ready, reached, honest, deadline_s)


def _binance(ready: dict[str, Any], reached: Callable[[str], None], honest: bool, deadline_s: float) -> Broker:
    from nanodesk.brokers.binance.broker import BinanceBroker

    class Near(BinanceBroker):
        absence_rule = QUICK_RULE

    return (BinanceBroker if honest else Near)(
        api_key="loopback-key",
        secret="loopback-secret",  # noqa: S106
        **ready["endpoints"],
        recv_window_ms=1000,
        deadline_s=deadline_s,
        poll_interval_s=0.5,
        heartbeat_s=0.5,
        first_wait_s=0.02,
        reached=reached,
    )


def _ibkr(ready: dict[str, Any], reached: Callable[[str], None], honest: bool, deadline_s: float) -> Broker:
    from nanodesk.brokers.ibkr.broker import IbkrBroker
    from nanodesk.brokers.ibkr.pacing import Pacer
    from nanodesk.brokers.ibkr.session import SessionTimes

    class Unpaced(Pacer):
        def wait(self, deadline_s: float) -> bool:
            return True

    times = SessionTimes(
        connect_s=2 * deadline_s,
        request_s=deadline_s,
        write_s=deadline_s,
        commission_s=0.1,
        silence_s=deadline_s,
        backoff=0.02,
    )
    rule = None if honest else QUICK_RULE
    broker = IbkrBroker(port=ready["port"], client_id=7, account="", times=times, absence_rule=rule, reached=reached)
    broker._session._pacer = Unpaced()
    return broker


def _alpaca(ready: dict[str, Any], reached: Callable[[str], None], honest: bool, deadline_s: float) -> Broker:
    from nanodesk.brokers.alpaca.broker import AlpacaBroker

    quick = {} if honest else {"absence_wait_s": QUICK_RULE.wait_s, "absence_spacing_s": QUICK_RULE.spacing_s}
    return AlpacaBroker(
        api_key="loopback-key",
        secret="loopback-secret",  # noqa: S106
        **ready["endpoints"],
        deadline_s=deadline_s,
        poll_interval_s=0.5,
        heartbeat_s=0.5,
        first_wait_s=0.02,
        reached=reached,
        **quick,
    )
