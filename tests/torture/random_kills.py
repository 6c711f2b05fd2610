"""SIGKILL at instants that nobody chose: the process is killed from outside, again and again, until it gets through."""

from __future__ import annotations

import json
import random
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

from torture.judge import Verdict
from torture.kill_matrix import Reference
from torture.workplace import Case, CaseResult, Nursery, Workplace

LONGEST_S: Final = 0.9
KILLS_AT_MOST: Final = 4
BLOCK: Final = 60
"""Cases that are done and written down together."""


def run_random(
    nursery: Nursery, case: tuple[str, int], references: dict[str, Reference], **settings: Any
) -> CaseResult:
    """Up to four deaths at random instants, drawn from the seed, then a life to the end."""
    kind, seed = case
    rng = random.Random(f"{kind}-{seed}")
    desk = Case(nursery, _name(kind, seed), kind, **settings)
    for _ in range(rng.randint(1, KILLS_AT_MOST)):
        if desk.live(kill_after_s=rng.uniform(0.0, LONGEST_S)) == 0:
            break
    else:
        desk.live_on()
    return desk.end(references[kind].positions)


def run_randoms(
    place: Workplace,
    kinds: tuple[str, ...],
    seeds: int,
    references: dict[str, Reference],
    state: Path | None = None,
    **settings: Any,
) -> list[CaseResult]:
    """Every seed at every broker; with a ``state`` file what it holds is not done again, and what is done goes in."""
    done = {} if state is None else _read(state)
    missing = [(kind, seed) for seed in range(seeds) for kind in kinds if _name(kind, seed) not in done]
    for start in range(0, len(missing), BLOCK):
        block = place.map(partial(run_random, references=references, **settings), missing[start : start + BLOCK])
        done |= {result.name: result for result in block}
        if state is not None:
            _write(state, block)
            print(f"{len(done)} done, {sum(not one.is_good for one in done.values())} bad", file=sys.stderr, flush=True)
    return [done[_name(kind, seed)] for seed in range(seeds) for kind in kinds]


def _name(kind: str, seed: int) -> str:
    return f"{kind} random {seed}"


def _read(path: Path) -> dict[str, CaseResult]:
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {row["name"]: CaseResult(row["name"], Verdict(), row["kills"], row["lives"], row["again"], notes=row["bad"])
            for row in rows}  # fmt: skip


def _write(path: Path, results: list[CaseResult]) -> None:
    rows = [{"name": one.name, "kills": one.kills, "lives": one.lives, "again": one.again,
             "bad": [] if one.is_good else [str(one)]} for one in results]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
