"""Instructions a call of the exchange, counted by callgrind: they do not depend on what else the machine does.

A program of its own runs under valgrind. It calls ``Exchange.compact``, which does nothing, between the parts that are
counted; callgrind writes what it has counted so far at each of these calls.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import exchange_workload as workload

HERE = Path(__file__).resolve().parent
COUNTED = ("submit_limit", "cancel", "best_bid_ask", "depth")
CALLS = 10_000


def missing() -> str | None:
    """Why nothing can be counted here, or None."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed: instructions are not counted."
    return None


def counted(program: str, *arguments: int) -> list[int]:
    """Instructions inside the methods of ``COUNTED``, one number for each part of a program that `main` knows."""
    import nanodesk.book.exchange as module

    symbols = subprocess.run(["nm", "-a", module.__file__], check=True, capture_output=True, text=True).stdout
    named = {name: re.findall(rf"\b(__pyx_pw_\w*8Exchange_\d+{name})\b", symbols)[0] for name in (*COUNTED, "compact")}
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command += [f"--toggle-collect={named[name]}" for name in COUNTED]
        command += [f"--dump-before={named['compact']}", sys.executable, str(Path(__file__).resolve()), program]
        subprocess.run([*command, *map(str, arguments)], check=True, capture_output=True, text=True)
        dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        return [int(re.findall(r"^(?:totals|summary): (\d+)", path.read_text(), re.MULTILINE)[0]) for path in dumps]


def of_calls() -> dict[str, float]:
    """Instructions a call of every case of the workload."""
    found = counted("calls")[1::2]
    return {
        name: spent / calls for (name, _, _, _), spent, calls in zip(workload.CASES, found, lengths(), strict=False)
    }


def of_book(n_orders: int, n_levels: int) -> list[float]:
    """Instructions an operation of ``workload.OPERATIONS`` on a book."""
    return [spent / CALLS for spent in counted("book", n_orders, n_levels)[1::2]]


def lengths() -> list[int]:
    return [CALLS // 10 if name.startswith("depth") else CALLS for name, _, _, _ in workload.CASES]


def main() -> None:
    """Run a program to be counted: ``calls``, or ``book`` with a number of orders and one of levels."""
    from nanodesk.book.exchange import Exchange

    mark = Exchange().compact
    if sys.argv[1] == "calls":
        workload.CALLS, workload.BIDS = CALLS, workload.BIDS[:CALLS]
        for _, make, run, _ in workload.CASES:
            state = make(Exchange) if make is not workload.resting else workload.resting(Exchange, CALLS)
            mark()
            run(state)
            mark()
        return
    book = workload.StandingBook(int(sys.argv[2]), int(sys.argv[3]))
    for operation in workload.OPERATIONS.values():
        operation(book, CALLS)
        mark()
        operation(book, CALLS)
        mark()


if __name__ == "__main__":
    main()
