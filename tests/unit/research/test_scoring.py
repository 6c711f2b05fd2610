import numpy as np
import pytest

from nanodesk.errors import ShapeError, WeightsError
from nanodesk.metrics.information import forward_returns, rank_ic
from nanodesk.research.scoring import combine, compose, factor_report, ic_weights

NAN = np.nan
FAMILIES = {"a": "one", "b": "one", "c": "two"}


def values_of(seed=0, shape=(7, 9), holes=0.3):
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=shape) for name in "abc"}
    for matrix in values.values():
        matrix[rng.random(shape) < holes] = NAN
    return values


class TestCombine:
    def test_missing_values_are_renormalised_away(self):
        values = {"a": np.array([[1.0, NAN, NAN]]), "b": np.array([[3.0, 3.0, NAN]])}
        np.testing.assert_array_equal(combine(values, {"a": 0.5, "b": 1.5}), [[2.5, 3.0, NAN]])

    def test_a_negative_weight_turns_a_factor_round(self):
        values = {"a": np.array([[1.0]]), "b": np.array([[3.0]])}
        np.testing.assert_array_equal(combine(values, {"a": 1.0, "b": -1.0}), [[-1.0]])

    def test_names_with_too_few_families_have_no_score(self):
        values = {"a": np.array([[1.0, 1.0]]), "b": np.array([[1.0, NAN]]), "c": np.array([[NAN, 2.0]])}
        weights = {"a": 1.0, "b": 1.0, "c": 1.0}
        np.testing.assert_array_equal(combine(values, weights, min_families=2, families=FAMILIES), [[NAN, 1.5]])

    def test_families_come_from_the_catalog(self):
        values = {"mom_12_1": np.array([[1.0]]), "rev_1m": np.array([[1.0]])}
        assert np.isnan(combine(values, {"mom_12_1": 1.0, "rev_1m": 1.0}, min_families=2)).all()

    def test_a_factor_of_no_weight_counts_for_no_family(self):
        values = {"a": np.array([[1.0]]), "c": np.array([[1.0]])}
        assert np.isnan(combine(values, {"a": 1.0, "c": 0.0}, min_families=2, families=FAMILIES)).all()

    def test_agrees_with_the_loop(self):
        values, weights = values_of(), {"a": 0.2, "b": -0.5, "c": 1.0}
        mask = np.random.default_rng(1).random((7, 9)) < 0.8
        fast = combine(values, weights, min_families=2, families=FAMILIES, mask=mask)
        for row, column in np.ndindex(7, 9):
            have = [name for name in "abc" if not np.isnan(values[name][row, column])]
            expected = NAN
            if mask[row, column] and len({FAMILIES[name] for name in have}) >= 2:
                total = sum(weights[name] * values[name][row, column] for name in have)
                expected = total / sum(abs(weights[name]) for name in have)
            np.testing.assert_allclose(fast[row, column], expected, rtol=1e-14)

    @pytest.mark.parametrize(
        ("weights", "phrase"),
        [
            ({}, "weights are empty"),
            ({"x": 1.0}, r"\['x'\], which are no columns"),
            ({"a": 0.0}, "every weight is zero"),
            ({"a": NAN}, "weight of a is not finite"),
        ],
    )
    def test_weights_that_do_not_fit_are_refused(self, weights, phrase):
        with pytest.raises(WeightsError, match=phrase):
            combine(values_of(), weights)

    def test_matrices_of_different_shape_are_refused(self):
        with pytest.raises(ShapeError, match="b has shape"):
            combine({"a": np.zeros((2, 3)), "b": np.zeros((2, 4))}, {"a": 1.0, "b": 1.0})


class TestComposite:
    def test_contributions_add_up_to_the_score(self):
        composite = compose(values_of(), {"a": 0.2, "b": -0.5, "c": 1.0})
        for row in range(7):
            parts = composite.explain(row)
            assert list(parts) == ["a", "b", "c"]
            np.testing.assert_allclose(sum(parts.values()), composite.scores[row], rtol=1e-12, atol=1e-15)

    def test_a_missing_factor_gives_nothing_and_a_missing_score_has_no_parts(self):
        composite = compose({"a": np.array([[NAN, NAN]]), "b": np.array([[2.0, NAN]])}, {"a": 1.0, "b": 3.0})
        parts = composite.explain(0)
        np.testing.assert_array_equal(parts["a"], [0.0, NAN])
        np.testing.assert_array_equal(parts["b"], [2.0, NAN])


class TestIcWeights:
    def made(self, n=40):
        rng = np.random.default_rng(3)
        returns = rng.normal(size=(n, 30))
        good, noise = returns + rng.normal(size=returns.shape), rng.normal(size=returns.shape)
        return {"good": good, "noise": noise, "bad": -returns}, returns

    def test_skill_earns_weight_and_its_opposite_none(self):
        values, returns = self.made()
        weights = ic_weights(values, returns, window=36, min_history=12)
        np.testing.assert_allclose(sum(weights.values()), 1.0)
        assert (weights["good"][12:] > 0.7).all()
        assert (weights["bad"][12:] == 0.0).all()

    def test_all_weigh_the_same_before_there_is_a_history(self):
        values, returns = self.made()
        for series in ic_weights(values, returns, min_history=12).values():
            np.testing.assert_allclose(series[:12], 1 / 3)

    def test_a_decision_reads_only_returns_that_have_ended(self):
        values, returns = self.made()
        changed = returns.copy()
        changed[20:] = np.random.default_rng(8).normal(size=changed[20:].shape)
        before, after = ic_weights(values, returns), ic_weights(values, changed)
        for name in values:
            assert before[name][:21].tobytes() == after[name][:21].tobytes()
        assert any(before[name][21] != after[name][21] for name in values)


class TestFactorReport:
    def test_puts_the_measures_together(self):
        rng = np.random.default_rng(4)
        close = np.exp(np.cumsum(rng.normal(0, 0.02, (260, 40)), axis=0))
        rows = np.arange(0, 260, 20)
        later = forward_returns(close, rows)
        scores = np.where(np.isnan(later), 0.0, later) + rng.normal(0, 0.05, later.shape)
        report = factor_report("vol_63", scores, close=close, rows=rows, horizons=(5, 20))
        np.testing.assert_array_equal(report.ic, rank_ic(scores, later))
        assert np.isnan(report.ic[-1])
        assert report.ic_mean == pytest.approx(np.nanmean(report.ic))
        assert report.ic_t > 5.0
        assert report.horizons == (5, 20)
        assert report.ic_decay[1] == pytest.approx(report.ic_mean)
        assert report.quantile_returns.shape == (5,)
        assert report.quantile_returns[-1] > report.quantile_returns[0]
        assert report.coverage == 1.0
        assert abs(report.autocorrelation) < 0.3

    def test_a_single_decision_gives_an_empty_report(self):
        report = factor_report("vol_63", np.ones((1, 5)), close=np.ones((3, 5)), rows=np.array([2]))
        assert np.isnan(report.ic_mean)
        assert np.isnan(report.autocorrelation)
        assert np.isnan(report.quantile_returns).all()
