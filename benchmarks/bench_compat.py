"""The compatible names against the published nanobook wheel, in the same run.

    python benchmarks/bench_compat.py

The wheel runs in its own interpreter, named by NANODESK_NANOBOOK_PYTHON (``pip install nanobook==0.9.3``); without it
only our times are printed. Both sides get the same lists of pairs. ``holdings`` and ``symbol_returns`` are built when
they are read, so that both kinds of use are measured: metrics only, and every value read. The calls of the order book
are measured 50,000 at a time; the cancels are in a book that nothing has traded in, as the wheel may hang otherwise.
"""

import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHAPES = ((1000, 100), (2520, 100))
REPEATS = 7
ORDERS = 50_000
VARIABLE = "NANODESK_NANOBOOK_PYTHON"


def main() -> None:
    if sys.argv[1:] == ["--wheel"]:
        import nanobook

        json.dump(measure(nanobook), sys.stdout)
        return
    from nanodesk.compat import nanobook as ours

    wheel = wheel_times()
    print(f"{'case':44} {'ours ms':>9} {'wheel ms':>9} {'ratio':>7}   (best of {REPEATS})")
    for case, seconds in measure(ours).items():
        theirs = f"{wheel[case] * 1e3:9.2f} {wheel[case] / seconds:6.1f}x" if wheel else f"{'-':>9} {'-':>7}"
        print(f"{case:44} {seconds * 1e3:9.2f} {theirs}")


def wheel_times() -> dict[str, float]:
    python = os.environ.get(VARIABLE)
    if not python:
        print(f"{VARIABLE} is not set: the wheel is left out.")
        return {}
    done = subprocess.run(
        [python, str(Path(__file__).resolve()), "--wheel"], capture_output=True, text=True, check=True, timeout=300
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(nb: Any) -> dict[str, float]:
    times: dict[str, float] = {}
    for periods, count in SHAPES:
        weights, prices = schedules(periods, count)

        def run(weights: Any = weights, prices: Any = prices) -> Any:
            return nb.backtest_weights(weights, prices, 1_000_000_00, 15, 252.0, 0.0, None)

        def read(run: Callable[[], Any] = run) -> Any:
            result = run()
            return len(result["holdings"]) + len(result["symbol_returns"])

        times[f"backtest_weights {periods} x {count}, metrics"] = best(run)
        times[f"backtest_weights {periods} x {count}, all read"] = best(read)
    rng = random.Random(1)
    matrix = [[rng.gauss(0.0005, 0.01) for _ in range(20)] for _ in range(252)]
    names = [f"S{i}" for i in range(20)]
    returns = [rng.gauss(0.0005, 0.01) for _ in range(2520)]
    times["optimize_min_variance 252 x 20"] = best(lambda: nb.optimize_min_variance(matrix, names))
    times["optimize_max_sharpe 252 x 20"] = best(lambda: nb.optimize_max_sharpe(matrix, names))
    times["optimize_risk_parity 252 x 20"] = best(lambda: nb.optimize_risk_parity(matrix, names))
    times["py_compute_metrics 2520"] = best(lambda: nb.py_compute_metrics(returns))
    times["py_rolling_sharpe 2520, window 63"] = best(lambda: nb.py_rolling_sharpe(returns, 63))
    times["garch_ewma_forecast 2520"] = best(lambda: nb.garch_ewma_forecast(returns))
    times["py_rsi 2520"] = best(lambda: nb.py_rsi([100.0 + value for value in returns], 14))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed.itch"
        path.write_bytes(itch_messages(ORDERS))
        times[f"parse_itch ({ORDERS:,} messages)"] = best(lambda: nb.parse_itch(str(path)))
    return times | book_times(nb)


def itch_messages(count: int) -> bytes:
    """Orders of four stocks, and deletes of half of them."""
    rng, messages = random.Random(3), []
    for number in range(count):
        if number % 3 == 2:
            message = struct.pack(">cHHHIQ", b"D", 1, 0, 0, number, number - 1)
        else:
            stock, price = rng.choice((b"AAPL    ", b"MSFT    ", b"IBM     ", b"F       ")), rng.randrange(1, 10**7)
            message = struct.pack(">cHHHIQcI8sI", b"A", 1, 0, 0, number, number, b"B", 100, stock, price)
        messages.append(struct.pack(">H", len(message)) + message)
    return b"".join(messages)


def book_times(nb: Any) -> dict[str, float]:
    """Seconds for 50,000 calls each."""
    rng = random.Random(2)
    prices = [10_000 - rng.randint(1, 100) for _ in range(ORDERS)]
    shuffled = rng.sample(range(1, ORDERS + 1), ORDERS)

    def resting(side: str) -> Any:
        book = nb.Exchange()
        for price in prices:
            book.submit_limit(side, price, 10)
        return book

    def read_depth(book: Any) -> None:
        for _ in range(ORDERS):
            [(level.price, level.quantity) for level in book.depth(10).bids]

    cases: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
        "submit_limit, rests": (nb.Exchange, lambda book: [book.submit_limit("buy", price, 10) for price in prices]),
        "submit_limit, one fill": (
            lambda: resting("sell"),
            lambda book: [book.submit_limit("buy", 20_000, 10) for _ in prices],
        ),
        "submit_limit, one fill, trade read": (
            lambda: resting("sell"),
            lambda book: [book.submit_limit("buy", 20_000, 10).trades[0].price for _ in prices],
        ),
        "cancel, random": (lambda: resting("buy"), lambda book: [book.cancel(number) for number in shuffled]),
        "best_bid_ask": (lambda: resting("buy"), lambda book: [book.best_bid_ask() for _ in prices]),
        "depth(10), bids read": (lambda: resting("buy"), read_depth),
        "events": (lambda: resting("buy"), lambda book: book.events()),
        "replay": (lambda: resting("buy").events(), nb.Exchange.replay),
    }
    return {f"{name} ({ORDERS:,})": prepared(*case) for name, case in cases.items()}


def prepared(prepare: Callable[[], Any], call: Callable[[Any], Any]) -> float:
    """Best time of a call that changes what it is given."""
    times = []
    for _ in range(REPEATS):
        given = prepare()
        start = time.perf_counter()
        call(given)
        times.append(time.perf_counter() - start)
    return min(times)


def schedules(periods: int, count: int) -> tuple[Any, Any]:
    """Dense weights that change every day, and prices that walk."""
    rng = random.Random(0)
    names = [f"S{i}" for i in range(count)]
    cents = {name: rng.randint(2_000, 30_000) for name in names}
    weights, prices = [], []
    for _ in range(periods):
        for name in names:
            cents[name] = max(100, round(cents[name] * (1.0 + rng.gauss(0.0003, 0.015))))
        raw = [rng.random() for _ in names]
        weights.append([(name, value / sum(raw)) for name, value in zip(names, raw, strict=True)])
        prices.append(list(cents.items()))
    return weights, prices


def best(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
