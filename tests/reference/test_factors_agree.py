"""The compiled factors against the plain-Python ones, on random panels with every kind of hole and on real prices."""

import csv
import gzip

import numpy as np
import pytest

from market_data import market_data
from nanodesk.market.panel import PricePanel
from nanodesk.research.factors.base import FactorInputs
from nanodesk.research.factors.catalog import FACTORS
from nanodesk.research.factors.compute import compute_factors
from reference.factors_reference import REFERENCES, reference_value

# A slope near zero carries the rounding of the sums it is the difference of: its scale is that of its noise.
RELATIVE = 1e-10
ABSOLUTE = {"resid_mom": 1e-10, "vix_beta": 1e-15}


def random_inputs(seed, n_dates=420, n_symbols=12):
    rng = np.random.default_rng(seed)
    market_return = rng.normal(3e-4, 0.01, n_dates)
    market = 1000.0 * np.exp(np.cumsum(market_return))
    vix = 18.0 * np.exp(np.cumsum(-2.0 * market_return + rng.normal(0.0, 0.03, n_dates)))
    beta = rng.uniform(-0.5, 2.0, n_symbols)
    noise = rng.normal(0.0, 1.0, (n_dates, n_symbols)) * rng.uniform(0.001, 0.06, n_symbols)
    close = np.exp(rng.uniform(0, 6, n_symbols) + np.cumsum(market_return[:, None] * beta + noise, axis=0))
    close[:, 0] = 12.5  # never moves
    close[:, 1] = 2.0 * market  # the market itself
    close[:, 2] = 50.0 * 1.001 ** np.arange(n_dates)  # accrues without noise
    close[:, 3] *= np.exp(0.3 * np.arange(n_dates))  # drift far above noise: plain sums of squares cancel
    close[rng.random(n_dates) < 0.1, 4] = np.nan  # scattered gaps
    close[:150, 5] = np.nan  # listed late
    close[300:, 6] = np.nan  # delisted
    close[200:240, 7] = np.nan  # halted
    close[:, 8] = np.nan  # never trades
    close[rng.random(n_dates) < 0.25, 9] = np.nan  # mostly below coverage
    if seed % 2:
        market[rng.random(n_dates) < 0.02] = np.nan
        vix[rng.random(n_dates) < 0.02] = np.nan
    return inputs_of(close, market, vix)


def inputs_of(close, market, vix):
    dates = np.datetime64("2001-01-01") + np.arange(len(close))
    return FactorInputs(PricePanel(dates, tuple(f"S{i}" for i in range(close.shape[1])), close), market, vix)


def assert_agrees(factor_id, inputs, rows, values, **parameters):
    close = inputs.panel.close
    for d, row in enumerate(rows):
        for column in range(close.shape[1]):
            slow = reference_value(factor_id, close[:, column], inputs.market, inputs.vix, row, **parameters)
            fast = values[d, column]
            place = f"{factor_id} row {row} column {column}: {fast!r} against {slow!r}"
            assert np.isnan(fast) == (slow is None), place
            if slow is not None:
                assert fast == pytest.approx(slow, rel=RELATIVE, abs=ABSOLUTE.get(factor_id, 0.0)), place


def all_specs():
    return [(factor_id, {}) for factor_id in FACTORS]


class TestComputeFactors:
    def test_every_factor_has_a_reference(self):
        assert set(REFERENCES) == set(FACTORS)

    @pytest.mark.parametrize("seed", range(12))
    def test_agrees_on_random_panels_with_holes(self, seed):
        inputs = random_inputs(seed)
        rows = np.unique(np.random.default_rng(seed).integers(0, 420, 14))
        values = compute_factors(all_specs(), inputs, rows)
        for factor_id in FACTORS:
            assert_agrees(factor_id, inputs, rows, values[factor_id])

    @pytest.mark.parametrize(
        ("factor_id", "parameters"),
        [
            ("resid_mom", {"window": 60, "skip": 5, "estimation": 130}),
            ("resid_mom", {"window": 60, "skip": 0, "estimation": 130, "remove_alpha": True}),
            ("beta_252", {"window": 50, "overlap": 1, "shrink": 1.0}),
            ("beta_252", {"window": 50, "overlap": 5}),
            ("vol_63", {"window": 5}),
            ("downside_63", {"window": 21}),
            ("ivol_252", {"window": 40}),
            ("high_52w", {"window": 7}),
            ("vix_beta", {"window": 30}),
        ],
    )
    def test_agrees_with_other_parameters_on_every_row(self, factor_id, parameters):
        inputs = random_inputs(21, n_dates=160)
        rows = np.arange(160)
        values = compute_factors([(factor_id, parameters)], inputs, rows)
        assert_agrees(factor_id, inputs, rows[::7], values[factor_id][::7], **parameters)

    def test_agrees_on_real_prices(self):
        folder = market_data()
        closes = read_matrix(folder / "equities_daily" / "skfolio_sp500_dataset.csv.gz")
        index = read_matrix(folder / "equities_daily" / "skfolio_sp500_index.csv.gz")
        fear = read_matrix(folder / "macro" / "vix_daily.csv.gz")
        dates = sorted(set(closes) & set(index))[-2500:]
        close = np.array([closes[date] for date in dates])[:, :10]
        market = np.array([index[date][0] for date in dates])
        vix = np.array([fear[date][3] if date in fear else np.nan for date in dates])
        inputs = inputs_of(close, market, vix)
        rows = np.array([300, 700, 1500, 1777, 2499])
        values = compute_factors(all_specs(), inputs, rows)
        for factor_id in FACTORS:
            assert np.isfinite(values[factor_id]).all()
            assert_agrees(factor_id, inputs, rows, values[factor_id])


def read_matrix(path):
    with gzip.open(path, "rt") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0]: [float(cell) if cell else float("nan") for cell in row[1:]] for row in rows}
