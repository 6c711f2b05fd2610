"""What each metric is called on the page, and in which unit it is written."""

from __future__ import annotations

from nanodesk.research.tearsheet import text

GROUPS = {
    "return": "Return",
    "risk": "Risk",
    "ratios": "Ratios",
    "significance": "Significance",
    "hit_rates": "Hit rates",
    "benchmark": "Against the benchmark",
    "portfolio": "Portfolio",
}

_LABELS = {
    "total_return": "Total return",
    "cagr": "CAGR",
    "month_to_date": "Month to date",
    "three_months": "3 months",
    "year_to_date": "Year to date",
    "one_year": "1 year",
    "three_years_annualised": "3 years, annualised",
    "five_years_annualised": "5 years, annualised",
    "max_drawdown_peak": "Peak before it",
    "max_drawdown_trough": "Its trough",
    "max_drawdown_recovery": "Its recovery",
    "max_drawdown_sessions": "Its sessions",
    "longest_drawdown_sessions": "Longest drawdown, sessions",
    "average_drawdown_sessions": "Average drawdown, sessions",
    "max_drawdown": "Maximum drawdown",
    "var_95": "VaR 95, session",
    "var_95_cornish_fisher": "VaR 95, Cornish–Fisher",
    "cvar_95": "CVaR 95, session",
    "sharpe": "Sharpe ratio",
    "sharpe_standard_error": "Standard error of Sharpe",
    "sortino": "Sortino ratio",
    "calmar": "Calmar ratio",
    "omega": "Omega ratio",
    "martin": "Martin ratio",
    "kelly": "Kelly fraction",
    "t_mean": "t of the mean",
    "probabilistic_sharpe": "Probabilistic Sharpe",
    "deflated_sharpe": "Deflated Sharpe",
    "n_trials": "Trials",
    "minimum_track_record_sessions": "Minimum track record, sessions",
    "overfitting_probability": "Probability of overfitting",
    "win_days": "Winning sessions",
    "win_months": "Winning months",
    "win_quarters": "Winning quarters",
    "win_years": "Winning years",
    "average_win": "Average win",
    "average_loss": "Average loss",
    "longest_win_streak": "Longest win streak, sessions",
    "longest_loss_streak": "Longest loss streak, sessions",
    "alpha": "Alpha, per year",
    "alpha_t": "t of alpha",
    "r_squared": "R²",
    "tracking_error": "Tracking error",
    "treynor": "Treynor ratio",
    "turnover_per_year": "Turnover per year, one-way",
    "costs_bps_per_year": "Costs per year",
    "breakeven_cost_bps": "Breakeven cost of a trade",
    "holdings": "Holdings, average",
    "effective_holdings": "Effective holdings, average",
    "top_10_share": "Share of the top 10",
    "gross_exposure": "Gross exposure, average",
    "net_exposure": "Net exposure, average",
    "cash_drag": "Cash drag, per year",
    "days_to_liquidate": "Days to liquidate",
}

_UNITS = {
    **dict.fromkeys(("kelly", "alpha", "probabilistic_sharpe", "deflated_sharpe"), "percent"),
    **dict.fromkeys(("overfitting_probability", "tracking_error", "treynor", "top_10_share", "cash_drag"), "percent"),
    **dict.fromkeys(("average_drawdown", "max_drawdown", "up_capture", "down_capture"), "percent"),
    **dict.fromkeys(("gross_exposure", "net_exposure", "turnover_per_year"), "percent"),
    **dict.fromkeys(("volatility", "downside_deviation", "ulcer_index"), "percent"),
    **dict.fromkeys(("best_day", "worst_day", "average_win", "average_loss"), "fine_percent"),
    **dict.fromkeys(("var_95", "var_95_cornish_fisher", "cvar_95"), "fine_percent"),
    **dict.fromkeys(("holdings", "effective_holdings", "days_to_liquidate"), "tenth"),
    **dict.fromkeys(("minimum_track_record_sessions", "average_drawdown_sessions"), "count"),
    "breakeven_cost_bps": "bps",
    "capacity": "money",
}

_PERCENT_GROUPS = ("return",)
_PROBABILITIES = ("probabilistic_sharpe", "deflated_sharpe")

NEARLY_CERTAIN = 0.999
"""A probability above this is not rounded up to certainty."""


def metric_label(key: str) -> str:
    """Name of a metric.

    Parameters
    ----------
    key : str
        As in ``metrics.summary.summarize``.

    Returns
    -------
    label : str
        Plain text; a key without a label of its own is spelled out.

    Examples
    --------
    >>> metric_label("cvar_95"), metric_label("spread_bps_per_year"), metric_label("sector_weight.Energy")
    ('CVaR 95, session', 'Spread cost per year', 'Weight of Energy')
    """
    if key in _LABELS:
        return _LABELS[key]
    if key.startswith("sector_weight."):
        return f"Weight of {key.removeprefix('sector_weight.')}"
    if key.endswith("_bps_per_year"):
        return f"{_spelled(key.removesuffix('_bps_per_year'))} cost per year"
    return _spelled(key)


def metric_text(group: str, key: str, value: float | str | None) -> str:
    """Value of a metric in its unit.

    Parameters
    ----------
    group, key : str
        As in ``metrics.summary.summarize``.
    value : float or str or None
        The value; a drawdown is printed negative, as the charts draw it.

    Returns
    -------
    text : str
        Plain text.

    Examples
    --------
    >>> metric_text("risk", "max_drawdown", 0.25), metric_text("ratios", "sharpe", 1.0)
    ('−25.0%', '1.00')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return text.decimal(value, 0)
    if key in ("max_drawdown", "average_drawdown") and value:
        value = -value
    if key in _PROBABILITIES and value is not None and NEARLY_CERTAIN < value < 1.0:
        return f">{text.percent(NEARLY_CERTAIN)}"
    return text.reading(_unit(group, key))(value)


def _unit(group: str, key: str) -> str:
    if key in _UNITS:
        return _UNITS[key]
    if key.endswith("_bps_per_year"):
        return "bps"
    if key.startswith(("sector_weight.", "win_")) or group in _PERCENT_GROUPS:
        return "percent"
    return "ratio"


def _spelled(key: str) -> str:
    return key.replace("_", " ").capitalize()
