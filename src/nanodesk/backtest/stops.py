"""What a stop looks at, where its level lies, and when a stopped symbol may be bought again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nanodesk.errors import ValidationError
from nanodesk.market.ranges import one_of, whole_number

LONGEST = 100_000
"""Most sessions of a range or of a wait; state of the engine is reserved for them."""


@dataclass(frozen=True, slots=True)
class Stops:
    """Protective exits of a weights backtest; several may be on, and the tightest level counts.

    Parameters
    ----------
    fixed_pct : float, optional
        Fraction, not percent: distance of the level from the entry price, within (0, 1).
    trailing_pct : float, optional
        Fraction, not percent: distance from the best price since entry, within (0, 1).
    atr_multiple : float, optional
        Distance from the best price since entry in average true ranges, above 0.
    atr_period : int, default 14
        Sessions of the average true range.
    check : {"close", "intrabar"}, default "close"
        ``close``: compare the close and leave at the close. ``intrabar``: compare the bar's high and low and leave
        at the level, or at the open where the bar opened beyond it; needs open, high and low.
    atr : {"wilder", "close_change"}, default "wilder"
        ``wilder`` smooths true ranges of high, low and close (Wilder 1978). ``close_change`` is the mean absolute
        change of the close since entry, over at most ``atr_period`` sessions, and needs closes only.
    reentry_after : int, default 0
        Decisions of the session of the exit, and of this many sessions after it, may not open the symbol again.

    Raises
    ------
    ValidationError
        If no stop is on or a number is out of range.

    Examples
    --------
    >>> Stops(trailing_pct=0.05).check
    'close'
    """

    fixed_pct: float | None = None
    trailing_pct: float | None = None
    atr_multiple: float | None = None
    atr_period: int = 14
    check: Literal["close", "intrabar"] = "close"
    atr: Literal["wilder", "close_change"] = "wilder"
    reentry_after: int = 0

    def __post_init__(self) -> None:
        for name in ("fixed_pct", "trailing_pct"):
            _check_number(name, getattr(self, name), below=1.0)
        _check_number("atr_multiple", self.atr_multiple, below=math.inf)
        if self.fixed_pct is None and self.trailing_pct is None and self.atr_multiple is None:
            raise ValidationError(
                "Stops() has no stop.",
                field="stops",
                allowed="fixed_pct, trailing_pct or atr_multiple",
                fix="Set one, or pass stops=None.",
            )
        whole_number("atr_period", self.atr_period, low=1, high=LONGEST)
        whole_number("reentry_after", self.reentry_after, low=0, high=LONGEST)
        one_of("check", self.check, ("close", "intrabar"))
        one_of("atr", self.atr, ("wilder", "close_change"))


def _check_number(name: str, value: float | None, *, below: float) -> None:
    if value is not None and not (isinstance(value, (int, float)) and 0.0 < value < below):
        allowed = "a fraction above 0 and below 1" if below == 1.0 else "a finite number above 0"
        raise ValidationError(f"{name}={value!r} must be {allowed}.", field=name, value=value, allowed=allowed)
