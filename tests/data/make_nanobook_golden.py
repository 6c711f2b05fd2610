"""Ask the published nanobook 0.9.3 wheel every question of tests/reference/nanobook_cases.py; print its answers.

    "$NANODESK_NANOBOOK_PYTHON" tests/data/make_nanobook_golden.py > tests/data/nanobook_0_9_3.json
    "$NANODESK_NANOBOOK_PYTHON" tests/data/make_nanobook_golden.py --book > tests/data/nanobook_0_9_3_book.json
    "$NANODESK_NANOBOOK_PYTHON" tests/data/make_nanobook_golden.py --risk > tests/data/nanobook_0_9_3_risk.json

where the variable names an interpreter with ``pip install nanobook==0.9.3``. ``--book`` asks the questions about the
order book, of nanobook_book_cases.py, ``--risk`` those about the risk engine, of nanobook_risk_cases.py. With
``--seed N --scale K`` only the random questions are asked, others than the stored ones and K times as many.
"""

import argparse
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import nanobook

from reference import nanobook_book_cases as book_cases
from reference import nanobook_cases as cases
from reference import nanobook_risk_cases as risk_cases

COMMAND = '"$NANODESK_NANOBOOK_PYTHON" tests/data/make_nanobook_golden.py > tests/data/nanobook_0_9_3.json'
BOOK_COMMAND = (
    '"$NANODESK_NANOBOOK_PYTHON" tests/data/make_nanobook_golden.py --book > tests/data/nanobook_0_9_3_book.json'
)
RISK_COMMAND = (
    '"$NANODESK_NANOBOOK_PYTHON" tests/data/make_nanobook_golden.py --risk > tests/data/nanobook_0_9_3_risk.json'
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--book", action="store_true")
    parser.add_argument("--risk", action="store_true")
    chosen = parser.parse_args()
    if chosen.seed is not None:
        ask = book_cases.digests if chosen.book else risk_cases.answers if chosen.risk else cases.random_answers
        json.dump(ask(nanobook, seed=chosen.seed, scale=chosen.scale), sys.stdout)
        return
    answers = book_answers() if chosen.book else risk_answers() if chosen.risk else other_answers()
    sys.stdout.write(json.dumps(answers, separators=(",", ":")).replace("],[[", "],\n[[") + "\n")


def origin(command: str) -> dict[str, str]:
    package = f"nanobook {metadata.version('nanobook')}, wheel from PyPI, called as a black box"
    return {"package": package, "python": sys.version.split()[0], "command": command}


def book_answers() -> dict[str, Any]:
    return {
        "schema": 1,
        "origin": origin(BOOK_COMMAND),
        "members": book_cases.members(nanobook),
        "signatures": book_cases.signatures(nanobook),
        "errors": book_cases.errors(nanobook),
        "deliberate": book_cases.deliberate(nanobook),
        "first": {group: json.loads(book_cases.transcript(nanobook, group, 0, 0)) for group in book_cases.RANDOM_FLOWS},
        "random": book_cases.digests(nanobook),
    }


def risk_answers() -> dict[str, Any]:
    return {
        "schema": 1,
        "origin": origin(RISK_COMMAND),
        "members": risk_cases.members(nanobook),
        "fixed": risk_cases.fixed(nanobook),
        "errors": risk_cases.errors(nanobook),
        "deliberate": risk_cases.deliberate(nanobook),
        "random": risk_cases.answers(nanobook),
    }


def other_answers() -> dict[str, Any]:
    return {
        "schema": 1,
        "origin": origin(COMMAND),
        "names": cases.names(nanobook),
        "members": cases.members(nanobook),
        "signatures": cases.signatures(
            nanobook, [name for name in cases.names(nanobook) if name not in cases.LATER + cases.BOOK]
        ),
        "fixed": cases.fixed_answers(nanobook),
        "errors": cases.errors(nanobook),
        "deliberate": cases.deliberate(nanobook),
        "random": cases.random_answers(nanobook),
    }


if __name__ == "__main__":
    main()
