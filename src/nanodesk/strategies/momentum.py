"""Cross-sectional momentum: hold what rose most over the past year, the last month left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from nanodesk.errors import ValidationError
from nanodesk.market.ranges import whole_number
from nanodesk.portfolio.portfolio import Portfolio


class Momentum:
    """Equal weights in the ``top`` symbols by return from ``lookback`` to ``skip`` bars ago.

    Parameters
    ----------
    top : int, default 10
        Symbols to hold, at least 1.
    lookback : int, default 252
        Bars from now back to the first price; with daily bars 252 and 21 are the 12-1 month momentum of the source.
    skip : int, default 21
        Bars from now back to the last price, from 0 and below ``lookback``: the latest month tends to reverse.
    rebalance_every : int, default 21
        Bars between decisions; in between the last weights are kept as targets.

    Raises
    ------
    ValidationError
        If a number is not an integer in its range.

    Notes
    -----
    It reads only the prices it was shown. A symbol takes part when it traded in both bars and trades now; equal
    returns are ordered by symbol. No targets before ``lookback`` bars are there. It keeps state: one object for one
    run.

    References
    ----------
    Jegadeesh, Titman (1993), "Returns to Buying Winners and Selling Losers", J. Finance 48(1).

    Examples
    --------
    >>> from nanodesk.portfolio.costs import CostModel
    >>> momentum, book = Momentum(top=1, lookback=2, skip=1, rebalance_every=1), Portfolio(100, CostModel())
    >>> bars = [{"A": 100, "B": 100}, {"A": 90, "B": 120}, {"A": 200, "B": 100}]
    >>> [momentum.compute_weights(i, bar, book) for i, bar in enumerate(bars)]
    [[], [], [('B', 1.0)]]
    """

    def __init__(self, top: int = 10, *, lookback: int = 252, skip: int = 21, rebalance_every: int = 21) -> None:
        for name, value, least in (
            ("top", top, 1),
            ("skip", skip, 0),
            ("lookback", lookback, 1),
            ("rebalance_every", rebalance_every, 1),
        ):
            whole_number(name, value, low=least)
        if skip >= lookback:
            raise ValidationError(
                f"skip={skip} must be below lookback={lookback}.",
                field="skip",
                value=skip,
                allowed=f"0 to {lookback - 1}",
            )
        self.top = top
        self.lookback = lookback
        self.skip = skip
        self.rebalance_every = rebalance_every
        self._bars: deque[Mapping[str, int]] = deque(maxlen=lookback + 1)
        self._decided: list[tuple[str, float]] = []
        self._next_decision = lookback

    def compute_weights(
        self, bar_index: int, prices: Mapping[str, int], portfolio: Portfolio
    ) -> list[tuple[str, float]]:
        """Weights decided now, or on the last decision bar.

        Parameters
        ----------
        bar_index : int
            Number of the bar; consecutive calls, from 0.
        prices : mapping of str to int
            Price in cents of each symbol that trades in this bar.
        portfolio : Portfolio
            Not used.

        Returns
        -------
        targets : list of (str, float)
            At most ``top`` symbols, best first.
        """
        del portfolio
        self._bars.append(dict(prices))
        if bar_index >= self._next_decision and len(self._bars) > self.lookback:
            self._decided = self._decide(prices)
            self._next_decision = bar_index + self.rebalance_every
        return list(self._decided)

    def _decide(self, prices: Mapping[str, int]) -> list[tuple[str, float]]:
        first, last = self._bars[0], self._bars[-1 - self.skip]
        rose = {symbol: last[symbol] / first[symbol] for symbol in prices if symbol in first and symbol in last}
        best = sorted(rose, key=lambda symbol: (-rose[symbol], symbol))[: self.top]
        return [(symbol, 1.0 / len(best)) for symbol in best]
