import numpy as np
import pytest

from nanodesk.errors import ValidationError
from nanodesk.research.transforms.expression import MAX_DEPTH, MAX_LENGTH, parse_condition

COLUMNS = {"a": np.array([1.0, 2.0, np.nan, -1.0]), "b": np.array([4.0, 2.0, 0.0, np.nan])}


def held(text):
    return parse_condition(text).holds(COLUMNS).tolist()


class TestParseCondition:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a > 1", [False, True, False, False]),
            ("a >= 1 and b > 3", [True, False, False, False]),
            ("a > 1 or b == 0", [False, True, True, False]),
            ("a + b * 2 == 9", [True, False, False, False]),
            ("(a + b) * 2 == 10", [True, False, False, False]),
            ("-a < -1.5", [False, True, False, False]),
            ("a - 1 - 1 == 0", [False, True, False, False]),
            ("b / a / 2 == 2", [True, False, False, False]),
            ("a != 2", [True, False, False, True]),
            ("a <= 1e0 and .5 < a", [True, False, False, False]),
            ("not a > 1 and b > 3", [True, False, False, False]),
            ("not (a > 1 and b > 3)", [True, True, True, True]),
            ("not not a > 1", [False, True, False, False]),
            ("a > 1 or a < 0 and b > 9", [False, True, False, False]),
            ("(a > 1)", [False, True, False, False]),
        ],
    )
    def test_means_what_it_says(self, text, expected):
        assert held(text) == expected

    def test_missing_is_neither_true_nor_false(self):
        assert held("a < 0")[2] is False
        assert held("not (a < 0)")[2] is False
        assert held("a < 0 or b == 0")[2] is True
        assert held("not (a < 0 and b > 1)")[2] is True

    def test_division_by_zero_is_missing(self):
        condition = parse_condition("a / b > 0")
        assert condition.holds({"a": np.ones(1), "b": np.zeros(1)}).tolist() == [False]

    def test_lists_its_columns(self):
        assert parse_condition("z > 1 or a + z < b").columns == ("a", "b", "z")

    @pytest.mark.parametrize(
        ("text", "phrase"),
        [
            ("", "ends where a column"),
            ("a >", "ends where a column"),
            ("a", "gives a number, not a condition"),
            ("1 < 2", "reads no column"),
            ("a > 1 and b", "joins a number with"),
            ("not a", "joins a number with"),
            ("(a > 1) + 2 > 1", "uses a condition as a number"),
            ("a < b < 3", "has '<' at position 7 where 'and' between two comparisons"),
            ("a > 1 b", "has 'b' at position 7 where an operator or the end"),
            ("(a > 1", r"ends where '\)' is expected"),
            ("a > 1)", r"has '\)' at position 6"),
            ("a = 1", "has '=' at position 3, which is no part"),
            ("a ** 2 > 1", r"has '\*' at position 4"),
            ("a.real > 1", r"has '.' at position 2"),
            ("__import__('os') > 1", "at position 12, which is no part"),
            ("f(a) > 1", r"'\(' at position 2"),
            ("[a] > 1", r"has '\[' at position 1"),
            ("and > 1", "has 'and' at position 1"),
            ("10x > 1", "has 'x' at position 3"),
        ],
    )
    def test_anything_else_is_refused_with_its_place(self, text, phrase):
        with pytest.raises(ValidationError, match=phrase):
            parse_condition(text)

    def test_length_and_depth_are_bounded(self):
        with pytest.raises(ValidationError, match=f"at most {MAX_LENGTH}"):
            parse_condition("a > 1" + " " * MAX_LENGTH)
        deep = MAX_DEPTH - 1
        assert held("(" * deep + "a > 1" + ")" * deep) == held("a > 1")
        with pytest.raises(ValidationError, match=f"more than {MAX_DEPTH} deep"):
            parse_condition("(" * MAX_DEPTH + "a > 1" + ")" * MAX_DEPTH)

    def test_the_longest_chains_are_evaluated(self):
        assert held("+".join(["a"] * 248) + ">9")[0] is True
        assert held("-" * 490 + "a > 0")[0] is True
        assert held("not " * 120 + "a > 0")[0] is True
