"""What trading and holding cost: the one cost model of the package."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from nanodesk.errors import ValidationError


@dataclass(frozen=True, slots=True)
class CostModel:
    """Commission, spread, market impact and borrow.

    Parameters
    ----------
    commission_bps : float, default 0
        Commission on the traded notional, in basis points.
    commission_per_share : float, default 0
        Commission per share, in currency units.
    min_commission : float, default 0
        Least commission of a trade, in currency units.
    half_spread_bps : float, default 0
        Paid on every traded notional, in basis points.
    impact_coef : float, default 0
        Square-root impact: ``impact_coef * volatility * sqrt(traded / average daily volume)`` of the notional,
        with daily volatility as a fraction (Almgren et al. 2005).
    borrow_bps_year : float, default 0
        Yearly fee on the market value of shorts, in basis points, charged per session.

    Raises
    ------
    ValidationError
        If a number is negative or not finite.
    """

    commission_bps: float = 0.0
    commission_per_share: float = 0.0
    min_commission: float = 0.0
    half_spread_bps: float = 0.0
    impact_coef: float = 0.0
    borrow_bps_year: float = 0.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
                raise ValidationError(
                    f"{item.name}={value!r} must be a finite number of at least 0.",
                    field=item.name,
                    value=value,
                    allowed=">= 0",
                )
