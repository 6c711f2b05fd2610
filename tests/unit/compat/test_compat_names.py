import subprocess
import sys
import warnings

import pytest

from nanodesk.compat import nanobook

RETURNS = [0.01, -0.004, 0.008, -0.002, 0.005]
MATRIX = [[0.1, 0.2], [0.2, -0.1], [0.0, 0.1]]


class TestModule:
    def test_version_is_the_published_one(self) -> None:
        assert nanobook.__version__ == "0.9.1"

    def test_every_name_exists_and_is_documented(self) -> None:
        assert nanobook.__all__ == sorted(nanobook.__all__)
        assert [name for name in nanobook.__all__ if not getattr(nanobook, name).__doc__] == []

    def test_importing_it_loads_no_extra(self) -> None:
        heavy = "pandas talib arch dask sklearn scipy.stats polars"
        program = (
            "import sys; from nanodesk.compat import nanobook;"
            f"print([name for name in {heavy.split()!r} if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"


class TestCapabilities:
    def test_both_names_give_the_same_list(self) -> None:
        assert set(nanobook.capabilities()) == set(nanobook.py_capabilities())

    def test_each_call_gives_a_list_of_its_own(self) -> None:
        nanobook.capabilities().clear()
        assert "backtest_stops" in nanobook.capabilities()


def warnings_of(name: str) -> list[warnings.WarningMessage]:
    function = getattr(nanobook, name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if "garch" in name:
            function(RETURNS)
        else:
            function(MATRIX, ["A", "B"])
    return caught


class TestDeprecatedNames:
    @pytest.mark.parametrize("name", ["garch_forecast", "optimize_cvar", "optimize_cdar"])
    def test_plain_names_warn_once(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        nanobook._warn_once.cache_clear()
        first, second = warnings_of(name), warnings_of(name)
        assert [item.category for item in first] == [DeprecationWarning]
        assert second == []

    @pytest.mark.parametrize("name", ["py_garch_forecast", "py_optimize_cvar", "py_optimize_cdar"])
    def test_py_names_warn_on_every_call(self, name: str) -> None:
        assert [len(warnings_of(name)) for _ in range(2)] == [1, 1]

    def test_the_warning_names_the_replacement_and_points_at_the_caller(self) -> None:
        (warning,) = warnings_of("py_garch_forecast")
        assert str(warning.message) == "nanobook.py_garch_forecast is deprecated; use py_garch_ewma_forecast"
        assert warning.filename == __file__

    def test_they_answer_as_their_replacement(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert nanobook.py_garch_forecast(RETURNS) == nanobook.garch_ewma_forecast(RETURNS)
            assert nanobook.optimize_cvar(MATRIX, ["A", "B"]) == nanobook.inverse_cvar_weights(MATRIX, ["A", "B"])
            assert nanobook.optimize_cdar(MATRIX, ["A", "B"]) == nanobook.inverse_cdar_weights(MATRIX, ["A", "B"])


class TestGarchEwmaForecast:
    def test_pinned_example(self) -> None:
        assert nanobook.garch_ewma_forecast(RETURNS) == pytest.approx(0.0060816267429035795, abs=5e-14)

    def test_mean_is_read_in_any_case(self) -> None:
        lower, upper = (nanobook.garch_ewma_forecast(RETURNS, 1, 1, mean) for mean in ("constant", "CONSTANT"))
        assert lower == upper != nanobook.garch_ewma_forecast(RETURNS)
