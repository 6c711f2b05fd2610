"""Hold the compiled exchange against the naive one for millions of random commands, over many processes.

``python tools/fuzz_exchange.py --commands 10_000_000`` runs streams of every profile of ``command_stream.py``. The
state file remembers what was done, so the same call goes on where it was stopped. A disagreement is shrunk and
printed with its seed; a worker that dies or hangs is reported with the seed it was on, and replaced. The exit
status is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from reference.book_comparison import Disagreement, compare_stream, shrink  # noqa: E402
from reference.stream_profiles import PROFILES  # noqa: E402

SCHEMA = 1
SAVE_EVERY_S = 10.0
Job = tuple[str, int, int]


@dataclass
class State:
    """What has been compared so far; written to disk as one JSON object."""

    next_job: int = 0
    unfinished: list[int] = field(default_factory=list)
    commands: int = 0
    seconds: float = 0.0
    features: Counter = field(default_factory=Counter)
    by_profile: Counter = field(default_factory=Counter)
    findings: list[dict] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> State:
        if not path.exists():
            return cls()
        stored = json.loads(path.read_text())
        if stored.pop("schema") != SCHEMA:
            raise SystemExit(f"{path} has another schema; remove it to start anew.")
        state = cls(**stored)
        state.features, state.by_profile = Counter(state.features), Counter(state.by_profile)
        return state

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        draft.write_text(json.dumps({"schema": SCHEMA, **self.__dict__}, indent=1))
        draft.replace(path)


def find_driver(name: str):
    """``module:Class`` to the class."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def work(connection: Connection, driver_name: str) -> None:
    """Compare one stream after the other, until told to stop."""
    driver = find_driver(driver_name)
    known: set[tuple[str, str]] = set()  # what has been shrunk and printed once
    while (job := next_job(connection)) is not None:
        profile, seed, length = job
        counts: Counter = Counter()
        found = compare_stream(driver, seed, profile, length, counts)
        connection.send((counts, None if found is None else finding(job, found, told(driver, found, known))))


def told(driver, found: Disagreement, known: set[tuple[str, str]]) -> str:
    """The shrunk stream, or one line if its like was printed before."""
    key = (found.part, str(found.commands[-1][0]))
    if key in known:
        return f"again: {key[0]} differs after {key[1]}"
    known.add(key)
    return str(shrink(driver, found, max_runs=600))


def next_job(connection: Connection) -> Job | None:
    try:
        return connection.recv()
    except (EOFError, KeyboardInterrupt):  # the parent is gone
        return None


def finding(job: Job, found: Disagreement, text: str) -> dict:
    profile, seed, _length = job
    return {"profile": profile, "seed": seed, "part": found.part, "length": len(found.commands), "text": text}


class Worker:
    """One child process and the job it is on."""

    def __init__(self, driver_name: str) -> None:
        self.driver_name = driver_name
        self.start()

    def start(self) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=work, args=(theirs, self.driver_name), daemon=True)
        self.process.start()
        theirs.close()
        self.is_idle = True
        self.job: Job = ("", 0, 0)
        self.number = -1
        self.since = time.monotonic()

    def give(self, number: int, job: Job) -> None:
        self.is_idle = False
        self.number, self.job, self.since = number, job, time.monotonic()
        self.connection.send(job)

    def replace(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()
        self.start()


class Fuzz:
    """Deals jobs to workers and gathers what they find."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.state = State.read(arguments.state)
        self.profiles = arguments.profiles or list(PROFILES)
        self.goal = arguments.commands

    def job(self, number: int) -> Job:
        seed = self.arguments.first_seed + number // len(self.profiles)
        return self.profiles[number % len(self.profiles)], seed, self.arguments.stream_length

    def next_number(self) -> int:
        if self.state.unfinished:
            return self.state.unfinished.pop()
        self.state.next_job += 1
        return self.state.next_job - 1

    def run(self) -> int:
        state, path = self.state, self.arguments.state
        start, saved = time.monotonic() - state.seconds, time.monotonic()
        workers = [Worker(self.arguments.driver) for _ in range(self.arguments.processes)]
        while state.commands < self.goal and len(state.findings) < self.arguments.stop_after:
            for worker in workers:
                if worker.is_idle:
                    number = self.next_number()
                    worker.give(number, self.job(number))
            self.gather(workers)
            if time.monotonic() - saved > SAVE_EVERY_S:
                saved, state.seconds = time.monotonic(), time.monotonic() - start
                self.save(workers)
                print(
                    f"{state.commands:>12,} commands, {state.seconds:7.0f} s, {len(state.findings)} findings",
                    flush=True,
                )
        state.seconds = time.monotonic() - start
        self.save(workers)
        for worker in workers:
            worker.process.kill()
        self.report()
        print(f"state: {path}")
        return 1 if state.findings else 0

    def save(self, workers: list[Worker]) -> None:
        done = list(self.state.unfinished)
        self.state.unfinished = done + [w.number for w in workers if not w.is_idle]
        self.state.write(self.arguments.state)
        self.state.unfinished = done

    def gather(self, workers: list[Worker]) -> None:
        ready = wait([w.connection for w in workers], timeout=1.0)
        for worker in workers:
            if worker.connection in ready:
                self.take(worker)
            elif not worker.is_idle and time.monotonic() - worker.since > self.arguments.timeout:
                self.lost(worker, f"no answer in {self.arguments.timeout} s (hang)")

    def take(self, worker: Worker) -> None:
        try:
            counts, found = worker.connection.recv()
        except (EOFError, ConnectionError):
            worker.process.join()
            self.lost(worker, f"worker died with status {worker.process.exitcode} (crash)")
            return
        done = sum(counts[name] for name in COMMAND_NAMES)
        self.state.commands += done
        self.state.by_profile[worker.job[0]] += done
        self.state.features.update(counts)
        worker.is_idle = True
        if found is not None:
            self.add(found)

    def lost(self, worker: Worker, text: str) -> None:
        profile, seed, _length = worker.job
        self.add({"profile": profile, "seed": seed, "part": "process", "length": 0, "text": text})
        worker.replace()

    def add(self, found: dict) -> None:
        self.state.findings.append(found)
        print(f"--- profile {found['profile']} seed {found['seed']}\n{found['text']}\n", flush=True)

    def report(self) -> None:
        state = self.state
        print(f"{state.commands:,} commands compared in {state.seconds:.0f} s, {len(state.findings)} disagreements")
        print("by profile: " + ", ".join(f"{name} {count:,}" for name, count in state.by_profile.most_common()))
        for name, count in sorted(state.features.items()):
            print(f"  {name:28s} {count:>12,}")


COMMAND_NAMES = sorted({name for profile in PROFILES.values() for name in profile.weights})


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=lambda text: int(text.replace("_", "")), default=10_000_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--stream-length", type=int, default=2000)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--profiles", nargs="*", choices=list(PROFILES))
    parser.add_argument("--stop-after", type=int, default=20, help="findings after which to stop")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds a stream may take, shrinking included")
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "fuzz_exchange.json")
    parser.add_argument("--driver", default="reference.exchange_driver:Driver")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(Fuzz(parse()).run())
