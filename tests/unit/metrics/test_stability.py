import numpy as np

from nanodesk.metrics.stability import coverage, factor_correlation, quantile_turnover, rank_autocorrelation

NAN = np.nan


class TestCoverage:
    def test_counts_within_the_mask(self):
        scores = np.array([[1.0, NAN, 3.0, 4.0], [NAN, NAN, NAN, 1.0]])
        mask = np.array([[True, True, True, False], [False, False, False, False]])
        np.testing.assert_allclose(coverage(scores, mask=mask), [2 / 3, NAN])


class TestRankAutocorrelation:
    def test_is_over_the_names_both_rows_have(self):
        scores = np.array([[1.0, 2.0, 3.0, 9.0], [10.0, 20.0, 30.0, NAN], [NAN, NAN, 1.0, 2.0]])
        np.testing.assert_array_equal(rank_autocorrelation(scores), [1.0, NAN])

    def test_a_single_row_has_none(self):
        assert rank_autocorrelation(np.ones((1, 4))).shape == (0,)


class TestQuantileTurnover:
    def test_is_the_share_of_new_names(self):
        scores = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 4.0, 3.0, 2.0]])
        np.testing.assert_allclose(quantile_turnover(scores, 2, 2), [0.5])

    def test_is_unknown_where_a_row_has_no_groups(self):
        assert np.isnan(quantile_turnover(np.array([[1.0, NAN], [1.0, 2.0]]), 1, 2)).all()


class TestFactorCorrelation:
    def test_is_symmetric_with_ones_on_the_diagonal(self):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(9, 40)), rng.normal(size=(9, 40))
        matrix = factor_correlation({"a": a, "b": b, "minus_a": -a})
        np.testing.assert_allclose(matrix, matrix.T)
        np.testing.assert_allclose(np.diag(matrix), 1.0)
        np.testing.assert_allclose(matrix[0, 2], -1.0)
        assert abs(matrix[0, 1]) < 0.2
