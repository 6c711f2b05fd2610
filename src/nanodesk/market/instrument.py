"""What can be traded, and on which grid of prices and quantities."""

from __future__ import annotations

from dataclasses import dataclass

from nanodesk.errors import PriceError, QuantityError, ValidationError


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable thing: an equity, a future, a crypto pair.

    Parameters
    ----------
    symbol : str
        Name of any length; not empty, no white space.
    tick_size : int, default 1
        Smallest price step, in the price unit (cents for equities).
    lot_size : int, default 1
        Smallest quantity step.
    multiplier : int, default 1
        Cash per price unit and quantity unit.
    price_scale : int, default 100
        Price units per currency unit; 100 means cents.
    allows_negative_price : bool, default False
        Spreads and some futures trade at or below zero.

    Raises
    ------
    ValidationError
        If the symbol is empty or any number is not positive.

    Examples
    --------
    >>> es = Instrument("ESH4", tick_size=25, multiplier=50)
    >>> es.notional(480_025, 2)
    48002500
    """

    symbol: str
    tick_size: int = 1
    lot_size: int = 1
    multiplier: int = 1
    price_scale: int = 100
    allows_negative_price: bool = False

    def __post_init__(self) -> None:
        if not self.symbol or any(c.isspace() or not c.isprintable() for c in self.symbol):
            raise ValidationError(
                f"symbol={self.symbol!r} must be printable, not empty, without white space.",
                field="symbol",
                value=self.symbol,
                allowed="a non-empty printable name",
            )
        for name in ("tick_size", "lot_size", "multiplier", "price_scale"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValidationError(
                    f"{name}={value!r} must be an integer of at least 1 ({self.symbol}).",
                    field=name,
                    value=value,
                    allowed="an integer >= 1",
                )

    def check_price(self, price: int) -> int:
        """The price itself, if it lies on the grid.

        Parameters
        ----------
        price : int
            Price in price units.

        Returns
        -------
        price : int
            The same number.

        Raises
        ------
        PriceError
            If the price is off the grid, or not positive where it must be.
        """
        if price <= 0 and not self.allows_negative_price:
            raise PriceError(
                f"price={price} must be positive ({self.symbol}).", field="price", value=price, allowed="> 0"
            )
        below = price - price % self.tick_size
        if below != price:
            raise PriceError(
                f"price={price} is not a multiple of tick_size={self.tick_size} ({self.symbol}).",
                field="price",
                value=price,
                allowed=f"a multiple of {self.tick_size}",
                fix=f"Use {below} or {below + self.tick_size}.",
            )
        return price

    def check_quantity(self, quantity: int) -> int:
        """The quantity itself, if it is positive and on the lot grid.

        Parameters
        ----------
        quantity : int
            Quantity in units.

        Returns
        -------
        quantity : int
            The same number.

        Raises
        ------
        QuantityError
            If the quantity is not positive or not a multiple of the lot.
        """
        if quantity <= 0 or quantity % self.lot_size:
            raise QuantityError(
                f"quantity={quantity} must be a positive multiple of lot_size={self.lot_size} ({self.symbol}).",
                field="quantity",
                value=quantity,
                allowed=f"a positive multiple of {self.lot_size}",
            )
        return quantity

    def notional(self, price: int, quantity: int) -> int:
        """Cash value of a quantity at a price, in price units.

        Parameters
        ----------
        price : int
            Price in price units.
        quantity : int
            Signed quantity.

        Returns
        -------
        notional : int
            ``price * quantity * multiplier``, exact.
        """
        return price * quantity * self.multiplier
