"""The kill matrix: every step, every broker, at the first, a middle and the last order; then deaths in recovery."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from torture.steps import FIRST_OF_RECOVERY, NEEDS_RACE, STEPS
from torture.workplace import Case, CaseResult, Nursery, Workplace

POSITIONS: Final = ("first", "middle", "last")
RACE: Final = {"fault": "cancel_races_fill", "match": "cancel", "count": 0}
UNTOLD: Final = {"fault": "mute", "at": "event", "count": 0, "seconds": 0.4}
"""No event of the venue arrives; what happened is learned by asking."""


@dataclass(frozen=True)
class Reference:
    """The run that nothing interrupted: how often each step was reached, and what was held at the end."""

    steps: Counter[str]
    racing: Counter[str]
    positions: dict[str, int]
    state_hash: str


@dataclass(frozen=True)
class Kill:
    """One case: where each life but the last ends, under which faults; ``must_strike`` if every one has to."""

    kind: str
    name: str
    kills: tuple[tuple[str, str], ...] = ()
    rules: tuple[dict[str, Any], ...] = ()
    must_strike: bool = False
    settings: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def matrix(kinds: tuple[str, ...], points: tuple[str, ...] = tuple(STEPS), positions: tuple[str, ...] = POSITIONS
           ) -> list[Kill]:  # fmt: skip
    """Single kills at K, C and S points; at R points the kill that makes a recovery, then the one inside it."""
    cases = []
    for kind in kinds:
        for point in points:
            for position in positions:
                cases.append(_kill(kind, point, position))
    return cases


def _kill(kind: str, point: str, position: str) -> Kill:
    name = f"{point} {STEPS[point]} {position}"
    first = FIRST_OF_RECOVERY.get(point)
    if first is None:
        return Kill(kind, name, ((STEPS[point], position),), _rules(point))
    if point == "R6":
        kills = ((first, position), ("recovery.looked_up", "first"), ("adopt.inside", "first"))
        return Kill(kind, name, kills, must_strike=True)
    return Kill(kind, name, ((first, position), (STEPS[point], "first")), must_strike=True)


def _rules(point: str) -> tuple[dict[str, Any], ...]:
    return (RACE,) if point in NEEDS_RACE else ()


def double_kills(kinds: tuple[str, ...]) -> list[Kill]:
    """A recovery killed at each R point, after a kill at each of K7 to K20."""
    cases = []
    for kind in kinds:
        for number in range(7, 21):
            point = f"K{number}"
            for again in ("R1", "R2", "R3", "R4", "R5", "R6"):
                first = (STEPS[point], "middle")
                seconds = ("recovery.start", "adopt.inside") if again == "R6" else (STEPS[again],)
                kills = (first, *((step, "first") for step in seconds))
                cases.append(Kill(kind, f"{point} then {again}", kills, _rules(point)))
    return cases


def reference(nursery: Nursery, kind: str, **settings: Any) -> Reference:
    """Run without a kill, once as it is and once with every cancel racing a fill."""
    found = []
    for has_race in (False, True):
        case = Case(nursery, f"{kind} uninterrupted", kind, **settings)
        if has_race:
            case.door("fault", RACE)
        case.live()
        result = case.end(None)
        if not result.is_good:
            raise AssertionError(f"the uninterrupted run is not good: {result}\n{result.results}")
        found.append(result)
    calm, racing = found
    last = calm.results[-1]
    if racing.results[-1]["positions"] != last["positions"]:
        raise AssertionError(f"{kind}: the race ends elsewhere: {racing.results[-1]['positions']}")
    return Reference(calm.steps, racing.steps, last["positions"], last["state_hash"])


def nth_of(count: int, position: str) -> int:
    """Which time a step is reached, counted from 1."""
    return {"first": 1, "middle": (count + 1) // 2, "last": max(count, 1)}[position]


def run_kill(nursery: Nursery, kill: Kill, references: dict[str, Reference]) -> CaseResult:
    """Die as told, then live until the plan is done."""
    known = references[kill.kind]
    counts = known.racing if RACE in kill.rules else known.steps
    nth = nth_of(counts[kill.kills[0][0]], kill.kills[0][1]) if kill.kills else 1
    result = _run(nursery, kill, nth, known)
    while not result.struck and nth > 1:
        # Timing has moved the last occasion away; the one before it is the last then.
        nth -= 1
        result = _run(nursery, kill, nth, known)
    wanted = len(kill.kills) if kill.must_strike else min(len(kill.kills), 1)
    result.notes += [f"{step} was never reached" for step, _ in kill.kills[len(result.struck) : wanted]]
    return result


def _run(nursery: Nursery, kill: Kill, nth: int, known: Reference) -> CaseResult:
    case = Case(nursery, str(kill), kill.kind, **dict(kill.settings))
    for rule in kill.rules:
        case.door("fault", rule)
    for step, _ in kill.kills:
        if case.live(kill=[step, 1 if case.result.struck else nth]) >= 0:
            break
        case.result.struck.append(step)
        if kill.must_strike:
            case.calm()
    if case.ended != 0:
        case.live_on()
    return case.end(known.positions)


def struck_points(results: list[CaseResult]) -> set[str]:
    """Names of the points at which a kill has struck; a second crash in a recovery is R6."""
    struck = {step for result in results for step in result.struck}
    points = {point for point, step in STEPS.items() if step in struck}
    in_recovery = ("recovery.", "adopt.")
    if any(sum(step.startswith(in_recovery) for step in result.struck) > 1 for result in results):
        points.add("R6")
    return points


def run_matrix(place: Workplace, cases: list[Kill], references: dict[str, Reference]) -> list[CaseResult]:
    """Every case, several at once."""
    return place.map(partial(run_kill, references=references), cases)


def references_of(place: Workplace, kinds: tuple[str, ...], **settings: Any) -> dict[str, Reference]:
    """The uninterrupted run of each broker."""
    found = place.map(lambda nursery, kind: reference(nursery, kind, **settings), kinds)
    return dict(zip(kinds, found, strict=True))
