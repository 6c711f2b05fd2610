"""One seed, one run: ``python -m simulation.run 17`` (from ``tests/``) prints its options and what became of it."""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nanodesk.brokers.paper.truth import truth_json
from simulation.invariants import BrokenInvariantError, check_venue
from simulation.options import Options
from simulation.trader import Trader
from simulation.world import Crash, World

DEEP_EVERY = 12


@dataclass
class Outcome:
    """What a run came to."""

    seed: int
    digest: str = ""
    error: str = ""
    counts: Counter[str] = field(default_factory=Counter)


def run_seed(seed: int, *, options: Options | None = None) -> Outcome:
    """Run one seed from its first order to agreement with the venue.

    Parameters
    ----------
    seed : int
        Decides everything.
    options : Options, optional
        In place of the seed's own.

    Returns
    -------
    outcome : Outcome
        The digest covers every byte of the journal and of the venue's books.
    """
    outcome = Outcome(seed)
    folder = Path(tempfile.mkdtemp(prefix="sim-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # noqa: S108
    try:
        world = World(options or Options.of(seed))
        trader = Trader(world, folder)
        try:
            _trade(world, trader)
            audit = trader.close()
        finally:
            outcome.counts = counts_of(world, trader)
            outcome.counts["virtual_s"] = int(world.monotonic_s())
        text = audit + truth_json(world.market).encode() + trader.engine.state_hash().encode()
        outcome.digest = hashlib.sha256(text).hexdigest()
    except (Exception, BrokenInvariantError):  # noqa: BLE001  whatever went wrong belongs to this seed
        outcome.error = traceback.format_exc()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _trade(world: World, trader: Trader) -> None:
    try:
        trader.start()
    except Crash:
        trader._rise()
    for number in range(world.options.commands):
        world.stir()
        trader.live(trader.act)
        trader.check(deep=number % DEEP_EVERY == DEEP_EVERY - 1)
        world.sleep(world.rng.choice((0.0, 0.01, 0.2, 1.0)))
    trader.settle()
    check_venue(world.market)


def counts_of(world: World, trader: Trader) -> Counter[str]:
    """What happened in a run, for the summary.

    Parameters
    ----------
    world : World
        After the run.
    trader : Trader
        The same.

    Returns
    -------
    counts : Counter
        By name.
    """
    counts = Counter(world.steps)
    counts["crashes"] = trader.lives
    counts["orders"] = world.watch.orders
    counts["executions"] = len(world.market.store.executions)
    return counts


def run_many(seeds: Iterable[int], processes: int = 1) -> Iterator[Outcome]:
    """Run seeds in processes that are used again.

    Parameters
    ----------
    seeds : iterable of int
        Which.
    processes : int, default 1
        How many at once.

    Yields
    ------
    outcome : Outcome
        In the order of the seeds.
    """
    if processes == 1:
        yield from map(run_seed, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(run_seed, seeds, chunksize=16)


def main(words: list[str] | None = None) -> int:
    """Run one seed and tell all, or many and tell the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="one seed, with its options and the first error")
    parser.add_argument("--seeds", type=lambda text: int(text.replace("_", "")), default=0, help="how many")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--stop-after", type=int, default=20)
    arguments = parser.parse_args(words)
    if arguments.seed is not None:
        outcome = run_seed(arguments.seed)
        print(f"seed {arguments.seed}\n{Options.of(arguments.seed)}\n{outcome.error or outcome.digest}")
        print(dict(sorted(outcome.counts.items())))
        return bool(outcome.error)
    start, done, failed, counts = time.monotonic(), 0, [], Counter()
    for outcome in run_many(range(arguments.first, arguments.first + arguments.seeds), arguments.processes):
        done += 1
        counts.update(outcome.counts)
        if outcome.error:
            failed.append(outcome.seed)
            print(f"seed {outcome.seed}: {outcome.error.strip().splitlines()[-1][:400]}", flush=True)
            if len(failed) >= arguments.stop_after:
                break
        if done % 1_000 == 0:
            print(f"{done:,} seeds, {len(failed)} failed, {time.monotonic() - start:.0f} s", flush=True)
    seconds = time.monotonic() - start
    print(f"{done:,} seeds in {seconds:.1f} s, {len(failed)} failed: {failed}")
    for name, count in sorted(counts.items()):
        print(f"  {name:24s} {count:>12,}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
