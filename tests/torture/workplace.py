"""Runs cases: a fresh venue, lives one after the other, and the judgement at the end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from torture.judge import Verdict, judge
from torture.venue_life import LATER_S, ask

LIMIT_S = 90.0
"""A life that takes longer hangs, unless its case has a ``limit_s`` of its own."""

CALM_S = 4 * LATER_S
"""A venue at which nothing happens for so long has nothing more to do."""

LIVES_AT_MOST = 4
STOPPED = 3
"""How a life ends that an error of ours has stopped, of the broker or of the journal; its result says which."""

_TESTS = Path(__file__).resolve().parents[1]
T = TypeVar("T")
R = TypeVar("R")


@dataclass
class CaseResult:
    """What came of one case.

    ``kills`` are real SIGKILLs that struck; ``again`` counts lives that a silent broker stopped; ``steps`` counts
    every step that any life reached, ``struck`` names those at which one was killed or its disk broke.
    """

    name: str
    verdict: Verdict
    kills: int = 0
    lives: int = 0
    again: int = 0
    hung: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    struck: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    truth: dict[str, Any] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong and everything went as the case wants."""
        return self.verdict.is_good and not self.notes

    def __str__(self) -> str:
        return f"{self.name}: {self.verdict}" + "".join(f"; {note}" for note in self.notes)


class Nursery:
    """One forking process; serves one request at a time."""

    def __init__(self) -> None:
        import nanodesk

        source = str(Path(nanodesk.__file__).resolve().parents[1])
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(_TESTS), source))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "torture.nursery"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self._read()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the nursery has died")
        return json.loads(line)

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request and its answer."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End it, and with it every venue that it started."""
        self._process.stdin.close()
        self._process.wait(timeout=20)


class Case:
    """One fresh venue and one fresh journal; ``live`` is called as often as the case wants."""

    def __init__(self, nursery: Nursery, name: str, kind: str, **settings: Any) -> None:
        self.nursery, self.kind, self.settings = nursery, kind, settings
        self.folder = Path(tempfile.mkdtemp(prefix="torture-"))
        self.result = CaseResult(name, Verdict())
        self.ended = -1
        answer = nursery.ask(do="venue", kind=kind, log=str(self.folder / "venue.log"))
        self.pid, self.ready = answer["pid"], answer["ready"]

    def door(self, name: str, body: dict[str, Any] | None = None) -> Any:
        """Ask at the venue's door."""
        return ask(self.ready["admin_url"], name, body)

    def live(self, *, kill_after_s: float | None = None, **spec: Any) -> int:
        """One life; gives how it ended, -9 for a kill."""
        number = self.result.lives
        full = {"folder": str(self.folder), "number": number, "kind": self.kind, "ready": self.ready}
        full |= self.settings | spec
        limit_s = full.get("limit_s", LIMIT_S)
        answer = self.nursery.ask(do="life", spec=full, limit_s=limit_s, kill_after_s=kill_after_s)
        self.result.lives += 1
        self.result.steps += Counter(self._steps(number))
        path = self.folder / f"result-{number}.json"
        is_told = answer["exit"] != -9 and path.exists()  # a kill may leave half of it
        self.result.results.append(json.loads(path.read_text()) if is_told else {})
        if answer["hung"]:
            self.result.hung += 1
            self.result.notes.append(f"life {number} hung")
        elif answer["exit"] == -9:
            self.result.kills += 1
        elif answer["exit"] not in (0, STOPPED):
            self.result.notes.append(f"life {number} ended {answer['exit']}: {self.result.results[-1].get('error')}")
        self.ended = answer["exit"]
        return self.ended

    def calm(self) -> None:
        """Wait until the venue has done all that a dead client asked for, and nothing of it is news to the next."""
        before = None
        while (now := self.door("truth")["events"]) != before:
            before = now
            time.sleep(CALM_S)

    def live_on(self, **spec: Any) -> None:
        """Lives until the plan is done: a broker that did not answer in time is asked again by the next life."""
        for _ in range(LIVES_AT_MOST):
            if self.live(**spec) != STOPPED or "JournalError" in self.result.results[-1].get("error", ""):
                return
            self.result.again += 1

    def steps_after(self, step: str, nth: int) -> list[str] | None:
        """Steps of the last life after the ``nth`` time of one; ``None`` if that never came."""
        steps = self._steps(self.result.lives - 1)
        at = [index for index, name in enumerate(steps) if name == step]
        return steps[at[nth - 1] + 1 :] if len(at) >= nth else None

    def _steps(self, number: int) -> list[str]:
        path = self.folder / f"steps-{number}"
        return path.read_bytes().rstrip(b"\0").decode().split() if path.exists() else []

    def end(self, expected: dict[str, int] | None, *, has_one_clock: bool = True) -> CaseResult:
        """Judge, and clear away."""
        result = self.result
        last = result.results[-1] if result.results else {}
        if "error" in last:
            result.notes.append(last["error"][:300])
        elif last.get("outcome") not in ("done", "nothing_to_do"):
            result.notes.append(f"ended {last.get('outcome')}: {last.get('runs')}")
        try:
            result.truth = self.door("truth")
            told = last.get("state_hash")
            result.verdict = judge(result.truth, self.folder, expected, state_hash=told, has_one_clock=has_one_clock)
        except Exception as error:  # noqa: BLE001  a journal that cannot be read is a finding
            result.notes.append(f"{type(error).__name__}: {error}")
        self.close()
        return result

    def close(self) -> None:
        """End the venue and remove the folder; what went wrong, and is no mutant, leaves its evidence behind."""
        self.nursery.ask(do="end_venue", pid=self.pid)
        if self.result.is_good or self.settings.get("mutants"):
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            (self.folder / "truth.json").write_text(json.dumps(self.result.truth))
            self.result.notes.append(f"kept in {self.folder}")


class Workplace:
    """Several nurseries, each with a thread of ours."""

    def __init__(self, workers: int) -> None:
        self._free = [Nursery() for _ in range(workers)]
        self._all = list(self._free)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers)

    @contextmanager
    def nursery(self) -> Iterator[Nursery]:
        """One that nobody else uses."""
        with self._lock:
            nursery = self._free.pop()
        try:
            yield nursery
        finally:
            with self._lock:
                self._free.append(nursery)

    def map(self, work: Callable[[Nursery, T], R], cases: Iterable[T]) -> list[R]:
        """Do all, several at once, and give the results in order."""

        def one(case: T) -> R:
            with self.nursery() as nursery:
                return work(nursery, case)

        return list(self._pool.map(one, cases))

    def close(self) -> None:
        """End every nursery."""
        self._pool.shutdown()
        for nursery in self._all:
            nursery.close()


@contextmanager
def workplace(workers: int = 2) -> Iterator[Workplace]:
    """For a block."""
    place = Workplace(workers)
    try:
        yield place
    finally:
        place.close()
