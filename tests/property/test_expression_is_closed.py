"""Whatever is written as a condition is either read or refused: nothing else happens."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.errors import ValidationError
from nanodesk.research.transforms.expression import parse_condition

PIECES = [
    "a",
    "b",
    "1",
    "2.5",
    "1e3",
    "+",
    "-",
    "*",
    "/",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "(",
    ")",
    "and",
    "or",
    "not",
]
COLUMNS = {"a": np.array([1.0, np.nan, 3.0]), "b": np.array([0.0, 2.0, -1.0])}


def read(text):
    try:
        return parse_condition(text)
    except ValidationError:
        return None


class TestParseCondition:
    @settings(max_examples=400, deadline=None)
    @given(st.lists(st.sampled_from(PIECES), max_size=25))
    def test_words_of_the_language_in_any_order(self, pieces):
        condition = read(" ".join(pieces))
        if condition is not None:
            assert condition.holds(COLUMNS).shape == (3,)

    @settings(max_examples=300, deadline=None)
    @given(st.text(max_size=600))
    def test_any_text(self, text):
        read(text)

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.sampled_from(["a > 1", "b < 0", "a == b"]), min_size=2, max_size=6), st.data())
    def test_agrees_with_numpy_where_everything_is_known(self, terms, data):
        joins = [data.draw(st.sampled_from(["and", "or"])) for _ in terms[1:]]
        text = terms[0] + "".join(f" {join} {term}" for join, term in zip(joins, terms[1:], strict=True))
        known = {"a": np.array([1.0, 2.0, 3.0, 0.0]), "b": np.array([0.0, 2.0, -1.0, -5.0])}
        plain = {"a > 1": known["a"] > 1, "b < 0": known["b"] < 0, "a == b": known["a"] == known["b"]}
        groups = [plain[terms[0]]]  # "and" binds tighter: a list of conjunctions, any of which suffices
        for join, term in zip(joins, terms[1:], strict=True):
            if join == "and":
                groups[-1] = groups[-1] & plain[term]
            else:
                groups.append(plain[term])
        np.testing.assert_array_equal(parse_condition(text).holds(known), np.any(groups, axis=0))
