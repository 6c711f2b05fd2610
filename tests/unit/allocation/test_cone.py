import numpy as np
import pytest

from nanodesk.allocation import cone
from nanodesk.allocation.cone import Program, solve
from nanodesk.allocation.rows import Rows
from nanodesk.errors import InfeasibleError, NotConvergedError


def box(n, upper=1.0):
    return {"lower": np.zeros(n), "upper": np.full(n, upper)}


def adds_to_one(n):
    rows = Rows()
    rows.add(np.arange(n)[None, :], 1.0, 1.0, family="net")
    return rows


class TestRows:
    def test_product_and_transpose_are_adjoint(self):
        rng = np.random.default_rng(0)
        rows = Rows()
        rows.add([[0, 2], [1, 2]], [[1.0, 2.0], [3.0, -1.0]], [1.0, 2.0], family="a")
        rows.add([[3]], 4.0, 0.0, family="b")
        x, dual = rng.normal(size=4), rng.normal(size=3)
        assert rows.product(x) @ dual == pytest.approx(x @ rows.transposed(dual, 4), rel=1e-14)
        assert rows.families() == ["a", "a", "b"]

    def test_dense_adds_repeated_entries(self):
        rows = Rows()
        rows.add([[0, 0]], [[1.0, 2.0]], 0.0)
        rows.add([[1, 0]], 1.0, 0.0)
        assert rows.dense(np.array([True, False]), 2).tolist() == [[3.0, 0.0]]

    def test_fixing_variables_moves_them_to_the_right(self):
        rows = Rows()
        rows.add([[0, 1]], [[2.0, 3.0]], 10.0)
        reduced = rows.on(np.array([-1, 0]), np.array([2.0, 0.0]))
        assert reduced.rhs().tolist() == [6.0]
        assert reduced.product(np.array([1.0])).tolist() == [3.0]

    def test_homogenised_rows_scale(self):
        rows = Rows()
        rows.add([[0, 1]], 1.0, 5.0)
        assert rows.homogenised(2).product(np.array([4.0, 6.0, 2.0])).tolist() == [0.0]

    def test_nothing(self):
        rows = Rows()
        assert rows.product(np.ones(2)).tolist() == []
        assert rows.rhs().tolist() == rows.families() == []


class TestProgram:
    def test_gradient(self):
        program = Program(linear=np.array([1.0, 2.0, 3.0]), quadratic=np.diag([2.0, 4.0]), **box(3))
        assert program.gradient(np.ones(3)).tolist() == [3.0, 6.0, 3.0]


class TestSolve:
    def test_linear_program(self):
        x = solve(Program(linear=np.array([3.0, 1.0, 2.0]), equal=adds_to_one(3), **box(3, 0.6)))
        assert x == pytest.approx([0.0, 0.6, 0.4], abs=1e-10)

    def test_fixed_variables_leave_the_program(self):
        lower, upper = np.array([0.3, 0.0, 0.0]), np.array([0.3, 1.0, 0.0])
        x = solve(Program(linear=np.zeros(3), lower=lower, upper=upper, quadratic=np.eye(3), equal=adds_to_one(3)))
        assert x == pytest.approx([0.3, 0.7, 0.0], abs=1e-15)

    def test_all_variables_fixed(self):
        half = np.full(2, 0.5)
        x = solve(Program(linear=np.zeros(2), lower=half, upper=half, quadratic=np.eye(2), equal=adds_to_one(2)))
        assert x.tolist() == [0.5, 0.5]
        with pytest.raises(InfeasibleError):
            solve(Program(linear=np.zeros(3), lower=np.zeros(3), upper=np.zeros(3), equal=adds_to_one(3)))

    def test_infeasible(self):
        with pytest.raises(InfeasibleError):
            solve(Program(linear=np.zeros(2), quadratic=np.eye(2), equal=adds_to_one(2), **box(2, 0.4)))

    def test_unbounded(self):
        free = np.full(2, np.inf)
        with pytest.raises(NotConvergedError, match="DualInfeasible"):
            solve(Program(linear=np.array([1.0, -1.0]), lower=-free, upper=free, equal=adds_to_one(2)))

    @pytest.mark.parametrize("first", [1, 2, 5, 20])
    def test_growing_set_finds_the_optimum_from_any_start(self, monkeypatch, first):
        rng = np.random.default_rng(first)
        root = rng.normal(size=(100, 60))
        quadratic = root.T @ root / 100
        program = Program(linear=rng.normal(0, 0.1, 60), quadratic=quadratic, equal=adds_to_one(60), **box(60, 0.2))
        whole = solve(program)
        monkeypatch.setattr(cone, "FIRST_SET", first)
        grown = Program(
            linear=program.linear,
            lower=program.lower,
            upper=program.upper,
            quadratic=quadratic,
            equal=program.equal,
            preference=rng.permutation(60).astype(float),
        )
        assert np.abs(solve(grown) - whole).max() < 1e-12

    def test_interior_point_is_kept_where_landing_is_too_large(self, monkeypatch):
        monkeypatch.setattr(cone, "SNAP_SIZE", 0)
        x = solve(Program(linear=np.zeros(3), quadratic=np.diag([1.0, 2.0, 4.0]), equal=adds_to_one(3), **box(3, 0.5)))
        assert x == pytest.approx([0.5, 1 / 3, 1 / 6], abs=1e-8)
