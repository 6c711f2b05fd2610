"""The brokers under torture, pointed at a loopback venue, with waits scaled down to its distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nanodesk.brokers.base import AbsenceRule, Broker

QUICK_RULE: Final = AbsenceRule(wait_s=0.15, misses=2, spacing_s=0.05)
"""On one machine a request that was written has arrived after a few milliseconds, or never will."""


def broker_for(kind: str, ready: dict[str, Any], reached: Callable[[str], None], *, honest: bool = False) -> Broker:
    """An adapter for the venue whose ready line this is; ``honest`` keeps its own rule of absence."""
    makers = {"binance": _binance, "ibkr": _ibkr, "alpaca": _alpaca}
    return makers[kind](ready, reached, honest)


def _binance(ready: dict[str, Any], reached: Callable[[str], None], honest: bool) -> Broker:
    from nanodesk.brokers.binance import BinanceBroker

    class Near(BinanceBroker):
        absence_rule = QUICK_RULE

    return (BinanceBroker if honest else Near)(
        api_key="loopback-key",
        secret="loopback-secret",  # noqa: S106
        **ready["endpoints"],
        recv_window_ms=1000,
        deadline_s=1.0,
        poll_interval_s=0.5,
        heartbeat_s=0.5,
        first_wait_s=0.02,
        reached=reached,
    )


def _ibkr(ready: dict[str, Any], reached: Callable[[str], None], honest: bool) -> Broker:
    from nanodesk.brokers.ibkr import IbkrBroker
    from nanodesk.brokers.ibkr_pacing import Pacer
    from nanodesk.brokers.ibkr_session import SessionTimes

    class Unpaced(Pacer):
        def wait(self, deadline_s: float) -> bool:
            return True

    times = SessionTimes(connect_s=2.0, request_s=1.0, write_s=1.0, commission_s=0.1, silence_s=1.0, backoff=0.02)
    rule = None if honest else QUICK_RULE
    broker = IbkrBroker(port=ready["port"], client_id=7, account="", times=times, absence_rule=rule, reached=reached)
    broker._session._pacer = Unpaced()
    return broker


def _alpaca(ready: dict[str, Any], reached: Callable[[str], None], honest: bool) -> Broker:
    from nanodesk.brokers.alpaca import AlpacaBroker

    class Near(AlpacaBroker):
        absence_rule = AbsenceRule(wait_s=0.15, misses=2, spacing_s=0.05, same_id_is_refused=True)

    return (AlpacaBroker if honest else Near)(
        api_key="loopback-key",
        secret="loopback-secret",  # noqa: S106
        **ready["endpoints"],
        deadline_s=1.0,
        poll_interval_s=0.5,
        heartbeat_s=0.5,
        first_wait_s=0.02,
        reached=reached,
    )
