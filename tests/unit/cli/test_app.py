"""Commands: what they print, what they write, how they fail."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import nanodesk.cli.demo
from nanodesk import errors
from nanodesk.cli.app import DATA, DONE, FAILED, USAGE, app, exit_code, run_command
from nanodesk.cli.settings import parse_grid, parse_settings
from nanodesk.research.lake import open_lake

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
SHORT = ["--set", "data.end=1994-12-30"]
GROUPS = {group.name: group.typer_instance.registered_commands for group in app.registered_groups}
COMMANDS = [
    *(command.name for command in app.registered_commands),
    *(f"{group} {command.name}" for group, commands in GROUPS.items() for command in commands),
]


@pytest.fixture
def invoke(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for example in EXAMPLES.glob("*.toml"):
        shutil.copy(example, tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run_command(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def fresh_process(program: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, **options)


class TestHelp:
    def test_lists_every_command(self, invoke):
        code, out, _ = invoke("--help")
        assert code == DONE
        assert all(f"  {name.split()[0]} " in out for name in COMMANDS)

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_has_help_and_an_example(self, invoke, name):
        code, out, _ = invoke(*name.split(), "--help")
        assert code == DONE
        assert f"Example: nanodesk {name}" in out
        assert "--json" in out or name == "venue"  # which always prints one object

    def test_imports_nothing_heavy(self):
        heavy = (
            "numpy",
            "pandas",
            "polars",
            "pydantic",
            "scipy",
            "clarabel",
            "talib",
            "arch",
            "dask",
            "sklearn",
            "rich",
        )
        program = (
            "import sys\nfrom nanodesk.cli.app import run_command\n"
            f"assert run_command(['--help']) == 0\nprint([name for name in {heavy} if name in sys.modules])"
        )
        finished = fresh_process(program)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.splitlines()[-1] == "[]"


class TestCheck:
    def test_sound(self, invoke):
        assert invoke("check", "low_volatility.toml") == (
            DONE,
            "low_volatility.toml: low-volatility: no problems\n",
            "",
        )

    def test_faults(self, invoke):
        Path("bad.toml").write_text('schema = 1\n[strategy]\nname = "abc"\n[data]\nprice = "x"\n[regime]\n')
        code, out, err = invoke("check", "bad.toml")
        assert (code, out) == (USAGE, "")
        assert err.splitlines()[0] == "bad.toml:1: signals: is required and missing"
        assert 'bad.toml:5: data.price: unknown key; did you mean "prices"?' in err
        assert "bad.toml:6: regime: section [regime] is not implemented yet in this version" in err

    def test_json(self, invoke):
        code, out, _ = invoke("check", "low_volatility.toml", "--json", "--set", "portfolio.method=hrp")
        assert code == DONE
        assert json.loads(out)["manifest"]["portfolio"]["method"] == "hrp"
        Path("bad.toml").write_text("schema = 1\n")
        code, out, _ = invoke("check", "bad.toml", "--json")
        values = json.loads(out)
        assert (code, values["exit_code"], values["error"], len(values["problems"])) == (USAGE, USAGE, "ConfigError", 3)

    def test_canonical_and_schema(self, invoke):
        _, out, _ = invoke("check", "low_volatility.toml", "--canonical")
        Path("canonical.toml").write_text(out)
        assert invoke("check", "canonical.toml", "--canonical")[1] == out
        assert "properties" in json.loads(invoke("check", "--schema")[1])
        code, _, err = invoke("check")
        assert code == USAGE
        assert "name a manifest" in err


class TestDemo:
    def test_prints_and_writes(self, invoke):
        code, out, err = invoke("demo", "--out", "here")
        assert (code, err) == (DONE, "")
        for word in ("steady-momentum", "SP500", "Sharpe", "Max drawdown", "Costs, bps / year", "Target, decided", "→"):
            assert word in out
        assert "survivorship-biased" in out
        paths = [
            line.split(maxsplit=1)[1].removeprefix("sheet").strip() for line in out.splitlines() if "here/" in line
        ]
        assert len(paths) == 4
        assert all(Path(path).is_file() for path in paths)
        assert "\x1b" not in out

    def test_dry_run_writes_nothing(self, invoke):
        before = sorted(Path().iterdir())
        code, out, _ = invoke("demo", "--dry-run", "--json")
        assert code == DONE
        assert json.loads(out)["folder"] is None
        assert sorted(Path().iterdir()) == before

    def test_manifest_starts_your_own(self, invoke):
        _, out, _ = invoke("demo", "--manifest")
        assert out == nanodesk.cli.demo.MANIFEST.read_text()
        Path("mine.toml").write_text(out)
        assert invoke("check", "mine.toml")[0] == DONE


class TestRun:
    @pytest.mark.parametrize("name", [path.name for path in sorted(EXAMPLES.glob("*.toml"))])
    def test_examples(self, invoke, name):
        code, out, err = invoke("run", name, *SHORT, "--json")
        assert (code, err) == (DONE, "")
        values = json.loads(out)
        assert Path(values["folder"]).parent == Path("runs")
        assert values["metrics"]["sharpe"] is not None
        assert abs(sum(values["target"].values()) - 1) < 1e-6

    def test_failure_writes_nothing(self, invoke):
        before = sorted(Path().iterdir())
        code, out, err = invoke("run", "low_volatility.toml", "--set", "data.prices=sp500")
        assert (code, out) == (DATA, "")
        assert err.startswith("nanodesk: --set: data.prices: dataset 'sp500' is not in lake 'bundled'.")
        assert sorted(Path().iterdir()) == before
        code, _, err = invoke("run", "low_volatility.toml", "--set", "backtest.fill=next_open")
        assert code == USAGE
        assert err.startswith('--set: backtest.fill: "next_open" needs open')
        code, _, err = invoke("run", "low_volatility.toml", "--set", "portfolio.limits.max_weight=0.05")
        assert code == FAILED
        assert "on 1990-12-31" in err
        assert invoke("run", "nowhere.toml")[0] == USAGE
        assert sorted(Path().iterdir()) == before

    def test_unwritable_store(self, invoke):
        Path("file").write_text("")
        code, _, err = invoke("run", "low_volatility.toml", *SHORT, "--store", "file/runs")
        assert code == DATA
        assert "cannot be written" in err


class TestReportAndDiff:
    def test_stored_runs(self, invoke):
        first = json.loads(invoke("run", "low_volatility.toml", *SHORT, "--json")[1])["run_id"]
        second = json.loads(
            invoke("run", "low_volatility.toml", *SHORT, "--set", "portfolio.method=equal", "--json")[1]
        )["run_id"]
        code, out, _ = invoke("diff", first[:6], second[:6])
        assert code == DONE
        assert out.startswith("first difference: manifest\n  portfolio.method\n")
        assert invoke("diff", first, first)[1].endswith("the same, bit for bit\n")
        values = json.loads(invoke("diff", first, second, "--json")[1])
        assert (values["same"], values["difference"]["right"]) == (False, "equal")
        code, out, _ = invoke("report", first, "--out", "sheet.html")
        assert code == DONE
        assert Path("sheet.html").read_text().startswith("<!")
        numbers = json.loads(invoke("report", first, "--json", "--dry-run")[1])
        assert numbers["run_id"] == first
        assert '"n_trials": 2' in json.dumps(numbers)

    def test_unknown_run(self, invoke):
        code, _, err = invoke("report", "abc")
        assert code == DATA
        assert "Run a manifest first" in err


class TestFactors:
    def test_table_and_json(self, invoke):
        assert "mom_12_1" in invoke("factors")[1]
        values = json.loads(invoke("factors", "--json")[1])["factors"]
        assert {"mom_12_1", "vix_beta"} <= {item["id"] for item in values}
        assert all(item["source"] and item["formula"] for item in values)


class TestIngest:
    def write(self, close: str = "10.5") -> None:
        rows = [f"2024-01-0{day},AAA,{close if day == 3 else 10 + day}" for day in (2, 3, 4, 5)]
        Path("prices.csv").write_text("\n".join(["date,symbol,close", *rows]) + "\n")

    def test_twice_changes_nothing(self, invoke):
        self.write()
        arguments = ("ingest", "prices.csv", "--lake", "lake", "--dataset", "mine", "--json")
        code, out, _ = invoke(*arguments)
        assert code == DONE
        first = json.loads(out)
        assert (first["rows"], first["added"], first["quarantined"]) == (4, 4, 0)
        again = json.loads(invoke(*arguments)[1])
        assert (again["added"], again["unchanged"]) == (0, 4)
        assert again["snapshot_id"] == first["snapshot_id"]

    def test_dry_run_and_bad_cells(self, invoke):
        self.write()
        code, out, _ = invoke("ingest", "prices.csv", "--lake", "lake", "--dataset", "mine", "--dry-run")
        assert code == DONE
        assert "nothing was written" in out
        assert not Path("lake").exists()
        self.write(close="-1")
        code, _, err = invoke("ingest", "prices.csv", "--lake", "lake", "--dataset", "mine")
        assert code == DATA
        assert "prices.csv:3" in err
        self.write(close="abc")
        code, _, err = invoke("ingest", "prices.csv", "--lake", "lake", "--dataset", "mine")
        assert code == DATA
        assert "prices.csv:3: close='abc' is not a number" in err
        assert invoke("ingest", "gone.csv", "--lake", "lake", "--dataset", "mine")[0] == DATA
        assert open_lake("lake").datasets() == ()

    def test_a_lake_of_your_own_runs(self, invoke):
        rows = open_lake("bundled").rows("sp500_20", columns=["close"]).select("date", "symbol", "close")
        rows.filter(pl.col("date") < pl.date(1993, 1, 1)).write_csv("prices.csv")
        assert invoke("ingest", "prices.csv", "--lake", "lake", "--dataset", "mine", "--format", "ohlcv")[0] == DONE
        Path("mine.toml").write_text(
            'schema = 1\nstrategy.name = "mine"\ndata = { lake = "lake", prices = "mine" }\n'
            'signals.factor = [{ id = "mom_6_1" }]\nbacktest.fill = "next_close"\n'
        )
        code, out, _ = invoke("run", "mine.toml", "--json")
        assert code == DONE
        assert any("survivorship of mine is unknown" in warning for warning in json.loads(out)["warnings"])


class TestSweep:
    def test_grid(self, invoke):
        grid = ["--set", "portfolio.method=equal,hrp", "--set", "portfolio.limits.max_weight=0.2,0.05"]
        code, out, _ = invoke("sweep", "short.toml" if self.short() else "", *grid, "--json")
        assert code == DONE
        runs = json.loads(out)["runs"]
        assert [
            (run["settings"]["portfolio.method"], run["settings"]["portfolio.limits.max_weight"]) for run in runs
        ] == [
            ("equal", 0.2),
            ("equal", 0.05),
            ("hrp", 0.2),
            ("hrp", 0.05),
        ]
        assert [run["error"] is None for run in runs] == [True, False, True, False]
        assert len(Path("runs/trials.jsonl").read_text().splitlines()) == 2

    def test_table_and_dry_run(self, invoke):
        self.short()
        code, out, _ = invoke(
            "sweep", "short.toml", "--set", "portfolio.method=equal,hrp", "--dry-run", "--workers", "2"
        )
        assert code == DONE
        assert "Sharpe" in out
        assert not Path("runs").exists()

    @pytest.mark.parametrize("executor", ["processes", "dask"])
    def test_other_executors_give_the_same(self, invoke, executor):
        if executor == "dask":
            pytest.importorskip("distributed")
        self.short()
        arguments = ("sweep", "short.toml", "--set", "portfolio.method=equal,hrp", "--json", "--dry-run")
        threads = json.loads(invoke(*arguments)[1])
        others = json.loads(invoke(*arguments, "--executor", executor, "--workers", "1")[1])
        assert others == threads

    def test_bad_grid(self, invoke):
        self.short()
        code, _, err = invoke("sweep", "short.toml", "--set", "portfolio.metod=equal,hrp")
        assert code == USAGE
        assert '--set: portfolio.metod: unknown key; did you mean "method"?' in err
        assert invoke("sweep", "short.toml", "--set", "portfolio.method")[0] == USAGE

    def short(self) -> bool:
        text = Path("low_volatility.toml").read_text().replace("start  = 1990-01-02", "end = 1993-12-30")
        Path("short.toml").write_text(text)
        return True


class TestExitCodes:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (errors.ConfigError("x"), USAGE),
            (errors.ValidationError("x"), USAGE),
            (errors.WeightsError("x"), USAGE),
            (errors.DataError("x"), DATA),
            (errors.SchemaMismatchError("x"), DATA),
            (errors.PriceError("x"), DATA),
            (errors.SolverError("x"), FAILED),
            (errors.MissingExtraError("x"), FAILED),
            (errors.NanodeskError("x"), FAILED),
        ],
    )
    def test_exit_code(self, error, code):
        assert exit_code(error) == code

    @pytest.mark.parametrize(
        "arguments", [["nothing"], ["run"], ["run", "a", "b"], ["run", "--what"], ["demo", "--out"]]
    )
    def test_usage(self, invoke, arguments):
        code, out, err = invoke(*arguments)
        assert (code, out) == (USAGE, "")
        assert "--help" in err

    def test_debug_shows_the_traceback(self, invoke):
        with pytest.raises(errors.ConfigError):
            invoke("check", "nowhere.toml", "--debug")

    def test_process(self, tmp_path):
        finished = subprocess.run(
            [sys.executable, "-m", "nanodesk.cli.app", "check", "nowhere.toml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (finished.returncode, finished.stdout) == (USAGE, "")
        assert "Traceback" not in finished.stderr

    def test_a_reader_that_leaves_is_no_error(self, tmp_path):
        program = f"{sys.executable} -m nanodesk.cli.app factors | head -1"
        finished = subprocess.run(
            ["bash", "-o", "pipefail", "-c", program], capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0
        assert finished.stderr == ""


class TestVersion:
    def test_text_and_json(self, invoke):
        text = invoke("version")[1].strip()
        assert re.fullmatch(r"\d+\.\d+\.\d+", text)
        assert json.loads(invoke("version", "--json")[1]) == {"nanodesk": text}


class TestSettings:
    def test_parse(self):
        assert parse_settings(["a.b=0.5", "c=hrp", 'd="x=y"', "e=1990-01-02"])["d"] == "x=y"
        assert parse_grid(["a=1,2", "b=[1,2],[3]"]) == {"a": [1, 2], "b": [[1, 2], [3]]}

    @pytest.mark.parametrize("option", ["a", "=1", "a="])
    def test_faults(self, option):
        with pytest.raises(errors.ConfigError, match="is not key=value"):
            parse_settings([option])
        with pytest.raises(errors.ConfigError, match="given twice"):
            parse_grid(["a=1", "a=2"])


def test_no_network(tmp_path):
    """The whole demo, report included, opens no socket: an audit hook would see it."""
    program = (
        "import sys\n"
        "def hook(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.gethostbyname', 'socket.sendto'):\n"
        "        print('network', event, arguments, file=sys.stderr); import os; os._exit(99)\n"
        "sys.addaudithook(hook)\n"
        "from nanodesk.cli.app import run_command\n"
        f"sys.exit(run_command(['demo', '--out', {str(tmp_path)!r}]))\n"
    )
    finished = fresh_process(program, env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)})
    assert finished.returncode == 0, finished.stderr


def test_telemetry_is_off(tmp_path):
    program = (
        "import os, sys\nfrom nanodesk.cli.app import run_command\nrun_command(['version'])\n"
        "print(os.environ['DO_NOT_TRACK'], os.environ['MLFLOW_DISABLE_TELEMETRY'])"
    )
    assert fresh_process(program).stdout.splitlines()[-1] == "true true"
