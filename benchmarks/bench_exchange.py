"""The exchange from Python: nanoseconds a call, beside the published wheel where it is installed; instructions a call;
how the cost grows with the book; memory an order; two threads.

Usage: python benchmarks/bench_exchange.py [--brief]. The wheel runs in a process of its own:
``NANODESK_NANOBOOK_PYTHON`` names the Python that has it. Instructions are counted by valgrind where it is installed;
``--brief`` leaves them and the largest books out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import exchange_instructions as counting

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
MEMORY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import exchange_workload as w
def resident(): return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
w.StandingBook(64, 64, log=False)
before = resident()
book = w.StandingBook(int(sys.argv[2]), int(sys.argv[3]), log=sys.argv[4] == "log")
print(resident() - before)
"""
BOOKS = ((1_000, 10), (100_000, 10), (100_000, 100_000), (10_000_000, 10), (10_000_000, 100_000))
LARGE = 1_000_000
"""Orders of a book that a brief run leaves out."""


def peer_times() -> dict[str, tuple[float, float]]:
    """The published wheel's times, or nothing."""
    python = os.environ.get("NANODESK_NANOBOOK_PYTHON")
    if not python:
        print("NANODESK_NANOBOOK_PYTHON is not set: the published wheel is left out.\n")
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


def print_sizes(brief: bool) -> None:
    """The same operations on small and large, narrow and wide books: nanoseconds and instructions."""
    import exchange_workload as workload

    names = list(workload.OPERATIONS)
    print(f"\n| book | {' | '.join(f'{name}, ns (instructions)' for name in names)} |")
    print("|---|" + "---|" * len(names))
    for n_orders, n_levels in BOOKS:
        if brief and n_orders > LARGE:
            continue
        counts = None if brief or counting.missing() else counting.of_book(n_orders, n_levels)
        times = times_of(workload.StandingBook(n_orders, n_levels))
        if counts:
            cells = [f"{ns:.0f} ({count:.0f})" for ns, count in zip(times, counts, strict=True)]
        else:
            cells = [f"{ns:.0f}" for ns in times]
        print(f"| {n_orders:,} orders on {n_levels:,} levels | {' | '.join(cells)} |", flush=True)


def times_of(book: object) -> list[float]:
    """Best nanoseconds an operation, of every operation on one book."""
    import exchange_workload as workload

    return [
        workload.timed(lambda: None, lambda _, run=operation: run(book, 20_000), 20_000, 9)[0]
        for operation in workload.OPERATIONS.values()
    ]


def print_instructions() -> None:
    reason = counting.missing()
    if reason:
        print(f"\n{reason}")
        return
    print("\n| a call | instructions |\n|---|---|")
    for name, count in counting.of_calls().items():
        if not name.endswith("read"):  # reading is no method of the exchange, so it is not counted
            print(f"| {name} | {count:.0f} |")


def print_memory(brief: bool) -> None:
    """Resident bytes an order: 64 for the order at its id, 69 for a level, 16 for a plain record of the log."""
    if not Path("/proc/self/statm").exists():
        return
    print("\n| memory | bytes an order |\n|---|---|")
    for n_orders, n_levels, log in ((10_000_000, 1_000, ""), (10_000_000, 1_000_000, ""), (10_000_000, 1_000, "log")):
        n = n_orders // 10 if brief else n_orders
        command = [sys.executable, "-c", MEMORY, str(HERE), str(n), str(n_levels), log]
        used = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        with_log = ", with the event log" if log else ""
        print(f"| {n:,} resting orders on {n_levels:,} levels{with_log} | {used / n:.1f} |", flush=True)


def print_threads() -> None:
    """Four instruments, one thread and two: wall time of the same batches. Hashes, which hold the lock, come after."""
    import numpy as np

    from nanodesk.book.batch import ANSWER_DTYPE
    from nanodesk.book.multi_exchange import MultiExchange

    flow = mixed_flow(1_000_000)
    symbols = ("A", "B", "C", "D")

    def trade(exchange: object) -> None:
        answers = np.empty(8192, ANSWER_DTYPE)
        for first in range(0, len(flow) - 8192, 8192):
            exchange.submit_batch(flow[first : first + 8192], answers)

    def wall(threads: int) -> tuple[float, list[int]]:
        venues = MultiExchange()
        books = [venues.get_or_create(symbol) for symbol in symbols]
        with ThreadPoolExecutor(threads) as pool:
            start = time.perf_counter()
            list(pool.map(trade, books))
            return time.perf_counter() - start, [book.state_hash() for book in books]

    times = {threads: [wall(threads) for _ in range(5)] for threads in (1, 2)}
    one, two = (min(seconds for seconds, _ in times[threads]) for threads in (1, 2))
    same = len({tuple(hashes) for runs in times.values() for _, hashes in runs}) == 1
    orders = len(symbols) * len(flow)
    print("\n| four instruments, batches | M commands/s | |\n|---|---|---|")
    print(f"| one thread | {orders / one / 1e6:.1f} | |")
    print(f"| two threads | {orders / two / 1e6:.1f} | {one / two:.2f} x, {'same' if same else 'OTHER'} hashes |")


def main() -> None:
    brief = "--brief" in sys.argv[1:]
    print_calls()
    print_flow()
    if not brief:
        print_instructions()
    print_sizes(brief)
    print_memory(brief)
    print_threads()


if __name__ == "__main__":
    main()
