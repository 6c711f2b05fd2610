import numpy as np
import pytest

from nanodesk.allocation.limits import Limits
from nanodesk.allocation.mean_variance import min_variance
from nanodesk.allocation.region import Region
from nanodesk.errors import InfeasibleError, ShapeError, ValidationError, WeightsError


class TestLimits:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"max_weight": -0.1}, "max_weight=-0.1"),
            ({"max_weight": [0.1, np.nan]}, r"max_weight\[1\]=nan"),
            ({"min_weight": np.inf}, "min_weight=inf"),
            ({"max_turnover": -1.0}, "max_turnover"),
            ({"gross": True}, "gross=True"),
            ({"max_group": 0.3}, "max_group needs groups"),
            ({"max_group": {"a": -1.0}, "groups": ["a"]}, r"max_group\['a'\]"),
            ({"net": 0.5}, "must equal gross"),
            ({"net": 2.0, "long_only": False}, "within -gross and gross"),
        ],
    )
    def test_refuses(self, fields, message):
        with pytest.raises(ValidationError, match=message):
            Limits(**fields)

    def test_is_a_value(self):
        assert Limits(max_weight=[0.1, 0.2]) == Limits(max_weight=np.array([0.1, 0.2]))
        assert hash(Limits(max_weight=[0.1, 0.2], groups=["a", "b"])) == hash(
            Limits(max_weight=(0.1, 0.2), groups=("a", "b"))
        )

    def test_net_follows_gross_when_long_only_and_is_zero_otherwise(self):
        assert Limits(gross=0.5).net_weight == 0.5
        assert Limits(gross=2.0, long_only=False).net_weight == 0.0

    @pytest.mark.parametrize(
        ("limits", "previous", "field"),
        [
            (Limits(max_weight=[0.5] * 3), None, "max_weight"),
            (Limits(groups=["a"] * 3, max_group=0.5), None, "groups"),
            (Limits(max_turnover=0.1), [0.1] * 3, "previous"),
        ],
    )
    def test_needs_one_entry_per_name(self, limits, previous, field):
        with pytest.raises(ShapeError) as caught:
            limits.region(4, previous)
        assert caught.value.field == field

    def test_refuses_previous_weights_that_are_not_finite(self):
        with pytest.raises(WeightsError, match=r"previous\[1\]=nan"):
            Limits(max_turnover=0.5).region(2, [0.5, np.nan])

    def test_without_previous_weights_turnover_is_free(self):
        assert Limits(max_turnover=0.0).region(2).is_box

    @pytest.mark.parametrize(
        ("limits", "previous", "field", "message"),
        [
            (Limits(max_weight=0.2), None, "max_weight", "the 4 names allowed can hold 0.8 at most"),
            (Limits(max_weight=0.3, min_weight=0.4), None, "max_weight", "the 0 names allowed"),
            (Limits(groups=["a", "a", "b", "b"], max_group=0.4), None, "max_group", "can hold 0.8 at most"),
            (Limits(max_weight=0.3, groups=["a", "a", "a", "b"], max_group={"b": 0.05}), None, "max_group", "0.95"),
            (Limits(max_turnover=0.1), [0.0] * 4, "max_turnover", "at least 0.5"),
            (Limits(max_weight=0.4, max_turnover=0.5), [1.0, 0, 0, 0], "max_turnover", "at least 0.6"),
        ],
    )
    def test_names_the_limits_that_clash(self, limits, previous, field, message):
        with pytest.raises(InfeasibleError, match=message) as caught:
            limits.region(4, previous)
        assert caught.value.field == field

    def test_names_a_clash_that_only_the_solver_sees(self):
        limits = Limits(groups=["a", "a", "b", "b"], max_group={"a": 0.2}, max_turnover=0.1)
        with pytest.raises(InfeasibleError, match=r"max_turnover.*max_group|max_group.*max_turnover"):
            min_variance(np.eye(4), limits=limits, previous=[0.5, 0.5, 0.0, 0.0])

    def test_labels_without_a_cap_are_free(self):
        limits = Limits(groups=["a", "a", "b"], max_group={"b": 0.1})
        assert min_variance(np.eye(3), limits=limits)[2] == pytest.approx(0.1, abs=1e-15)


class TestRegion:
    def test_violation_measures_the_worst_limit(self):
        limits = Limits(max_weight=0.6, groups=["a", "a", "b"], max_group=0.8, max_turnover=0.25)
        region = limits.region(3, [0.4, 0.3, 0.3])
        assert isinstance(region, Region)
        assert region.violation(np.array([0.4, 0.3, 0.3])) == 0.0
        assert region.violation(np.array([0.7, 0.0, 0.3])) == pytest.approx(0.1)  # cap; turnover is 0.3
        assert region.violation(np.array([0.5, 0.5, 0.0])) == pytest.approx(0.2)  # group a at 1.0
        assert region.violation(np.array([0.4, 0.3, 0.2])) == pytest.approx(0.1)  # sums to 0.9
        assert region.violation(np.array([0.1, 0.3, 0.6])) == pytest.approx(0.05)  # turnover 0.3

    def test_gross_counts_shorts(self):
        region = Limits(gross=1.5, net=1.0, long_only=False).region(3)
        assert region.violation(np.array([1.0, 0.5, -0.5])) == pytest.approx(0.5)
