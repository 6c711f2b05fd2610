"""Steps along time."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nanodesk.market.arrays import FloatArray
from nanodesk.research.transforms import along_time
from nanodesk.research.transforms.base import Known, TimeStep


class Align(TimeStep):
    """Carry a value over decisions on which it is missing.

    Parameters
    ----------
    calendar : str, optional
        Calendar that the data must be on.
    fill : {"none", "ffill"}, default "none"
        Whether to carry.
    max : int, default 1
        Most decisions a value is carried.
    """

    kind: Literal["align"]
    calendar: str | None = None
    fill: Literal["none", "ffill"] = "none"
    max: int = Field(1, ge=1, le=252)

    def problems(self, known: Known) -> list[str]:
        found = super().problems(known)
        if self.calendar is not None and known.calendar is not None and self.calendar != known.calendar:
            found.append(f"calendar: {self.calendar!r}, but the data is on {known.calendar!r}")
        return found

    def along(self, values: FloatArray) -> FloatArray:
        return values if self.fill == "none" else along_time.forward_fill(values, self.max)


class Lag(TimeStep):
    """Use the value of some decisions before.

    Parameters
    ----------
    bars : int, default 1
        Decisions.
    """

    kind: Literal["lag"]
    bars: int = Field(1, ge=0, le=2520)

    def along(self, values: FloatArray) -> FloatArray:
        return along_time.lagged(values, self.bars)


class Ewma(TimeStep):
    """Smooth over decisions with exponential weights.

    Parameters
    ----------
    halflife : float
        Decisions after which a weight has halved.
    """

    kind: Literal["ewma"]
    halflife: float = Field(gt=0.0, le=2520.0)

    def along(self, values: FloatArray) -> FloatArray:
        return along_time.ewma(values, self.halflife)


class DecayLinear(TimeStep):
    """Smooth over decisions with linearly falling weights.

    Parameters
    ----------
    window : int
        Decisions.
    """

    kind: Literal["decay_linear"]
    window: int = Field(ge=1, le=2520)

    def along(self, values: FloatArray) -> FloatArray:
        return along_time.decay_linear(values, self.window)
