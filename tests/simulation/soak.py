"""A day of one desk on the virtual clock, faults on all the while: memory stays flat and both books agree each hour."""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from simulation.options import Options
from simulation.trader import Trader
from simulation.world import Crash, World

HOUR_S = 3_600.0
WARM_HOURS = 2
BYTES_AN_ORDER = 32 * 1024
"""What an order may cost for good: the ledger and the simulated venue forget none, with its reports and fills."""

SLACK_BYTES = 16 << 20


def resident_bytes() -> int:
    """Memory of this process, 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4096


def soak(seed: int, hours: int, *, actions_an_hour: int = 180, tell: bool = True) -> tuple[int, int, int]:
    """Trade for hours, with faults, crashes and restarts, and agree with the venue at the end of each.

    Parameters
    ----------
    seed : int
        Decides everything.
    hours : int
        How many, of the virtual clock.
    actions_an_hour : int, default 180
        How much the trader does.
    tell : bool, default True
        Whether to print a line an hour.

    Returns
    -------
    orders, lives, growth : int
        Orders sent, crashes, and bytes of memory that were added after the first two hours.
    """
    # Every fault at once, at a moderate rate, and crashes all day.
    rates = dict.fromkeys(
        (
            "lost_before",
            "lost_after",
            "late",
            "refused",
            "rate_limited",
            "raises",
            "cancel_race",
            "duplicate",
            "reorder",
        )
        + ("reorder", "gap", "stream_loss", "disconnect", "read_error", "reads_lag", "late_fills", "humans", "halts"),
        0.03,
    )
    options = replace(
        Options.of(seed), **rates, busts=0.01, moves=0.3, expiries=0.005, kill=0.0, uses_risk=False, symbols=3,
        crashes=4 * hours, crash_gap=150, latency_ms=50, displayed=20, batch=3, profile="window", market_latency_ms=40,
    )  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    warm = 0
    try:
        world = World(options)
        trader = Trader(world, folder)
        trader.live(trader.start)
        for hour in range(hours):
            _hour(world, trader, actions_an_hour)
            if hour + 1 == min(WARM_HOURS, hours):
                warm = resident_bytes()
                orders_then = world.watch.orders
            if tell:
                print(
                    f"hour {hour + 1:>3}: {world.watch.orders:>7,} orders, {trader.lives:>4} crashes, "
                    f"{trader.journal.sequence:>8,} events, {resident_bytes() >> 20:>5} MiB",
                    flush=True,
                )
        growth = resident_bytes() - warm
        trader.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if growth > SLACK_BYTES + BYTES_AN_ORDER * (world.watch.orders - orders_then):
        raise SystemExit(f"memory has grown by {growth:,} bytes")
    return world.watch.orders, trader.lives, growth


def _hour(world: World, trader: Trader, actions: int) -> None:
    end_s = world.monotonic_s() + HOUR_S
    world.has_faults = True
    for number in range(actions):
        world.stir()
        trader.live(trader.act)
        if number % 20 == 0:
            trader.check()
        world.sleep(min(HOUR_S / actions, max(end_s - world.monotonic_s(), 0.0)))
    while True:
        try:
            trader.settle()
            break
        except Crash:
            trader._rise()
    world.steps.clear()


def main(words: list[str] | None = None) -> int:
    """Run the soak and tell what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--actions-an-hour", type=int, default=180)
    arguments = parser.parse_args(words)
    logging.disable(logging.CRITICAL)
    orders, lives, growth = soak(arguments.seed, arguments.hours, actions_an_hour=arguments.actions_an_hour)
    print(
        f"{arguments.hours} hours: {orders:,} orders, {lives} crashes, memory {growth / 2**20:+.1f} MiB after the start"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
