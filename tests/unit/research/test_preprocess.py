import tomllib

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict
from pydantic import ValidationError as ModelError

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.panel import PricePanel
from nanodesk.research.preprocess import PreprocessContext, Step, apply_steps, check_steps

NAN = np.nan
SHAPE = (6, 8)


class Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    preprocess: tuple[Step, ...] = ()


def steps_of(text):
    tables = tomllib.loads(text)["preprocess"]
    return Manifest.model_validate({"preprocess": tuple(tables)}).preprocess


def step(kind, **settings):
    return Manifest.model_validate({"preprocess": ({"kind": kind, **settings},)}).preprocess[0]


def values_of(seed=0):
    rng = np.random.default_rng(seed)
    return {"fast": rng.normal(size=SHAPE), "slow": rng.normal(size=SHAPE)}


def context_of(sectors="aabbccdd", n_dates=40, **covariates):
    rng = np.random.default_rng(9)
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, (n_dates, SHAPE[1])), axis=0))
    symbols = tuple(f"S{i}" for i in range(SHAPE[1]))
    named = {symbol: sector for symbol, sector in zip(symbols, sectors, strict=True) if sector != "-"}
    dates = np.datetime64("2020-01-01") + np.arange(n_dates)
    return PreprocessContext(
        PricePanel(dates, symbols, close, close * 0.99, close * 1.02, close * 0.98, sectors=named),
        np.arange(n_dates - SHAPE[0], n_dates),
        covariates,
        "XNYS",
    )


EVERY = np.ones(SHAPE, dtype=bool)


class TestStep:
    def test_reads_the_steps_of_a_manifest(self):
        steps = steps_of("""
            [[preprocess]]
            kind = "winsor"
            lo = 0.01
            hi = 0.99
            [[preprocess]]
            kind = "neutralize"
            by = ["sector", "log_mcap"]
            [[preprocess]]
            kind = "gauss_rank"
            [[preprocess]]
            kind = "impute"
            method = "sector_median"
        """)
        assert [s.kind for s in steps] == ["winsor", "neutralize", "gauss_rank", "impute"]
        assert steps[1].by == ("sector", "log_mcap")

    @pytest.mark.parametrize(
        ("settings", "phrase"),
        [
            ({"kind": "frac_diff", "d": 0.4}, "frac_diff"),
            ({"kind": "winsor", "lo_q": 0.1}, "Extra inputs are not permitted"),
            ({"kind": "winsor", "lo": "5%"}, "valid number"),
            ({"kind": "winsor", "lo": 0.9, "hi": 0.1}, "lo=0.9 must be below hi=0.1"),
            ({"kind": "winsor", "lo": 0.1, "mad": 3.0}, "either lo and hi, or mad"),
            ({"kind": "winsor", "lo": -0.1}, "greater than or equal to 0"),
            ({"kind": "zscore", "min_count": 1}, "greater than or equal to 2"),
            ({"kind": "zscore", "min_count": 3.0}, "valid integer"),
            ({"kind": "neutralize", "by": []}, "at least 1"),
            ({"kind": "neutralize", "by": ["country"]}, "'sector', 'log_mcap' or 'beta'"),
            ({"kind": "neutralize", "by": ["beta", "beta"]}, "twice"),
            ({"kind": "neutralize", "by": ["beta"], "method": "demean"}, "sector"),
            ({"kind": "vol", "estimator": "garch"}, "'std', 'ewm'"),
            ({"kind": "ewma", "halflife": 0}, "greater than 0"),
            ({"kind": "clip"}, "give lo, hi or both"),
            ({"kind": "clip", "lo": 2, "hi": 1}, "lo=2.0 must be below hi=1.0"),
            ({"kind": "clip", "lo": float("nan")}, "finite number"),
            ({"kind": "orthogonalize"}, "Field required"),
            ({"kind": "drop_if", "expression": "a >"}, "ends where a column"),
            ({"kind": "returns", "into": "no spaces"}, "pattern"),
        ],
    )
    def test_what_it_refuses(self, settings, phrase):
        with pytest.raises(ModelError, match=phrase):
            Manifest.model_validate({"preprocess": (settings,)})

    def test_is_frozen(self):
        with pytest.raises(ModelError, match="frozen"):
            step("lag").bars = 3


class TestCheckSteps:
    def test_lists_every_fault_with_its_place(self):
        steps = [
            step("impute", method="zero_after_z"),
            step("neutralize", by=["sector", "log_mcap"]),
            step("rank", columns=["fst"]),
            step("orthogonalize", to=["slow", "size"]),
            step("drop_if", expression="fast > 1 and spread > 2"),
            step("vol", estimator="yang_zhang"),
            step("align", calendar="XNAS"),
            step("returns", into="fast"),
        ]
        assert check_steps(steps, ["fast", "slow"], calendar="XNYS") == (
            '[0].method: "zero_after_z" needs a zscore, robust_z, rank or gauss_rank step before it',
            '[1].by: "sector" is not available: the data names no sector',
            '[1].by: "log_mcap" is not available; available: nothing',
            "[2].columns: unknown column 'fst'; did you mean 'fast'?",
            "[3].to: unknown column 'size'; columns: fast, slow",
            "[4].expression: unknown column 'spread'; columns: fast, slow",
            "[5].reads high prices, which the data does not hold",
            "[5].reads low prices, which the data does not hold",
            "[5].reads open prices, which the data does not hold",
            "[6].calendar: 'XNAS', but the data is on 'XNYS'",
            "[7].into: column 'fast' exists already; give another name",
        )

    def test_a_column_that_a_step_adds_is_known_afterwards(self):
        steps = [step("returns", periods=5), step("drop_if", expression="returns_5 > 0.2")]
        assert check_steps(steps, ["fast"]) == ()
        assert len(check_steps(steps[::-1], ["fast"])) == 1


class TestApplySteps:
    def test_without_steps_only_the_mask_counts(self):
        mask = np.random.default_rng(0).random(SHAPE) < 0.5
        out = apply_steps((), values_of(), mask)
        np.testing.assert_array_equal(out["fast"], np.where(mask, values_of()["fast"], NAN))

    def test_faults_are_raised_together(self):
        with pytest.raises(ValidationError, match=r"preprocess\[0\].by: .*; preprocess\[1\].to: "):
            apply_steps([step("neutralize", by=["beta"]), step("orthogonalize", to=["x"])], values_of(), EVERY)

    def test_a_matrix_of_another_shape_is_refused(self):
        with pytest.raises(ShapeError, match=r"fast has shape \(2, 2\), expected \(6, 8\)"):
            apply_steps((), {"fast": np.zeros((2, 2))}, EVERY)

    def test_cells_outside_the_mask_take_no_part(self):
        mask = EVERY.copy()
        mask[:, 7] = False
        values = values_of()
        extreme = {name: x.copy() for name, x in values.items()}
        for x in extreme.values():
            x[:, 7] = 1e9
        for kind in ("zscore", "robust_z", "rank", "gauss_rank", "winsor", "scale"):
            plain, changed = (apply_steps([step(kind)], v, mask, context_of()) for v in (values, extreme))
            np.testing.assert_array_equal(plain["fast"], changed["fast"])
            assert np.isnan(plain["fast"][:, 7]).all()

    def test_only_the_listed_columns_change(self):
        out = apply_steps([step("rank", columns=["fast"])], values_of(), EVERY)
        np.testing.assert_array_equal(out["slow"], values_of()["slow"])
        assert np.abs(out["fast"]).max() < 0.5

    def test_inputs_stay_as_they_were(self):
        values = values_of()
        apply_steps([step("zscore"), step("impute", method="zero_after_z"), step("lag")], values, EVERY)
        np.testing.assert_array_equal(values["fast"], values_of()["fast"])

    def test_neutralized_values_owe_nothing_to_sector_and_size(self):
        size = np.random.default_rng(2).normal(size=SHAPE)
        context = context_of(log_mcap=size)
        out = apply_steps([step("neutralize", by=["sector", "log_mcap"])], values_of(), EVERY, context)["fast"]
        np.testing.assert_allclose(out.reshape(6, 4, 2).sum(axis=2), 0.0, atol=1e-12)
        np.testing.assert_allclose(np.sum(out * size, axis=1), 0.0, atol=1e-12)

    def test_demeaning_is_least_squares_on_sectors_alone(self):
        plain, squares = (
            apply_steps([step("neutralize", by=["sector"], method=method)], values_of(), EVERY, context_of())["fast"]
            for method in ("demean", "ols")
        )
        np.testing.assert_allclose(plain, squares, atol=1e-14)

    def test_a_name_without_sector_cannot_be_neutralized(self):
        out = apply_steps([step("neutralize", by=["sector"])], values_of(), EVERY, context_of("aabbccd-"))["fast"]
        assert np.isnan(out[:, 7]).all()
        assert np.isfinite(out[:, :7]).all()

    def test_impute_fills_screened_names_only(self):
        values = values_of()
        values["fast"][:, 0] = NAN
        values["fast"][:, 7] = NAN
        mask = EVERY.copy()
        mask[:, 7] = False
        median = apply_steps([step("impute", method="sector_median")], values, mask, context_of())["fast"]
        np.testing.assert_array_equal(median[:, 0], values["fast"][:, 1])
        zero = apply_steps([step("zscore"), step("impute", method="zero_after_z")], values, mask, context_of())["fast"]
        np.testing.assert_array_equal(zero[:, 0], 0.0)
        for out in (median, zero):
            assert np.isnan(out[:, 7]).all()

    def test_orthogonalized_columns_owe_nothing_to_the_listed_one(self):
        out = apply_steps([step("orthogonalize", to=["slow"])], values_of(), EVERY)
        np.testing.assert_array_equal(out["slow"], values_of()["slow"])
        np.testing.assert_allclose(np.sum(out["fast"] * out["slow"], axis=1), 0.0, atol=1e-12)
        np.testing.assert_allclose(out["fast"].sum(axis=1), 0.0, atol=1e-12)

    def test_drop_if_takes_the_name_out_of_every_column(self):
        size = np.arange(8.0) * np.ones((6, 1))
        out = apply_steps(
            [step("drop_if", expression="log_mcap < 2 or fast > 1")], values_of(), EVERY, context_of(log_mcap=size)
        )
        dropped = (size < 2) | (values_of()["fast"] > 1)
        for name in ("fast", "slow"):
            np.testing.assert_array_equal(np.isnan(out[name]), dropped)

    def test_price_steps_add_columns_as_of_each_decision(self):
        context = context_of()
        steps = [
            step("returns", periods=5),
            step("log_returns", periods=5),
            step("roc", periods=5),
            step("vol", window=10),
        ]
        out = apply_steps(steps, values_of(), EVERY, context)
        assert list(out) == ["fast", "slow", "returns_5", "log_returns_5", "roc_5", "vol_std_10"]
        close = context.panel.close
        np.testing.assert_allclose(out["returns_5"][-1], close[-1] / close[-6] - 1.0)
        np.testing.assert_allclose(np.exp(out["log_returns_5"]), 1.0 + out["returns_5"])
        np.testing.assert_allclose(out["roc_5"], 100.0 * out["returns_5"])
        expected = np.diff(np.log(close[-11:]), axis=0).std(axis=0, ddof=1) * np.sqrt(252)
        np.testing.assert_allclose(out["vol_std_10"][-1], expected)

    def test_lag_moves_decisions(self):
        out = apply_steps([step("lag", bars=2)], values_of(), EVERY)["fast"]
        assert np.isnan(out[:2]).all()
        np.testing.assert_array_equal(out[2:], values_of()["fast"][:-2])

    def test_align_carries_at_most_max_decisions(self):
        values = {"fast": np.array([[1.0], [NAN], [NAN], [4.0]])}
        out = apply_steps([step("align", fill="ffill", max=1)], values, np.ones((4, 1), dtype=bool))["fast"]
        np.testing.assert_array_equal(out[:, 0], [1.0, 1.0, NAN, 4.0])

    def test_clip_and_scale(self):
        out = apply_steps([step("clip", lo=-1, hi=1), step("scale", gross=2.0)], values_of(), EVERY)["fast"]
        np.testing.assert_allclose(np.abs(out).sum(axis=1), 2.0)
