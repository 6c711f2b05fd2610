"""What a strategy is: target weights from the prices of a bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from nanodesk.portfolio.portfolio import Portfolio


@runtime_checkable
class Strategy(Protocol):
    """Decides target weights, one bar at a time.

    An object that keeps state between bars belongs to one run: make a new one for each.
    """

    def compute_weights(
        self, bar_index: int, prices: Mapping[str, int], portfolio: Portfolio
    ) -> list[tuple[str, float]]:
        """Target weights after seeing a bar.

        Parameters
        ----------
        bar_index : int
            Number of the bar, from 0.
        prices : mapping of str to int
            Price in cents of each symbol that trades in this bar.
        portfolio : Portfolio
            A copy of the portfolio before this bar's trades; changing it has no effect.

        Returns
        -------
        targets : list of (str, float)
            Fractions of equity; a held symbol that is not named is closed.
        """
        ...
