import dataclasses

import numpy as np
import pytest

from nanodesk.errors import PriceError, ShapeError, ValidationError
from nanodesk.market.panel import PricePanel
from nanodesk.research.factors.base import FactorInputs
from nanodesk.research.factors.catalog import FACTORS, find_factor
from nanodesk.research.factors.compute import compute_factors
from nanodesk.research.factors.coverage import needed

N = 300


def inputs_of(close, market="rising", vix="level"):
    n = len(close)
    rng = np.random.default_rng(5)
    dates = np.datetime64("2010-01-01") + np.arange(n)
    panel = PricePanel(dates, tuple(f"S{i}" for i in range(close.shape[1])), close)
    given = {
        "rising": np.exp(np.cumsum(rng.normal(0, 0.01, n))),
        "level": 20.0 * np.exp(np.cumsum(rng.normal(0, 0.05, n))),
        None: None,
    }
    return FactorInputs(panel, given[market], given[vix])


def random_close(seed=0, n_symbols=4):
    return 50.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, (N, n_symbols)), axis=0))


def value_of(factor_id, close, row=N - 1, **parameters):
    return compute_factors([(factor_id, parameters)], inputs_of(close), np.array([row]))[factor_id][0]


class TestCatalog:
    def test_holds_the_ten_price_factors(self):
        assert list(FACTORS) == [
            "mom_12_1",
            "mom_6_1",
            "rev_1m",
            "high_52w",
            "resid_mom",
            "vol_63",
            "downside_63",
            "beta_252",
            "ivol_252",
            "vix_beta",
        ]

    def test_keys_are_ids_and_every_sign_is_plus(self):
        for key, factor in FACTORS.items():
            assert factor.id == key
            assert factor.sign == 1
            assert factor.citation
            assert factor.formula

    def test_cannot_be_changed(self):
        with pytest.raises(TypeError):
            FACTORS["mine"] = FACTORS["vol_63"]
        with pytest.raises(dataclasses.FrozenInstanceError):
            FACTORS["vol_63"].id = "other"

    @pytest.mark.parametrize(
        ("factor_id", "lookback"),
        [("mom_12_1", 252), ("mom_6_1", 126), ("rev_1m", 21), ("high_52w", 251), ("vol_63", 63), ("vix_beta", 63)],
    )
    def test_lookback_is_what_the_formula_reads(self, factor_id, lookback):
        assert FACTORS[factor_id].lookback == lookback

    @pytest.mark.parametrize("factor_id", FACTORS)
    def test_nothing_before_the_lookback_is_read(self, factor_id):
        close, row = random_close(), N - 1
        changed = close.copy()
        changed[: row - FACTORS[factor_id].lookback] *= 3.0
        np.testing.assert_allclose(value_of(factor_id, close), value_of(factor_id, changed), rtol=1e-12)


class TestFindFactor:
    def test_names_the_nearest(self):
        with pytest.raises(ValidationError, match="unknown factor 'mom_12_2'; nearest: mom_12_1"):
            find_factor("mom_12_2")


class TestFactor:
    def test_unknown_parameter_names_the_nearest(self):
        with pytest.raises(ValidationError, match=r"vol_63 has no parameter 'windw'.*Did you mean 'window'"):
            FACTORS["vol_63"].resolve({"windw": 20})

    @pytest.mark.parametrize("value", [2, 2521, 63.0, True, "63"])
    def test_wrong_type_or_range_is_refused(self, value):
        with pytest.raises(ValidationError, match=r"vol_63.window=.* must be int from 3 to 2520"):
            FACTORS["vol_63"].resolve({"window": value})

    def test_a_whole_number_is_taken_for_a_float(self):
        assert FACTORS["beta_252"].resolve({"shrink": 1})["shrink"] == 1.0

    @pytest.mark.parametrize(
        ("factor_id", "parameters", "phrase"),
        [
            ("mom_12_1", {"window": 20}, "skip=21 must be below window=20"),
            ("resid_mom", {"estimation": 200}, "estimation=200 must be at least window=252"),
            ("resid_mom", {"remove_alpha": True}, "estimation=252 must be above window=252"),
            ("beta_252", {"window": 5, "overlap": 4}, "overlap=4 must be at most window=5 less two"),
        ],
    )
    def test_contradictions_are_refused(self, factor_id, parameters, phrase):
        with pytest.raises(ValidationError, match=phrase):
            FACTORS[factor_id].resolve(parameters)


class TestFactorInputs:
    def test_a_series_of_another_length_is_refused(self):
        with pytest.raises(ShapeError, match=r"market has shape \(2,\)"):
            FactorInputs(inputs_of(random_close()).panel, np.ones(2))

    def test_a_price_that_is_none_is_refused_with_its_date(self):
        vix = np.full(N, 20.0)
        vix[3] = 0.0
        with pytest.raises(PriceError, match=r"vix=0\.0 on 2010-01-04"):
            FactorInputs(inputs_of(random_close()).panel, None, vix)


class TestComputeFactors:
    def test_momentum_by_hand(self):
        close = np.linspace(100.0, 399.0, N)[:, None]
        last = close[-1, 0]
        assert value_of("mom_12_1", close)[0] == pytest.approx(close[-22, 0] / close[-253, 0] - 1)
        assert value_of("mom_6_1", close)[0] == pytest.approx(close[-22, 0] / close[-127, 0] - 1)
        assert value_of("rev_1m", close)[0] == pytest.approx(1 - last / close[-22, 0])
        assert value_of("high_52w", close)[0] == 1.0

    def test_higher_is_better_for_the_calmer_name(self):
        rng = np.random.default_rng(0)
        steps = rng.normal(0, 1, (N, 2)) * [0.01, 0.03]
        for factor_id in ("vol_63", "downside_63", "ivol_252"):
            calm, wild = value_of(factor_id, np.exp(np.cumsum(steps, axis=0)))
            assert 0 > calm > wild

    def test_a_constant_price_has_no_risk_measure_and_flat_momentum(self):
        close = np.full((N, 1), 20.0)
        for factor_id in ("vol_63", "downside_63", "beta_252", "ivol_252", "resid_mom", "vix_beta"):
            assert np.isnan(value_of(factor_id, close)[0])
        assert value_of("mom_12_1", close)[0] == 0.0
        assert value_of("high_52w", close)[0] == 1.0

    def test_a_name_that_does_not_trade_on_the_day_has_no_value(self):
        close = random_close()
        close[-1, 0] = np.nan
        for factor_id in FACTORS:
            values = value_of(factor_id, close)
            assert np.isnan(values[0])
            assert np.isfinite(values[1:]).all()

    @pytest.mark.parametrize(("missing", "known"), [(12, True), (13, False)])
    def test_coverage_counts_observed_returns(self, missing, known):
        close = random_close()
        close[N - 63 : N - 63 + missing - 1, 0] = np.nan  # each run of gaps costs one return more than its length
        assert needed(63, 0.8) == 51
        assert np.isfinite(value_of("vol_63", close)[0]) == known

    def test_a_stale_end_price_is_used_only_on_request(self):
        close = random_close()
        close[-22, 0] = np.nan
        assert np.isnan(value_of("mom_12_1", close)[0])
        assert value_of("mom_12_1", close, stale=1)[0] == pytest.approx(close[-23, 0] / close[-253, 0] - 1)

    def test_residual_momentum_is_not_the_last_month_reversed(self):
        close = random_close(n_symbols=60)
        month = -(close[-1] / close[-22] - 1.0)
        score = value_of("resid_mom", close)
        assert abs(np.corrcoef(month, score)[0, 1]) < 0.5

    def test_beta_of_the_market_itself_is_one(self):
        inputs = inputs_of(random_close())
        twin = dataclasses.replace(
            inputs, panel=dataclasses.replace(inputs.panel, close=inputs.market[:, None] * np.ones(4))
        )
        beta = compute_factors([("beta_252", {})], twin, np.array([N - 1]))["beta_252"]
        np.testing.assert_allclose(beta, -1.0, rtol=1e-12)

    def test_vix_beta_finds_the_slope_it_was_made_with(self):
        inputs = inputs_of(random_close())
        market, fear = (np.diff(x, prepend=x[0]) for x in (np.log(inputs.market), inputs.vix))
        close = np.exp(np.cumsum(1.2 * market - 0.003 * fear + 0.0004))[:, None] * np.ones(4)
        made = dataclasses.replace(inputs, panel=dataclasses.replace(inputs.panel, close=close))
        slope = compute_factors([("vix_beta", {})], made, np.array([N - 1]))["vix_beta"]
        np.testing.assert_allclose(slope, 0.003, rtol=1e-9)

    def test_a_missing_input_is_named(self):
        with pytest.raises(ValidationError, match="vix_beta reads market and vix, which the inputs do not hold"):
            compute_factors([("vix_beta", {})], inputs_of(random_close(), None, None), np.array([1]))

    def test_an_id_given_twice_is_refused(self):
        with pytest.raises(ValidationError, match="'vol_63' is given twice"):
            compute_factors([("vol_63", {}), ("vol_63", {"window": 20})], inputs_of(random_close()), np.array([1]))

    @pytest.mark.parametrize("rows", [[3, 3], [5, 4], [-1], [N], [1.0], [[1]]])
    def test_rows_that_are_no_rows_are_refused(self, rows):
        with pytest.raises(ShapeError, match="rows must be strictly increasing whole numbers from 0 to 299"):
            compute_factors([("vol_63", {})], inputs_of(random_close()), np.array(rows))

    def test_no_rows_and_no_symbols_give_empty_matrices(self):
        assert compute_factors([("vol_63", {})], inputs_of(random_close()), np.array([], dtype=int))[
            "vol_63"
        ].shape == (0, 4)
        assert compute_factors([("vol_63", {})], inputs_of(np.empty((N, 0))), np.array([5]))["vol_63"].shape == (1, 0)

    def test_a_panel_shorter_than_every_window_has_no_values_and_no_errors(self):
        close = random_close()[:3]
        values = compute_factors([(factor_id, {}) for factor_id in FACTORS], inputs_of(close), np.arange(3))
        assert all(np.isnan(matrix).all() for matrix in values.values())
