"""A full disk, an I/O error and a limit of the kernel at each step marked F: nothing is sent that is not durable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torture.broken_disk import HOWS
from torture.kill_matrix import Reference, nth_of
from torture.steps import DISK_STEPS, FIRST_OF_RECOVERY, STEPS
from torture.workplace import Case, CaseResult, Nursery, Workplace

REFUSED = 3
"""How a life ends that the journal has stopped."""

SENDS = ("send.connected",)  # not cancel.sent: what nobody can follow any more is cancelled, which needs no journal


@dataclass(frozen=True)
class DiskFault:
    """One case: at which step the disk fails, and how."""

    kind: str
    point: str
    how: str
    settings: tuple[tuple[str, Any], ...] = ()


def disk_faults(kinds: Sequence[str], points: Sequence[str] = DISK_STEPS, hows: Sequence[str] = HOWS
                ) -> list[DiskFault]:  # fmt: skip
    """Every one."""
    return [DiskFault(kind, point, how) for kind in kinds for point in points for how in hows]


def run_disk_fault(nursery: Nursery, fault: DiskFault, references: dict[str, Reference]) -> CaseResult:
    """Fail, see that the process stops with nothing more sent, then go on with a sound disk."""
    known = references[fault.kind]
    first = FIRST_OF_RECOVERY.get(fault.point)
    nth = 1 if first else nth_of(known.steps[STEPS[fault.point]], "middle")
    result = _run(nursery, fault, nth, known)
    while not result.struck and nth > 1:
        nth -= 1  # as for kills: timing decides how often an idle moment is reached
        result = _run(nursery, fault, nth, known)
    if not result.struck:
        result.notes.append(f"{STEPS[fault.point]} was never reached")
    return result


def _run(nursery: Nursery, fault: DiskFault, nth: int, known: Reference) -> CaseResult:
    case = Case(nursery, f"{fault.kind} {fault.point} {fault.how}", fault.kind, **dict(fault.settings))
    step, first = STEPS[fault.point], FIRST_OF_RECOVERY.get(fault.point)
    if first is not None:
        case.live(kill=[first, 2])
        case.calm()
    ended = case.live(disk=[step, nth, fault.how])
    after = case.steps_after(step, nth)
    if after is not None:
        case.result.struck.append(step)
        if ended != REFUSED:
            case.result.notes.append(f"the life with the broken disk ended {ended}, not {REFUSED}")
        elif "JournalError" not in case.result.results[-1].get("error", ""):
            case.result.notes.append(case.result.results[-1].get("error", "no reason given"))
        if sent := [name for name in after if name in SENDS]:
            case.result.notes.append(f"{len(sent)} orders left after the disk had failed")
    case.live_on()
    return case.end(known.positions)


def run_disk_faults(place: Workplace, cases: list[DiskFault], references: dict[str, Reference]) -> list[CaseResult]:
    """Every case, several at once."""
    return place.map(partial(run_disk_fault, references=references), cases)
