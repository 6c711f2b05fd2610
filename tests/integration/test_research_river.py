"""The river from manifest to target: the same bits twice, and nothing seen of the future."""

import datetime
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import nanodesk.cli.demo
from nanodesk.errors import ConfigError, DataError, InfeasibleError
from nanodesk.market import calendar
from nanodesk.research.dataset_kinds import About
from nanodesk.research.decide import decide
from nanodesk.research.headline import benchmark_headline
from nanodesk.research.lake import open_lake
from nanodesk.research.manifest import load_manifest, parse_manifest
from nanodesk.research.report import report_numbers
from nanodesk.research.run import compute_signals, decide_all, decide_target, run_manifest
from nanodesk.research.run_inputs import read_inputs
from nanodesk.research.tracking import save_run

DEMO = nanodesk.cli.demo.MANIFEST
DAY = datetime.date.fromisoformat

RAW = """
schema = 1
strategy.name = "raw-prices"
[data]
lake = "lake"
prices = "raw"
market = "index"
[universe]
min_names = 3
max_names = 9
[[universe.filter]]
kind = "history"
min_sessions = 60
max_missing = 0.2
[[universe.filter]]
kind = "price"
min = 1.0
[[universe.filter]]
kind = "dollar_volume"
min = 1e3
[[universe.filter]]
kind = "rank_top"
n = 6
exit_rank = 8
[[preprocess]]
kind = "zscore"
[[preprocess]]
kind = "ewma"
halflife = 2
[signals]
combine = "ic_weighted"
ic_window = 12
[[signals.factor]]
id = "rev_1m"
[[signals.factor]]
id = "vol_63"
params = { window = 40 }
[portfolio]
method = "risk_parity"
window = 60
[portfolio.limits]
max_weight = 0.4
max_turnover = 0.5
adv_participation = 0.1
[backtest]
rebalance = "weekly"
[backtest.costs]
commission_bps = 2
half_spread_bps = 2
impact = { coef = 0.1 }
[backtest.stops]
atr_multiple = 4.0
check = "intrabar"
"""


def raw_prices(seed: int, n_sessions: int = 220, n_symbols: int = 12) -> pl.DataFrame:
    """Bars with gaps, late listings, delistings and splits."""
    rng = np.random.default_rng(seed)
    dates = calendar.sessions("XNYS", "2019-01-02", "2020-12-31")[:n_sessions]
    frames = []
    for i in range(n_symbols):
        close = 40 * np.exp(np.cumsum(rng.normal(0.0003, 0.015, n_sessions)))
        first, last = (rng.integers(0, 90) if i % 4 == 1 else 0), (rng.integers(150, 200) if i % 5 == 2 else n_sessions)
        split = np.ones(n_sessions)
        if i % 6 == 3:
            at = int(rng.integers(100, 140))
            split[at] = 2.0
            close[at:] /= 2.0
        dividend = np.where(rng.random(n_sessions) < 0.01, 0.2, 0.0)
        opened = close * np.exp(rng.normal(0, 0.004, n_sessions))
        spread = np.abs(rng.normal(0, 0.006, n_sessions))
        frame = pl.DataFrame(
            {
                "date": dates,
                "symbol": [f"S{i:02d}"] * n_sessions,
                "open": opened,
                "high": np.maximum(opened, close) * (1 + spread),
                "low": np.minimum(opened, close) * (1 - spread),
                "close": close,
                "volume": rng.integers(10_000, 90_000, n_sessions).astype(float),
                "dividend": dividend,
                "split": split,
            }
        )
        traded = (rng.random(n_sessions) > 0.01) | (split != 1.0)
        frames.append(frame.filter(pl.Series(traded))[first:last])
    return pl.concat(frames)


def fill_lake(folder: Path, prices: pl.DataFrame) -> None:
    lake = open_lake(folder / "lake")
    lake.ingest(prices, "raw", kind="prices", about=About(survivorship="free"))
    index = prices.group_by("date").agg(pl.col("close").mean().alias("value")).sort("date")
    lake.ingest(index.with_columns(pl.lit("index").alias("name")), "indexes", kind="series", about=About())


@pytest.fixture(scope="module")
def demo():
    return run_manifest(load_manifest(DEMO), base_dir=DEMO.parent)


def assert_beginning(part, whole):
    """Every number of the shorter run is that of the longer one."""
    n = len(part.decision_dates)
    assert (part.decision_dates == whole.decision_dates[:n]).all()
    columns = [whole.backtest.symbols.index(symbol) for symbol in part.backtest.symbols]
    for name, values in part.factor_values.items():
        assert np.array_equal(values, whole.factor_values[name][:n, columns], equal_nan=True), name
    assert np.array_equal(part.scores, whole.scores[:n, columns], equal_nan=True)
    assert np.array_equal(part.target_weights, whole.target_weights[:n, columns])
    # What is traded and owned up to the last session is past, too.
    rows = len(part.backtest.dates)
    assert np.array_equal(part.backtest.holdings, whole.backtest.holdings[:rows, columns])
    assert np.array_equal(part.backtest.equity, whole.backtest.equity[:rows])


class TestLookAhead:
    @pytest.mark.parametrize("cut", ["1993-07-14", "2001-09-28", "2008-10-31", "2020-03-23"])
    def test_cut_data_give_the_beginning_of_the_run(self, demo, cut):
        settings = {"data.end": np.datetime64(cut).item()}
        part = run_manifest(load_manifest(DEMO, settings=settings), base_dir=DEMO.parent)
        assert len(part.decision_dates) < len(demo.decision_dates)
        assert_beginning(part, demo)

    @pytest.mark.parametrize("seed", range(4))
    def test_raw_prices_cut_at_a_random_date(self, tmp_path, seed):
        prices = raw_prices(seed)
        fill_lake(tmp_path / "whole", prices)
        whole = run_manifest(parse_manifest(RAW), base_dir=tmp_path / "whole")
        rng = np.random.default_rng(seed)
        cut = whole.decision_dates[rng.integers(3, len(whole.decision_dates) - 3)] + rng.integers(0, 4)
        fill_lake(tmp_path / "part", prices.filter(pl.col("date") <= cut.item()))
        part = run_manifest(parse_manifest(RAW), base_dir=tmp_path / "part")
        n = len(part.decision_dates)
        assert n >= 3
        columns = [whole.backtest.symbols.index(symbol) for symbol in part.backtest.symbols]
        assert np.array_equal(part.scores, whole.scores[:n, columns], equal_nan=True)
        assert np.array_equal(part.target_weights, whole.target_weights[:n, columns])

    @pytest.mark.parametrize("seed", range(4))
    def test_another_future_leaves_the_past_as_it_was(self, tmp_path, seed):
        prices = raw_prices(seed)
        fill_lake(tmp_path / "one", prices)
        one = run_manifest(parse_manifest(RAW), base_dir=tmp_path / "one")
        at = len(one.decision_dates) // 2
        noise = np.exp(np.random.default_rng(seed + 100).normal(0, 0.05, len(prices)))
        later = pl.col("date") > one.decision_dates[at].item()
        factor = pl.when(later).then(pl.Series(noise)).otherwise(1.0)
        fill_lake(tmp_path / "other", prices.with_columns(pl.col("open", "high", "low", "close", "volume") * factor))
        other = run_manifest(parse_manifest(RAW), base_dir=tmp_path / "other")
        assert np.array_equal(one.target_weights[: at + 1], other.target_weights[: at + 1])
        assert np.array_equal(one.scores[: at + 1], other.scores[: at + 1], equal_nan=True)
        assert not np.array_equal(one.scores[at + 1 :], other.scores[at + 1 :], equal_nan=True)

    def test_decide_on_cut_data_equals_the_row_of_the_schedule(self, demo):
        manifest = load_manifest(DEMO)
        inputs = read_inputs(manifest, DEMO.parent)
        decisions = decide_all(manifest, inputs, compute_signals(manifest, inputs))
        for position in (0, 7, 100):
            end = inputs.panel.dates[inputs.rows[position]].item()
            today = load_manifest(DEMO, settings={"data.end": end})
            known = read_inputs(today, DEMO.parent)
            last = decisions[position - 1] if position else None
            decision = decide(today, known, compute_signals(today, known), position, last)
            assert np.array_equal(decision.weights, demo.target_weights[position])
            assert decision.funnel == demo.funnel[position]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class TestDeterminism:
    def test_two_processes_write_the_same_bytes(self, tmp_path):
        stores = []
        for hash_seed, threads in (("1", "1"), ("2", "2")):
            store = tmp_path / hash_seed
            environment = os.environ | {
                "PYTHONHASHSEED": hash_seed,
                "POLARS_MAX_THREADS": threads,
                "TZ": f"UTC{threads}",
            }
            subprocess.run(
                [sys.executable, "-m", "nanodesk.cli.app", "demo", "--out", str(store), "--json"],
                check=True,
                env=environment,
                capture_output=True,
                cwd=tmp_path,
            )
            stores.append(digests(store))
        assert stores[0] == stores[1]
        assert len(stores[0]) > 15

    def test_run_id_names_the_manifest_and_the_seed(self):
        ids = set()
        for settings in (
            {},
            {"strategy.seed": 8},
            {"portfolio.limits.max_weight": 0.16},
            {"data.start": DAY("1990-01-03")},
        ):
            manifest = load_manifest(DEMO, settings={"data.end": DAY("1991-06-28")} | settings)
            ids.add(run_manifest(manifest, base_dir=DEMO.parent).run_id)
        assert len(ids) == 4


class TestTarget:
    def test_timestamp_is_the_close_of_the_last_decision(self, demo):
        assert demo.target.timestamp == "2022-11-30T21:00:00Z"
        assert demo.target.run_id == f"{demo.run_id}-2022-11-30"
        assert sum(demo.target.weights.values()) == pytest.approx(0.99)

    def test_file(self, demo, tmp_path):
        values = json.loads((save_run(demo, tmp_path) / "target.json").read_text())
        assert list(values)[:2] == ["schema", "timestamp"]
        assert values["constraints"]["max_position_pct"] == 0.15


class TestOneDecision:
    """`decide_target` answers for one day what the backtest decided on that day."""

    @pytest.mark.parametrize("date", ["1998-10-30", "2008-10-31", "2022-11-30"])
    def test_it_is_the_backtests(self, demo, date):
        target = decide_target(load_manifest(DEMO), DAY(date), base_dir=DEMO.parent)
        row = demo.target_weights[list(demo.decision_dates.astype(str)).index(date)]
        expected = {demo.backtest.symbols[i]: float(row[i]) for i in np.flatnonzero(row)}
        assert np.array(list(target.weights.values())).tobytes() == np.array(list(expected.values())).tobytes()
        assert list(target.weights) == list(expected)
        assert target.run_id == f"{demo.run_id}-{date}"

    def test_the_last_one_is_the_runs_target(self, demo):
        assert decide_target(load_manifest(DEMO), None, base_dir=DEMO.parent).to_json() == demo.target.to_json()

    def test_between_two_decisions_the_earlier_one_holds(self, demo):
        settings = {"data.end": DAY("1993-06-30")}
        manifest = load_manifest(DEMO, settings=settings)
        inside = decide_target(manifest, DAY("1993-05-12"), base_dir=DEMO.parent)
        assert inside.timestamp.startswith("1993-04-30")
        assert inside == decide_target(manifest, DAY("1993-04-30"), base_dir=DEMO.parent)

    def test_days_without_a_decision(self):
        manifest = load_manifest(DEMO, settings={"data.end": DAY("1993-06-30")})
        with pytest.raises(ConfigError, match=r"data\.end: the decision as of 1993-07-30 needs data"):
            decide_target(manifest, DAY("1993-07-30"), base_dir=DEMO.parent)
        with pytest.raises(ConfigError, match="the first decision needs"):
            decide_target(manifest, DAY("1990-03-30"), base_dir=DEMO.parent)


class TestResult:
    def test_shapes(self, demo):
        n_decisions, n_symbols = demo.target_weights.shape
        assert n_symbols == 20
        assert len(demo.funnel) == n_decisions == len(demo.decision_dates)
        assert len(demo.backtest.dates) == len(demo.risk_free) == len(demo.benchmark_returns)
        assert demo.backtest.dates[0] == demo.decision_dates[0]
        assert [report.id for report in demo.factor_reports][-1] == "composite"

    def test_every_view_shows_one_sharpe_ratio(self, demo):
        page = report_numbers(demo)
        assert demo.backtest.metrics.sharpe == page["metrics"]["ratios"]["sharpe"]
        assert benchmark_headline(demo).sharpe == page["benchmark_metrics"]["ratios"]["sharpe"]

    def test_limits_hold(self, demo):
        assert demo.target_weights.min() >= 0
        assert demo.target_weights.max() <= 0.15 + 1e-7
        sums = demo.target_weights.sum(axis=1)
        assert np.allclose(sums, 0.99, atol=1e-5)
        sectors = np.array([demo.sectors.get(symbol, symbol) for symbol in demo.backtest.symbols])
        for sector in set(sectors):
            assert demo.target_weights[:, sectors == sector].sum(axis=1).max() <= 0.35 + 1e-6

    def test_benchmark_is_the_index(self, demo):
        level = open_lake("bundled").series("SP500", demo.backtest.dates)
        assert demo.benchmark_returns[0] == 0.0
        assert np.allclose(np.cumprod(1 + demo.benchmark_returns), level / level[0])

    def test_warnings_say_what_the_reader_must_know(self, demo):
        assert any("survivorship" in warning for warning in demo.warnings)
        settings = {"backtest.fill": "same_close", "backtest.shares": "integer", "data.point_in_time": False}
        other = run_manifest(load_manifest(DEMO, settings=settings), base_dir=DEMO.parent)
        for word in ("same_close is optimistic", "integer shares of adjusted prices", "not point-in-time"):
            assert any(word in warning for warning in other.warnings)

    def test_progress_ends_where_it_should(self):
        calls = []
        settings = {"data.end": np.datetime64("1993-01-04").item()}
        run_manifest(
            load_manifest(DEMO, settings=settings), base_dir=DEMO.parent, progress=lambda *call: calls.append(call)
        )
        assert {stage for stage, _, _ in calls} == {"data", "screen", "factors", "weights", "backtest"}
        last = {stage: (done, total) for stage, done, total in calls}
        assert all(done == total for done, total in last.values())

    @pytest.mark.parametrize(
        "method",
        ["equal", "score", "inverse_vol", "mean_variance", "max_sharpe", "risk_parity", "hrp", "cvar", "inverse_cdar"],
    )
    def test_every_method(self, method):
        settings = {
            "portfolio.method": method,
            "data.end": np.datetime64("1994-06-30").item(),
            "portfolio.limits.max_weight": 0.35,
        }
        result = run_manifest(load_manifest(DEMO, settings=settings), base_dir=DEMO.parent)
        assert np.allclose(result.target_weights.sum(axis=1), 0.99, atol=1e-5)

    @pytest.mark.parametrize(("pace", "count"), [("daily", 508), ("weekly", 105), ({"every": 21}, 25)])
    def test_every_pace(self, pace, count):
        settings = {"backtest.rebalance": pace, "data.end": np.datetime64("1992-12-31").item()}
        result = run_manifest(load_manifest(DEMO, settings=settings), base_dir=DEMO.parent)
        assert abs(len(result.decision_dates) - count) <= 2


class TestBadInput:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"backtest.fill": "next_open"}, '"next_open" needs open, which dataset sp500_20 lacks; use "next_close"'),
            ({"backtest.stops.check": "intrabar"}, '"intrabar" needs open, high, low'),
            ({"backtest.costs.impact": {"coef": 0.1}}, "impact needs volume"),
            ({"portfolio.limits.adv_participation": 0.1}, "adv_participation needs volume"),
            ({"universe.survivorship": "require"}, "dataset sp500_20 is biased"),
            ({"data.end": np.datetime64("1990-06-29").item()}, "the first decision needs 252 before it"),
            ({"data.lake": "nowhere"}, "there is no folder"),
            ({"preprocess": [{"kind": "neutralize", "by": ["log_mcap"]}]}, r"preprocess\[0\].by: .*log_mcap"),
        ],
    )
    def test_what_the_data_cannot_give_is_told_with_its_place(self, settings, message):
        with pytest.raises(ConfigError, match=message) as caught:
            run_manifest(load_manifest(DEMO, settings=settings), base_dir=DEMO.parent)
        assert all("demo.toml" in line or "--set" in line for line in caught.value.problems)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"data.prices": "sp500"}, "dataset 'sp500' is not in lake 'bundled'"),
            ({"backtest.benchmark": "SPX"}, "series 'SPX' is not in lake"),
            ({"data.snapshot": "0123456789abcdef"}, "0123456789abcdef"),
            ({"universe.filter[1].max": 0.01}, "empty universe on 1990-12-31: 0 names are left"),
            ({"universe.min_names": 16}, "names are left, min_names=16"),
            ({"report.risk_free": "DGS3MO"}, "DGS3MO"),
        ],
    )
    def test_missing_data(self, settings, message):
        with pytest.raises(DataError, match=message):
            run_manifest(load_manifest(DEMO, settings=settings), base_dir=DEMO.parent)

    def test_impossible_limits_name_the_date(self):
        manifest = load_manifest(DEMO, settings={"portfolio.limits.max_weight": 0.05})
        with pytest.raises(InfeasibleError, match=r"on 1990-12-31, \d+ names: "):
            run_manifest(manifest, base_dir=DEMO.parent)

    def test_turnover_that_cannot_be_met_is_said(self):
        manifest = load_manifest(DEMO, settings={"portfolio.limits.max_turnover": 0.01})
        result = run_manifest(manifest, base_dir=DEMO.parent)
        assert any("max_turnover could not be met" in warning for warning in result.warnings)
