"""Every limit of the risk engine, in whole units where it is written and in exact integers where it is compared."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from nanodesk.market.fixed_point import E9, LARGEST_E9, format_e9, parse_e9


def _parsed(value: Any) -> int:
    return parse_e9(value, field="limit")


Amount = Annotated[
    int,
    BeforeValidator(_parsed),
    Field(ge=0, le=LARGEST_E9),
    PlainSerializer(format_e9, return_type=str),
]
"""A decimal number that is at least zero, read in whole units and kept in billionths."""

Count = Annotated[int, Field(strict=True, ge=0)]

SECOND: Final = E9
DAY: Final = 86_400 * E9


def written_name(name: str) -> str:
    """Key of a limit in a file and in a call, where numbers stand in whole units.

    Parameters
    ----------
    name : str
        Attribute, as ``max_order_notional_e9`` or ``max_quote_age_ns``.

    Returns
    -------
    key : str
        As ``max_order_notional`` or ``max_quote_age_s``.

    Examples
    --------
    >>> written_name("max_order_notional_e9"), written_name("max_quote_age_ns")
    ('max_order_notional', 'max_quote_age_s')
    """
    return name.removesuffix("_ns") + "_s" if name.endswith("_ns") else name.removesuffix("_e9")


class RiskConfig(BaseModel):
    """Limits of the pre-trade checks, the loss monitor and the breakers; frozen, and unknown keys are refused.

    A limit is written in whole units under its plain name (``max_order_notional=100_000``,
    ``max_position_frac="0.25"``, ``max_quote_age_s=30``) and read in exact integers under its name with the unit
    (``max_order_notional_e9``, ``max_position_frac_e9``, ``max_quote_age_ns``). ``None`` turns a limit off where it is
    the default. A value equal to its limit passes. ``docs/risk.md`` lists every key with its default.

    A field that is wrong raises pydantic's error naming the key.

    Examples
    --------
    >>> config = RiskConfig(max_order_notional=50_000, max_position_frac=0.1)
    >>> config.max_order_notional_e9, config.max_position_frac_e9
    (50000000000000, 100000000)
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, alias_generator=written_name, serialize_by_alias=True
    )

    # Account and instruments (2, 6, 7)
    account_id: str = Field(default="PAPER", description="account that may trade")
    mode: Literal["paper", "live"] = Field(default="paper", description="whether that account is one of real money")
    allowed_symbols: frozenset[str] | None = Field(default=None, description="the only symbols that may trade")
    blocked_symbols: frozenset[str] = Field(default=frozenset(), description="symbols that may never trade")
    allow_outside_session: bool = Field(default=False, description="send while the venue is closed")

    # Fat finger (8-15)
    max_order_quantity_e9: Amount = Field(default=1_000_000 * E9, description="units of one order")
    max_order_notional_e9: Amount = Field(default=100_000 * E9, description="cash value of one order")
    min_order_notional_e9: Amount = Field(default=E9, description="least cash value, unless the order reduces")
    max_adv_frac_e9: Amount | None = Field(default=None, description="quantity / average daily volume")
    max_displayed_multiple_e9: Amount | None = Field(default=None, description="quantity / displayed size it takes")
    price_collar_bps_e9: Amount = Field(default=500 * E9, description="distance of a price from the market")
    price_collar_absolute_e9: Amount | None = Field(default=None, description="the same in currency")
    allow_market_orders: bool = Field(default=True, description="orders without a limit price")
    max_market_spread_bps_e9: Amount = Field(default=100 * E9, description="spread at which a market order may go")
    market_slippage_bps_e9: Amount = Field(default=100 * E9, description="assumed worst slippage of a market order")
    max_slippage_bps_e9: Amount = Field(default=100 * E9, description="how far a marketable limit may reach through")
    max_target_weight_frac_e9: Amount = Field(default=E9 // 4, description="one target weight")
    max_target_gross_frac_e9: Amount = Field(default=3 * E9 // 2, description="sum of absolute target weights")

    # Freshness (16-21)
    max_quote_age_ns: Amount = Field(default=30 * SECOND, description="age of the quote of an ordered symbol")
    max_holding_price_age_ns: Amount = Field(default=900 * SECOND, description="age of the price of any holding")
    max_account_age_ns: Amount = Field(default=60 * SECOND, description="age of the account's figures")
    max_positions_age_ns: Amount = Field(default=60 * SECOND, description="age of the holdings")
    max_clock_skew_ns: Amount = Field(default=SECOND, description="difference of our clock and the venue's")
    max_price_jump_bps_e9: Amount = Field(default=1_000 * E9, description="move of the price since the last plan")

    # Exposure, after the worst case of what is open (22-31)
    max_position_frac_e9: Amount = Field(default=E9 // 4, description="one position / equity")
    max_position_notional_e9: Amount | None = Field(default=None, description="one position in currency")
    max_gross_notional_e9: Amount = Field(default=10_000_000 * E9, description="sum of absolute positions in currency")
    max_net_frac_e9: Amount = Field(default=3 * E9 // 2, description="absolute net exposure / equity")
    max_leverage_e9: Amount = Field(default=3 * E9 // 2, description="gross exposure / equity")
    allow_short: bool = Field(default=True, description="positions below zero, where the instrument allows them")
    max_short_frac_e9: Amount = Field(default=3 * E9 // 10, description="sum of short positions / equity")
    require_locate: bool = Field(default=False, description="a short needs a located quantity")
    fee_bps_e9: Amount = Field(default=10 * E9, description="commission assumed, of the notional")
    fee_per_order_e9: Amount = Field(default=0, description="commission assumed, per order")
    sells_fund_buys: bool = Field(default=False, description="count the batch's sales as cash; the send re-checks")
    max_sector_frac_e9: Amount | None = Field(default=None, description="gross of one sector / equity")
    max_asset_class_frac_e9: Amount | None = Field(default=None, description="gross of one asset class / equity")
    max_venue_frac_e9: Amount | None = Field(default=None, description="gross of one venue / equity")
    max_turnover_frac_e9: Amount = Field(default=10 * E9, description="traded today and open / equity")
    max_daily_notional_e9: Amount = Field(default=10_000_000 * E9, description="traded today and open in currency")
    min_equity_e9: Amount = Field(default=0, description="equity must lie above it")

    # Loss (32-34)
    max_daily_loss_frac_e9: Amount = Field(default=E9 // 20, description="loss since the day began; then REDUCING")
    halt_daily_loss_frac_e9: Amount = Field(default=E9 // 10, description="loss since the day began; then HALTED")
    max_drawdown_frac_e9: Amount = Field(default=E9 // 5, description="fall from the high-water mark; then REDUCING")
    halt_drawdown_frac_e9: Amount = Field(default=3 * E9 // 10, description="the same; then HALTED")
    max_consecutive_rejects: Count = Field(default=5, description="rejects in a row")
    max_recent_slippage_bps_e9: Amount = Field(default=100 * E9, description="mean slippage of the last fills")

    # Flow (35-41)
    max_orders_per_second: Count = Field(default=500, description="orders in one second at a venue")
    max_orders_per_minute: Count = Field(default=5_000, description="orders in sixty seconds")
    max_orders_per_day: Count = Field(default=100_000, description="orders in a UTC day")
    max_messages_per_second: Count = Field(default=1_000, description="orders, cancels and replaces in one second")
    max_messages_per_minute: Count = Field(default=10_000, description="the same in sixty seconds")
    max_messages_per_day: Count = Field(default=200_000, description="the same in a UTC day")
    duplicate_window_ns: Amount = Field(default=2 * SECOND, description="an equal order within it is a duplicate")
    max_executions_per_symbol: Count = Field(default=1_000, description="fills of one symbol in the execution window")
    execution_window_ns: Amount = Field(default=60 * SECOND, description="window of repeated executions")
    max_open_orders: Count = Field(default=1_000, description="orders open at once")
    max_open_orders_per_symbol: Count = Field(default=50, description="orders of one symbol open at once")
    max_batch_notional_e9: Amount = Field(default=1_000_000 * E9, description="cash value of one batch")
    max_batch_orders: Count = Field(default=1_000, description="orders of one batch")

    # State (48) and behaviour
    confirm_above_e9: Amount = Field(default=10_000 * E9, description="live notional that a human confirms")
    warn_at_frac_e9: Amount = Field(default=E9, description="WARN above this part of a limit; 1 never warns")
    breach_may_be_reduced: bool = Field(
        default=True, description="past a limit, pass with WARN what does not add to the breach"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.halt_daily_loss_frac_e9 < self.max_daily_loss_frac_e9:
            raise ValueError("halt_daily_loss_frac must be at least max_daily_loss_frac")
        if self.halt_drawdown_frac_e9 < self.max_drawdown_frac_e9:
            raise ValueError("halt_drawdown_frac must be at least max_drawdown_frac")
        return self
