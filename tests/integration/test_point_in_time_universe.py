"""The whole river over 4,766 US stocks as listed on each day, with filings joined on the day they became known."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from market_data import market_data
from nanodesk.research.lake import open_lake
from nanodesk.research.manifest import parse_manifest
from nanodesk.research.run import run_manifest
from nanodesk.research.sources.files import FileSource

MANIFEST = """
schema = 1
[strategy]
name = "pit-universe"
[data]
lake = "lake"
prices = "us_pit"
fundamentals = "edgar"
[universe]
min_names = 20
max_names = 75
survivorship = "require"
[[universe.filter]]
kind = "history"
min_sessions = 126
[[universe.filter]]
kind = "price"
min = 5.0
[[universe.filter]]
kind = "dollar_volume"
min = 5e6
[[universe.filter]]
kind = "volatility"
min = 0.08
max = 0.80
[[universe.filter]]
kind = "fundamental_coverage"
max_age_days = 200
[[universe.filter]]
kind = "fundamental"
column = "net_income"
min = 0
[[universe.filter]]
kind = "rank_top"
n = 60
exit_rank = 90
[[universe.filter]]
kind = "diversify"
max_correlation = 0.9
window = 126
[[preprocess]]
kind = "winsor"
[[preprocess]]
kind = "gauss_rank"
[signals]
min_families = 2
[[signals.factor]]
id = "mom_6_1"
[[signals.factor]]
id = "vol_63"
[portfolio]
method = "min_variance"
window = 126
[portfolio.limits]
max_weight = 0.05
max_turnover = 0.6
adv_participation = 0.05
[backtest]
shares = "integer"
[backtest.costs]
commission_per_share = 0.0035
min_commission = 0.35
half_spread_bps = 5
impact = { coef = 0.1 }
[backtest.stops]
trailing_pct = 0.2
check = "intrabar"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a lake of real prices and filings."""
    root = market_data()
    folder = tmp_path_factory.mktemp("pit")
    lake = open_lake(folder / "lake")
    prices = root / "equities_daily" / "us_stocks_pit_20150320_20160630.csv.gz"
    filings = root / "fundamentals" / "edgar_reports_pit_20150320_20160630.csv.gz"
    lake.ingest_source(FileSource(prices, "us_pit", "pystock"))
    lake.ingest_source(FileSource(filings, "edgar", "edgar"))
    return folder


@pytest.fixture(scope="module")
def result(folder):
    return run_manifest(parse_manifest(MANIFEST), base_dir=folder)


def test_thousands_become_tens(result):
    for steps in result.funnel:
        assert [step.kind for step in steps][:2] == ["traded", "history"]
        assert steps[0].entered == 4766
        assert 20 <= steps[-1].left <= 75
        assert all(step.entered - step.left == len(step.dropped) for step in steps)
        assert all(before.left == after.entered for before, after in pairwise(steps))
    held = (result.target_weights > 0).sum(axis=1)
    assert held.min() >= 20
    assert held.max() <= 75
    assert np.allclose(result.target_weights.sum(axis=1), 1.0, atol=1e-6)
    assert result.target_weights.max() <= 0.05 + 1e-9


def test_no_name_is_held_without_a_recent_filing_known_that_day(result, folder):
    rows = open_lake(folder / "lake").rows("edgar", columns=["net_income"])
    for date, weights in zip(result.decision_dates, result.target_weights, strict=True):
        known = rows.filter(pl.col("known_at") <= date.item()).group_by("symbol").agg(pl.col("known_at").max())
        age = {symbol: (date.item() - day).days for symbol, day in known.iter_rows()}
        for column in np.flatnonzero(weights):
            assert age[result.backtest.symbols[column]] <= 200


def test_what_is_filed_later_changes_nothing_before(result, folder):
    """A run that ends on an earlier day gives the same decisions up to that day, bit for bit."""
    cut = result.decision_dates[4]
    earlier = run_manifest(
        parse_manifest(MANIFEST, settings={"data.end": cut.item()}),
        base_dir=folder,
    )
    n = len(earlier.decision_dates)
    assert n == 5
    assert (earlier.decision_dates == result.decision_dates[:n]).all()
    columns = [result.backtest.symbols.index(symbol) for symbol in earlier.backtest.symbols]
    assert np.array_equal(earlier.target_weights, result.target_weights[:n, columns])
    assert np.array_equal(earlier.scores, result.scores[:n, columns], equal_nan=True)
    rows = len(earlier.backtest.dates)
    assert np.array_equal(earlier.backtest.equity, result.backtest.equity[:rows])


def test_filings_of_the_future_are_invisible(result, folder, tmp_path):
    """Filings known after a date are taken out of the lake: decisions up to that date stay as they were."""
    full = result
    cut = full.decision_dates[5]
    source = open_lake(folder / "lake")
    lake = open_lake(tmp_path / "lake")
    prices, filings = (source.rows(name).drop("ingest", strict=False) for name in ("us_pit", "edgar"))
    lake.ingest(prices, "us_pit", kind="prices", about=source.describe("us_pit").about)
    filings = filings.filter(pl.col("known_at") <= cut.item())
    lake.ingest(filings, "edgar", kind="fundamentals", about=source.describe("edgar").about)
    poorer = run_manifest(parse_manifest(MANIFEST), base_dir=tmp_path)
    assert np.array_equal(poorer.target_weights[:6], full.target_weights[:6])
    assert not np.array_equal(poorer.target_weights, full.target_weights)


def test_twice_the_same_bits(result, folder):
    again = run_manifest(parse_manifest(MANIFEST), base_dir=folder)
    assert again.run_id == result.run_id
    assert np.array_equal(again.target_weights, result.target_weights)
    assert np.array_equal(again.backtest.equity, result.backtest.equity)


def test_names_that_leave_the_market_leave_the_portfolio(result):
    close = result.backtest.symbol_returns
    ends = np.array([np.flatnonzero(~np.isnan(close[:, i]))[-1:] for i in range(close.shape[1])], dtype=object)
    last = len(result.backtest.dates) - 1
    gone = [i for i in np.flatnonzero(result.target_weights.any(axis=0)) if len(ends[i]) and ends[i][0] < last]
    for column in gone:
        assert result.backtest.holdings[-1, column] == 0
