"""What trading and holding cost: the one cost model of the package.

Rounding: each kind of cost is computed as a double, in the order written in its docstring, and rounded half up to
whole cents once, ``floor(x + 0.5)``. The backtest kernel does the same operations in the same order, so that a
portfolio and a backtest agree to the cent. A minimum commission is rounded to cents the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from nanodesk.errors import PriceError, ValidationError
from nanodesk.market.units import BPS_PER_UNIT, CENTS_PER_UNIT


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

    def commission_cents(self, quantity: int, notional_cents: int) -> int:
        """Commission of one fill.

        Parameters
        ----------
        quantity : int
            Units bought or sold; the sign does not matter.
        notional_cents : int
            ``abs(quantity) * price * multiplier``, in cents.

        Returns
        -------
        cents : int
            ``notional * commission_bps / 10000 + abs(quantity) * (commission_per_share * 100)``, at least the
            minimum; 0 where nothing is traded.

        Raises
        ------
        PriceError
            If the notional is too large for a double.

        Examples
        --------
        >>> CostModel(commission_bps=15, min_commission=1.0).commission_cents(100, 1_005_000)
        1508
        >>> CostModel(commission_bps=15, min_commission=1.0).commission_cents(1, 5_000)
        100
        """
        if quantity == 0:
            return 0
        per_unit = float(self.commission_per_share) * CENTS_PER_UNIT
        amount = _as_double(notional_cents) * self.commission_bps / BPS_PER_UNIT + _as_double(quantity) * per_unit
        return max(_half_up(amount), _half_up(self.min_commission * CENTS_PER_UNIT))

    def spread_cents(self, notional_cents: int) -> int:
        """Half the spread, paid on one fill.

        Parameters
        ----------
        notional_cents : int
            Traded value, in cents.

        Returns
        -------
        cents : int
            ``notional * half_spread_bps / 10000``.

        Raises
        ------
        PriceError
            If the notional is too large for a double.

        Examples
        --------
        >>> CostModel(half_spread_bps=2.5).spread_cents(1_000_000)
        250
        """
        return _half_up(_as_double(notional_cents) * self.half_spread_bps / BPS_PER_UNIT)

    def impact_cents(self, quantity: int, notional_cents: int, *, volatility: float, average_volume: float) -> int:
        """Square-root market impact of one fill.

        Parameters
        ----------
        quantity : int
            Units bought or sold; the sign does not matter.
        notional_cents : int
            Traded value, in cents.
        volatility : float
            Daily standard deviation of returns, as a fraction.
        average_volume : float
            Units that trade in a session; 0 counts as if the fill were a whole session.

        Returns
        -------
        cents : int
            ``impact_coef * volatility * sqrt(abs(quantity) / average_volume) * notional``.

        Raises
        ------
        PriceError
            If the notional is too large for a double.

        Examples
        --------
        >>> CostModel(impact_coef=0.5).impact_cents(400, 1_000_000, volatility=0.02, average_volume=10_000)
        2000
        """
        part = _as_double(quantity) / average_volume if average_volume > 0.0 else 1.0
        return _half_up(self.impact_coef * volatility * math.sqrt(part) * _as_double(notional_cents))

    def borrow_cents(self, short_value_cents: int, *, periods_per_year: float = 252.0) -> int:
        """Fee of one session for borrowed shares.

        Parameters
        ----------
        short_value_cents : int
            Market value of all shorts; the sign does not matter.
        periods_per_year : float, default 252
            Sessions per year.

        Returns
        -------
        cents : int
            ``value * borrow_bps_year / 10000 / periods_per_year``.

        Raises
        ------
        PriceError
            If the value is too large for a double.

        Examples
        --------
        >>> CostModel(borrow_bps_year=252.0).borrow_cents(1_000_000)
        100
        """
        return _half_up(_as_double(short_value_cents) * self.borrow_bps_year / BPS_PER_UNIT / periods_per_year)

    def trade_cost_cents(self, quantity: int, notional_cents: int) -> int:
        """Commission and spread of one fill; impact needs volumes and comes by ``impact_cents``.

        Parameters
        ----------
        quantity : int
            Units bought or sold; the sign does not matter.
        notional_cents : int
            ``abs(quantity) * price * multiplier``, in cents.

        Returns
        -------
        cents : int
            Sum of both, each rounded on its own.

        Raises
        ------
        PriceError
            If the notional is too large for a double.

        Examples
        --------
        >>> CostModel(commission_bps=10, half_spread_bps=5).trade_cost_cents(100, 1_000_000)
        1500
        """
        if quantity == 0:
            return 0
        return self.commission_cents(quantity, notional_cents) + self.spread_cents(notional_cents)


def _half_up(amount: float) -> int:
    return math.floor(amount + 0.5)


def _as_double(number: int) -> float:
    try:
        return abs(float(number))
    except OverflowError:
        raise PriceError(f"an amount of {number.bit_length()} bits is too large.", field="notional_cents") from None
