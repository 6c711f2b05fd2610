"""What arguments may be."""

import numpy as np
import pytest

from nanodesk.errors import ValidationError
from nanodesk.market.ranges import one_of, real_number, whole_number


class TestWholeNumber:
    """Counts and windows."""

    @pytest.mark.parametrize("value", [1, 5, np.int32(3)])
    def test_gives_a_plain_integer(self, value):
        found = whole_number("window", value, low=1, high=5)
        assert type(found) is int
        assert found == value

    @pytest.mark.parametrize("value", [0, 6, 2.0, "3", None, True, float("nan")])
    def test_refuses_the_rest(self, value):
        with pytest.raises(ValidationError, match=r"window=.* must be an integer from 1 to 5\. Take 3\.") as caught:
            whole_number("window", value, low=1, high=5, fix="Take 3.")
        assert (caught.value.field, caught.value.allowed) == ("window", "an integer from 1 to 5")

    def test_has_no_upper_limit_by_default(self):
        assert whole_number("n", 10**30, low=1) == 10**30
        with pytest.raises(ValidationError, match="n=0 must be an integer of at least 1"):
            whole_number("n", 0, low=1)


class TestRealNumber:
    """Fractions and rates."""

    @pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), np.int64(1)])
    def test_gives_a_plain_float(self, value):
        found = real_number("share", value, low=0.0, high=1.0)
        assert type(found) is float
        assert found == value

    @pytest.mark.parametrize("value", [-0.1, 1.5, "0.5", None, True, float("nan"), float("inf")])
    def test_refuses_the_rest(self, value):
        with pytest.raises(ValidationError, match=r"share=.* must lie in \[0, 1\]"):
            real_number("share", value, low=0.0, high=1.0)

    def test_an_open_end_is_refused(self):
        with pytest.raises(ValidationError, match=r"share=1.0 must lie in \[0, 1\)"):
            real_number("share", 1.0, low=0.0, high=1.0, closed=False)


class TestOneOf:
    """Words of options."""

    def test_knows_its_words(self):
        one_of("fill", "a", ("a", "b"))

    @pytest.mark.parametrize("word", ["c", "A", None, 1])
    def test_names_what_it_knows(self, word):
        with pytest.raises(ValidationError, match=r"fill=.* is unknown\. Use one of 'a', 'b'\.") as caught:
            one_of("fill", word, ("a", "b"))
        assert caught.value.allowed == "a, b"
