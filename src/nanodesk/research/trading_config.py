"""What a strategy manifest says about its orders, joined with what the desk allows."""

from __future__ import annotations

from typing import Any

from nanodesk.market.fixed_point import parse_e9
from nanodesk.rebalance.config import TradingConfig
from nanodesk.research.manifest import Manifest

_SLACK = 1.02  # a limit reaches past the quote, and prices move between the decision and the order


def trading_config(manifest: Manifest, desk: TradingConfig) -> TradingConfig:
    """The configuration that a strategy is traded with.

    Pricing and pace come from the manifest's ``[execution]``, the band in which nothing is traded from its limits. Its
    ``[execution.risk]`` tightens the limits of the desk; on paper, where the manifest says nothing, the limits are what
    the strategy itself may need.

    Parameters
    ----------
    manifest : Manifest
        A checked manifest.
    desk : TradingConfig
        From ``config.toml``, or its defaults.

    Returns
    -------
    config : TradingConfig
        For a `Rebalancer`.

    Raises
    ------
    ConfigError
        If the manifest asks for real money and the desk does not, or the other way round.
    """
    said = manifest.execution
    band = max(manifest.portfolio.limits.no_trade_band, desk.execution.no_trade_band)
    desk = desk.model_copy(update={"execution": desk.execution.model_copy(update={"no_trade_band": band})})
    if said is None:
        return desk.model_copy(update={"risk": _risk(manifest, desk)})
    if said.mode != desk.connection.mode:
        raise manifest.error(("execution", "mode"), f'is "{said.mode}", connection.mode is "{desk.connection.mode}"')
    pace: dict[str, Any] = {
        "order_type": said.order.type,
        "limit_offset_bps": said.order.offset_bps,
        "time_in_force": said.order.tif,
    }
    if said.slice is not None:
        seconds = said.slice.minutes * 60 / said.slice.parts
        pace |= {"order_type": "twap", "twap_slices": said.slice.parts, "twap_interval_secs": seconds}
    execution = desk.execution.model_copy(update=pace)
    return desk.model_copy(update={"execution": execution, "risk": _risk(manifest, desk)})


def _risk(manifest: Manifest, desk: TradingConfig) -> Any:
    said = manifest.execution.risk if manifest.execution is not None else None
    written = {
        "max_order_notional_e9": said.max_order_usd if said else None,
        "max_leverage_e9": said.max_gross if said else None,
        "max_position_frac_e9": said.max_position if said else None,
        "max_target_weight_frac_e9": said.max_position if said else None,
        "max_daily_loss_frac_e9": said.max_daily_loss if said else None,
    }
    wished = {name: parse_e9(value) for name, value in written.items() if value is not None}
    if desk.connection.broker != "paper":
        tighter = {name: min(value, getattr(desk.risk, name)) for name, value in wished.items()}
        return desk.risk.model_copy(update=tighter)
    return desk.risk.model_copy(update=_needed(manifest) | wished | {"max_trade_usd": None, "max_position_pct": None})


def _needed(manifest: Manifest) -> dict[str, int]:
    """What the weights of a manifest can ask for, on an account of its cash."""
    portfolio, cash = manifest.portfolio, manifest.backtest.cash
    weight = min(portfolio.limits.max_weight, portfolio.gross)
    return {
        "max_order_notional_e9": parse_e9(round(10 * cash * weight * _SLACK, 2)),
        "max_batch_notional_e9": parse_e9(round(20 * cash * portfolio.gross, 2)),
        "max_position_frac_e9": parse_e9(round(weight * _SLACK, 9)),
        "max_target_weight_frac_e9": parse_e9(round(weight, 9)),
        "max_leverage_e9": parse_e9(round(max(portfolio.gross * _SLACK, 1.0), 9)),
    }
