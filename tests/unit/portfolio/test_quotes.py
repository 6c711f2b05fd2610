import math

import numpy as np
import pytest

from nanodesk.errors import PriceError, ValidationError, WeightsError
from nanodesk.market.instrument import Instrument
from nanodesk.portfolio.quotes import checked_prices, checked_targets


class TestCheckedPrices:
    @pytest.mark.parametrize("given", [{"A": 1, "B": 2}, [("A", 1), ("B", 2)], (["A", np.int64(1)], ("B", 2))])
    def test_takes_mappings_and_pairs(self, given):
        assert checked_prices(given) == {"A": 1, "B": 2}

    @pytest.mark.parametrize("price", [0, -1, 1.5, math.nan, math.inf, None, "1", True])
    def test_refuses_what_is_no_price(self, price):
        with pytest.raises(PriceError, match="'A'") as caught:
            checked_prices([("A", price)])
        assert caught.value.field == "A"

    def test_negative_where_the_instrument_trades_there(self):
        oil = {"CL": Instrument("CL", allows_negative_price=True)}
        assert checked_prices({"CL": -3763}, oil) == {"CL": -3763}

    def test_refuses_a_symbol_twice(self):
        with pytest.raises(ValidationError, match="twice"):
            checked_prices([("A", 1), ("A", 1)])

    def test_refuses_an_unknown_symbol(self):
        with pytest.raises(ValidationError, match="instruments"):
            checked_prices({"B": 1}, {"A": Instrument("A")})

    @pytest.mark.parametrize("given", [None, 3, ["AB"], [("A",)], [("A", 1, 2)], [(1, 1)]])
    def test_refuses_what_are_not_pairs(self, given):
        with pytest.raises(ValidationError):
            checked_prices(given)


class TestCheckedTargets:
    def test_takes_mappings_and_pairs(self):
        assert checked_targets({"A": 1}) == checked_targets([("A", np.float64(1.0))]) == {"A": 1.0}

    @pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf, None, "1", True])
    def test_refuses_what_is_no_weight(self, weight):
        with pytest.raises(WeightsError, match="'A'"):
            checked_targets([("A", weight)])

    def test_refuses_a_symbol_twice(self):
        with pytest.raises(WeightsError, match="twice"):
            checked_targets([("A", 0.1), ("A", 0.2)])

    @pytest.mark.parametrize("given", [None, 3, ["A"], "AB", [(1, 0.5)]])
    def test_refuses_what_are_not_pairs(self, given):
        with pytest.raises(WeightsError):
            checked_targets(given)
