import json
import signal
import stat
import subprocess
import sys

import pytest

from nanodesk.errors import ValidationError
from nanodesk.risk.kill_switch import KillSwitch, KillSwitchState


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "kill.json"


def switch(path):
    return KillSwitch(path, now_ns=lambda: 7)


class TestLatch:
    def test_not_pulled_without_a_file(self, path):
        assert switch(path).state() == KillSwitchState(False)

    def test_pulled_for_every_process_until_reset(self, path):
        switch(path).pull(who="ann", why="runaway")
        assert switch(path).state() == KillSwitchState(True, "ann", "runaway", 7)
        assert str(switch(path).state()) == "pulled by ann: runaway"
        switch(path).reset(who="bob", why="fixed")
        assert switch(path).state() == KillSwitchState(False, "bob", "fixed", 7)
        assert str(switch(path).state()) == "not pulled"

    def test_the_first_pull_keeps_its_name_and_flattening_only_narrows(self, path):
        switch(path).pull(who="ann", why="fire", may_flatten=True)
        switch(path).pull(who="bob", why="flood", may_flatten=True)
        assert switch(path).state() == KillSwitchState(True, "ann", "fire", 7, True)
        switch(path).pull(who="bob", why="flood")
        switch(path).pull(who="bob", why="flood", may_flatten=True)
        assert switch(path).state() == KillSwitchState(True, "ann", "fire", 7, False)

    def test_leave_to_flatten_is_given_by_name_and_frees_nothing_else(self, path):
        assert switch(path).allow_flattening(who="ann", why="fire") == KillSwitchState(True, "ann", "fire", 7, True)
        switch(path).pull(who="bob", why="flood")
        assert switch(path).allow_flattening(who="bob", why="dry").why == "fire"
        assert switch(path).state() == KillSwitchState(True, "ann", "fire", 7, True)
        with pytest.raises(ValidationError):
            switch(path).allow_flattening(who="bob", why="")

    def test_file_is_private_and_its_folder_too(self, path):
        switch(path).pull(who="ann", why="fire")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert [entry.name for entry in path.parent.iterdir()] == ["kill.json"]

    def test_survives_a_killed_process(self, path):
        program = (
            "import sys, os, signal, pathlib; from nanodesk.risk.kill_switch import KillSwitch;"
            "KillSwitch(pathlib.Path(sys.argv[1])).pull(who='x', why='y'); os.kill(os.getpid(), signal.SIGKILL)"
        )
        done = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=30)
        assert done.returncode == -signal.SIGKILL
        assert switch(path).state().is_pulled

    @pytest.mark.parametrize(("who", "why"), [("", "x"), ("x", ""), ("  ", "x"), (None, "x"), ("x", 5)])
    def test_name_and_reason_are_needed(self, path, who, why):
        for act in (switch(path).pull, switch(path).reset):
            with pytest.raises(ValidationError):
                act(who=who, why=why)


class TestDamage:
    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "null", "5", '"x"', "\x00", "[" * 50_000, '{"schema": 1}', '{"schema": 2, "is_pulled": false}',
         '{"schema": 1, "is_pulled": 0, "who": "", "why": "", "when_ns": 0, "may_flatten": false}',
         '{"schema": 1, "is_pulled": false, "who": 1, "why": "", "when_ns": 0, "may_flatten": false}',
         '{"schema": 1, "is_pulled": false, "who": "", "why": "", "when_ns": 0.5, "may_flatten": false}'],
    )  # fmt: skip
    def test_what_cannot_be_understood_counts_as_pulled(self, path, text):
        path.parent.mkdir()
        path.write_text(text)
        assert switch(path).state().is_pulled
        assert not switch(path).state().may_flatten
        switch(path).reset(who="ann", why="repaired")
        assert not switch(path).state().is_pulled

    def test_every_cut_of_the_file_counts_as_pulled(self, path):
        switch(path).reset(who="ann", why="test")
        whole = path.read_bytes()
        for length in range(len(whole) - 2):  # without the closing brace and the line end
            path.write_bytes(whole[:length])
            assert switch(path).state().is_pulled, length

    def test_a_link_counts_as_pulled(self, path, tmp_path):
        path.parent.mkdir()
        switch(tmp_path / "other").reset(who="ann", why="test")
        path.symlink_to(tmp_path / "other")
        assert switch(path).state().is_pulled

    def test_a_folder_counts_as_pulled(self, path):
        path.mkdir(parents=True)
        assert switch(path).state().is_pulled

    def test_a_failed_write_still_stops_this_process(self, path, monkeypatch):
        def full(*_, **__):
            raise OSError(28, "No space left on device")

        mine = switch(path)
        monkeypatch.setattr("nanodesk.risk.kill_switch.write_text", full)
        with pytest.raises(OSError, match="No space"):
            mine.pull(who="ann", why="fire")
        assert mine.state().is_pulled
        with pytest.raises(OSError, match="No space"):
            mine.reset(who="ann", why="out")
        assert mine.state().is_pulled

    def test_a_removed_file_does_not_free_the_process_that_pulled(self, path):
        mine = switch(path)
        mine.pull(who="ann", why="fire")
        path.unlink()
        assert mine.state().is_pulled

    def test_record_has_a_schema(self, path):
        switch(path).pull(who="ann", why="fire")
        assert json.loads(path.read_text())["schema"] == 1
