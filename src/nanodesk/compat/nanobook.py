"""The published names of nanobook 0.9.3 over our engines.

``from nanodesk.compat import nanobook`` in place of ``import nanobook`` keeps a program running: the same names and
signatures, the same numbers, the same errors. What differs on purpose, and why, is listed in ``docs/compat.md``.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

from nanodesk.compat import published_arguments as arguments
from nanodesk.compat.published_backtest import backtest_weights
from nanodesk.compat.published_binance import BinanceBroker
from nanodesk.compat.published_broker import Order
from nanodesk.compat.published_costs import CostModel
from nanodesk.compat.published_events import Event
from nanodesk.compat.published_exchange import Exchange
from nanodesk.compat.published_ibkr import IbkrBroker
from nanodesk.compat.published_indicators import atr as py_atr
from nanodesk.compat.published_indicators import bbands as py_bbands
from nanodesk.compat.published_indicators import macd as py_macd
from nanodesk.compat.published_indicators import rsi as py_rsi
from nanodesk.compat.published_itch import parse_itch
from nanodesk.compat.published_level import LevelSnapshot
from nanodesk.compat.published_log import load_events, save_events
from nanodesk.compat.published_metrics import Metrics
from nanodesk.compat.published_metrics import compute_metrics as py_compute_metrics
from nanodesk.compat.published_metrics import rolling_sharpe as py_rolling_sharpe
from nanodesk.compat.published_metrics import rolling_volatility as py_rolling_volatility
from nanodesk.compat.published_multi_exchange import MultiExchange
from nanodesk.compat.published_optimizers import (
    Weights,
    inverse_cdar_weights,
    inverse_cvar_weights,
    optimize_max_sharpe,
    optimize_min_variance,
    optimize_risk_parity,
)
from nanodesk.compat.published_portfolio import Portfolio
from nanodesk.compat.published_position import Position
from nanodesk.compat.published_results import (
    BookSnapshot,
    CancelResult,
    ModifyResult,
    StopSubmitResult,
    SubmitResult,
    Trade,
)
from nanodesk.compat.published_risk import RiskEngine
from nanodesk.compat.published_runs import BacktestResult, run_backtest, sweep_equal_weight
from nanodesk.compat.published_statistics import quintile_spread as py_quintile_spread
from nanodesk.compat.published_statistics import spearman as py_spearman
from nanodesk.compat.published_statistics import time_series_split as py_time_series_split
from nanodesk.compat.published_values import OrderId, OrderStatus, Price, Side, TimeInForce, TradeId
from nanodesk.compat.symbol import Symbol
from nanodesk.volatility.ewma import garch_ewma_forecast_published

__version__ = "0.9.1"
"""What the wheel published as 0.9.3 reports; programs compare it."""

__all__ = [
    "BacktestResult",
    "BinanceBroker",
    "BookSnapshot",
    "CancelResult",
    "CostModel",
    "Event",
    "Exchange",
    "IbkrBroker",
    "LevelSnapshot",
    "Metrics",
    "ModifyResult",
    "MultiExchange",
    "Order",
    "OrderId",
    "OrderStatus",
    "Portfolio",
    "Position",
    "Price",
    "RiskEngine",
    "Side",
    "StopSubmitResult",
    "SubmitResult",
    "Symbol",
    "TimeInForce",
    "Trade",
    "TradeId",
    "backtest_weights",
    "capabilities",
    "garch_ewma_forecast",
    "garch_forecast",
    "inverse_cdar_weights",
    "inverse_cvar_weights",
    "load_events",
    "optimize_cdar",
    "optimize_cvar",
    "optimize_max_sharpe",
    "optimize_min_variance",
    "optimize_risk_parity",
    "parse_itch",
    "py_atr",
    "py_backtest_weights",
    "py_bbands",
    "py_capabilities",
    "py_compute_metrics",
    "py_garch_ewma_forecast",
    "py_garch_forecast",
    "py_inverse_cdar_weights",
    "py_inverse_cvar_weights",
    "py_macd",
    "py_optimize_cdar",
    "py_optimize_cvar",
    "py_optimize_max_sharpe",
    "py_optimize_min_variance",
    "py_optimize_risk_parity",
    "py_quintile_spread",
    "py_rolling_sharpe",
    "py_rolling_volatility",
    "py_rsi",
    "py_spearman",
    "py_time_series_split",
    "run_backtest",
    "save_events",
    "sweep_equal_weight",
]

_CAPABILITIES = (
    "backtest_stops",
    "garch_ewma_forecast",
    "optimize_min_variance",
    "optimize_max_sharpe",
    "optimize_risk_parity",
    "inverse_cvar_weights",
    "inverse_cdar_weights",
    "backtest_holdings",
)


def capabilities() -> list[str]:
    """Names of what this version can do, for programs that ask before they call.

    Returns
    -------
    names : list of str
        The published list.

    Examples
    --------
    >>> "backtest_stops" in capabilities()
    True
    """
    return list(_CAPABILITIES)


def garch_ewma_forecast(returns: Any, p: Any = 1, q: Any = 1, mean: Any = "zero") -> float:
    """Volatility of the next period by a recursion with fixed weights, as published.

    Parameters
    ----------
    returns : sequence of float
        Returns per period, as fractions.
    p, q : int, default 1
        Lags of squared shocks and of variances, clamped to [1, 8] and to the length.
    mean : str, default "zero"
        ``"constant"`` or ``"mean"``, in any case, takes off the mean first; anything else does not.

    Returns
    -------
    volatility : float
        Per period, as a fraction; 0 for fewer than two returns.

    Examples
    --------
    >>> garch_ewma_forecast([0.01, -0.004, 0.008, -0.002, 0.005])
    0.0060816267429035795
    """
    series = arguments.reals(returns, "returns")
    return garch_ewma_forecast_published(
        series, arguments.unsigned(p, "p"), arguments.unsigned(q, "q"), arguments.string(mean, "mean").lower()
    )


def garch_forecast(returns: Any, p: Any = 1, q: Any = 1, mean: Any = "zero") -> float:
    """Deprecated name of `garch_ewma_forecast`; warns once.

    Parameters
    ----------
    returns : sequence of float
        Returns per period.
    p, q : int, default 1
        Lags.
    mean : str, default "zero"
        See `garch_ewma_forecast`.

    Returns
    -------
    volatility : float
        Per period.
    """
    _warn_once("garch_forecast", "garch_ewma_forecast")
    return garch_ewma_forecast(returns, p, q, mean)


def py_garch_forecast(returns: Any, p: Any = 1, q: Any = 1, mean: Any = "zero") -> float:
    """Deprecated name of `garch_ewma_forecast`; warns on every call.

    Parameters
    ----------
    returns : sequence of float
        Returns per period.
    p, q : int, default 1
        Lags.
    mean : str, default "zero"
        See `garch_ewma_forecast`.

    Returns
    -------
    volatility : float
        Per period.
    """
    _warn("py_garch_forecast", "py_garch_ewma_forecast")
    return garch_ewma_forecast(returns, p, q, mean)


def optimize_cvar(returns_matrix: Any, symbols: Any = None, alpha: Any = 0.95) -> Weights:
    """Deprecated name of `inverse_cvar_weights`; warns once.

    Parameters
    ----------
    returns_matrix : sequence of sequences of float
        Returns per period.
    symbols : sequence of str, optional
        Names of the columns.
    alpha : float, default 0.95
        Confidence.

    Returns
    -------
    weights : dict of str to float, or list of float
        See `inverse_cvar_weights`.
    """
    _warn_once("optimize_cvar", "inverse_cvar_weights")
    return inverse_cvar_weights(returns_matrix, symbols, alpha)


def py_optimize_cvar(returns_matrix: Any, symbols: Any = None, alpha: Any = 0.95) -> Weights:
    """Deprecated name of `inverse_cvar_weights`; warns on every call.

    Parameters
    ----------
    returns_matrix : sequence of sequences of float
        Returns per period.
    symbols : sequence of str, optional
        Names of the columns.
    alpha : float, default 0.95
        Confidence.

    Returns
    -------
    weights : dict of str to float, or list of float
        See `inverse_cvar_weights`.
    """
    _warn("py_optimize_cvar", "py_inverse_cvar_weights")
    return inverse_cvar_weights(returns_matrix, symbols, alpha)


def optimize_cdar(returns_matrix: Any, symbols: Any = None, alpha: Any = 0.95) -> Weights:
    """Deprecated name of `inverse_cdar_weights`; warns once.

    Parameters
    ----------
    returns_matrix : sequence of sequences of float
        Returns per period.
    symbols : sequence of str, optional
        Names of the columns.
    alpha : float, default 0.95
        Confidence.

    Returns
    -------
    weights : dict of str to float, or list of float
        See `inverse_cdar_weights`.
    """
    _warn_once("optimize_cdar", "inverse_cdar_weights")
    return inverse_cdar_weights(returns_matrix, symbols, alpha)


def py_optimize_cdar(returns_matrix: Any, symbols: Any = None, alpha: Any = 0.95) -> Weights:
    """Deprecated name of `inverse_cdar_weights`; warns on every call.

    Parameters
    ----------
    returns_matrix : sequence of sequences of float
        Returns per period.
    symbols : sequence of str, optional
        Names of the columns.
    alpha : float, default 0.95
        Confidence.

    Returns
    -------
    weights : dict of str to float, or list of float
        See `inverse_cdar_weights`.
    """
    _warn("py_optimize_cdar", "py_inverse_cdar_weights")
    return inverse_cdar_weights(returns_matrix, symbols, alpha)


def _warn(name: str, replacement: str) -> None:
    # Two frames up is the caller of the deprecated name; the cache below adds no Python frame.
    warnings.warn(f"nanobook.{name} is deprecated; use {replacement}", DeprecationWarning, stacklevel=3)


# The published plain names warn once in a process, their py_ twins on every call.
_warn_once = cache(_warn)

py_backtest_weights = backtest_weights
py_capabilities = capabilities
py_garch_ewma_forecast = garch_ewma_forecast
py_inverse_cdar_weights = inverse_cdar_weights
py_inverse_cvar_weights = inverse_cvar_weights
py_optimize_max_sharpe = optimize_max_sharpe
py_optimize_min_variance = optimize_min_variance
py_optimize_risk_parity = optimize_risk_parity
