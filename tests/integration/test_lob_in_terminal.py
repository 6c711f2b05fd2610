"""``lob`` in a real terminal: keys go in through tmux, the screen comes out."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from nanodesk.book.exchange import Exchange

PATIENCE_S = 30.0
"""Longest wait for a screen; a loaded machine starts Python slowly."""
PROGRAM = [sys.executable, "-c", "from nanodesk.cli.app import main_lob; main_lob()"]

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux on this machine")


class Terminal:
    """A tmux server of its own with one window."""

    def __init__(self, home: Path) -> None:
        # The socket's path must stay short, so it is not under the test's folder.
        self._sockets = tempfile.mkdtemp(prefix="lob")
        self._environment = os.environ | {
            "TMUX_TMPDIR": self._sockets,
            "XDG_STATE_HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        # The window's size is tmux's to tell, whatever a runner of tests has put into the environment.
        for name in ("TMUX", "NO_COLOR", "COLUMNS", "LINES"):
            self._environment.pop(name, None)

    def tmux(self, *arguments: str) -> str:
        finished = subprocess.run(
            ["tmux", "-u", "-f", "/dev/null", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return finished.stdout

    def start(self, *arguments: str, size: tuple[int, int] = (110, 34)) -> None:
        self.tmux("new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), self._command(*arguments))

    def again(self, *arguments: str) -> None:
        """Start anew in the same window."""
        self.tmux("respawn-pane", "-k", self._command(*arguments))

    def _command(self, *arguments: str) -> str:
        return shlex.join([*PROGRAM, *arguments]) + "; echo left with $?; exec cat"

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def prompt(self) -> None:
        """Wait until a line can be typed: keys that arrive between two prompts are not the prompt's to read."""
        self.wait("lob>\n")

    def say(self, line: str) -> None:
        self.prompt()
        self.tmux("send-keys", "-l", line)
        self.keys("Enter")

    def screen(self, *options: str) -> str:
        return self.tmux("capture-pane", "-p", *options)

    def wait(self, text: str) -> str:
        """The screen once it shows a text."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            screen = self.screen()
            if text in screen:
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{text!r} did not appear in\n{self.screen()}")

    def close(self) -> None:
        self.tmux("kill-server")
        shutil.rmtree(self._sockets, ignore_errors=True)


@pytest.fixture
def terminal(tmp_path):
    pytest.importorskip("prompt_toolkit")
    pytest.importorskip("textual")
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


@needs_tmux
class TestPrompt:
    def test_trades_and_teaches(self, terminal):
        terminal.start()
        terminal.say("sell 100.50 300 show=50")
        terminal.wait("O1 sell 300 @ $100.50: rests.")
        terminal.say("BUY 101 20")
        terminal.wait("O2 buy 20 @ $101.00: 20 filled at $100.50.")
        terminal.wait("ask $100.50 x 30")
        terminal.say("byu 1 1")
        terminal.wait("Did you mean buy?")
        terminal.say("book")
        terminal.wait("no bids")
        terminal.say("quit")
        assert "Goodbye!" in terminal.wait("left with 0")

    def test_tab_completes_commands_words_and_ids(self, terminal):
        terminal.start()
        terminal.say("buy 99 10")
        terminal.wait("rests")
        terminal.prompt()
        terminal.keys("mark", "Tab")
        terminal.wait("lob> market")
        terminal.keys(" ", "s", "Tab")
        terminal.wait("lob> market sell")
        terminal.keys("C-c")
        terminal.wait("Type quit to leave.")
        terminal.prompt()
        terminal.keys("cancel", " ", "Tab")
        terminal.wait("lob> cancel 1")
        terminal.keys("Enter")
        terminal.wait("O1: 10 cancelled.")
        terminal.prompt()
        terminal.keys("C-d")
        assert "Goodbye!" in terminal.wait("left with 0")

    def test_history_lives_from_one_session_to_the_next(self, terminal, tmp_path):
        terminal.start()
        terminal.say("buy 98.76 54")
        terminal.wait("O1 buy 54")
        terminal.say("q")
        terminal.wait("left with 0")
        assert "+buy 98.76 54" in (tmp_path / "nanodesk" / "lob_history").read_text()
        terminal.again()
        terminal.prompt()
        terminal.keys("Up", "Up")
        terminal.wait("lob> buy 98.76 54")
        terminal.keys("Enter")
        terminal.wait("O1 buy 54 @ $98.76: rests.")

    def test_colors_tell_the_sides(self, terminal):
        terminal.start()
        terminal.say("buy 99 100")
        terminal.say("sell 101 100")
        terminal.say("book")
        terminal.wait("imbalance")
        colored = terminal.screen("-e")
        assert "\x1b[32m" in colored
        assert "\x1b[31m" in colored


@needs_tmux
class TestWatch:
    def test_ladder_runs_pauses_steps_and_leaves(self, terminal):
        terminal.start("--watch", "--seed", "7", "--speed", "500")
        screen = terminal.wait("Tape")
        assert all(word in screen for word in ("Bids", "Price", "Asks", "Weighted mid", "Imbalance", "500 a second"))
        terminal.wait("█")
        terminal.keys("+")
        terminal.wait("1,000 a second")
        terminal.keys("Space")
        before = commands_of(terminal.wait("paused"))
        terminal.keys("s", "s")
        end = time.monotonic() + PATIENCE_S
        while commands_of(terminal.screen()) != before + 2 and time.monotonic() < end:
            time.sleep(0.05)
        assert commands_of(terminal.screen()) == before + 2
        terminal.keys("q")
        terminal.wait("left with 0")

    def test_light_and_dark(self, terminal):
        terminal.start("--watch", "--light")
        terminal.wait("Tape")
        light = terminal.screen("-e")
        terminal.keys("Space", "d")
        end = time.monotonic() + PATIENCE_S
        while backgrounds(terminal.screen("-e")) & backgrounds(light) and time.monotonic() < end:
            time.sleep(0.05)
        assert not backgrounds(terminal.screen("-e")) & backgrounds(light)

    def test_a_saved_book_plays_to_its_end(self, terminal, tmp_path):
        exchange = Exchange()
        for price in range(9_900, 9_950):
            exchange.submit_limit("buy", price, 10)
        exchange.submit_market("sell", 25)
        exchange.save(tmp_path / "book.jsonl")
        terminal.start(str(tmp_path / "book.jsonl"), "--watch", "--speed", "100")
        terminal.wait("■ end")
        assert "book.jsonl" in terminal.wait("51 of 51 commands")
        terminal.keys("r")
        terminal.wait("of 51 commands")
        terminal.keys("q")
        terminal.wait("left with 0")

    def test_small_terminal(self, terminal):
        terminal.start("--watch", size=(60, 16))
        assert "Tape" not in terminal.wait("Bids")


def commands_of(screen: str) -> int:
    """The number before "commands" in the title."""
    words = screen.split("commands")[0].split()
    return int(words[-1].replace(",", "")) if words and words[-1][0].isdigit() else -1


def backgrounds(screen: str) -> set[str]:
    """The background of the first cell of the screen, as tmux writes it."""
    return {screen.split("m")[0]}


class TestPipe:
    def run(self, lines: str | bytes, *arguments: str, **options) -> subprocess.CompletedProcess:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        return subprocess.run(
            [*PROGRAM, *arguments],
            input=lines,
            capture_output=True,
            env=environment,
            timeout=60,
            check=False,
            **options,
        )

    def test_plain_text_without_a_terminal(self):
        finished = self.run("sell 100.5 10\nxyzzy\n\n# remark\nmarket buy 4\nquit\nbuy 1 1\n", text=True)
        assert finished.returncode == 0
        assert finished.stdout == (
            "O1 sell 10 @ $100.50: rests.\n"
            "'xyzzy' is no command. Type help for the list.\n"
            "O2 market buy 4: 4 filled at $100.50.\n"
            "  T1  4 at $100.50 with O1\n"
            "Goodbye!\n"
        )
        assert finished.stderr == ""

    def test_the_guide_prints_what_it_says(self):
        guide = (Path(__file__).resolve().parents[2] / "docs" / "lob.md").read_text()
        lines = re.search(r"^printf '(.*book.*)' \| lob$", guide, re.MULTILINE)[1].replace("\\n", "\n")
        printed = re.search(r"The first of these prints\n\n```\n(.*?)```", guide, re.DOTALL)[1]
        assert self.run(lines, text=True).stdout == printed

    def test_the_end_of_input_ends_it(self):
        assert self.run("", text=True).stdout == "Goodbye!\n"

    def test_closed_input_is_an_empty_one(self):
        program = shlex.join(PROGRAM) + " <&-"
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        finished = subprocess.run(
            ["sh", "-c", program], capture_output=True, text=True, env=environment, timeout=60, check=False
        )
        assert (finished.returncode, finished.stdout) == (0, "Goodbye!\n")

    def test_bytes_that_are_no_text(self):
        finished = self.run(b"buy 100 1\n\xff\xfe\x00\xc3\nbuy 100 1\x00\n")
        assert finished.returncode == 0
        assert finished.stdout.decode().count("\n") == 4
        assert b"O2" not in finished.stdout

    def test_one_json_object(self):
        finished = self.run("sell 100.5 10\nmarket buy 4\n", "--json", text=True)
        book = json.loads(finished.stdout)
        assert book["asks"] == [{"price_cents": 10050, "quantity": 6, "orders": 1}]
        assert (book["schema"], book["trades"], book["volume"], book["bids"]) == ("nanodesk.lob/1", 1, 4, [])
        assert "O2 market buy 4" in finished.stderr

    def test_kind_of_matching(self):
        lines = "buy 1 10\nbuy 1 30\nsell 1 20\nqueue buy 1\n"
        assert "1. O1 5\n   2. O2 15" in self.run(lines, "--matching", "pro_rata", text=True).stdout

    def test_watching_needs_a_terminal(self):
        finished = self.run("", "--watch", text=True)
        assert finished.returncode == 2
        assert "a terminal is needed" in finished.stderr

    def test_no_such_file(self, tmp_path):
        finished = self.run("", str(tmp_path / "none.jsonl"), text=True)
        assert finished.returncode == 5
        assert finished.stderr.count("\n") == 1

    def test_a_saved_book_is_replayed(self, tmp_path):
        saved = self.run("buy 99 10\nbuy 99 5\nsell 99 12\nsave book.jsonl\nhash\n", text=True, cwd=tmp_path)
        assert "3 commands written to book.jsonl." in saved.stdout
        shown = self.run("", "book.jsonl", text=True, cwd=tmp_path)
        assert shown.returncode == 0
        assert shown.stdout.startswith("book.jsonl: 3 commands, 2 trades, 12 traded at an average of $99.00\n")
        assert (
            json.loads(self.run("", "book.jsonl", "--json", text=True, cwd=tmp_path).stdout)["state_hash"]
            in saved.stdout
        )

    def test_a_file_that_is_no_log(self, tmp_path):
        (tmp_path / "bad.jsonl").write_text("hello\n")
        finished = self.run("", "bad.jsonl", text=True, cwd=tmp_path)
        assert finished.returncode == 5
        assert finished.stderr.count("\n") == 1
