"""One life of the trading process: it recovers, works the plan, and dies where it is told to."""

from __future__ import annotations

import json
import mmap
import os
import signal
import sqlite3
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from nanodesk.errors import NanodeskError
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.rebalance.config import parse_config
from nanodesk.rebalance.execute import Rebalancer, RunOptions, RunOutcome
from nanodesk.rebalance.target import Target
from nanodesk.risk.kill_switch import KillSwitch
from nanodesk.risk.loss_monitor import LossMonitor
from torture.broken_disk import BrokenDisk
from torture.brokers_at_loopback import broker_for
from torture.request_under_fault import DEADLINE_S, request_under_fault
from torture.safeguards import apply_mutant
from torture.venue_life import WEIGHTS, ask, stock

MOST_RUNS = 12
CONFIG = """
[connection]
broker = "paper"
[execution]
order_interval_ms = 0
order_timeout_secs = {timeout}
cancel_timeout_secs = 3
[risk]
max_position_pct = 1.0
max_trade_usd = 1e7
max_batch_notional = 1e8
max_consecutive_rejects = 1000
duplicate_window_s = 0
"""


TRACE_BYTES = 1 << 20


def _trace_file(path: Path) -> mmap.mmap:
    # Shared memory of a file outlives a kill, and no limit on the size of files is in its way.
    with path.open("w+b") as file:
        file.truncate(TRACE_BYTES)
        return mmap.mmap(file.fileno(), TRACE_BYTES)


class Life:
    """What one life is told, and what it leaves behind in ``folder``.

    ``spec``: ``folder``, ``number``, ``kind`` (of broker), ``ready`` (the venue's line), and as wanted ``kill``
    (``[step, nth]``), ``disk`` (``[step, nth, how]``), ``mutants``, ``size`` (displayed), ``timeout``, ``honest``,
    ``request`` (one request under a network fault instead of rebalancing).
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.folder = Path(spec["folder"])
        self.seen: Counter[str] = Counter()
        self.disk = BrokenDisk(*spec["disk"]) if spec.get("disk") else None
        self._trace = _trace_file(self.folder / f"steps-{spec['number']}")

    def reached(self, step: str) -> None:
        """The hook: note the step where a kill cannot lose it, then die if it is the one."""
        self.seen[step] += 1
        self._trace.write(step.encode() + b"\n")
        if step == "run.started":
            for body in stock(self.spec.get("size", "200")):  # what earlier lives left open has been cancelled by now
                ask(self.spec["ready"]["admin_url"], "quote", body)
            time.sleep(0.11)  # an adapter may keep a quote for a tenth of a second
        if self.disk is not None:
            self.disk.reached(step, self.seen[step])
        if self.spec.get("kill") == [step, self.seen[step]]:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)  # another thread of a process that is being killed may still run: not this one

    def run(self) -> dict[str, Any]:
        """Live to the end; the result says how."""
        for mutant in self.spec.get("mutants", ()):
            apply_mutant(mutant)
        spec = self.spec
        broker = broker_for(
            spec["kind"],
            spec["ready"],
            self.reached,
            honest=spec.get("honest", False),
            deadline_s=DEADLINE_S if spec.get("request") else 10.0,
        )
        with Journal.open(self.folder / "orders.db", reached=self.reached) as journal:
            if self.disk is not None:
                self.disk.open(journal)
            broker.connect()
            try:
                engine = OrderEngine(broker, journal, reached=self.reached, watchdog_s=1.0)
                if spec.get("request"):
                    result = request_under_fault(engine, broker, spec)
                else:
                    result = self._rebalance(engine, broker)
                return result | {
                    "positions": engine.positions(),
                    "blocked": engine.blocked_symbols(),
                    "state_hash": engine.state_hash(),
                    "unknown": [v.client_order_id for v in engine.orders() if engine.is_unresolved(v.client_order_id)],
                }
            finally:
                broker.disconnect()

    def _rebalance(self, engine: OrderEngine, broker: Any) -> dict[str, Any]:
        config = parse_config(CONFIG.format(timeout=self.spec.get("timeout", 0.1)))
        rebalancer = Rebalancer(
            broker,
            engine,
            config,
            kill_switch=KillSwitch(self.folder / "kill-switch.json"),
            loss_monitor=LossMonitor(config.limits(account_id=broker.account_id), path=self.folder / "losses.json"),
            reached=self.reached,
        )
        target = Target("2026-01-30T21:00:00Z", WEIGHTS)
        outcomes = []
        for _ in range(MOST_RUNS):
            report = rebalancer.run(target, RunOptions())
            outcomes.append(f"{report.outcome.value}: {report.reason}")
            engine.journal.snapshot(self.folder / "snapshot.db")
            if report.outcome in (RunOutcome.DONE, RunOutcome.NOTHING_TO_DO):
                break
        return {"outcome": report.outcome.value, "runs": outcomes}


def live(spec: dict[str, Any]) -> int:
    """Run a life in this process and give its exit code: 0 done, 3 the journal refused, 1 anything else."""
    life, code, result = Life(spec), 0, {}
    try:
        result = life.run()
    except (NanodeskError, sqlite3.Error, OSError) as error:
        code, result = 3, {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    except BaseException as error:  # noqa: BLE001  the process ends here, and must say why
        code, result = 1, {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    if life.disk is not None:
        life.disk.mend()
    (life.folder / f"result-{spec['number']}.json").write_text(json.dumps(result))
    return code
