"""``make torture``: all of it, as one table on stdout; writes nothing else, and fails if anything was not survived.

Usage: python -m torture [--workers N] [--random N] [--state FILE] [PART ...] with the parts kills, doubles, disks,
network, random, mutants; all of them without a name. With a state file the random kills go on where they stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torture.disk_faults import disk_faults, run_disk_faults
from torture.kill_matrix import Reference, double_kills, matrix, references_of, run_matrix, struck_points
from torture.mutant_hunt import hunt_all
from torture.network_faults import network_faults, run_network_faults
from torture.random_kills import run_randoms
from torture.safeguards import MUTANTS
from torture.steps import STEPS
from torture.venue_life import available
from torture.workplace import CaseResult, Workplace, workplace

SETTINGS = {"size": "120"}
"""Displayed at the touch: three runs of three orders lead to the target."""

COLUMNS = {"cases": 7, "SIGKILLs": 10, "duplicates": 12, "fills off": 11, "bad": 5, "in doubt": 10, "again": 7, "s": 8}
HEAD = f"{'part':<10}" + "".join(f"{name:>{width}}" for name, width in COLUMNS.items())


def _row(name: str, results: list[CaseResult], seconds: float) -> str:
    numbers = (
        len(results),
        sum(result.kills for result in results),
        sum(bool(result.verdict.duplicates) for result in results),
        sum(bool(result.verdict.fills) for result in results),
        sum(not result.is_good for result in results),
        sum(bool(result.verdict.unknown) for result in results),
        sum(result.again for result in results),
        round(seconds),
    )
    return f"{name:<10}" + "".join(f"{n:>{width}}" for n, width in zip(numbers, COLUMNS.values(), strict=True))


class Torture:
    """The parts, on one workplace."""

    def __init__(self, place: Workplace, kinds: tuple[str, ...], randoms: int, state: Path | None) -> None:
        self.place, self.kinds, self.randoms, self.state = place, kinds, randoms, state
        self.bad: list[str] = []
        self.references: dict[str, Reference] = references_of(place, kinds, **SETTINGS)

    def _with_settings(self, cases: list[Any]) -> list[Any]:
        return [replace(case, settings=tuple(SETTINGS.items())) for case in cases]

    def _report(self, name: str, work: Callable[[], list[CaseResult]]) -> list[CaseResult]:
        started_s = time.monotonic()
        results = work()
        print(_row(name, results, time.monotonic() - started_s), flush=True)
        self.bad += [str(result) for result in results if not result.is_good]
        return results

    def kills(self) -> None:
        """Every point at every broker, three positions; every one of the 32 must have struck."""
        cases = self._with_settings(matrix(self.kinds))
        results = self._report("kills", lambda: run_matrix(self.place, cases, self.references))
        for kind in self.kinds:
            struck = struck_points([result for result in results if result.name.startswith(kind)])
            self.bad += [f"{kind}: nobody died at {point} {STEPS[point]}" for point in STEPS if point not in struck]

    def doubles(self) -> None:
        """Deaths in recovery."""
        cases = self._with_settings(double_kills(self.kinds))
        self._report("doubles", lambda: run_matrix(self.place, cases, self.references))

    def disks(self) -> None:
        """Disks that fail."""
        cases = self._with_settings(disk_faults(self.kinds))
        self._report("disks", lambda: run_disk_faults(self.place, cases, self.references))

    def network(self) -> None:
        """Networks and venues that misbehave; the slowest return to trading is told."""
        results = self._report("network", lambda: run_network_faults(self.place, network_faults(self.kinds)))
        slowest = max(results, key=lambda result: result.results[-1].get("took_s", 0.0))
        print(f"          slowest back to trading: {slowest.results[-1].get('took_s', 0.0):.1f} s, {slowest.name}")

    def random(self) -> None:
        """Deaths at instants that nobody chose."""
        self._report(
            "random",
            lambda: run_randoms(self.place, self.kinds, self.randoms, self.references, self.state, **SETTINGS),
        )

    def mutants(self) -> None:
        """Safeguards taken away."""
        started_s = time.monotonic()
        usable = tuple(mutant for mutant in MUTANTS if {case.split()[1] for case in mutant.cases} <= set(self.kinds))
        found = hunt_all(self.place, usable, self.references)
        caught = sum(bool(by) for _, by in found)
        print(f"{'mutants':<10}{len(found):>7}  caught {caught}{time.monotonic() - started_s:>61.0f}", flush=True)
        self.bad += [f"mutant survived: {name}" for name, by in found if not by]


def main() -> int:
    """Run the named parts."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--random", type=int, default=100, help="random kills: seeds for each broker")
    parser.add_argument("--state", type=Path, help="of the random kills")
    parser.add_argument("--brokers", default=",".join(available()))
    parser.add_argument("parts", nargs="*")
    arguments = parser.parse_args()
    with workplace(arguments.workers) as place:
        torture = Torture(place, tuple(arguments.brokers.split(",")), arguments.random, arguments.state)
        print(HEAD, flush=True)
        for part in arguments.parts or ("kills", "doubles", "disks", "network", "random", "mutants"):
            getattr(torture, part)()
    for line in torture.bad:
        print(f"BAD {line[:500]}")
    print("not survived" if torture.bad else "all survived")
    return 1 if torture.bad else 0


if __name__ == "__main__":
    sys.exit(main())
