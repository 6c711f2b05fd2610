"""Factors read nothing after the decision: cutting or changing the future leaves every bit of the past."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.market.panel import PricePanel
from nanodesk.research.factors.base import FactorInputs
from nanodesk.research.factors.catalog import FACTORS
from nanodesk.research.factors.compute import compute_factors

N_DATES, N_SYMBOLS = 620, 70
SPECS = [(factor_id, {}) for factor_id in FACTORS]
EVERY_ROW = np.arange(N_DATES)


def random_inputs(seed):
    rng = np.random.default_rng(seed)
    market_return = rng.normal(3e-4, 0.01, N_DATES)
    market = 100.0 * np.exp(np.cumsum(market_return))
    vix = 20.0 * np.exp(np.cumsum(rng.normal(0.0, 0.04, N_DATES)))
    close = np.exp(3.0 + np.cumsum(market_return[:, None] + rng.normal(0, 0.02, (N_DATES, N_SYMBOLS)), axis=0))
    if seed % 2:
        close[rng.random(close.shape) < 0.03] = np.nan
    close[: rng.integers(1, 400), 3] = np.nan
    return inputs_of(close, market, vix)


def inputs_of(close, market, vix):
    dates = np.datetime64("1999-01-01") + np.arange(len(close))
    return FactorInputs(PricePanel(dates, tuple(f"S{i}" for i in range(close.shape[1])), close), market, vix)


def same_bits(left, right):
    return left.tobytes() == right.tobytes()


class TestNoLookAhead:
    @settings(max_examples=12, deadline=None)
    @given(seed=st.integers(0, 5), cut=st.integers(1, N_DATES - 1))
    def test_cutting_the_panel_changes_no_bit_before_the_cut(self, seed, cut):
        inputs = random_inputs(seed)
        full = compute_factors(SPECS, inputs, EVERY_ROW)
        short = compute_factors(
            SPECS, FactorInputs(inputs.panel.rows(cut), inputs.market[:cut], inputs.vix[:cut]), EVERY_ROW[:cut]
        )
        for factor_id in FACTORS:
            assert same_bits(full[factor_id][:cut], short[factor_id]), factor_id

    @settings(max_examples=12, deadline=None)
    @given(seed=st.integers(0, 5), cut=st.integers(1, N_DATES - 1))
    def test_noise_after_a_row_changes_no_bit_up_to_it(self, seed, cut):
        inputs = random_inputs(seed)
        rng = np.random.default_rng(seed + cut)
        close, market, vix = inputs.panel.close.copy(), inputs.market.copy(), inputs.vix.copy()
        close[cut:] *= np.exp(rng.normal(0, 1, close[cut:].shape))
        close[cut:][rng.random(close[cut:].shape) < 0.2] = np.nan
        market[cut:] *= np.exp(rng.normal(0, 1, N_DATES - cut))
        vix[cut:] = np.nan
        full = compute_factors(SPECS, inputs, EVERY_ROW)
        noisy = compute_factors(SPECS, inputs_of(close, market, vix), EVERY_ROW)
        for factor_id in FACTORS:
            assert same_bits(full[factor_id][:cut], noisy[factor_id][:cut]), factor_id


class TestIndependence:
    @pytest.mark.parametrize("seed", range(4))
    def test_other_rows_symbols_and_threads_change_no_bit(self, seed):
        inputs = random_inputs(seed)
        full = compute_factors(SPECS, inputs, EVERY_ROW, threads=1)
        rows = np.unique(np.random.default_rng(seed).integers(0, N_DATES, 25))
        some = compute_factors(SPECS, inputs, rows, threads=3)
        names = [f"S{i}" for i in (69, 3, 0, 64, 17)]
        few = compute_factors(SPECS, FactorInputs(inputs.panel.columns(names), inputs.market, inputs.vix), rows)
        alone = {factor_id: compute_factors([(factor_id, {})], inputs, rows)[factor_id] for factor_id in FACTORS}
        for factor_id in FACTORS:
            assert same_bits(full[factor_id][rows], some[factor_id]), factor_id
            assert same_bits(some[factor_id][:, [69, 3, 0, 64, 17]], few[factor_id]), factor_id
            assert same_bits(some[factor_id], alone[factor_id]), factor_id
