"""nanodesk: one trading desk in one Python package.

Every public name lives in one module and is loaded when it is first asked for, so that importing the package costs
nothing.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nanodesk.version import __version__ as __version__

if TYPE_CHECKING:
    from nanodesk.allocation.allocate import allocate as allocate
    from nanodesk.allocation.limits import Limits as Limits
    from nanodesk.backtest.callback import run_backtest as run_backtest
    from nanodesk.backtest.result import BacktestResult as BacktestResult
    from nanodesk.backtest.stops import Stops as Stops
    from nanodesk.backtest.sweep import grid as grid
    from nanodesk.backtest.sweep import sweep as sweep
    from nanodesk.backtest.weights import HOLD as HOLD
    from nanodesk.backtest.weights import backtest_weights as backtest_weights
    from nanodesk.book.exchange import Exchange as Exchange
    from nanodesk.book.multi_exchange import MultiExchange as MultiExchange
    from nanodesk.errors import DataError as DataError
    from nanodesk.errors import NanodeskError as NanodeskError
    from nanodesk.errors import SolverError as SolverError
    from nanodesk.errors import ValidationError as ValidationError
    from nanodesk.market.enums import OrderStatus as OrderStatus
    from nanodesk.market.enums import Side as Side
    from nanodesk.market.enums import TimeInForce as TimeInForce
    from nanodesk.market.instrument import Instrument as Instrument
    from nanodesk.market.panel import PricePanel as PricePanel
    from nanodesk.metrics.information import rank_ic as rank_ic
    from nanodesk.metrics.performance import PerformanceMetrics as PerformanceMetrics
    from nanodesk.metrics.performance import compute_metrics as compute_metrics
    from nanodesk.metrics.significance import deflated_sharpe as deflated_sharpe
    from nanodesk.metrics.significance import probabilistic_sharpe as probabilistic_sharpe
    from nanodesk.metrics.summary import summarize as summarize
    from nanodesk.portfolio.costs import CostModel as CostModel
    from nanodesk.portfolio.portfolio import Portfolio as Portfolio
    from nanodesk.portfolio.position import Position as Position
    from nanodesk.rebalance.target import Target as Target
    from nanodesk.research.factors.catalog import FACTORS as FACTORS
    from nanodesk.research.factors.compute import compute_factors as compute_factors
    from nanodesk.research.lake import Lake as Lake
    from nanodesk.research.lake import open_lake as open_lake
    from nanodesk.research.manifest import Manifest as Manifest
    from nanodesk.research.manifest import load_manifest as load_manifest
    from nanodesk.research.report import write_report as write_report
    from nanodesk.research.result import ResearchResult as ResearchResult
    from nanodesk.research.run import run_manifest as run_manifest
    from nanodesk.strategies.base import Strategy as Strategy
    from nanodesk.strategies.equal_weight import EqualWeight as EqualWeight
    from nanodesk.strategies.momentum import Momentum as Momentum
    from nanodesk.volatility.ewma import garch_ewma_forecast as garch_ewma_forecast

logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOMES = {
    "BacktestResult": "nanodesk.backtest.result",
    "CostModel": "nanodesk.portfolio.costs",
    "DataError": "nanodesk.errors",
    "EqualWeight": "nanodesk.strategies.equal_weight",
    "Exchange": "nanodesk.book.exchange",
    "FACTORS": "nanodesk.research.factors.catalog",
    "HOLD": "nanodesk.backtest.weights",
    "Instrument": "nanodesk.market.instrument",
    "Lake": "nanodesk.research.lake",
    "Limits": "nanodesk.allocation.limits",
    "Manifest": "nanodesk.research.manifest",
    "Momentum": "nanodesk.strategies.momentum",
    "MultiExchange": "nanodesk.book.multi_exchange",
    "NanodeskError": "nanodesk.errors",
    "OrderStatus": "nanodesk.market.enums",
    "PerformanceMetrics": "nanodesk.metrics.performance",
    "Portfolio": "nanodesk.portfolio.portfolio",
    "Position": "nanodesk.portfolio.position",
    "PricePanel": "nanodesk.market.panel",
    "ResearchResult": "nanodesk.research.result",
    "Side": "nanodesk.market.enums",
    "SolverError": "nanodesk.errors",
    "Stops": "nanodesk.backtest.stops",
    "Strategy": "nanodesk.strategies.base",
    "Target": "nanodesk.rebalance.target",
    "TimeInForce": "nanodesk.market.enums",
    "ValidationError": "nanodesk.errors",
    "allocate": "nanodesk.allocation.allocate",
    "backtest_weights": "nanodesk.backtest.weights",
    "compute_factors": "nanodesk.research.factors.compute",
    "compute_metrics": "nanodesk.metrics.performance",
    "deflated_sharpe": "nanodesk.metrics.significance",
    "garch_ewma_forecast": "nanodesk.volatility.ewma",
    "grid": "nanodesk.backtest.sweep",
    "load_manifest": "nanodesk.research.manifest",
    "open_lake": "nanodesk.research.lake",
    "probabilistic_sharpe": "nanodesk.metrics.significance",
    "rank_ic": "nanodesk.metrics.information",
    "run_backtest": "nanodesk.backtest.callback",
    "run_manifest": "nanodesk.research.run",
    "summarize": "nanodesk.metrics.summary",
    "sweep": "nanodesk.backtest.sweep",
    "write_report": "nanodesk.research.report",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nanodesk' has no attribute {name!r}")
    module, _, original = _HOMES[name].partition(":")
    return getattr(import_module(module), original or name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
