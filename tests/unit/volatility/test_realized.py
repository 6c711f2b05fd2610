import itertools
import math
import statistics

import numpy as np
import pytest

from nanodesk.errors import PriceError, ShapeError
from nanodesk.volatility.realized import close_to_close, garman_klass, parkinson, rogers_satchell, yang_zhang


def bars(seed, n_sessions=400, steps=2000, volatility=0.01, gap=0.0):
    """Bars of a random walk without drift, fine enough that its extremes are seen."""
    rng = np.random.default_rng(seed)
    close, rows = 100.0, []
    for _ in range(n_sessions):
        start = close * math.exp(rng.normal(0, gap)) if gap else close
        path = start * np.exp(np.cumsum(rng.normal(0, volatility / math.sqrt(steps), steps)))
        rows.append((start, max(start, path.max()), min(start, path.min()), path[-1]))
        close = path[-1]
    return np.array(rows).T


BARS = bars(1, 60, 50)
OPEN, HIGH, LOW, CLOSE = BARS


class TestFormulas:
    """Each estimator against its published formula, one bar at a time."""

    def test_close_to_close(self):
        logs = [math.log(b / a) for a, b in itertools.pairwise(CLOSE)]
        assert close_to_close(CLOSE) == pytest.approx(statistics.stdev(logs), rel=1e-12)

    def test_parkinson(self):
        total = sum(math.log(h / low) ** 2 for h, low in zip(HIGH, LOW, strict=True))
        assert parkinson(HIGH, LOW) == pytest.approx(math.sqrt(total / 60 / (4 * math.log(2))), rel=1e-12)

    def test_garman_klass(self):
        total = sum(
            0.5 * math.log(h / low) ** 2 - (2 * math.log(2) - 1) * math.log(c / o) ** 2 for o, h, low, c in BARS.T
        )
        assert garman_klass(*BARS) == pytest.approx(math.sqrt(total / 60), rel=1e-12)

    def test_rogers_satchell(self):
        total = sum(
            math.log(h / c) * math.log(h / o) + math.log(low / c) * math.log(low / o) for o, h, low, c in BARS.T
        )
        assert rogers_satchell(*BARS) == pytest.approx(math.sqrt(total / 60), rel=1e-12)

    def test_yang_zhang(self):
        overnight = [math.log(OPEN[i] / CLOSE[i - 1]) for i in range(1, 60)]
        inside = [math.log(CLOSE[i] / OPEN[i]) for i in range(1, 60)]
        k = 0.34 / (1.34 + 60 / 58)
        later = rogers_satchell(*(row[1:] for row in BARS)) ** 2
        expected = statistics.variance(overnight) + k * statistics.variance(inside) + (1 - k) * later
        assert yang_zhang(*BARS) == pytest.approx(math.sqrt(expected), rel=1e-12)

    def test_published_numbers(self):
        """py_realized_vol of the published wheel, version 0.19.2, on these five bars."""
        rows = (
            [100.0, 102.0, 101.0, 100.0, 103.0],
            [103.0, 104.0, 102.0, 104.0, 105.0],
            [99.0, 100.0, 98.0, 99.0, 101.0],
            [101.0, 103.0, 99.0, 103.0, 104.0],
        )
        assert close_to_close(rows[3]) == pytest.approx(0.03367206306876787, rel=1e-13)
        assert parkinson(rows[1], rows[2]) == pytest.approx(0.024970268752462065, rel=1e-13)
        assert garman_klass(*rows) == pytest.approx(0.027271790797047925, rel=1e-13)
        assert yang_zhang(*rows) == pytest.approx(0.02976956465000753, rel=1e-13)


class TestEstimates:
    def test_all_find_the_volatility_of_a_random_walk(self):
        walk = bars(2)
        # Discrete paths miss the true extremes by about 2 %; 400 sessions leave about 4 % of noise.
        for found in (
            close_to_close(walk[3]),
            parkinson(walk[1], walk[2]),
            garman_klass(*walk),
            rogers_satchell(*walk),
            yang_zhang(*walk),
        ):
            assert found == pytest.approx(0.01, rel=0.1)

    def test_only_two_see_the_night(self):
        walk = bars(3, gap=0.02)
        both = math.hypot(0.01, 0.02)
        assert close_to_close(walk[3]) == pytest.approx(both, rel=0.1)
        assert yang_zhang(*walk) == pytest.approx(both, rel=0.1)
        assert parkinson(walk[1], walk[2]) == pytest.approx(0.01, rel=0.1)


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda: close_to_close([1.0, 2.0]), ShapeError, "at least 3"),
            (lambda: close_to_close([1.0, 2.0, 0.0]), PriceError, r"close\[2\]=0.0"),
            (lambda: close_to_close([1.0, np.nan, 2.0]), PriceError, r"close\[1\]=nan"),
            (lambda: parkinson([1.0, 2.0], [1.0]), ShapeError, "one length"),
            (lambda: parkinson([1.0], [2.0]), PriceError, r"high\[0\]=1.0 is below"),
            (lambda: garman_klass([3.0], [2.0], [1.0], [1.5]), PriceError, r"open\[0\]=3.0 lies outside"),
            (lambda: rogers_satchell([1.5], [2.0], [1.0], [0.5]), PriceError, r"close\[0\]=0.5 lies outside"),
            (lambda: yang_zhang([1.0] * 2, [1.0] * 2, [1.0] * 2, [1.0] * 2), ShapeError, "at least 3"),
        ],
    )
    def test_refuses(self, call, error, message):
        with pytest.raises(error, match=message):
            call()
