"""Price panels refuse what would silently poison a backtest."""

import numpy as np
import pytest

from nanodesk.errors import PriceError, ShapeError, ValidationError
from nanodesk.market.panel import PricePanel

DATES = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], dtype="datetime64[D]")


def panel(close=None, dates=DATES, symbols=("A", "B"), **fields):
    values = np.array([[1.0, 2.0], [1.1, np.nan], [1.2, 2.2]]) if close is None else close
    return PricePanel(dates=dates, symbols=symbols, close=values, **fields)


class TestPricePanel:
    def test_missing_prices_are_allowed(self):
        assert panel().shape == (3, 2)

    @pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, -np.inf])
    def test_bad_price_names_date_symbol_and_value(self, bad):
        close = np.ones((3, 2))
        close[1, 1] = bad
        with pytest.raises(PriceError, match=r"2024-01-03 for 'B'") as caught:
            panel(close)
        assert caught.value.value == bad

    def test_negative_volume(self):
        volume = np.ones((3, 2))
        volume[2, 0] = -5
        with pytest.raises(PriceError, match="volume=-5"):
            panel(volume=volume)

    def test_duplicate_and_unsorted_dates(self):
        with pytest.raises(ValidationError, match="repeats"):
            panel(dates=DATES[[0, 0, 1]])
        with pytest.raises(ValidationError, match="comes before"):
            panel(dates=DATES[[1, 0, 2]])

    def test_dates_need_a_day_unit(self):
        with pytest.raises(ShapeError, match=r"datetime64\[D\]"):
            panel(dates=DATES.astype("datetime64[ns]"))

    def test_duplicate_symbols(self):
        with pytest.raises(ValidationError, match="'A' appears twice"):
            panel(symbols=("A", "A"))

    def test_shapes_must_agree(self):
        with pytest.raises(ShapeError, match="open has shape"):
            panel(open=np.ones((2, 2)))

    def test_rows_are_views(self):
        whole = panel()
        assert whole.rows(2).shape == (2, 2)
        assert np.shares_memory(whole.rows(2).close, whole.close)

    def test_columns_reorder(self):
        np.testing.assert_array_equal(panel().columns(["B", "A"]).close[0], [2.0, 1.0])

    def test_unknown_columns_are_named(self):
        with pytest.raises(ValidationError, match="ZZZ"):
            panel().columns(["A", "ZZZ"])
