"""A short run of the parser fuzzer: every target, the same texts each time. ``make fuzz-parsers`` is the long one."""

import importlib.util
import sys
from pathlib import Path

import pytest

from nanodesk.cli import app
from parser_fuzz.mutations import Mutator, text_tokens
from parser_fuzz.targets import TARGETS, Door, Target

_TOOL = Path(__file__).resolve().parents[2] / "tools" / "fuzz_parsers.py"
_SPEC = importlib.util.spec_from_file_location("fuzz_parsers", _TOOL)
tool = importlib.util.module_from_spec(_SPEC)
sys.modules["fuzz_parsers"] = tool
_SPEC.loader.exec_module(tool)


@pytest.mark.parametrize("name", TARGETS)
def test_only_our_own_errors_leave_a_parser(name, monkeypatch):
    monkeypatch.setattr(app, "app", app.app)  # one target puts its own in the place
    try:
        target = TARGETS[name]()
    except ModuleNotFoundError as missing:
        pytest.skip(str(missing))
    done = tool.run_batch(target, name, 0, 900)
    assert done["findings"] == []
    assert done["accepted"] > 0


def test_the_same_batch_gives_the_same_texts():
    seen = []
    target = Target((Door(Mutator([b"a=1;b=22"], text_tokens), seen.append),))
    tool.run_batch(target, "x", 7, 200)
    first, seen[:] = list(seen), []
    tool.run_batch(target, "x", 7, 200)
    assert seen == first
    assert len(set(seen)) > 100


def test_an_escape_is_kept_once_with_its_text():
    def broken(text):
        raise IndexError(text)

    done = tool.run_batch(Target((Door(lambda rng: b"t", broken),)), "x", 1, 5)
    assert done["escaped"] == 5
    assert [finding["input"] for finding in done["findings"]] == [b"t".hex()]


def test_a_hang_is_interrupted_and_counted():
    def endless(_text):
        while True:
            pass

    watch = tool.Watch()
    try:
        done = tool.run_batch(Target((Door(lambda rng: b"t", endless),)), "x", 1, 1, watch)
    finally:
        watch.close()
    assert done["hangs"] == 1


def test_a_run_goes_on_where_it_was_stopped(tmp_path):
    state = tmp_path / "state.json"
    tallies = {"symbols": tool.Tally(batches=2, executions=10, accepted=9)}
    tool.write_state(state, tallies)
    assert tool.read_state(state) == tallies
    words = ["--executions", "10", "--targets", "symbols", "--state", str(state)]
    assert tool.fuzz(tool.parse(words)) == 0
    assert tool.read_state(state) == tallies
