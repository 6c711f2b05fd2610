"""Our compatible names against the published wheel itself, on questions that were never stored.

Runs where NANODESK_NANOBOOK_PYTHON names an interpreter with ``pip install nanobook==0.9.3``.
"""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nanodesk.compat import nanobook
from reference import nanobook_book_cases as book_cases
from reference import nanobook_cases as cases
from reference import nanobook_risk_cases as risk_cases
from reference.nanobook_answers import PINNED, TOLERANCE, differences, plain

SCRIPT = Path(__file__).resolve().parent.parent / "data" / "make_nanobook_golden.py"
SCALE = 5


def answers(*options: str) -> dict[str, Any]:
    python = os.environ.get("NANODESK_NANOBOOK_PYTHON")
    if not python:
        pytest.skip("NANODESK_NANOBOOK_PYTHON is not set")
    command = [python, str(SCRIPT), "--seed", "1", "--scale", str(SCALE), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def wheel() -> dict[str, Any]:
    return answers()


@pytest.fixture(scope="module")
def wheel_book() -> dict[str, Any]:
    """A timeout: the published engine can hang, although these flows keep clear of what makes it."""
    return answers("--book")


class TestLiveWheel:
    @pytest.mark.parametrize("group", cases.RANDOM_CASES)
    def test_new_questions(self, wheel: dict[str, Any], group: str) -> None:
        ask, count = cases.RANDOM_CASES[group]
        ours = plain([ask(nanobook, cases.random.Random(f"{group}-1-{i}")) for i in range(count * SCALE)])
        assert differences(wheel[group], ours, TOLERANCE.get(group, PINNED), group) == []

    def test_portfolio_files_are_read_both_ways(self, wheel: dict[str, Any], tmp_path: Path) -> None:
        ours = nanobook.Portfolio(100_000, nanobook.CostModel(7, 3, 50))
        ours.rebalance_simple([("A", 0.5)], [("A", 333)])
        ours.record_return([("A", 350)])
        ours.save_json(str(tmp_path / "ours.json"))
        program = (
            "import nanobook, sys; p = nanobook.Portfolio.load_json(sys.argv[1]); p.save_json(sys.argv[2]);"
            "print(p, p.positions(), p.returns(), p.equity_curve())"
        )
        command = [os.environ["NANODESK_NANOBOOK_PYTHON"], "-c", program]
        files = [str(tmp_path / "ours.json"), str(tmp_path / "theirs.json")]
        told = subprocess.run([*command, *files], capture_output=True, text=True, check=True, timeout=20).stdout
        back = nanobook.Portfolio.load_json(files[1])
        assert told.strip() == f"{back} {back.positions()} {back.returns()} {back.equity_curve()}"


class TestLiveBook:
    @pytest.mark.parametrize("group", book_cases.RANDOM_FLOWS)
    def test_new_flows(self, wheel_book: dict[str, Any], group: str) -> None:
        differing = []
        for index, digest in enumerate(wheel_book[group]):
            told = book_cases.transcript(nanobook, group, 1, index)
            if hashlib.sha256(told.encode()).hexdigest()[:12] != digest:
                differing.append(f"{group}-1-{index}")
        assert differing == []


class TestLiveRisk:
    def test_new_questions(self) -> None:
        assert answers("--risk") == plain(risk_cases.answers(nanobook, seed=1, scale=SCALE))
