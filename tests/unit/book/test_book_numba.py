"""A strategy that Numba compiles, calling the C-level door by its functions' addresses."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "numba_strategy.py"


def test_the_example_gives_the_book_of_the_same_strategy_in_python(capsys):
    pytest.importorskip("numba", reason="the door for Numba needs numba, which nanodesk does not")
    runpy.run_path(str(EXAMPLE))["main"](steps=3_000)
    assert "equal state hash" in capsys.readouterr().out
