"""The order of a kill: latch first, then the process, then the orders, then the positions, then the broker's word."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanodesk.cli.trading_desk import OpenDesk
    from nanodesk.rebalance.config import TradingConfig


def pull_and_cancel(
    config: TradingConfig, location: str, *, flatten: bool, timeout_s: float | None, who: str, why: str
) -> dict[str, Any]:
    """Stop trading, and prove it.

    Parameters
    ----------
    config : TradingConfig
        Checked.
    location : str
        Where it came from.
    flatten : bool
        Whether to close every position too.
    timeout_s : float or None
        How long each of stopping and cancelling may take; ``kill.timeout_secs`` by default.
    who, why : str
        For the latch and the journal.

    Returns
    -------
    values : dict
        What was done; ``done`` only if the broker itself said that nothing is open (and, flattened, nothing held), and
        latch and journal were written.
    """
    from nanodesk.cli.trading_desk import RUN_LOCK, open_desk
    from nanodesk.errors import DuplicateRunError, JournalError
    from nanodesk.rebalance.kill import stop_running
    from nanodesk.risk.kill_switch import KillSwitch

    limit_s = config.kill.timeout_secs if timeout_s is None else timeout_s
    folder = Path(config.logging.dir)
    switch = KillSwitch(folder / config.kill.switch_file)
    errors = []
    # The latch is a file that the running process reads before every order: it holds from here on.
    try:
        (switch.allow_flattening if flatten else switch.pull)(who=who, why=why)
    except OSError as error:  # a full disk is no reason to let orders stand
        errors.append(f"the kill switch cannot be written ({error.strerror}): the next run is not stopped by it")
    stopped = stop_running(folder / RUN_LOCK, timeout_s=limit_s, monotonic_s=time.monotonic, sleep=time.sleep)
    values: dict[str, Any] = {"kill_switch": str(switch.state()), "is_latched": not errors}
    values |= {"process": stopped.how, "pid": stopped.pid}
    try:
        with open_desk(config, location=location, validate=False) as desk:
            values |= _cancel_and_flatten(desk, limit_s, flatten=flatten, who=who)
    except (JournalError, DuplicateRunError, OSError) as error:
        errors.append(f"without the journal: {error}")
        values |= _cancel_without_journal(config, limit_s)
        values["done"] &= not flatten  # a new order needs its intent on disk
    return values | {"error_messages": [*errors, *values["error_messages"]], "done": values["done"] and not errors}


def _cancel_without_journal(config: TradingConfig, limit_s: float) -> dict[str, Any]:
    """Cancel at the broker alone: a cancel that no journal knows of harms nobody, the next run learns it there."""
    from nanodesk.cli.broker_factory import make_broker
    from nanodesk.rebalance.kill import cancel_everything

    broker = make_broker(config, os.environ, reached=lambda _step: None)
    broker.connect()
    try:
        report = cancel_everything(None, broker, timeout_s=limit_s, monotonic_s=time.monotonic, sleep=time.sleep)
    finally:
        broker.disconnect()
    return report.as_values() | {"done": report.is_done}


def _cancel_and_flatten(desk: OpenDesk, limit_s: float, *, flatten: bool, who: str) -> dict[str, Any]:
    from nanodesk.market.fixed_point import format_e9
    from nanodesk.rebalance.kill import cancel_everything

    engine = desk.engine
    assert engine is not None  # noqa: S101  (a desk that writes has one)
    method = "flatten" if flatten else "cancel"
    engine.record("kill_requested", {"method": method, "trigger_source": who})
    engine.record("kill_phase1_started", {})
    cancelled = cancel_everything(engine, desk.broker, timeout_s=limit_s, monotonic_s=time.monotonic, sleep=time.sleep)
    engine.recover(patience_s=min(limit_s, 10.0))
    if any(not order.is_terminal for order in engine.open_orders()):  # what was still on its way may have arrived
        late = cancel_everything(engine, desk.broker, timeout_s=limit_s, monotonic_s=time.monotonic, sleep=time.sleep)
        cancelled = replace(
            late, cancelled=cancelled.cancelled + late.cancelled, duration_s=cancelled.duration_s + late.duration_s
        )
    engine.record("kill_phase1_completed", cancelled.as_values())
    values: dict[str, Any] = cancelled.as_values()
    done = cancelled.is_done
    if flatten and done:
        engine.record("kill_phase2_started", {})
        results = desk.rebalancer.flatten(f"kill-{time.time_ns()}")
        held = desk.broker.positions()
        values["closed"] = sum(result.is_filled for result in results)
        values["still_held"] = {holding.symbol: format_e9(holding.quantity_e9) for holding in held}
        engine.record("kill_phase2_completed", {"closed": values["closed"], "still_held": values["still_held"]})
        done = not held and not desk.broker.open_orders()
    engine.record("kill_completed", {"method": method, "done": done, **cancelled.as_values()})
    return values | {"done": done}
