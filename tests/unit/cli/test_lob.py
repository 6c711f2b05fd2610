"""``nanodesk lob`` itself: where it goes, what it needs, what it loads."""

import json
import subprocess
import sys

import pytest

from nanodesk.book.exchange import Exchange
from nanodesk.cli import lob
from nanodesk.cli.lob_shell.execute import Session
from nanodesk.errors import DataError, MissingExtraError


class TestBookValues:
    def test_every_level_and_the_hash(self):
        exchange = Exchange()
        for price in range(9_950, 9_999):
            exchange.submit_limit("buy", price, 1)
        values = lob.book_values(exchange)
        assert len(values["bids"]) == 49
        assert values["bids"][0] == {"price_cents": 9_998, "quantity": 1, "orders": 1}
        assert values["asks"] == []
        assert (values["commands"], values["trades"], values["spread_cents"]) == (49, 0, None)
        assert int(values["state_hash"], 16) == exchange.state_hash()


class TestMissingExtra:
    @pytest.fixture(autouse=True)
    def _on_a_terminal(self, monkeypatch):
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        for name in [name for name in sys.modules if name.startswith("nanodesk.cli.lob_")]:
            if name.endswith((".prompt", ".app")):
                monkeypatch.delitem(sys.modules, name)

    def test_the_prompt_names_it(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
        with pytest.raises(MissingExtraError, match=r"pip install nanodesk\[tui\]"):
            lob._prompt(Session(Exchange()))

    def test_the_ladder_names_it(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "textual", None)
        monkeypatch.setitem(sys.modules, "textual.app", None)
        with pytest.raises(MissingExtraError, match=r"pip install nanodesk\[tui\]"):
            lob._watch(None, seed=1, speed=1, light=False)


class TestLoad:
    def test_an_unreadable_file_is_a_data_error(self, tmp_path):
        with pytest.raises(DataError, match=r"none\.jsonl"):
            lob._load(tmp_path / "none.jsonl")


class TestImports:
    def test_a_pipe_needs_no_extra(self):
        program = (
            "import sys, json\n"
            "sys.modules['prompt_toolkit'] = sys.modules['textual'] = None\n"
            "from nanodesk.cli.app import run_command\n"
            "code = run_command(['lob'])\n"
            "heavy = {'polars', 'scipy', 'pandas'} & {name.split('.')[0] for name in sys.modules}\n"
            "print(json.dumps([code, sorted(heavy)]))\n"
        )
        finished = subprocess.run(
            [sys.executable, "-c", program], input="buy 1 1\n", capture_output=True, text=True, check=True
        )
        answer, bye, told = finished.stdout.splitlines()
        assert (answer, bye) == ("O1 buy 1 @ $1.00: rests.", "Goodbye!")
        assert json.loads(told) == [0, []]
