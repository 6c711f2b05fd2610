"""The run store."""

import dataclasses
import json
import shutil
from collections.abc import Mapping

import numpy as np
import pytest

import nanodesk.cli.demo
from nanodesk.errors import DataError, SchemaMismatchError
from nanodesk.research import tracking
from nanodesk.research.manifest import canonical, load_manifest, parse_manifest
from nanodesk.research.result import ScreenStep
from nanodesk.research.run import run_manifest
from nanodesk.research.tracking import (
    RunDifference,
    compare_runs,
    load_run,
    register_trial,
    run_folder,
    run_ids,
    save_run,
    trials,
)

DEMO = nanodesk.cli.demo.MANIFEST
SHORT = {"data.end": np.datetime64("1993-06-30").item()}


@pytest.fixture(scope="module")
def result():
    return run_manifest(load_manifest(DEMO, settings=SHORT), base_dir=DEMO.parent)


@pytest.fixture(scope="module")
def stored(result, tmp_path_factory):
    store = tmp_path_factory.mktemp("runs")
    return save_run(result, store), store


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, item.name), getattr(b, item.name)) for item in dataclasses.fields(a))
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


class TestSaveRun:
    def test_files(self, stored, result):
        folder, store = stored
        assert folder == store / result.run_id
        names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert names == {
            "run.json",
            "funnel.json",
            "manifest.toml",
            "target.json",
            "tearsheet.html",
            "tearsheet.json",
            *(f"factors/{name}.parquet" for name in result.factor_values),
            *(f"{name}.parquet" for name in ("sessions", "trades", "stops", "target_weights", "scores")),
            *(f"{name}.parquet" for name in ("holdings", "weights", "symbol_returns")),
        }
        assert next(iter(json.loads((folder / "run.json").read_text()))) == "schema"

    def test_manifest_runs_again(self, stored):
        folder, _ = stored
        manifest = load_manifest(DEMO, settings=SHORT)
        assert parse_manifest((folder / "manifest.toml").read_text()) == manifest
        assert (folder / "manifest.toml").read_text() == canonical(manifest)

    def test_again_leaves_the_same_bytes(self, stored, result):
        folder, store = stored
        before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
        assert save_run(result, store) == folder
        assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before

    def test_a_failure_leaves_nothing(self, result, tmp_path, monkeypatch):
        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(tracking, "write_report", fail)
        with pytest.raises(DataError, match="cannot be written: No space left on device"):
            save_run(result, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["trials.jsonl"]

    def test_formats(self, result, tmp_path):
        for formats, kept in (([], set()), (["json"], {".json"}), (["html"], {".html"})):
            manifest = {**result.manifest, "report": {**result.manifest["report"], "formats": formats}}
            folder = save_run(dataclasses.replace(result, manifest=manifest), tmp_path)
            assert {path.suffix for path in folder.glob("tearsheet.*")} == kept


class TestLoadRun:
    def test_equals_what_was_saved(self, stored, result):
        _, store = stored
        again = load_run(result.run_id, store)
        for item in dataclasses.fields(result):
            if item.name != "backtest":
                assert same(getattr(again, item.name), getattr(result, item.name)), item.name
        for name in result.backtest:
            if name not in ("exact", "trades", "stop_events"):
                assert same(getattr(again.backtest, name), getattr(result.backtest, name)), name
        assert same(again.backtest.trades, result.backtest.trades)
        assert same(again.backtest.stop_events, result.backtest.stop_events)
        assert len(result.backtest.stop_events) > 0

    def test_by_folder_and_by_first_characters(self, stored, result):
        folder, store = stored
        assert load_run(folder).run_id == load_run(result.run_id[:4], store).run_id == result.run_id

    def test_unknown(self, stored, result, tmp_path):
        _, store = stored
        with pytest.raises(DataError, match=f"Nearest: {result.run_id}"):
            load_run(result.run_id[:-1] + "x", store)
        with pytest.raises(DataError, match="Run a manifest first"):
            load_run("abc", tmp_path)

    def test_other_schema(self, stored, tmp_path):
        folder, _ = stored
        copy = shutil.copytree(folder, tmp_path / "copy")
        header = json.loads((copy / "run.json").read_text())
        (copy / "run.json").write_text(json.dumps(header | {"schema": 2}))
        with pytest.raises(SchemaMismatchError, match="schema=2 but this version reads 1"):
            load_run(copy)

    @pytest.mark.parametrize("name", ["sessions.parquet", "run.json", "funnel.json", "target.json"])
    def test_damaged_files(self, stored, tmp_path, name):
        folder, _ = stored
        copy = shutil.copytree(folder, tmp_path / "copy")
        (copy / name).write_bytes((copy / name).read_bytes()[:100])
        with pytest.raises(DataError, match="not a readable run"):
            load_run(copy)


class TestTrials:
    def test_counts_distinct_runs_of_a_strategy(self, tmp_path):
        assert register_trial(tmp_path, "a", "1") == 1
        assert register_trial(tmp_path, "a", "2") == 2
        assert register_trial(tmp_path, "a", "1") == 2
        assert register_trial(tmp_path, "b", "3") == 1
        assert trials(tmp_path) == {"a": ["1", "2"], "b": ["3"]}

    def test_the_run_and_its_tear_sheet_know_the_number(self, result, tmp_path):
        for number in range(4):
            register_trial(tmp_path, result.name, str(number))
        folder = save_run(result, tmp_path)
        assert load_run(folder).n_trials == 5
        sheet = json.loads((folder / "tearsheet.json").read_text())
        assert '"n_trials": 5' in json.dumps(sheet)

    def test_a_foreign_line(self, tmp_path):
        (tmp_path / "trials.jsonl").write_text("{}\n")
        with pytest.raises(DataError, match=r"trials\.jsonl:1: not a trial"):
            trials(tmp_path)


class TestRunIds:
    def test_sorted_and_whole(self, stored, result):
        _, store = stored
        (store / ".half").mkdir(exist_ok=True)
        assert run_ids(store) == [result.run_id]
        assert run_folder(result.run_id, store).name == result.run_id


class TestCompareRuns:
    def test_same(self, result):
        assert compare_runs(result, result) is None

    def test_manifest_first(self, result):
        settings = SHORT | {"portfolio.limits.max_weight": 0.2}
        other = run_manifest(load_manifest(DEMO, settings=settings), base_dir=DEMO.parent)
        found = compare_runs(result, other)
        assert found == RunDifference("manifest", "portfolio.limits.max_weight", 0.15, 0.2)

    def changed(self, result, **changes):
        return compare_runs(result, dataclasses.replace(result, **changes))

    def test_stages_in_order(self, result):
        assert self.changed(result, code_version="x").stage == "code"
        assert self.changed(result, snapshot_id="x").stage == "snapshot"
        step = ScreenStep("traded", 20, 19, ("AAPL",))
        funnel = ((step, *result.funnel[0][1:]), *result.funnel[1:])
        assert self.changed(result, funnel=funnel).cell == f"{result.decision_dates[0]} traded"
        scores = result.scores.copy()
        scores[2, 3] += 1.0
        found = self.changed(result, scores=scores, target_weights=result.target_weights + 1)
        assert (found.stage, found.cell) == (
            "scores",
            f"score {result.decision_dates[2]} {result.backtest.symbols[3]}",
        )
        values = {name: matrix.copy() for name, matrix in result.factor_values.items()}
        values["vol_63"][1, 0] = np.nan
        found = self.changed(result, factor_values=values, scores=scores)
        assert (found.stage, found.cell) == (
            "factors",
            f"vol_63 {result.decision_dates[1]} {result.backtest.symbols[0]}",
        )

    def test_backtest_last(self, result):
        holdings = result.backtest.holdings.copy()
        holdings[9, 4] += 1
        backtest = dataclasses.replace(result.backtest, holdings=holdings)
        found = self.changed(result, backtest=backtest)
        assert (found.stage, found.cell) == (
            "backtest",
            f"holdings {result.backtest.dates[9]} {result.backtest.symbols[4]}",
        )
