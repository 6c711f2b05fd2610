"""``nanodesk rebalance`` and ``nanodesk trade``: what they print, write and return."""

import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import nanodesk.cli.demo
from nanodesk.cli.app import run_command
from nanodesk.cli.exit_codes import BROKER, DATA, DONE, DRIFT, FAILED, REFUSED_BY_RISK, USAGE
from nanodesk.cli.output import progress_bar
from nanodesk.rebalance.run_lock import current_holder

CONFIG = """
[connection]
broker = "paper"
quotes = "quotes.json"
[execution]
order_timeout_secs = {timeout}
[risk]
max_trade_usd = 1e6
max_position_pct = 0.5
[logging]
min_free_bytes = 1
"""
QUOTES = {
    "schema": 1,
    "currency": "USD",
    "cash": "1000000",
    "symbols": [
        {"symbol": "AAPL", "bid": "184.99", "ask": "185.01"},
        {"symbol": "MSFT", "bid": "369.90", "ask": "370.10"},
    ],
}
TARGET = {
    "timestamp": "2026-02-08T15:30:00Z",
    "targets": [{"symbol": "AAPL", "weight": 0.4}, {"symbol": "MSFT", "weight": 0.3}],
    "constraints": {"max_position_pct": 0.5, "max_leverage": 1.5, "min_trade_usd": 100.0},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    return tmp_path


def write(folder, *, timeout=300, size=None, **target):
    (folder / "config.toml").write_text(CONFIG.format(timeout=timeout))
    rows = [{**row, **({"ask_size": size} if size else {})} for row in QUOTES["symbols"]]
    (folder / "quotes.json").write_text(json.dumps({**QUOTES, "symbols": rows}))
    (folder / "target.json").write_text(json.dumps({**TARGET, **target}))


@pytest.fixture
def invoke(folder, capsys):
    def run(*arguments):
        code = run_command(["rebalance", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


class TestRun:
    def test_from_target_to_reconciled(self, invoke, folder):
        code, out, _ = invoke("run", "target.json", "--force")
        assert code == DONE, out
        assert "BUY     AAPL" in out
        assert "Risk: 48 checks, 48 passed" in out
        assert "Reconciled: tracking error" in out
        assert oct((folder / "logs").stat().st_mode)[-3:] == "700"
        for name in ("orders.db", "audit.jsonl", "paper-account.jsonl", "losses.json", "run.lock"):
            assert oct((folder / "logs" / name).stat().st_mode)[-3:] == "600", name

    def test_json_is_one_object_with_the_whole_run(self, invoke):
        code, out, _ = invoke("run", "target.json", "--force", "--json")
        values = json.loads(out)
        assert (code, values["outcome"]) == (DONE, "done")
        assert [(o["action"], o["symbol"], o["filled"], o["avg_price"]) for o in values["orders"]] == [
            ("BUY", "AAPL", "2162", "185.01"),
            ("BUY", "MSFT", "810", "370.1"),
        ]
        assert all(check["status"] == "pass" for check in values["risk"])

    def test_a_dry_run_leaves_no_trace(self, invoke, folder):
        code, out, _ = invoke("run", "target.json", "--dry-run")
        assert code == DONE
        assert "Dry run, nothing was sent" in out
        assert sorted(path.name for path in folder.iterdir()) == ["config.toml", "quotes.json", "target.json"]

    def test_refused_by_risk(self, invoke, folder):
        write(folder, constraints={"max_position_pct": 0.1})
        code, out, _ = invoke("run", "target.json", "--force")
        assert code == REFUSED_BY_RISK
        assert "FAIL 14 target weights: 0.4 is above max_target_weight_frac = 0.1 (the weight of 'AAPL'). Lower" in out
        assert out.count("FAIL 14") == 1
        assert "Refused by risk; nothing was sent." in out

    def test_not_filled_in_time(self, invoke, folder):
        write(folder, timeout=0.2, size="10")
        code, out, _ = invoke("run", "target.json", "--force")
        assert code == DRIFT
        assert "Not all orders were filled" in out

    def test_nobody_to_ask(self, invoke):
        code, _, err = invoke("run", "target.json")
        assert code == USAGE
        assert "add --force" in err

    @pytest.mark.parametrize(("answer", "held"), [("y\n", True), ("n\n", False)])
    def test_a_human_is_asked(self, folder, monkeypatch, capsys, answer, held):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert run_command(["rebalance", "run", "target.json"]) == DONE
        out = capsys.readouterr().out
        assert "Send 2 orders to paper PAPER (paper)?" in out
        assert ("Nothing was sent" in out) is not held
        assert out.count("Risk: 48 checks") == 1

    def test_the_question_is_not_painted_over(self, monkeypatch):
        """A progress bar that is redrawn ten times a second hides what is asked below it."""

        class Terminal(io.StringIO):
            def isatty(self):
                return True

        def is_redrawn():
            redrawing = [thread for thread in threading.enumerate() if type(thread).__name__ == "_RefreshThread"]
            for thread in redrawing:
                thread.join(0.5)  # one that was told to stop looks at that ten times a second
            return any(thread.is_alive() for thread in redrawing)

        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stderr", Terminal())
        with progress_bar() as progress:
            progress("quotes", 0, 2)
            assert is_redrawn()
            progress("quotes", 2, 2)
            assert not is_redrawn()
            progress("orders", 0, 1)
            assert is_redrawn()
        assert not is_redrawn()

    def test_one_window_once(self, invoke):
        assert invoke("run", "target.json", "--cron")[0] == DONE
        code, _, err = invoke("run", "target.json", "--cron")
        assert code == FAILED
        assert "was completed before" in err

    def test_faults_of_files(self, invoke, folder):
        (folder / "target.json").write_text("{")
        assert invoke("run", "target.json", "--force")[0] == USAGE
        assert invoke("run", "none.json", "--force")[0] == USAGE
        (folder / "config.toml").write_text("[connection]\nbrokr = 1")
        code, _, err = invoke("status")
        assert code == USAGE
        assert 'config.toml:2: connection.brokr: unknown key; did you mean "broker"?' in err

    def test_startup_issues_and_skipping_them(self, invoke, folder):
        text = (folder / "config.toml").read_text()
        (folder / "config.toml").write_text(text.replace("[risk]", "[risk]\nmax_leverage = 20"))
        code, _, err = invoke("run", "target.json", "--force")
        assert code == USAGE
        assert "config.toml: risk.max_leverage: set it within [1, 10] (got 20)" in err
        assert run_command(["rebalance", "--skip-validation", "run", "target.json", "--force"]) == DONE

    def test_no_quotes(self, invoke, folder):
        write(folder, targets=[{"symbol": "TSLA", "weight": 0.1}])
        code, _, err = invoke("run", "target.json", "--force")
        assert code in (USAGE, BROKER)
        assert "TSLA" in err


class TestWords:
    def test_status_is_for_people(self, invoke):
        out = invoke("status")[1]
        assert "equity                  1,000,000 USD\n" in out
        assert "positions               0\n" in out
        assert "clock offset ms         0.0\n" in out

    def test_positions_and_orders(self, invoke, capsys):
        invoke("run", "target.json", "--force")
        assert " AAPL         2162          185.01   185.00   399,970.00" in invoke("positions")[1]
        assert run_command(["orders"]) == DONE
        assert [line.split()[1:6] for line in capsys.readouterr().out.splitlines() if "filled" in line] == [
            ["AAPL", "buy", "2162", "185.11", "2162"],
            ["MSFT", "buy", "810", "370.29", "810"],
        ]
        assert run_command(["orders", "--open"]) == DONE
        assert capsys.readouterr() == ("", "No such orders.\n")

    def test_kill_and_release_say_what_comes_next(self, invoke):
        _, out, err = invoke("kill")
        assert "done                    yes" in out
        assert "until `nanodesk rebalance release" in err
        code, _, err = invoke("release")
        assert (code, 'say why orders may be sent again: --why "..."' in err) == (USAGE, True)


class TestLooking:
    def test_status_and_positions(self, invoke):
        invoke("run", "target.json", "--force")
        code, out, _ = invoke("status", "--json")
        values = json.loads(out)
        assert (code, values["money"], values["open_orders"], values["positions"]) == (DONE, "paper", 0, 2)
        assert values["kill_switch"] == "not pulled"
        code, out, _ = invoke("positions", "--json")
        assert [(row["symbol"], row["quantity"]) for row in json.loads(out)["positions"]] == [
            ("AAPL", "2162"),
            ("MSFT", "810"),
        ]
        assert "2162" in invoke("positions")[1]

    def test_drift_has_an_exit_code(self, invoke, folder):
        assert invoke("reconcile", "target.json")[0] == DRIFT
        invoke("run", "target.json", "--force")
        code, out, _ = invoke("reconcile", "target.json", "--json")
        assert (code, json.loads(out)["drifted"]) == (DONE, 0)


class TestKill:
    """Every failed kill of nanobook exits 0, and it finds no run, whose process file nobody writes (its bug 11)."""

    def test_latched_until_released(self, invoke):
        assert invoke("kill", "--why", "test")[0] == DONE
        assert invoke("run", "target.json", "--force")[0] == REFUSED_BY_RISK
        assert invoke("release", "--why", "")[0] == USAGE
        code, out, _ = invoke("release", "--why", "tested", "--json")
        assert (code, json.loads(out)["kill_switch"]) == (DONE, "reset")
        assert invoke("run", "target.json", "--force")[0] == DONE

    def test_a_loss_is_released_by_a_person(self, invoke, folder):
        invoke("run", "target.json", "--force")
        record = json.loads((folder / "logs" / "losses.json").read_text())
        record["high_water_e9"] = 2 * record["high_water_e9"]
        (folder / "logs" / "losses.json").write_text(json.dumps(record))
        write(folder, targets=[{"symbol": "AAPL", "weight": 0.45}])
        code, out, _ = invoke("run", "target.json", "--force")
        assert code == REFUSED_BY_RISK
        assert "the desk is halted" in out
        assert invoke("release", "--losses", "--why", "a deposit was taken out")[0] == DONE
        assert invoke("run", "target.json", "--force")[0] == DONE

    def test_flatten_is_proved_by_the_broker(self, invoke):
        invoke("run", "target.json", "--force")
        code, out, _ = invoke("kill", "--flatten", "--json")
        values = json.loads(out)
        assert (code, values["done"], values["closed"], values["still_held"]) == (DONE, True, 2, {})
        assert json.loads(invoke("positions", "--json")[1])["positions"] == []

    def test_flatten_after_a_kill_without_it(self, invoke):
        invoke("run", "target.json", "--force")
        assert invoke("kill", "--why", "runaway")[0] == DONE
        code, out, _ = invoke("kill", "--flatten", "--why", "close it all", "--json")
        values = json.loads(out)
        assert (code, values["closed"], values["still_held"]) == (DONE, 2, {})
        assert values["kill_switch"] == "pulled by operator: runaway; flattening is allowed"
        assert invoke("run", "target.json", "--force")[0] == REFUSED_BY_RISK

    def test_a_broker_that_cannot_be_asked_is_no_success(self, invoke, folder):
        (folder / "quotes.json").unlink()
        assert invoke("kill")[0] != DONE
        write(folder)
        assert json.loads(invoke("status", "--json")[1])["kill_switch"].startswith("pulled by operator")


def start(folder, *arguments):
    program = "from nanodesk.cli.app import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "rebalance", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    lock = folder / "logs" / "run.lock"
    audit = folder / "logs" / "orders.db"
    until = time.monotonic() + 30
    while (current_holder(lock) is None or not audit.exists()) and time.monotonic() < until:
        time.sleep(0.02)
    return process


def wait_for_open_order(folder):
    until = time.monotonic() + 30
    state = folder / "logs" / "paper-account.jsonl"
    while time.monotonic() < until:
        if state.exists() and "partially_filled" in state.read_text():
            return
        time.sleep(0.02)


class TestProcesses:
    """One process rebalances and waits for a thin market; another one meets it."""

    @pytest.fixture
    def working(self, folder):
        write(folder, timeout=60, size="10")
        process = start(folder, "run", "target.json", "--cron")
        wait_for_open_order(folder)
        yield process
        process.kill()
        process.communicate()

    def test_a_second_scheduled_run_is_refused_while_the_first_works(self, working, invoke):
        code, _, err = invoke("run", "target.json", "--cron")
        assert code == FAILED
        assert f"another rebalance is under way: process {working.pid}" in err

    def test_looking_disturbs_nobody(self, working, invoke, folder):
        state = folder / "logs" / "paper-account.jsonl"
        before = state.read_bytes()
        values = json.loads(invoke("status", "--json")[1])
        assert values["rebalancing"].startswith(f"process {working.pid} ")
        assert values["open_orders"] >= 1
        assert json.loads(invoke("positions", "--json")[1])["positions"][0]["quantity"] == "10"
        assert invoke("reconcile", "target.json")[0] == DRIFT
        assert state.read_bytes().startswith(before)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_cancels_the_rest_reports_and_exits_well(self, working, folder, invoke, number):
        working.send_signal(number)
        out, err = working.communicate(timeout=30)
        assert working.returncode == DONE, err
        assert "Stopped: asked to stop" in out
        assert json.loads(invoke("status", "--json")[1])["open_orders"] == 0

    def test_kill_stops_the_other_process_and_its_orders(self, working, invoke):
        code, out, _ = invoke("kill", "--json", "--timeout", "20")
        values = json.loads(out)
        assert code == DONE, values
        assert (code, values["process"], values["pid"], values["done"]) == (DONE, "terminated", working.pid, True)
        assert working.wait(10) == DONE
        assert json.loads(invoke("status", "--json")[1])["open_orders"] == 0

    def test_kill_ends_a_process_that_hangs(self, working, invoke):
        working.send_signal(signal.SIGSTOP)
        code, out, _ = invoke("kill", "--json", "--timeout", "1")
        values = json.loads(out)
        assert (code, values["process"], values["done"]) == (DONE, "killed", True)
        assert values["orders_cancelled_count"] >= 1

    def test_kill_cancels_even_where_the_journal_cannot_be_opened(self, working, folder, invoke):
        working.kill()
        working.wait()
        for name in ("orders.db", "orders.db-wal"):
            (folder / "logs" / name).write_bytes(b"no journal" * 500)
        code, out, _ = invoke("kill", "--json")
        values = json.loads(out)
        assert (code, values["done"], values["verified"], values["orders_remaining_count"]) == (BROKER, False, True, 0)
        assert values["orders_cancelled_count"] >= 1
        assert values["error_messages"][0].startswith("without the journal: logs/orders.db")

    def test_kill_cancels_even_where_the_lock_is_held_by_nobody_it_can_find(self, working, folder, invoke):
        """Its holder lives in another container that shares the folder: no process of this number is here."""
        working.kill()
        working.wait()
        lock = os.open(folder / "logs" / "run.lock", os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.ftruncate(lock, 0)
        code, out, _ = invoke("kill", "--json", "--timeout", "1")
        os.close(lock)
        values = json.loads(out)
        assert (code, values["done"], values["orders_remaining_count"]) == (BROKER, False, 0)
        assert values["orders_cancelled_count"] >= 1
        assert "another rebalance is under way" in values["error_messages"][0]

    def test_a_killed_run_is_recovered_and_done_by_the_next(self, working, folder, invoke):
        working.kill()
        working.wait()
        before = [path.read_bytes() for path in sorted((folder / "logs").glob("*.*l*"))]
        code, out, _ = invoke("recover", "target.json", "--dry-run", "--json")
        looked = json.loads(out)
        assert (code, len(looked["interrupted_runs"])) == (DONE, 1)
        assert before == [path.read_bytes() for path in sorted((folder / "logs").glob("*.*l*"))]
        code, out, _ = invoke("recover", "target.json", "--json")
        values = json.loads(out)
        assert (code, values["reconciled"]) == (DONE, True)
        assert values["open_orders"] == looked["open_orders"]
        assert [row["symbol"] for row in values["drift"]["rows"]] == ["AAPL", "MSFT"]
        assert 1 <= len(values["open_orders"]) <= 2
        write(folder)
        code, out, _ = invoke("run", "target.json", "--cron", "--json")
        assert code == DONE, out
        held = json.loads(invoke("positions", "--json")[1])["positions"]
        assert [(row["symbol"], row["quantity"]) for row in held] == [("AAPL", "2162"), ("MSFT", "810")]


class TestTrade:
    @pytest.fixture
    def manifest(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        text = nanodesk.cli.demo.MANIFEST.read_text().replace("2022-12-28", "1993-06-30")
        (tmp_path / "mine.toml").write_text(text)
        return tmp_path / "mine.toml"

    def test_decide_and_trade_once(self, manifest, capsys):
        assert run_command(["trade", "mine.toml", "--broker", "paper", "--once", "--json"]) == DONE
        values = json.loads(capsys.readouterr().out)
        assert values["outcome"] == "done"
        assert len(values["orders"]) > 5
        again = run_command(["trade", "mine.toml", "--broker", "paper", "--once", "--json"])
        assert (again, json.loads(capsys.readouterr().out)["outcome"]) == (DONE, "nothing_to_do")

    def test_another_day(self, manifest, capsys):
        arguments = ["trade", "mine.toml", "--broker", "paper", "--once", "--json", "--as-of"]
        for day in ("1993-03-31", "1993-04-30"):
            assert run_command([*arguments, day]) == DONE
            orders = json.loads(capsys.readouterr().out)["orders"]
        assert {"SELL", "BUY"} == {order["action"] for order in orders}

    def test_faults(self, manifest, capsys):
        assert run_command(["trade", "mine.toml", "--broker", "paper"]) == USAGE
        assert run_command(["trade", "mine.toml", "--broker", "paper", "--once", "--as-of", "x"]) == USAGE
        assert run_command(["trade", "mine.toml", "--broker", "paper", "--once", "--as-of", "1990-02-01"]) == USAGE
        manifest.write_text(manifest.read_text() + '[execution]\nmode = "live"\n')
        capsys.readouterr()
        assert run_command(["trade", "mine.toml", "--broker", "paper", "--once"]) == USAGE
        assert 'execution.mode: is "live", connection.mode is "paper"' in capsys.readouterr().err

    def test_the_manifest_prices_paces_and_limits(self, manifest, capsys):
        manifest.write_text(
            manifest.read_text()
            + '[execution]\norder = { type = "limit", offset_bps = 10 }\nrisk = { max_order_usd = 10 }\n'
        )
        assert run_command(["trade", "mine.toml", "--once", "--dry-run", "--json"]) == REFUSED_BY_RISK
        values = json.loads(capsys.readouterr().out)
        assert {check["number"] for check in values["risk"] if check["status"] == "fail"} == {9}
        assert not Path("logs").exists()


class TestDemo:
    def test_it_trades_its_target_and_is_the_same_twice(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        pages = []
        for _ in range(2):
            assert run_command(["demo", "--json", "--out", "runs"]) == DONE
            pages.append(json.loads(capsys.readouterr().out)["trading"])
        assert pages[0] == pages[1]
        assert pages[0]["outcome"] == "done"
        assert pages[0]["drift"]["rows"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]
        assert DATA == 5
