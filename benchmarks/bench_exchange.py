"""The exchange from Python: nanoseconds a call, beside the published wheel where it is installed.

Usage: python benchmarks/bench_exchange.py [--instructions]. The wheel runs in a process of its own:
``NANODESK_NANOBOOK_PYTHON`` names the Python that has it.
Instructions a call (``--instructions``, needs valgrind) do not depend on what else the machine does.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
GOALS = {
    "submit, rests": 100,
    "submit, one fill": 110,
    "cancel, random among 200 k": 90,
    "best_bid_ask": 45,
    "depth(10)": 150,
}
PEER = """
import json, sys
sys.path.insert(0, sys.argv[1])
import exchange_workload as w, nanobook
print(json.dumps({name: w.timed(lambda: make(nanobook.Exchange), run, n, 3) for name, make, run, n in w.CASES}))
"""
PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
import exchange_workload as w
from nanodesk.book.exchange import Exchange
w.CALLS, w.BIDS = 20_000, w.BIDS[:20_000]
name, make, run, _ = w.CASES[int(sys.argv[2])]
state = make(Exchange) if make is not w.resting else make(Exchange, w.CALLS)
if sys.argv[3] == "run":
    run(state)
"""


def peer_times() -> dict[str, tuple[float, float]]:
    """The published wheel's times, or nothing."""
    python = os.environ.get("NANODESK_NANOBOOK_PYTHON")
    if not python:
        return {}
    command = [python, "-c", PEER, str(HERE)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return {name: tuple(times) for name, times in json.loads(done.stdout).items()}


def print_calls() -> None:
    import exchange_workload as workload

    from nanodesk.book.exchange import Exchange

    peer = peer_times()
    print("| from Python, a call | best ns | median ns | goal | published | ratio |\n|---|---|---|---|---|---|")
    for name, make, run, calls in workload.CASES:
        best, median = workload.timed(lambda make=make: make(Exchange), run, calls)
        theirs = peer.get(name)
        columns = f"{theirs[0]:.0f} | {theirs[0] / best:.1f} x" if theirs else "- | -"
        print(f"| {name} | {best:.0f} | {median:.0f} | {GOALS.get(name, '-')} | {columns} |")


def print_flow() -> None:
    import exchange_workload as workload
    import numpy as np

    from nanodesk.book.batch import ANSWER_DTYPE
    from nanodesk.book.exchange import Exchange

    commands = mixed_flow(workload.FLOW)
    out = np.empty(8192, ANSWER_DTYPE)

    def chunked(exchange: Exchange) -> None:
        for first in range(0, len(commands) - 8192, 8192):
            exchange.submit_batch(commands[first : first + 8192], out)

    done = Exchange()
    done.submit_batch(commands)
    shown = workload.two_sided(Exchange)
    view = shown.depth_view(10)

    def as_arrays(_: object) -> None:
        for _ in range(20_000):
            snapshot = shown.depth(10)
            _ = snapshot.bid_array, snapshot.ask_array

    rows = (
        ("batch, mixed, 45 % cancels", Exchange, chunked, len(commands), 25),
        ("replay of that log", lambda: None, lambda _: done.replayed(), done.event_count(), 40),
        ("depth(10), both arrays", lambda: None, as_arrays, 20_000, 150),
        (
            "depth_view(10).refresh, arrays",
            lambda: None,
            lambda _: [view.refresh() for _ in range(20_000)],
            20_000,
            150,
        ),
    )
    for name, make, run, calls, goal in rows:
        best, median = workload.timed(make, run, calls)
        print(f"| {name} | {best:.1f} | {median:.1f} | {goal} | - | - |")


def mixed_flow(n: int):
    """Quotes around a price, a part of them crossing, 45 % cancels of one of the last 4 000 orders."""
    import numpy as np

    from nanodesk.book.batch import COMMAND_DTYPE

    rng = np.random.default_rng(3)
    commands = np.zeros(n, COMMAND_DTYPE)
    is_cancel = rng.random(n) < 0.45
    is_cancel[:10] = False
    ids = np.cumsum(~is_cancel)
    side = rng.integers(0, 2, n)
    away = rng.geometric(0.08, n) - 3
    commands["kind"] = np.where(is_cancel, 2, 0)
    commands["side"] = side
    commands["price"] = np.where(side == 0, 10_000 - away, 10_000 + away)
    commands["quantity"] = rng.integers(1, 100, n)
    commands["order_id"] = np.where(is_cancel, np.maximum(ids - rng.integers(0, 4_000, n), 1), 0)
    return commands


def print_sizes() -> None:
    """Submit and cancel at an end and in the middle of small and large books."""
    import exchange_workload as workload

    from nanodesk.book.exchange import Exchange

    print("\n| book | submit deep + cancel, ns |\n|---|---|")
    for count, n_levels in ((1_000, 10), (100_000, 10), (100_000, 100_000), (1_000_000, 1_000), (5_000_000, 100_000)):
        exchange, _ = workload.resting(Exchange, count, n_levels)
        submit, cancel = exchange.submit_limit, exchange.cancel
        first = 2_000_000 - n_levels

        def run(_, first=first, submit=submit, cancel=cancel) -> None:
            for i in range(50_000):
                cancel(submit("buy", first + (i * 7919) % 10 + 1, 1).order_id)

        best, _ = workload.timed(lambda: None, run, 50_000, 5)
        print(f"| {count:,} orders on {n_levels:,} levels | {best:.0f} |")


def print_instructions() -> None:
    """Instructions inside the called method, from callgrind: a run less its preparation."""
    import exchange_workload as workload

    print("\n| a call | instructions |\n|---|---|")
    methods = ("submit_limit", "submit_limit", "submit_limit", "cancel", "best_bid_ask", "depth")
    for number, (case, method) in enumerate(zip(workload.CASES, methods, strict=True)):
        if case[0].endswith("read"):
            continue
        calls = 2_000 if method == "depth" else 20_000
        spent = instructions(number, method, "run") - instructions(number, method, "prepare")
        print(f"| {case[0]} | {spent / calls:.0f} |")


def instructions(number: int, method: str, what: str) -> int:
    import nanodesk.book.exchange as module

    symbols = subprocess.run(["nm", "-a", module.__file__], check=True, capture_output=True, text=True).stdout
    symbol = re.findall(rf"\b(__pyx_pw_\w*8Exchange_\d+{method})\b", symbols)[0]
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--toggle-collect={symbol}", f"--callgrind-out-file={folder}/out"]
        command += [sys.executable, "-c", PROBE, str(HERE), str(number), what]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = re.search(r"Collected : (\d+)", text)
    return int(found.group(1)) if found else 0


def main() -> None:
    sys.path.insert(0, str(HERE))
    print_calls()
    print_flow()
    print_sizes()
    if "--instructions" in sys.argv[1:] and shutil.which("valgrind"):
        print_instructions()


if __name__ == "__main__":
    main()
