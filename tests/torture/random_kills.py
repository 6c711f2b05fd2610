"""SIGKILL at instants that nobody chose: the process is killed from outside, again and again, until it gets through."""

from __future__ import annotations

import random
from functools import partial
from typing import Any, Final

from torture.kill_matrix import Reference
from torture.workplace import Case, CaseResult, Nursery, Workplace

LONGEST_S: Final = 0.9
KILLS_AT_MOST: Final = 4


def run_random(
    nursery: Nursery, case: tuple[str, int], references: dict[str, Reference], **settings: Any
) -> CaseResult:
    """Up to four deaths at random instants, drawn from the seed, then a life to the end."""
    kind, seed = case
    rng = random.Random(f"{kind}-{seed}")
    desk = Case(nursery, f"{kind} random {seed}", kind, **settings)
    for _ in range(rng.randint(1, KILLS_AT_MOST)):
        if desk.live(kill_after_s=rng.uniform(0.0, LONGEST_S)) == 0:
            break
    else:
        desk.live_on()
    return desk.end(references[kind].positions)


def run_randoms(
    place: Workplace, kinds: tuple[str, ...], seeds: range, references: dict[str, Reference], **settings: Any
) -> list[CaseResult]:
    """Every seed at every broker."""
    cases = [(kind, seed) for kind in kinds for seed in seeds]
    return place.map(partial(run_random, references=references, **settings), cases)
