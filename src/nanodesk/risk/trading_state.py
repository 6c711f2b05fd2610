"""How much trading is allowed now."""

from __future__ import annotations

from enum import Enum, unique


@unique
class TradingState(Enum):
    """ACTIVE trades, REDUCING sends only what shrinks a position, HALTED sends nothing."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"

    @property
    def severity(self) -> int:
        """0 for ACTIVE, 1 for REDUCING, 2 for HALTED."""
        return _SEVERITY[self]

    def worse(self, other: TradingState) -> TradingState:
        """The stricter of two states.

        Parameters
        ----------
        other : TradingState
            The state to compare with.

        Returns
        -------
        state : TradingState
            Whichever allows less.

        Examples
        --------
        >>> TradingState.ACTIVE.worse(TradingState.HALTED)
        <TradingState.HALTED: 'halted'>
        """
        return self if self.severity >= other.severity else other


_SEVERITY = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}
