import numpy as np
import pytest

from nanodesk.allocation.hierarchical import hierarchical_risk_parity, leaf_order
from nanodesk.allocation.limits import Limits
from nanodesk.errors import ValidationError
from reference.allocation_reference import market

COVARIANCE = np.cov(market(5, 252, 9).T)


class TestHierarchicalRiskParity:
    @pytest.mark.parametrize("linkage", ["single", "average", "complete", "ward"])
    def test_weights_are_positive_and_add_to_one(self, linkage):
        weights = hierarchical_risk_parity(COVARIANCE, linkage=linkage)
        assert weights.min() > 0
        assert weights.sum() == pytest.approx(1.0, abs=1e-14)

    def test_uncorrelated_names_get_inverse_variances(self):
        variance = np.array([1.0, 2.0, 4.0, 8.0])
        weights = hierarchical_risk_parity(np.diag(variance))
        assert np.abs(weights - (1 / variance) / (1 / variance).sum()).max() < 1e-14

    def test_fits_limits(self):
        raw = hierarchical_risk_parity(COVARIANCE)
        capped = hierarchical_risk_parity(COVARIANCE, limits=Limits(max_weight=0.14))
        assert capped.max() == 0.14
        open_names = capped < 0.14
        ratio = capped[open_names] / raw[open_names]
        assert ratio.max() == pytest.approx(ratio.min(), rel=1e-12)

    def test_one_name(self):
        assert hierarchical_risk_parity([[0.04]]).tolist() == [1.0]

    def test_refuses(self):
        with pytest.raises(ValidationError, match="linkage"):
            hierarchical_risk_parity(COVARIANCE, linkage="median")
        with pytest.raises(ValidationError, match="must be positive"):
            hierarchical_risk_parity(np.diag([1.0, 0.0]))


class TestLeafOrder:
    def test_correlated_names_stand_together(self):
        covariance = np.eye(4)
        covariance[0, 3] = covariance[3, 0] = 0.9
        covariance[1, 2] = covariance[2, 1] = 0.8
        order = leaf_order(covariance).tolist()
        assert abs(order.index(0) - order.index(3)) == abs(order.index(1) - order.index(2)) == 1
