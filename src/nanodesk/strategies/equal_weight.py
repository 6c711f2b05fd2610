"""The same weight in everything that trades."""

from __future__ import annotations

from collections.abc import Mapping

from nanodesk.portfolio.portfolio import Portfolio


class EqualWeight:
    """Weight ``1 / n`` in each of the ``n`` symbols of the bar.

    Examples
    --------
    >>> from nanodesk.portfolio.costs import CostModel
    >>> EqualWeight().compute_weights(0, {"B": 5_00, "A": 10_00}, Portfolio(100, CostModel()))
    [('A', 0.5), ('B', 0.5)]
    """

    def compute_weights(
        self, bar_index: int, prices: Mapping[str, int], portfolio: Portfolio
    ) -> list[tuple[str, float]]:
        """Equal weights, sorted by symbol.

        Parameters
        ----------
        bar_index : int
            Not used.
        prices : mapping of str to int
            Price in cents of each symbol that trades in this bar.
        portfolio : Portfolio
            Not used.

        Returns
        -------
        targets : list of (str, float)
            Empty for a bar without prices.
        """
        del bar_index, portfolio
        return [(symbol, 1.0 / len(prices)) for symbol in sorted(prices)]
