import numpy as np
import pytest

from nanodesk.errors import ShapeError
from nanodesk.research.transforms.along_time import align, lagged

DAYS = np.array(["2024-01-01", "2024-01-02", "2024-01-05"], dtype="datetime64[D]")


class TestAlign:
    def test_lays_values_on_the_sessions(self):
        sessions = np.array(
            ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"], dtype="datetime64[D]"
        )
        out = align(np.array([[1.0], [2.0], [5.0]]), DAYS, sessions, limit=1)
        np.testing.assert_array_equal(out[:, 0], [2.0, 2.0, np.nan, 5.0, 5.0])

    def test_without_fill_a_missing_session_is_missing(self):
        sessions = np.array(["2023-12-29", "2024-01-01"], dtype="datetime64[D]")
        np.testing.assert_array_equal(align(np.array([[1.0], [2.0], [5.0]]), DAYS, sessions)[:, 0], [np.nan, 1.0])

    def test_one_row_per_date_is_needed(self):
        with pytest.raises(ShapeError, match="values has 2 rows, expected 3"):
            align(np.zeros((2, 1)), DAYS, DAYS)


class TestLagged:
    def test_a_lag_past_the_start_leaves_nothing(self):
        assert np.isnan(lagged(np.ones((3, 2)), 5)).all()

    def test_no_lag_is_a_copy(self):
        values = np.ones((3, 2))
        assert lagged(values, 0) is not values
        np.testing.assert_array_equal(lagged(values, 0), values)
