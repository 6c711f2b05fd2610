"""What holds of the metrics for any returns."""

import math

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from nanodesk.metrics.calendar_returns import monthly_returns, period_returns
from nanodesk.metrics.drawdown import average_drawdown, drawdown_series, drawdown_table, longest_drawdown, ulcer_index
from nanodesk.metrics.performance import compute_metrics
from nanodesk.metrics.rolling import rolling_beta, rolling_sharpe, rolling_volatility
from nanodesk.metrics.significance import deflated_sharpe, probabilistic_sharpe

returns_lists = st.lists(st.floats(-0.5, 0.5).map(lambda r: round(r, 6)), min_size=1, max_size=60)


def sessions(n):
    return np.datetime64("2019-11-03") + 9 * np.arange(n)


@given(returns_lists)
def test_drawdowns_belong_together(returns):
    depths = drawdown_series(returns)
    table = drawdown_table(returns, sessions(len(returns)), top=None)
    assert ((depths >= 0.0) & (depths < 1.0)).all()
    assert compute_metrics(returns).max_drawdown == depths.max() == max((d.depth for d in table), default=0.0)
    assert sum(d.sessions for d in table) == np.count_nonzero(depths)
    assert longest_drawdown(returns) == max((d.sessions for d in table), default=0)
    assert average_drawdown(returns)[0] <= depths.max() + 1e-15
    assert ulcer_index(returns) <= depths.max() + 1e-15


@given(returns_lists, st.floats(0.1, 10.0))
def test_scale_changes_neither_sharpe_nor_sortino(returns, scale):
    whole, scaled = compute_metrics(returns), compute_metrics(np.array(returns) * scale)
    assume(whole.volatility == 0.0 or whole.volatility > 1e-6)
    assert math.isclose(scaled.sharpe, whole.sharpe, rel_tol=1e-6, abs_tol=1e-6)
    assert math.isclose(scaled.sortino, whole.sortino, rel_tol=1e-6, abs_tol=1e-6)
    assert math.isclose(scaled.cvar_95, whole.cvar_95 * scale, rel_tol=1e-9, abs_tol=1e-12)
    assert scaled.win_rate == whole.win_rate


@given(returns_lists)
def test_months_compound_to_the_whole(returns):
    _, table = monthly_returns(returns, sessions(len(returns)))
    total = compute_metrics(returns).total_return
    assert math.isclose(np.nanprod(1.0 + table), 1.0 + total, rel_tol=1e-9)
    for period in ("month", "quarter", "year"):
        _, values = period_returns(returns, sessions(len(returns)), period)
        assert math.isclose(np.prod(1.0 + values), 1.0 + total, rel_tol=1e-9)


@given(returns_lists, st.integers(2, 12), st.data())
def test_no_look_ahead(returns, window, data):
    cut = data.draw(st.integers(1, len(returns)))
    later = data.draw(st.lists(st.floats(-0.5, 0.5), min_size=len(returns) - cut, max_size=len(returns) - cut))
    other = returns[:cut] + later
    market = [round(math.sin(i), 3) for i in range(len(returns))]
    for measure in (
        drawdown_series,
        lambda r: rolling_sharpe(r, window),
        lambda r: rolling_volatility(r, window),
        lambda r: rolling_beta(r, market[: len(r)], window),
    ):
        whole = measure(returns)[:cut]
        np.testing.assert_array_equal(whole, measure(returns[:cut]))  # bit for bit
        np.testing.assert_array_equal(whole, measure(other)[:cut])


@given(returns_lists, st.integers(1, 1000))
def test_trials_never_make_surer(returns, n_trials):
    one, many = probabilistic_sharpe(returns), deflated_sharpe(returns, n_trials=n_trials)
    if math.isnan(one):
        assert math.isnan(many)
    else:
        assert 0.0 <= many <= one <= 1.0
