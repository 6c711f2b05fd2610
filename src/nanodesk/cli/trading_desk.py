"""What the trading commands open and close: configuration, lock, broker, journal, switches, signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanodesk.cli.output import progress_bar
from nanodesk.cli.waiting import waits_are_told

if TYPE_CHECKING:
    from nanodesk.brokers.base import Broker
    from nanodesk.oms.journal import Journal
    from nanodesk.oms.order_engine import OrderEngine
    from nanodesk.rebalance.clock_watch import Clocks
    from nanodesk.rebalance.config import TradingConfig
    from nanodesk.rebalance.execute import Rebalancer
    from nanodesk.risk.kill_switch import KillSwitch
    from nanodesk.risk.loss_monitor import LossMonitor

DEFAULT_CONFIG = Path("config.toml")
RUN_LOCK = "run.lock"
LOSS_RECORD = "losses.json"
_SIGNALLED = 128


@dataclass(frozen=True, slots=True)
class OpenDesk:
    """One account, opened.

    Parameters
    ----------
    config : TradingConfig
        In force.
    broker : Broker
        Connected.
    journal : Journal or None
        Open; ``None`` where nothing has been written yet and nothing will be.
    engine : OrderEngine or None
        Over both.
    kill_switch : KillSwitch
        Of this folder.
    losses : LossMonitor
        Of this folder.
    rebalancer : Rebalancer
        Over all of them.
    """

    config: TradingConfig
    broker: Broker
    journal: Journal | None
    engine: OrderEngine | None
    kill_switch: KillSwitch
    losses: LossMonitor
    rebalancer: Rebalancer


class StopSignal:
    """Whether the process was asked to end: SIGTERM, SIGHUP, or one Ctrl-C; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.is_set = False
        self.may_leave = False

    def __call__(self) -> bool:
        """Whether to cancel the rest and end."""
        return self.is_set

    def hear(self, number: int, _frame: object) -> None:
        """Handle a signal.

        Parameters
        ----------
        number : int
            Which.
        _frame : object
            Not looked at.
        """
        if number == signal.SIGINT and (self.is_set or self.may_leave):
            raise KeyboardInterrupt
        if self.may_leave:
            raise SystemExit(_SIGNALLED + number)
        self.is_set = True


@contextmanager
def stop_signal() -> Iterator[StopSignal]:
    """Turn signals into a wish to stop, for a block.

    Yields
    ------
    stop : StopSignal
        Asked by whoever can stop in order; while ``may_leave`` is set a signal ends the process at once.
    """
    stop = StopSignal()
    numbers = [signal.SIGTERM, signal.SIGINT]
    # A terminal that is closed leaves no order behind; a process that was told to ignore that (nohup) goes on.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop.hear) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def read_config(path: Path | None, **connection: Any) -> tuple[TradingConfig, str]:
    """The configuration of a command: a file, and what the command line says of the connection.

    Parameters
    ----------
    path : Path or None
        The file; ``None`` for ``config.toml`` where there is one.
    **connection : object
        Keys of ``[connection]``, and ``account``; those that are ``None`` are left.

    Returns
    -------
    config : TradingConfig
        Checked.
    location : str
        Where it came from, for messages.

    Raises
    ------
    ConfigError
        If the file or the command line is wrong.
    """
    from nanodesk.rebalance.config import MAX_BYTES, TradingConfig, parse_config
    from nanodesk.toml_files.source import read_text

    file = path if path is not None else DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None
    if file is None:
        kind = connection.pop("broker", None) or "paper"
        base = TradingConfig.model_validate({"connection": {"broker": "paper"}})
        return base.with_connection(broker=kind, **connection), "command line"
    return parse_config(read_text(file, max_bytes=MAX_BYTES), str(file)).with_connection(**connection), str(file)


@contextmanager
def _private_files() -> Iterator[None]:
    """Whatever is written in this block, by whichever library, is its owner's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def open_desk(
    config: TradingConfig,
    *,
    location: str,
    validate: bool = True,
    window_id: str = "",
    should_stop: Callable[[], bool] = lambda: False,
    clocks: Clocks | None = None,
    paper_market: Any = None,
    environ: Mapping[str, str] | None = None,
    reached: Callable[[str], None] = lambda _step: None,
) -> Iterator[OpenDesk]:
    """Everything that sending orders needs; one process at a time.

    Parameters
    ----------
    config : TradingConfig
        Checked.
    location : str
        Where it came from.
    validate : bool, default True
        Whether to look for settings that should be set right first.
    window_id : str, default ""
        What is worked on, for whoever finds the lock taken.
    should_stop : callable, optional
        Whether to cancel the rest and end.
    clocks : Clocks, optional
        Time; the system's by default.
    paper_market : PaperMarket, optional
        For the paper broker, instead of a quotes file.
    environ : mapping of str to str, optional
        By default the process's.
    reached : callable, optional
        Told every step of broker, journal, order management and run; tests stop the process there.

    Yields
    ------
    desk : OpenDesk
        Connected. The audit file is written when the block ends.
    """
    from nanodesk.oms.audit import export_audit
    from nanodesk.rebalance.run_lock import run_lock
    from nanodesk.rebalance.startup_checks import require_startup

    variables = os.environ if environ is None else environ
    folder = Path(config.logging.dir)
    time = _clocks(clocks)
    with ExitStack() as stack:
        stack.enter_context(_private_files())
        if validate:
            require_startup(config, location=location, environ=variables)
        # Made before anything is written: what is wrong with the configuration leaves no trace.
        broker = _broker(config, variables, time, paper_market, reached)
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(run_lock(folder / RUN_LOCK, now_ns=time.now_ns(), window_id=window_id))
        journal = _journal(folder / config.logging.journal_file, time, reached, read_only=False)
        stack.callback(journal.close)
        stack.callback(export_audit, journal, folder / config.logging.audit_file)
        stack.enter_context(waits_are_told())
        broker.connect()
        stack.callback(broker.disconnect)
        progress = stack.enter_context(progress_bar())
        yield _assembled(config, broker, journal, time, should_stop, progress, reached)


@contextmanager
def open_to_read(
    config: TradingConfig, *, location: str, validate: bool = True, paper_market: Any = None
) -> Iterator[OpenDesk]:
    """What looking needs: the broker, and the journal if there is one, without a lock and without writing to it.

    Parameters
    ----------
    config : TradingConfig
        Checked.
    location : str
        Where it came from.
    validate : bool, default True
        Whether to look for settings that should be set right first.
    paper_market : PaperMarket, optional
        For the paper broker, instead of a quotes file.

    Yields
    ------
    desk : OpenDesk
        Connected.
    """
    from nanodesk.rebalance.startup_checks import require_startup

    if validate:
        require_startup(config, location=location, environ=os.environ, writes=False)
    if config.connection.broker == "ibkr":
        # A client id may be connected once, and a run may hold the configured one.
        config = config.with_connection(client_id=config.connection.client_id + 1)
    path = Path(config.logging.dir) / config.logging.journal_file
    time = _clocks(None)
    with ExitStack() as stack:
        journal = _journal(path, time, _passed, read_only=True) if path.exists() else None
        if journal is not None:
            stack.callback(journal.close)
        broker = _broker(config, os.environ, time, paper_market, _passed, reads_only=True)
        stack.enter_context(waits_are_told())
        broker.connect()
        stack.callback(broker.disconnect)
        progress = stack.enter_context(progress_bar())
        yield _assembled(config, broker, journal, time, lambda: False, progress, _passed, reads_only=True)


def _clocks(clocks: Clocks | None) -> Clocks:
    from nanodesk.rebalance.clock_watch import Clocks

    return clocks or Clocks()


def _passed(_step: str) -> None:
    pass


def _journal(path: Path, clocks: Clocks, reached: Callable[[str], None], *, read_only: bool) -> Journal:
    from nanodesk.oms.journal import Journal

    return Journal.open(path, reached=reached, now_ns=clocks.now_ns, read_only=read_only)


def _broker(
    config: TradingConfig,
    environ: Mapping[str, str],
    clocks: Clocks,
    market: Any,
    reached: Callable[[str], None],
    *,
    reads_only: bool = False,
) -> Broker:
    from nanodesk.cli.broker_factory import make_broker

    return make_broker(config, environ, reached=reached, paper_market=market, sleep=clocks.sleep, reads_only=reads_only)


def _assembled(
    config: TradingConfig,
    broker: Broker,
    journal: Journal | None,
    clocks: Clocks,
    should_stop: Callable[[], bool],
    progress: Callable[[str, int, int], None],
    reached: Callable[[str], None],
    *,
    reads_only: bool = False,
) -> OpenDesk:
    from nanodesk.oms.order_engine import OrderEngine
    from nanodesk.rebalance.execute import Rebalancer
    from nanodesk.risk.kill_switch import KillSwitch
    from nanodesk.risk.loss_monitor import LossMonitor

    folder = Path(config.logging.dir)
    engine = None
    if journal is not None:
        engine = OrderEngine(
            broker,
            journal,
            now_ns=clocks.now_ns,
            monotonic_s=clocks.monotonic_s,
            sleep=clocks.sleep,
            reached=reached,
        )
    kill_switch = KillSwitch(folder / config.kill.switch_file, now_ns=clocks.now_ns)
    limits = config.limits(account_id=broker.account_id)
    losses = LossMonitor(limits, path=folder / LOSS_RECORD)
    if reads_only:
        losses = LossMonitor(limits, record=losses.record)
    rebalancer = Rebalancer(
        broker,
        engine,
        config,
        kill_switch=kill_switch,
        loss_monitor=losses,
        clocks=clocks,
        reached=reached,
        progress=progress,
        should_stop=should_stop,
    )
    return OpenDesk(config, broker, journal, engine, kill_switch, losses, rebalancer)
