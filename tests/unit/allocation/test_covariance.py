import numpy as np
import pytest

from nanodesk.allocation.covariance import checked, complete_sessions, estimate, ewma, ledoit_wolf, oas, sample
from nanodesk.errors import ShapeError, ValidationError
from reference.allocation_reference import market

RETURNS = market(11, 120, 15)


class TestCompleteSessions:
    def test_leaves_out_sessions_with_a_gap(self):
        returns = [[0.01, 0.02], [np.nan, 0.01], [0.0, 0.03]]
        assert complete_sessions(returns).tolist() == [[0.01, 0.02], [0.0, 0.03]]

    def test_names_the_emptiest_column(self):
        returns = np.full((5, 2), 0.01)
        returns[:4, 1] = np.nan
        with pytest.raises(ValidationError, match="column 1 has 1 returns"):
            complete_sessions(returns)

    def test_refuses_infinity(self):
        with pytest.raises(ValidationError, match=r"returns\[1, 0\]=inf"):
            complete_sessions([[0.1], [np.inf], [0.2]])

    @pytest.mark.parametrize("returns", [[0.1, 0.2], np.zeros((3, 0)), np.zeros((2, 2, 2))])
    def test_refuses_other_shapes(self, returns):
        with pytest.raises(ShapeError):
            complete_sessions(returns)


class TestSample:
    def test_equals_numpy(self):
        assert np.abs(sample(RETURNS) - np.cov(RETURNS.T)).max() < 1e-18

    def test_is_exactly_symmetric(self):
        matrix = sample(RETURNS)
        assert (matrix == matrix.T).all()


class TestEwma:
    def test_two_sessions_by_hand(self):
        expected = (0.5 * np.outer([0.02, 0.04], [0.02, 0.04]) + 1.0 * np.outer([0.01, -0.02], [0.01, -0.02])) / 1.5
        assert np.abs(ewma([[0.02, 0.04], [0.01, -0.02]], decay=0.5) - expected).max() < 1e-18

    def test_demeaned(self):
        weight = 0.9 ** np.arange(119, -1, -1.0)
        expected = np.cov(RETURNS.T, aweights=weight, ddof=0)
        assert np.abs(ewma(RETURNS, decay=0.9, demean=True) - expected).max() < 1e-16

    @pytest.mark.parametrize("decay", [0.0, 1.0, -0.1, np.nan])
    def test_refuses_decay(self, decay):
        with pytest.raises(ValidationError, match="decay"):
            ewma(RETURNS, decay=decay)


class TestLedoitWolf:
    def test_equals_the_paper_in_loops(self):
        from reference.allocation_reference import constant_correlation_shrinkage, identity_shrinkage

        few = RETURNS[:30, :6]
        assert np.abs(ledoit_wolf(few) - identity_shrinkage(few)).max() < 1e-15
        theirs = constant_correlation_shrinkage(few)
        assert np.abs(ledoit_wolf(few, target="constant_correlation") - theirs).max() < 1e-15

    @pytest.mark.parametrize("shape", [(120, 15), (10, 15), (2, 3), (50, 1)])
    def test_equals_scikit_learn(self, shape):
        covariance = pytest.importorskip("sklearn.covariance")
        returns = RETURNS[: shape[0], : shape[1]]
        assert np.abs(ledoit_wolf(returns) - covariance.LedoitWolf().fit(returns).covariance_).max() < 1e-12

    def test_refuses_target(self):
        with pytest.raises(ValidationError, match="target"):
            ledoit_wolf(RETURNS, target="factor")

    def test_constant_name_has_no_correlation(self):
        returns = RETURNS.copy()
        returns[:, 3] = 0.0
        with pytest.raises(ValidationError, match="column 3"):
            ledoit_wolf(returns, target="constant_correlation")


class TestOas:
    def test_equals_the_paper_in_loops(self):
        from reference.allocation_reference import oracle_approximating_shrinkage

        assert np.abs(oas(RETURNS) - oracle_approximating_shrinkage(RETURNS)).max() < 1e-15

    @pytest.mark.parametrize("shape", [(120, 15), (10, 15), (2, 3)])
    def test_equals_scikit_learn(self, shape):
        covariance = pytest.importorskip("sklearn.covariance")
        returns = RETURNS[: shape[0], : shape[1]]
        assert np.abs(oas(returns) - covariance.OAS().fit(returns).covariance_).max() < 1e-12


class TestEstimate:
    @pytest.mark.parametrize("method", ["sample", "ewma", "ledoit_wolf", "oas"])
    @pytest.mark.parametrize("n_sessions", [5, 120])
    def test_is_positive_semidefinite(self, method, n_sessions):
        matrix = estimate(RETURNS[:n_sessions], method)
        assert (matrix == matrix.T).all()
        assert np.linalg.eigvalsh(matrix).min() > -1e-18

    def test_passes_parameters(self):
        assert (estimate(RETURNS, "ewma", decay=0.9) == ewma(RETURNS, decay=0.9)).all()

    def test_refuses_an_unknown_method(self):
        with pytest.raises(ValidationError, match="'factor' is unknown") as caught:
            estimate(RETURNS, "factor")
        assert "ledoit_wolf" in caught.value.allowed


class TestChecked:
    def test_averages_rounding_away(self):
        matrix = np.array([[1.0, 0.5], [0.5 + 1e-12, 1.0]])
        assert checked(matrix)[0, 1] == checked(matrix)[1, 0]

    @pytest.mark.parametrize(
        ("matrix", "message"),
        [
            ([[1.0, 0.2], [0.1, 1.0]], "not symmetric"),
            ([[1.0, np.nan], [np.nan, 1.0]], r"covariance\[0, 1\]"),
            ([[-1.0, 0.0], [0.0, 1.0]], "negative variance"),
            ([[1.0, 0.0]], "shape"),
            ([1.0], "shape"),
        ],
    )
    def test_refuses(self, matrix, message):
        with pytest.raises(ValidationError, match=message):
            checked(matrix)
