"""The published cost model: basis points of the notional, rounded down to the cent, with a minimum."""

from __future__ import annotations

from typing import Any

from nanodesk.compat import published_arguments as arguments

_MAX_BPS = 2**32 - 1
_MAX_CENTS = 2**63 - 1


class CostModel:
    """What a trade costs, in cents.

    Parameters
    ----------
    commission_bps : int, default 0
        Commission, in basis points of the notional.
    slippage_bps : int, default 0
        Slippage, in basis points; charged like a fee, the fill price does not move.
    min_trade_fee : int, default 0
        Least cost of a trade, in cents; also of one whose notional is zero.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    OverflowError
        If basis points are negative or beyond 32 bits, or the fee beyond 64.

    Examples
    --------
    >>> CostModel(10, 5, 100).compute_cost(1_005_000)
    1507
    """

    __slots__ = ("_commission_bps", "_min_trade_fee", "_slippage_bps")

    def __init__(self, commission_bps: Any = 0, slippage_bps: Any = 0, min_trade_fee: Any = 0) -> None:
        self._commission_bps = arguments.integer(commission_bps, "commission_bps", low=0, high=_MAX_BPS)
        self._slippage_bps = arguments.integer(slippage_bps, "slippage_bps", low=0, high=_MAX_BPS)
        self._min_trade_fee = arguments.integer(min_trade_fee, "min_trade_fee")

    @staticmethod
    def zero() -> CostModel:
        """A model that charges nothing.

        Returns
        -------
        model : CostModel
            All three numbers zero.
        """
        return CostModel()

    def compute_cost(self, notional: Any) -> int:
        """What a trade of this size costs.

        Parameters
        ----------
        notional : int
            Price times quantity, in cents; the sign is ignored.

        Returns
        -------
        cost : int
            Cents, rounded down, at least the minimum fee.
        """
        proportional = abs(arguments.integer(notional, "notional")) * (self._commission_bps + self._slippage_bps)
        return min(max(proportional // 10_000, self._min_trade_fee), _MAX_CENTS)

    def state(self) -> dict[str, int]:
        """The three numbers by name.

        Returns
        -------
        state : dict of str to int
            Arguments that make the same model.
        """
        return {
            "commission_bps": self._commission_bps,
            "slippage_bps": self._slippage_bps,
            "min_trade_fee": self._min_trade_fee,
        }

    def __repr__(self) -> str:
        return (
            f"CostModel(commission_bps={self._commission_bps}, slippage_bps={self._slippage_bps}, "
            f"min_trade_fee={self._min_trade_fee})"
        )
