"""Arrays of finite numbers."""

import numpy as np
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.finite import finite_array

NAN = float("nan")


class TestFiniteArray:
    """Series and matrices that callers give."""

    def test_keeps_the_memory_that_fits(self):
        given = np.arange(6.0).reshape(2, 3)
        assert finite_array("returns", given, ndim=2) is given

    @pytest.mark.parametrize("given", [[1, 2], (True, 2.0), np.arange(4)[::2], np.float32([1, 2])])
    def test_takes_any_sequence_of_numbers(self, given):
        found = finite_array("returns", given, ndim=1)
        assert found.dtype == np.float64
        assert found.flags.c_contiguous
        assert found.tolist() == [float(value) for value in given]

    @pytest.mark.parametrize(
        ("given", "ndim", "message"),
        [
            ([0.1, NAN], 1, r"returns\[1\]=nan is not finite\. Fill it\."),
            ([-np.inf], 1, r"returns\[0\]=-inf is not finite"),
            ([[0.1, 0.2], [0.3, NAN]], 2, r"returns\[1, 1\]=nan is not finite"),
            (["a"], 1, "returns does not hold numbers"),
            ([[1.0], [1.0, 2.0]], 2, "returns does not hold numbers"),
            (object(), 1, "returns does not hold numbers"),
        ],
    )
    def test_names_the_first_cell_that_is_no_number(self, given, ndim, message):
        with pytest.raises(ValidationError, match=message):
            finite_array("returns", given, ndim=ndim, fix="Fill it.")

    @pytest.mark.parametrize(
        ("given", "ndim", "message"),
        [
            (1.0, 1, r"returns has shape \(\), expected 1 dimension, at least 2 rows"),
            ([1.0], 1, r"returns has shape \(1,\)"),
            ([1.0, 2.0], 2, r"returns has shape \(2,\), expected 2 dimensions"),
        ],
    )
    def test_refuses_another_shape(self, given, ndim, message):
        with pytest.raises(ShapeError, match=message):
            finite_array("returns", given, ndim=ndim, least=2)

    def test_may_take_missing_values_but_no_infinities(self):
        assert np.isnan(finite_array("returns", [NAN, 1.0], ndim=1, allow_nan=True)[0])
        with pytest.raises(ValidationError, match="inf"):
            finite_array("returns", [NAN, np.inf], ndim=1, allow_nan=True)
