"""What the workers of the sweep tests do: importable, because other processes must find it by name."""

import os
import signal
import time
from pathlib import Path

from nanodesk.backtest.callback import run_backtest
from nanodesk.portfolio.costs import CostModel
from nanodesk.strategies.momentum import Momentum


def square(x):
    return x * x


def slow_backtest(parameter):
    """A short backtest and a pause, so that a worker can die in the middle of it."""
    time.sleep(parameter.get("pause", 0.0))
    bars = [{f"S{i}": 1000 + (7 * i * t) % (50 + i) for i in range(1, 6)} for t in range(40)]
    strategy = Momentum(parameter["top"], lookback=parameter["lookback"], skip=1, rebalance_every=3)
    return run_backtest(strategy, bars, 1_000_000, CostModel(commission_bps=5)).portfolio.equity_curve().tolist()


def dies_once(parameter):
    """Kills its worker the first time that the marked parameter arrives."""
    marker = Path(parameter["marker"])
    if parameter["deadly"] and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return parameter["x"] * 10


def dies_always(x):
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x * 10


def fails_on_two(x):
    if x == 2:
        raise ValueError(f"bad {x}")
    return x


class HardToMoveError(Exception):
    """Pickles, and cannot be unpickled: its constructor wants more than its message."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def raises_hard_to_move(x):
    raise HardToMoveError(x, x)


def returns_what_cannot_be_pickled(x):
    return (lambda: x) if x == 1 else x
