from decimal import Decimal

import numpy as np
import pytest

from nanodesk.errors import PriceError, ValidationError
from nanodesk.market.fixed_point import E9, LARGEST_E9, format_e9, notional_e9, parse_e9, require_positive_e9


class TestParse:
    @pytest.mark.parametrize(
        ("value", "amount_e9"),
        [
            ("185.05", 185_050_000_000), ("+5", 5 * E9), ("-0", 0), ("-0.000000001", -1), ("1e-8", 10),
            ("1E3", 1000 * E9), ("007", 7 * E9), ("1.500000000000", 1_500_000_000), ("0e-999", 0),
            (3, 3 * E9), (-3, -3 * E9),
            (0.1, 100_000_000), (0.1 + 0.2, 300_000_000), (1e-10, 0), (5e-324, 0), (1e17, 10**26), (-0.0, 0),
            (np.float64(0.1), 100_000_000), (Decimal("0.1"), 100_000_000), (Decimal("1E+2"), 100 * E9),
            (10**18 - 1, (10**18 - 1) * E9), ("999999999999999999.999999999", LARGEST_E9 - 1),
            ("-999999999999999999.999999999", 1 - LARGEST_E9),
        ],
    )  # fmt: skip
    def test_exact(self, value, amount_e9):
        assert parse_e9(value) == amount_e9

    @pytest.mark.parametrize(
        "value",
        [
            "", " ", "x", "1.", ".5", " 1", "1 ", "1\n", "1_0", "0x1", "1,5", "$1", "--1", "1e", "1e1000", "1" * 31,
            "nan", "inf", "Infinity", "-nan", "٣", "1e999", "1e-999", "0.0000000001", "1.0000000001", "1" * 19, "1e18",
            "1.0000000000000000000000000001", "99999999999999999.000000000000000000001",
            10**18, -(10**18), 10**400, 1e18, float("nan"), float("inf"), float("-inf"), True, False, None, b"1", [],
            {}, pytest.param(object(), id="an object"), 1j,
            Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+999999999"),
            Decimal("1E-999999999"), Decimal("0.1234567895"), Decimal("1e18"), Decimal("1." + "0" * 120 + "1"),
        ],
        ids=lambda value: repr(value)[:40],
    )  # fmt: skip
    def test_anything_else_is_an_error_of_the_field(self, value):
        with pytest.raises(PriceError, match=r"^cash=") as caught:
            parse_e9(value, field="cash")
        assert caught.value.field == "cash"
        assert "9 places" in caught.value.allowed

    def test_a_long_value_is_shortened_in_the_message(self):
        with pytest.raises(PriceError) as caught:
            parse_e9("9" * 10_000)
        assert len(str(caught.value)) < 120


class TestFormat:
    @pytest.mark.parametrize(
        ("amount_e9", "text"),
        [(0, "0"), (1, "0.000000001"), (-1, "-0.000000001"), (E9, "1"), (-E9, "-1"), (10 * E9, "10"),
         (185_050_000_000, "185.05"), (LARGEST_E9, "1" + "0" * 18)],
    )  # fmt: skip
    def test_plain_text(self, amount_e9, text):
        assert format_e9(amount_e9) == text


class TestNotional:
    @pytest.mark.parametrize(
        ("price_e9", "quantity_e9", "multiplier", "cash_e9"),
        [
            (185_050_000_000, -2 * E9, 1, -370_100_000_000),
            (185_050_000_000, 2 * E9, 50, 18_505_000_000_000),
            (1, E9 // 2, 1, 1),
            (1, -E9 // 2, 1, -1),
            (1, E9 // 2 - 1, 1, 0),
            (0, 5, 1, 0),
        ],
    )
    def test_half_away_from_zero(self, price_e9, quantity_e9, multiplier, cash_e9):
        assert notional_e9(price_e9, quantity_e9, multiplier) == cash_e9


class TestRequirePositive:
    @pytest.mark.parametrize("amount", [1, LARGEST_E9])
    def test_bounds_pass(self, amount):
        assert require_positive_e9(amount, field="x") == amount

    @pytest.mark.parametrize("amount", [0, -1, LARGEST_E9 + 1, None, 1.0, "1", True, float("nan")])
    def test_anything_else_names_the_field(self, amount):
        with pytest.raises(ValidationError, match="limit_price_e9") as caught:
            require_positive_e9(amount, field="limit_price_e9")
        assert caught.value.value is amount
