"""The screening rules of a manifest: one model each, with the names it keeps on a decision date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from nanodesk.errors import DataError
from nanodesk.market.arrays import BoolArray, FloatArray, IntArray
from nanodesk.market.panel import PricePanel
from nanodesk.metrics.holdings import UNKNOWN_SECTOR
from nanodesk.research.screen_context import ScreenContext
from nanodesk.research.screen_measures import correlation_with

SHARES = "shares"
"""Column of a fundamentals dataset that holds the shares outstanding."""
_ROUNDING = 1e-9

Window = Annotated[int, Field(ge=2)]
Names = Annotated[tuple[str, ...], Field(strict=False)]  # TOML gives a list
Finite = Annotated[float, Field(allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision date in the middle of a screen.

    Parameters
    ----------
    context : ScreenContext
        The data.
    at : int
        Which decision of the context.
    alive : ndarray of bool, shape (n_symbols,)
        Names that passed every rule so far.
    composite : ndarray of float64, shape (n_symbols,), or None
        Score, higher is better; ``nan`` where there is none.
    held : ndarray of bool, shape (n_symbols,), or None
        Names held now.
    """

    context: ScreenContext
    at: int
    alive: BoolArray
    composite: FloatArray | None
    held: BoolArray | None

    def order(self, among: BoolArray) -> IntArray:
        """Columns of some names, best first; in panel order without a score, and among equals.

        Parameters
        ----------
        among : ndarray of bool, shape (n_symbols,)
            Names in question.

        Returns
        -------
        columns : ndarray of int64, shape (n_among,)
            Names without a score come last.
        """
        columns = np.flatnonzero(among)
        if self.composite is None:
            return columns
        # numpy sorts nan to the end
        return columns[np.argsort(-self.composite[columns], kind="stable")]


class Rule(BaseModel):
    """What all rules share: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    def _keep(self, decision: Decision) -> BoolArray:
        """Names that pass; only ``alive`` ones matter."""
        raise NotImplementedError


class _Range(Rule):
    """A rule that keeps values from ``min`` to ``max``, both included; a name without a value is dropped."""

    min: NonNegative | None = None
    max: NonNegative | None = None

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is greater than max {self.max:g}")
        return self

    def _inside(self, values: FloatArray) -> BoolArray:
        """Which values lie in the range."""
        kept = ~np.isnan(values)
        if self.min is not None:
            kept &= values >= self.min
        if self.max is not None:
            kept &= values <= self.max
        return kept


class Listing(Rule):
    """Security types and exchanges, where the lake knows them."""

    kind: Literal["listing"]
    exchanges: Names = ()
    types: Names = ("common",)

    def _keep(self, decision: Decision) -> BoolArray:
        """Names of an allowed type on an allowed exchange; a name the lake does not know is dropped."""
        if not decision.context.listings:
            raise DataError(
                "filter 'listing' needs exchange and type of the names, which are not available in this lake.",
                field="listing",
                fix="Drop the filter, or ingest a dataset of kind securities with exchange and type.",
            )
        listings = decision.context.listings
        return np.array([self._allowed(listings.get(symbol)) for symbol in decision.context.panel.symbols])

    def _allowed(self, listing: tuple[str, str] | None) -> bool:
        if listing is None:
            return False
        exchange, kind = listing
        return (not self.exchanges or exchange in self.exchanges) and (not self.types or kind in self.types)


class History(Rule):
    """Sessions traded so far, and gaps in the recent past."""

    kind: Literal["history"]
    min_sessions: Annotated[int, Field(ge=1)] = 252
    max_missing: Fraction = 0.05
    window: Window = 63

    def _keep(self, decision: Decision) -> BoolArray:
        """Names with enough sessions and few gaps."""
        enough: BoolArray = decision.context.sessions_traded()[decision.at] >= self.min_sessions
        gaps: FloatArray = decision.context.missing_share(self.window)[decision.at]
        return enough & (gaps <= self.max_missing + _ROUNDING)


class Price(_Range):
    """Raw close on the decision date, in currency units."""

    kind: Literal["price"]
    allow_adjusted: bool = False

    def _keep(self, decision: Decision) -> BoolArray:
        """Names whose raw close is in the range."""
        return self._inside(decision.context.raw_price(allow_adjusted=self.allow_adjusted, rule=self.kind)[decision.at])


class MarketCap(_Range):
    """Shares outstanding as known, times raw close."""

    kind: Literal["market_cap"]
    allow_adjusted: bool = False

    def _keep(self, decision: Decision) -> BoolArray:
        """Names whose market capitalisation is in the range."""
        shares = decision.context.figure(SHARES, rule=self.kind)
        price = decision.context.raw_price(allow_adjusted=self.allow_adjusted, rule=self.kind)
        return self._inside(shares[decision.at] * price[decision.at])


class DollarVolume(_Range):
    """Median of the daily traded value."""

    kind: Literal["dollar_volume"]
    window: Window = 63

    def _keep(self, decision: Decision) -> BoolArray:
        """Names that trade enough."""
        return self._inside(decision.context.dollar_volume(self.window)[decision.at])


class SpreadProxy(Rule):
    """Bid-ask spread estimated from daily bars."""

    kind: Literal["spread_proxy"]
    method: Literal["corwin_schultz", "abdi_ranaldo"] = "corwin_schultz"
    window: Window = 21
    max_bps: Annotated[float, Field(gt=0.0)] = 50.0

    def _keep(self, decision: Decision) -> BoolArray:
        """Names with a narrow spread."""
        spread: FloatArray = decision.context.spread_bps(self.method, self.window)[decision.at]
        return spread <= self.max_bps


class Volatility(_Range):
    """Annualised deviation of daily log returns, as a fraction."""

    kind: Literal["volatility"]
    window: Window = 63

    def _keep(self, decision: Decision) -> BoolArray:
        """Names neither too calm nor too wild."""
        return self._inside(decision.context.volatility(self.window)[decision.at])


class Momentum(Rule):
    """Percentile of the past return among the names that are left."""

    kind: Literal["momentum"]
    lookback: Annotated[int, Field(ge=2)] = 252
    skip: Annotated[int, Field(ge=0)] = 21
    min_percentile: Fraction = 0.30
    max_percentile: Fraction = 1.0

    @model_validator(mode="after")
    def _spans_make_sense(self) -> Self:
        if self.skip >= self.lookback:
            raise ValueError(f"skip {self.skip} must be smaller than lookback {self.lookback}")
        if self.min_percentile > self.max_percentile:
            raise ValueError(f"min_percentile {self.min_percentile:g} is greater than {self.max_percentile:g}")
        return self

    def _keep(self, decision: Decision) -> BoolArray:
        """Names between the two quantiles of the living names, both included."""
        value: FloatArray = decision.context.momentum(self.lookback, self.skip)[decision.at]
        known = value[decision.alive & ~np.isnan(value)]
        if not len(known):
            return np.zeros_like(decision.alive)
        low, high = np.quantile(known, [self.min_percentile, self.max_percentile])
        kept: BoolArray = (value >= low) & (value <= high)
        return kept


class FundamentalCoverage(Rule):
    """Age of the last report known, in days."""

    kind: Literal["fundamental_coverage"]
    max_age_days: Annotated[int, Field(ge=1)] = 200

    def _keep(self, decision: Decision) -> BoolArray:
        """Names that reported recently."""
        if decision.context.report_age is None:
            raise DataError(
                "filter 'fundamental_coverage' needs reports, which are not available.",
                field="fundamental_coverage",
                fix="Drop the filter, or name fundamentals in the run.",
            )
        age: FloatArray = decision.context.report_age[decision.at]
        return age <= self.max_age_days


class Fundamental(_Range):
    """A figure of the last report known."""

    kind: Literal["fundamental"]
    column: str
    min: Finite | None = None
    max: Finite | None = None

    def _keep(self, decision: Decision) -> BoolArray:
        """Names whose figure is in the range."""
        return self._inside(decision.context.figure(self.column, rule=f"{self.kind} {self.column}")[decision.at])


class Exclude(Rule):
    """Names and sectors to leave out."""

    kind: Literal["exclude"]
    symbols: Names = ()
    sectors: Names = ()

    def _keep(self, decision: Decision) -> BoolArray:
        """Names that are not listed."""
        panel = decision.context.panel
        if self.sectors and not panel.sectors:
            raise _no_sectors("exclude")
        listed = (symbol in self.symbols or panel.sectors.get(symbol) in self.sectors for symbol in panel.symbols)
        return ~np.fromiter(listed, dtype=np.bool_, count=len(panel.symbols))


class Membership(Rule):
    """Belonging to an index on the decision date."""

    kind: Literal["membership"]
    index: str

    def _keep(self, decision: Decision) -> BoolArray:
        """Names that were members."""
        if self.index not in decision.context.members:
            raise DataError(
                f"filter 'membership' needs the members of {self.index!r}, which are not available.",
                field="index",
                value=self.index,
                allowed=", ".join(decision.context.members) or "none",
                fix="Ingest a dataset of kind membership.",
            )
        member: BoolArray = decision.context.members[self.index][decision.at]
        return member


class RankTop(Rule):
    """The best names by score; a name that is held stays until it falls behind ``exit_rank``."""

    kind: Literal["rank_top"]
    by: Literal["composite"] = "composite"
    n: Annotated[int, Field(ge=1)]
    exit_rank: int | None = None

    @model_validator(mode="after")
    def _exit_is_behind(self) -> Self:
        if self.exit_rank is not None and self.exit_rank < self.n:
            raise ValueError(f"exit_rank {self.exit_rank} must be at least n {self.n}")
        return self

    def _keep(self, decision: Decision) -> BoolArray:
        """Names ranked up to ``n``, and held names ranked up to ``exit_rank``."""
        if decision.composite is None:
            raise DataError(
                "filter 'rank_top' needs scores.", field="composite", fix="Compute scores before the screen."
            )
        scored = decision.alive & ~np.isnan(decision.composite)
        order = decision.order(scored)
        kept = np.zeros_like(decision.alive)
        kept[order[: self.n]] = True
        if self.exit_rank is not None and decision.held is not None:
            patient = order[: self.exit_rank]
            kept[patient[decision.held[patient]]] = True
        return kept


class Diversify(Rule):
    """Not too much of one sector, and no near twins; better names are kept first."""

    kind: Literal["diversify"]
    max_sector_share: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    max_correlation: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    window: Window = 252
    min_overlap: Annotated[int, Field(ge=2)] = 60
    unknown_sector: Literal["group", "exempt", "drop"] = "group"

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.max_sector_share is None and self.max_correlation is None:
            raise ValueError("give max_sector_share, max_correlation or both")
        return self

    def _keep(self, decision: Decision) -> BoolArray:
        """Names left after twins are dropped, and then the worst of crowded sectors."""
        order = [int(column) for column in decision.order(decision.alive)]
        if self.max_correlation is not None:
            order = self._without_twins(decision, order)
        if self.max_sector_share is not None:
            order = self._within_sectors(decision.context.panel, order)
        kept = np.zeros_like(decision.alive)
        kept[order] = True
        return kept

    def _without_twins(self, decision: Decision, order: Sequence[int]) -> list[int]:
        assert self.max_correlation is not None  # noqa: S101 - narrows the type
        stop = int(decision.context.rows[decision.at]) + 1
        close = decision.context.panel.close[max(0, stop - self.window - 1) : stop]
        with np.errstate(invalid="ignore"):
            returns = np.diff(np.log(close[:, order]), axis=0)
        kept: list[int] = []
        for i in range(len(order)):
            twin = correlation_with(returns[:, kept], returns[:, i], min_overlap=self.min_overlap)
            if not np.any(twin > self.max_correlation):
                kept.append(i)
        return [order[i] for i in kept]

    def _within_sectors(self, panel: PricePanel, order: list[int]) -> list[int]:
        """Drop the worst of every crowded sector until each holds its share of what is left, or a single name."""
        assert self.max_sector_share is not None  # noqa: S101 - narrows the type
        if not panel.sectors:
            raise _no_sectors("diversify")
        sector = {column: panel.sectors.get(panel.symbols[column], UNKNOWN_SECTOR) for column in order}
        if self.unknown_sector == "drop":
            order = [column for column in order if sector[column] != UNKNOWN_SECTOR]
        while True:
            most = max(1, int(self.max_sector_share * len(order) + _ROUNDING))
            seen: dict[str, int] = {}
            left = []
            for column in order:
                seen[sector[column]] = seen.get(sector[column], 0) + 1
                exempt = self.unknown_sector == "exempt" and sector[column] == UNKNOWN_SECTOR
                if exempt or seen[sector[column]] <= most:
                    left.append(column)
            if len(left) == len(order):
                return left
            order = left


def passing(rule: Rule, decision: Decision) -> BoolArray:
    """Names that pass one rule.

    Parameters
    ----------
    rule : Rule
        Any of the rules above.
    decision : Decision
        The date, the data and the names that are left.

    Returns
    -------
    mask : ndarray of bool, shape (n_symbols,)
        Meaningful for the living names only.

    Raises
    ------
    DataError
        If the rule needs data that are not available; the message names rule and data.
    """
    return rule._keep(decision)


def _no_sectors(rule: str) -> DataError:
    return DataError(
        f"filter {rule!r} needs the sectors of the names, which are not available in this lake.",
        field="sectors",
        fix="Ingest a dataset of kind securities with a sector, or drop the filter.",
    )
