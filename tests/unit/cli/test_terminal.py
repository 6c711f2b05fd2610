"""What a terminal, a pipe, a full disk and a signal do to the commands; and that all places print the same numbers."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nanodesk.cli.app import DATA, DONE, FAILED, INTERRUPTED, USAGE, run_command
from nanodesk.cli.demo import MANIFEST
from nanodesk.market import calendar

SHORT = ("--set", "data.end=1992-12-31")
XNYS_2024 = calendar.sessions("XNYS", "2024-01-02", "2024-12-31")
COMMAND = [sys.executable, "-m", "nanodesk.cli.app"]


@pytest.fixture
def invoke(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(MANIFEST.read_text())

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run_command(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


class TestOneDefinition:
    def test_terminal_json_sweep_and_tear_sheet_agree(self, invoke):
        run = json.loads(invoke("run", "mine.toml", *SHORT, "--json")[1])
        table = invoke("run", "mine.toml", *SHORT)[1]
        [swept] = json.loads(invoke("sweep", "mine.toml", *SHORT, "--json")[1])["runs"]
        sheet = json.loads((Path(run["folder"]) / "tearsheet.json").read_text())
        printed = {name: value for group in sheet["metrics"].values() for name, value in group.items()}
        for name in ("cagr", "volatility", "sharpe", "max_drawdown"):
            assert run["metrics"][name] == swept[name] == printed[name]
        assert run["metrics"]["sortino"] == printed["sortino"]
        assert run["turnover_year"] == swept["turnover_year"] == printed["turnover_per_year"]
        costs = printed["costs_bps_per_year"]
        assert sum(run["costs_bps_year"].values()) == pytest.approx(costs, rel=1e-15)  # the order of four additions
        assert swept["costs_bps_year"] == costs
        assert re.search(rf"Costs, bps / year +{costs:.1f}", table)
        against = {name: value for group in sheet["benchmark_metrics"].values() for name, value in group.items()}
        assert run["benchmark_metrics"]["sharpe"] == against["sharpe"]


class TestWidth:
    @pytest.mark.parametrize("columns", ["30", "60", "100"])
    def test_no_number_is_cut(self, invoke, monkeypatch, columns):
        monkeypatch.setenv("COLUMNS", columns)
        code, out, _ = invoke("run", "mine.toml", *SHORT, "--dry-run")
        assert code == DONE
        assert "…" not in out
        assert re.search(r"Total return +-?[\d.]+% +-?[\d.]+%", out)
        assert re.search(r"Costs, bps / year +[\d.]+", out)
        assert "…" not in invoke("sweep", "mine.toml", *SHORT, "--dry-run")[1]

    def test_columns_stand_under_each_other(self, invoke, monkeypatch):
        monkeypatch.setenv("COLUMNS", "60")
        out = invoke("run", "mine.toml", *SHORT, "--dry-run")[1]
        targets = out.partition("after the close\n")[2].partition("\n\n")[0].splitlines()
        assert max(map(len, targets)) <= 60
        assert len({next(match.end() for match in re.finditer("%", line)) for line in targets}) == 1


class TestStreams:
    def test_an_encoding_that_lacks_the_signs(self, tmp_path):
        environment = os.environ | {"PYTHONIOENCODING": "ascii"}
        options = {"cwd": tmp_path, "env": environment, "capture_output": True, "check": False}
        table = subprocess.run([*COMMAND, "demo", "--dry-run"], **options)
        assert (table.returncode, table.stderr) == (DONE, b"")
        assert b"20 -> 20 traded" in table.stdout
        assert json.loads(subprocess.run([*COMMAND, "factors", "--json"], **options).stdout)["factors"]

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
    @pytest.mark.parametrize("arguments", [["version", "--json"], ["factors"]])
    def test_a_full_disk_behind_the_output(self, arguments):
        with Path("/dev/full").open("w") as full:
            finished = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
        assert finished.returncode == FAILED
        assert finished.stderr == b"nanodesk: the output cannot be written: No space left on device\n"

    def test_no_output_at_all(self):
        finished = subprocess.run(["bash", "-c", f"{' '.join(COMMAND)} factors >&- 2>&-"], check=False)
        assert finished.returncode == DONE

    def test_a_reader_that_leaves_early_is_no_error(self, tmp_path):
        program = f"{' '.join(COMMAND)} demo --dry-run | head -1"
        finished = subprocess.run(
            ["bash", "-o", "pipefail", "-c", program], cwd=tmp_path, capture_output=True, check=False
        )
        assert (finished.returncode, finished.stderr) == (DONE, b"")


@pytest.mark.skipif(os.name != "posix", reason="signals")
class TestSignals:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, 143)])
    def test_while_a_run_is_written(self, tmp_path, number, code):
        (tmp_path / "mine.toml").write_text(MANIFEST.read_text())
        process = subprocess.Popen(
            [*COMMAND, "run", "mine.toml", *SHORT, "--store", "runs"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        while process.poll() is None and not any((tmp_path / "runs").glob(".*")):
            time.sleep(0.001)
        process.send_signal(number)
        # On a busy machine the run may have ended before the signal came.
        assert process.wait(30) in (code, DONE, -number)
        assert not list((tmp_path / "runs").glob(".*"))


class TestPlacesThatCannotBeWritten:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (("run", "mine.toml", *SHORT, "--store", "mine.toml"), DATA, "the run store mine.toml cannot be written"),
            (("sweep", "mine.toml", *SHORT, "--store", "mine.toml/x"), DATA, "the run store mine.toml/x cannot be"),
            (("ingest", "p.csv", "--lake", "mine.toml", "--dataset", "us"), DATA, "lake='mine.toml' is a file"),
            (
                ("ingest", "p.csv", "--lake", "mine.toml/x", "--dataset", "us"),
                DATA,
                "cannot be written: Not a directory",
            ),
            (
                ("ingest", "p.csv", "--lake", "bundled", "--dataset", "us"),
                USAGE,
                "bundled names the data in the package",
            ),
            (("ingest", "p.csv", "--lake", "lake", "--dataset", "../us"), USAGE, "dataset='../us' is no name"),
        ],
    )
    def test_one_line_and_nothing_left(self, invoke, arguments, code, message):
        Path("p.csv").write_text("date,symbol,close\n2024-01-02,AAA,10\n")
        before = sorted(Path().rglob("*"))
        found, out, err = invoke(*arguments)
        assert (found, out) == (code, "")
        assert message in err
        assert err.count("\n") == 1
        assert sorted(Path().rglob("*")) == before

    @pytest.mark.parametrize(("out", "message"), [(".", "is a folder"), ("x.json", "is where the numbers go")])
    def test_a_report_elsewhere(self, invoke, out, message):
        run = json.loads(invoke("run", "mine.toml", *SHORT, "--json")[1])["run_id"]
        before = sorted(Path().rglob("*"))
        code, _, err = invoke("report", run, "--out", out)
        assert code == USAGE
        assert message in err
        assert sorted(Path().rglob("*")) == before

    @pytest.mark.parametrize("kib", [1, 300])
    def test_a_full_disk(self, tmp_path, kib):
        pytest.importorskip("resource")
        (tmp_path / "mine.toml").write_text(MANIFEST.read_text())
        lines = [f"{date},AAA,{10 + i}" for i, date in enumerate(XNYS_2024)] * (1 if kib == 1 else 0)
        (tmp_path / "p.csv").write_text("\n".join(["date,symbol,close", *lines]) + "\n")
        commands = [["run", "mine.toml", "--store", "runs"]]
        commands += [["ingest", "p.csv", "--lake", "lake", "--dataset", "us"]] if lines else []
        for arguments in commands:
            program = (
                f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({1024 * kib}, resource.RLIM_INFINITY))\n"
                f"from nanodesk.cli.app import main; main({arguments!r})"
            )
            finished = subprocess.run(
                [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert finished.returncode == DATA, finished.stderr
            assert "cannot be written: File too large" in finished.stderr
        assert not (tmp_path / "lake").exists()
        assert [path.name for path in (tmp_path / "runs").iterdir()] == ["trials.jsonl"]

    def test_a_trial_is_written_whole_or_not_at_all(self, tmp_path):
        resource = pytest.importorskip("resource")
        (tmp_path / "trials.jsonl").write_text('{"schema": 1, "strategy": "other", "run_id": "x"}\n')
        size = (tmp_path / "trials.jsonl").stat().st_size
        program = (
            "import resource, sys; from nanodesk.errors import DataError; "
            "from nanodesk.research.tracking import register_trial, trials\n"
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 20}, resource.RLIM_INFINITY))\n"
            "try: register_trial(sys.argv[1], 'mine', 'y')\n"
            "except DataError as error: print(error, trials(sys.argv[1]))\n"
        )
        finished = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert "cannot be written" in finished.stdout, (resource, finished.stderr)
        assert "{'other': ['x']}" in finished.stdout


def test_names_with_signs_of_patterns_and_markup(invoke):
    folder = Path("a [bold] *b*")
    folder.mkdir()
    run = json.loads(invoke("run", "mine.toml", *SHORT, "--store", str(folder), "--json")[1])
    assert f"{folder}/{run['run_id']}/tearsheet.html" in invoke("run", "mine.toml", *SHORT, "--store", str(folder))[1]
    assert invoke("diff", run["run_id"], run["folder"], "--store", str(folder))[0] == DONE


def test_a_benchmark_that_starts_late(invoke):
    late = ("--set", "backtest.benchmark=DGS1MO", "--set", "data.start=2000-01-03", "--set", "data.end=2002-12-31")
    code, out, err = invoke("run", "mine.toml", *late)
    assert (code, err) == (DONE, "")
    assert "The benchmark DGS1MO has no return on" in out
