"""Give the eight parsers of outside input millions of damaged texts: only our own errors may leave them.

``python tools/fuzz_parsers.py --executions 10_000_000`` runs every target of ``tests/parser_fuzz/targets.py``, each in
processes of its own. The state file remembers what was done, so the same call goes on where it was stopped. Counted
are executions, texts that were accepted, exceptions that escaped, executions of more than a second, and the largest
memory of a process. ``--backend atheris`` lets libFuzzer choose the bytes instead, where atheris is installed. The exit
status is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from parser_fuzz.targets import TARGETS, Target  # noqa: E402

SCHEMA = 1
BATCH = 5_000
HANG_S = 1.0
DEAF_S = 60.0
"""A batch that uses this much of the processor hangs inside compiled code, where no alarm is heard."""

MEMORY_KIB = 256 * 1024
LONGEST_KEPT = 4_096


class Hang(BaseException):
    """An execution took more than a second of the processor; a machine that is busy elsewhere is no hang."""


@dataclass
class Tally:
    """What was done with one target."""

    batches: int = 0
    executions: int = 0
    accepted: int = 0
    escaped: int = 0
    hangs: int = 0
    seconds: float = 0.0
    peak_kib: int = 0
    findings: list[dict] = field(default_factory=list)

    def add(self, other: dict) -> None:
        for name in ("executions", "accepted", "escaped", "hangs", "seconds"):
            setattr(self, name, getattr(self, name) + other[name])
        self.peak_kib = max(self.peak_kib, other["peak_kib"])
        known = {finding["key"] for finding in self.findings}
        self.findings += [finding for finding in other["findings"] if finding["key"] not in known]

    @property
    def is_clean(self) -> bool:
        return not (self.escaped or self.hangs or self.peak_kib > MEMORY_KIB)

    def line(self, name: str) -> str:
        rate = self.executions / self.seconds if self.seconds else 0
        return (
            f"{name:8s} {self.executions:>12,} executions {rate:>8,.0f}/s {self.accepted:>12,} accepted "
            f"{self.escaped:>4} escaped {self.hangs:>3} hangs {self.peak_kib // 1024:>4} MiB"
        )


class Watch:
    """Interrupts an execution that takes more than a second, without a system call for each."""

    def __init__(self) -> None:
        self.count = self._seen = 0
        self._since = time.process_time()
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, HANG_S / 4, HANG_S / 4)

    def _look(self, _number: int, _frame: FrameType | None) -> None:
        now = time.process_time()
        if self.count != self._seen:
            self._seen, self._since = self.count, now
        elif now - self._since > HANG_S and self.count:
            self._since = now
            raise Hang

    def close(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)


def run_batch(target: Target, name: str, batch: int, size: int, watch: Watch | None = None) -> dict:
    """Execute one batch; the same name, number and size give the same texts.

    The result has the counts of :class:`Tally`.
    """
    rng = random.Random(f"{name} {batch}")  # noqa: S311
    accepted, findings, hangs, escaped = 0, {}, 0, 0
    start = time.perf_counter()
    for index in range(size):
        door = target.doors[index % len(target.doors)]
        if watch is not None:
            watch.count += 1
        text = b""
        try:
            text = door.make(rng)
            door.parse(text)
            accepted += 1
        except target.allowed:
            pass
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  whatever leaves a parser is what is looked for
            is_hang = isinstance(error, Hang)
            hangs, escaped = hangs + is_hang, escaped + (not is_hang)
            place = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{type(error).__name__} {Path(place.filename).name}:{place.lineno}"
            findings.setdefault(
                key,
                {
                    "key": key,
                    "text": str(error)[:200],
                    "batch": batch,
                    "index": index,
                    "input": text[:LONGEST_KEPT].hex(),
                },
            )
    if watch is not None:
        watch.count = 0
    return {
        "executions": size,
        "accepted": accepted,
        "escaped": escaped,
        "hangs": hangs,
        "seconds": time.perf_counter() - start,
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "findings": list(findings.values()),
    }  # fmt: skip


def work(connection: Connection, name: str) -> None:
    """Run batches of one target until told to stop."""
    target, watch = TARGETS[name](), Watch()
    try:
        while (batch := connection.recv()) is not None:
            connection.send(run_batch(target, name, batch, BATCH, watch))
    except (EOFError, ConnectionError, KeyboardInterrupt):  # the parent is gone
        pass
    finally:
        watch.close()


class Worker:
    """One child process and the batch it is on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, self.name), daemon=True)
        self.process.start()
        theirs.close()

    def run(self, batch: int) -> dict:
        try:
            self.connection.send(batch)
            used_s = _processor_s(self.process.pid)
            while _processor_s(self.process.pid) - used_s < DEAF_S:
                if self.connection.poll(1.0):
                    return self.connection.recv()
            what = "hang in compiled code"
        except (EOFError, ConnectionError):
            what = "the process died"
        self.close()
        self._start()
        is_hang = what.startswith("hang")
        finding = {"key": f"{what} batch {batch}", "text": what, "batch": batch, "index": -1, "input": ""}
        counts = {"executions": 0, "accepted": 0, "escaped": int(not is_hang), "hangs": int(is_hang)}
        return {**counts, "seconds": 0.0, "peak_kib": 0, "findings": [finding]}

    def close(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def _processor_s(pid: int) -> float:
    """Seconds of the processor that a process has used; of the clock, where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return time.monotonic()


def read_state(path: Path) -> dict[str, Tally]:
    """What has been done so far."""
    if not path.exists():
        return {}
    stored = json.loads(path.read_text())
    if stored.pop("schema") != SCHEMA:
        raise SystemExit(f"{path} has another schema; remove it to start anew.")
    return {name: Tally(**tally) for name, tally in stored["targets"].items()}


def write_state(path: Path, tallies: dict[str, Tally]) -> None:
    """Replace the state file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(
        json.dumps({"schema": SCHEMA, "targets": {name: asdict(t) for name, t in tallies.items()}}, indent=1)
    )
    draft.replace(path)


def fuzz(arguments: argparse.Namespace) -> int:
    """Bring every target to the wanted number of executions."""
    tallies = read_state(arguments.state)
    for name in arguments.targets or TARGETS:
        tally = tallies.setdefault(name, Tally())
        if tally.executions >= arguments.executions:
            continue
        try:
            TARGETS[name]()
        except ModuleNotFoundError as error:
            print(f"{name:8s} left out: {error}", flush=True)
            del tallies[name]
            continue
        worker, told = Worker(name), time.monotonic()
        while tally.executions < arguments.executions and len(tally.findings) < arguments.stop_after:
            tally.batches += 1
            tally.add(worker.run(tally.batches))
            if time.monotonic() - told > arguments.every_s:
                told = time.monotonic()
                write_state(arguments.state, tallies)
                print(tally.line(name), flush=True)
        worker.close()
        write_state(arguments.state, tallies)
    for name, tally in tallies.items():
        print(tally.line(name))
        for finding in tally.findings:
            print(f"    {finding['key']}: {finding['text']}  (batch {finding['batch']}, index {finding['index']})")
    return 0 if all(tally.is_clean for tally in tallies.values()) else 1


def with_atheris(arguments: argparse.Namespace) -> None:
    """Let libFuzzer choose the bytes; it stops at the first exception that escapes and writes its input."""
    try:
        import atheris
    except ImportError:
        raise SystemExit("atheris is not installed; leave --backend away for the fuzzer of our own.") from None
    if len(arguments.targets or ()) != 1:
        raise SystemExit("--backend atheris takes one target, for example --targets tws.")
    with atheris.instrument_imports(include=["nanodesk"]):
        target = TARGETS[arguments.targets[0]]()

    def one(data: bytes) -> None:
        if data:
            with contextlib.suppress(*target.allowed):
                target.doors[data[0] % len(target.doors)].parse(data[1:])

    atheris.Setup([sys.argv[0], f"-runs={arguments.executions}", "-timeout=1", "-rss_limit_mb=256"], one)
    atheris.Fuzz()


def show(arguments: argparse.Namespace) -> int:
    """Print one text again, and what its parser does with it."""
    name, batch, index = arguments.show.split(":")
    target, rng, text = TARGETS[name](), random.Random(f"{name} {batch}"), b""  # noqa: S311
    for at in range(int(index) + 1):
        door = target.doors[at % len(target.doors)]
        text = door.make(rng)
    print(text[:LONGEST_KEPT])
    door.parse(text)
    return 0


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--executions", type=lambda text: int(text.replace("_", "")), default=10_000_000, help="a target"
    )
    parser.add_argument("--targets", nargs="*", choices=list(TARGETS))
    parser.add_argument("--stop-after", type=int, default=20, help="kinds of findings after which a target stops")
    parser.add_argument("--every-s", type=float, default=10.0, help="seconds between two lines of progress")
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "fuzz_parsers.json")
    parser.add_argument("--backend", choices=["own", "atheris"], default="own")
    parser.add_argument("--show", metavar="TARGET:BATCH:INDEX", help="make one text again and give it to its parser")
    return parser.parse_args(words)


def main() -> int:
    arguments = parse()
    if arguments.show:
        return show(arguments)
    if arguments.backend == "atheris":
        with_atheris(arguments)
    return fuzz(arguments)


if __name__ == "__main__":
    sys.exit(main())
