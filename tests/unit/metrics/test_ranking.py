import numpy as np
import pytest
from scipy.stats import rankdata

from nanodesk.errors import ShapeError
from nanodesk.metrics.ranking import average_ranks, masked


class TestAverageRanks:
    @pytest.mark.parametrize("seed", range(20))
    def test_agrees_with_scipy(self, seed):
        rng = np.random.default_rng(seed)
        values = rng.normal(0, 1, (7, 60)).round(seed % 3)
        values[rng.random(values.shape) < 0.2] = np.nan
        values[0] = np.nan
        values[1, :5] = [np.inf, -np.inf, np.inf, -0.0, 0.0]
        np.testing.assert_array_equal(average_ranks(values), rankdata(values, axis=1, nan_policy="omit"))

    def test_cells_outside_the_mask_take_no_rank(self):
        ranks = average_ranks(np.array([[1.0, 2.0, 3.0]]), mask=np.array([[True, False, True]]))
        np.testing.assert_array_equal(ranks, [[1.0, np.nan, 2.0]])

    def test_leaves_its_input_alone(self):
        values = np.array([[2.0, 1.0]])
        average_ranks(values, mask=np.array([[True, False]]))
        np.testing.assert_array_equal(values, [[2.0, 1.0]])

    def test_an_empty_matrix_has_no_ranks(self):
        assert average_ranks(np.empty((0, 3))).shape == (0, 3)
        assert average_ranks(np.empty((3, 0))).shape == (3, 0)

    def test_a_slice_is_ranked_as_its_copy(self):
        values = np.random.default_rng(0).normal(size=(5, 20))[:, ::2]
        np.testing.assert_array_equal(average_ranks(values), average_ranks(values.copy()))


class TestMasked:
    def test_a_vector_is_refused(self):
        with pytest.raises(ShapeError, match="expected 2"):
            masked(np.zeros(3))

    def test_a_mask_of_another_shape_is_refused(self):
        with pytest.raises(ShapeError, match=r"mask has shape \(1, 2\)"):
            masked(np.zeros((2, 2)), np.ones((1, 2), dtype=bool))
