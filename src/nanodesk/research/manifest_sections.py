"""The sections of a strategy manifest: frozen models that refuse unknown keys and guess nothing."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nanodesk.allocation.allocate import Method
from nanodesk.allocation.covariance import Estimator
from nanodesk.research.preprocess import Step
from nanodesk.research.universe import Filter

Fraction = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.^=/-]{0,63}$")]


class Section(BaseModel):
    """A table of the manifest: frozen, strict types, no unknown keys, no nan or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Strategy(Section):
    """``[strategy]``: what the run is called, and the root of its randomness."""

    name: str = Field(pattern=r"^[a-z0-9-]{3,40}$")
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    seed: int = Field(default=0, ge=0, lt=2**63)


class Data(Section):
    """``[data]``: which lake, which of its datasets, and the span of sessions.

    ``lake`` is the word ``bundled`` or a folder relative to the manifest. ``market`` (by default the benchmark) and
    ``vix`` name the series that factors are measured against. Rows before ``start`` are not read: the first decision
    falls where the longest lookback after ``start`` is complete.
    """

    lake: str = "bundled"
    snapshot: str = "latest"
    prices: Name
    fundamentals: Name | None = None
    market: Name | None = None
    vix: Name | None = None
    calendar: Literal["XNYS", "XNAS", "24-7"] = "XNYS"
    start: datetime.date | None = None
    end: datetime.date | None = None
    point_in_time: bool = True


class Every(Section):
    """``rebalance = { every = 21 }``: one decision each so many sessions."""

    every: int = Field(ge=1)


class Universe(Section):
    """``[universe]``: who may be held, screened on every decision date, filters top to bottom."""

    source: str = Field(default="all", pattern=r"^(all|list|index:[A-Za-z0-9_-]+)$")
    names: tuple[str, ...] = ()
    rebalance: Literal["daily", "weekly", "month_end"] | Every | None = None
    min_names: int = Field(default=1, ge=1)
    max_names: int | None = Field(default=None, ge=1)
    survivorship: Literal["require", "warn"] = "warn"
    filter: tuple[Filter, ...] = ()


class FactorChoice(Section):
    """One ``[[signals.factor]]``: a factor of the catalogue, its weight in the composite and its parameters."""

    id: str
    weight: float = 1.0
    params: dict[str, Any] = Field(default_factory=dict)


class Signals(Section):
    """``[signals]``: how factors become one score."""

    combine: Literal["weighted", "ic_weighted"] = "weighted"
    min_families: int = Field(default=1, ge=1)
    ic_window: int = Field(default=36, ge=3)
    factor: tuple[FactorChoice, ...] = Field(min_length=1)


class PortfolioLimits(Section):
    """``[portfolio.limits]``: fractions of equity unless said otherwise; ``max_turnover`` is one-way."""

    max_weight: Annotated[float, Field(gt=0, le=1)] = 1.0
    min_weight: Fraction = 0.0
    max_sector: Annotated[float, Field(gt=0, le=1)] | None = None
    max_turnover: Annotated[float, Field(gt=0, le=2)] | None = None
    no_trade_band: Fraction = 0.0
    adv_participation: Annotated[float, Field(gt=0, le=1)] | None = None
    cash_buffer: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Portfolio(Section):
    """``[portfolio]``: how scores and past returns become weights."""

    method: Method = "equal"
    covariance: Estimator = "ledoit_wolf"
    window: int = Field(default=252, ge=20)
    alpha: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    long_only: bool = True
    gross: Annotated[float, Field(gt=0, le=4)] = 1.0
    limits: PortfolioLimits = PortfolioLimits()


class Impact(Section):
    """``backtest.costs.impact``: square-root market impact."""

    kind: Literal["sqrt"] = "sqrt"
    coef: NotNegative = 0.1


class Costs(Section):
    """``[backtest.costs]``: what trading and holding cost."""

    commission_bps: NotNegative = 0.0
    commission_per_share: NotNegative = 0.0
    min_commission: NotNegative = 0.0
    half_spread_bps: NotNegative = 0.0
    impact: Impact | None = None
    borrow_bps_year: NotNegative = 0.0


class StopRules(Section):
    """``[backtest.stops]``: exits between decisions; fractions, not percent; 0 is off.

    ``check = "intrabar"`` compares the bar's high and low and needs them; ``atr = "wilder"`` does too.
    """

    fixed_pct: Annotated[float, Field(ge=0, lt=1)] = 0.0
    trailing_pct: Annotated[float, Field(ge=0, lt=1)] = 0.0
    atr_multiple: NotNegative = 0.0
    atr_period: int = Field(default=14, ge=1)
    check: Literal["close", "intrabar"] = "close"
    atr: Literal["wilder", "close_change"] = "wilder"
    reentry_after: int = Field(default=0, ge=0)


class Backtest(Section):
    """``[backtest]``: cash, pace, fills, costs and stops of the simulation."""

    cash: Positive = 1_000_000.0
    currency: Literal["USD"] = "USD"
    rebalance: Literal["daily", "weekly", "month_end"] | Every = "month_end"
    fill: Literal["next_open", "next_close", "same_close", "vwap_proxy"] = "next_open"
    shares: Literal["fractional", "integer"] = "fractional"
    benchmark: Name | None = None
    periods_per_year: int = Field(default=252, ge=1, le=366)
    delisting_return: Annotated[float, Field(ge=-1, le=1)] = -0.30
    costs: Costs = Costs()
    stops: StopRules = StopRules()


class OrderStyle(Section):
    """``execution.order``: how orders are priced, and how long they live."""

    type: Literal["limit", "market", "peg"] = "limit"
    offset_bps: Annotated[float, Field(ge=0, le=1000)] = 5.0
    tif: Literal["day", "gtc"] = "day"


class Slices(Section):
    """``execution.slice``: an order is sent in parts of the same size over some minutes."""

    kind: Literal["twap"] = "twap"
    minutes: Positive = 30.0
    parts: int = Field(default=6, ge=2, le=1000)


class ExecutionRisk(Section):
    """``[execution.risk]``: limits of this strategy's orders; the desk's own can only be tightened by them.

    Fractions of equity, but for ``max_order_usd``. The kill switch cannot be turned off.
    """

    max_order_usd: Positive | None = None
    max_gross: Annotated[float, Field(gt=0, le=10)] | None = None
    max_position: Annotated[float, Field(gt=0, le=10)] | None = None
    max_daily_loss: Annotated[float, Field(gt=0, le=1)] | None = None
    kill_switch: Literal[True] = True


class Execution(Section):
    """``[execution]``: how ``nanodesk trade`` sends this strategy's orders; a backtest does not read it.

    ``spread_bps`` is the spread of the paper market of closes, by default twice ``backtest.costs.half_spread_bps``.
    """

    mode: Literal["paper", "live"] = "paper"
    broker: Literal["paper", "ibkr", "binance", "alpaca"] = "paper"
    order: OrderStyle = OrderStyle()
    slice: Slices | None = None
    spread_bps: Annotated[float, Field(ge=0, le=1000)] | None = None
    risk: ExecutionRisk = ExecutionRisk()


class Report(Section):
    """``[report]``: what is written beside the run; ``risk_free`` is a yearly rate or the name of a series."""

    formats: tuple[Literal["html", "json"], ...] = ("html", "json")
    risk_free: Annotated[float, Field(ge=-1, le=1)] | Name = 0.0


class Tracking(Section):
    """``[tracking]``: the folder of the run store, relative to the working directory."""

    store: str = "runs"


Preprocess = tuple[Step, ...]
