"""Mutants through the matrix: a safeguard that is gone must turn at least one of its cases bad."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from torture.disk_faults import DiskFault, run_disk_fault
from torture.kill_matrix import RACE, UNTOLD, Kill, Reference, matrix, run_kill
from torture.network_faults import NetworkFault, run_network_fault
from torture.safeguards import Mutant
from torture.workplace import CaseResult, Nursery, Workplace


def run_case(nursery: Nursery, text: str, references: dict[str, Reference], mutants: tuple[str, ...]) -> CaseResult:
    """One case by its words, in a client without some safeguards."""
    what, kind, second, third = text.split()
    settings = (("size", "200"), ("mutants", mutants))
    if what == "run":
        # It sends without end; after so long there is enough to see.
        settings += (("limit_s", 20.0),)
        return run_kill(nursery, Kill(kind, text, rules=(RACE, UNTOLD), settings=settings), references)
    if what == "kill":
        [kill] = matrix((kind,), (second,), (third,))
        return run_kill(nursery, replace(kill, settings=settings), references)
    if what == "disk":
        return run_disk_fault(nursery, DiskFault(kind, second, third, settings), references)
    return run_network_fault(nursery, NetworkFault(kind, second, third), mutants)


def hunt(nursery: Nursery, mutant: Mutant, references: dict[str, Reference]) -> str:
    """What caught a mutant; empty if it survived every case."""
    for text in mutant.cases:
        result = run_case(nursery, text, references, (mutant.name,))
        if any("MutantDoesNotFit" in note for note in result.notes):
            raise AssertionError(str(result))
        # That a life hangs may be the machine; what the venue then tells may not.
        if not (result.verdict.is_good if result.hung else result.is_good):
            return str(result)
    return ""


def hunt_all(place: Workplace, mutants: tuple[Mutant, ...], references: dict[str, Reference]) -> list[tuple[str, str]]:
    """Every mutant with what caught it."""
    caught = place.map(partial(hunt, references=references), mutants)
    return [(mutant.name, found) for mutant, found in zip(mutants, caught, strict=True)]
