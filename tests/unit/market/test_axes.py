"""The axes of a matrix: sessions and symbols."""

from datetime import date

import numpy as np
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.axes import increasing_sessions, unique_symbols


class TestIncreasingSessions:
    """Every room reads sessions through here."""

    @pytest.mark.parametrize(
        "dates",
        [
            ["2024-01-02", "2024-01-03"],
            [date(2024, 1, 2), date(2024, 1, 3)],
            np.array(["2024-01-02T09", "2024-01-03"], "M8[h]"),
        ],
    )
    def test_takes_any_form(self, dates):
        assert increasing_sessions(dates, 2).tolist() == [date(2024, 1, 2), date(2024, 1, 3)]

    @pytest.mark.parametrize(
        ("dates", "message"),
        [
            (["2024-01-02", "2024-01-02"], r"dates\[1\]=2024-01-02 repeats dates\[0\]"),
            (["2024-01-03", "2024-01-02"], r"dates\[1\]=2024-01-02 comes before dates\[0\]"),
            (["NaT", "2024-01-02"], r"dates\[0\] is missing"),
            (["2024-01-02", "NaT"], r"dates\[1\] is missing"),
            (["2024-01-02", "second"], "dates does not hold dates"),
        ],
    )
    def test_refuses_disorder(self, dates, message):
        with pytest.raises(ValidationError, match=message):
            increasing_sessions(dates)

    @pytest.mark.parametrize("dates", [["2024-01-02"], [["2024-01-02", "2024-01-03"]]])
    def test_refuses_another_shape(self, dates):
        with pytest.raises(ShapeError, match=r"expected \(2,\)"):
            increasing_sessions(dates, 2)


class TestUniqueSymbols:
    """Names of columns."""

    def test_gives_them_back(self):
        assert unique_symbols(["B", "A"]) == ("B", "A")

    def test_names_the_one_that_repeats(self):
        with pytest.raises(ValidationError, match="symbol 'A' appears twice"):
            unique_symbols(["B", "A", "A"])
