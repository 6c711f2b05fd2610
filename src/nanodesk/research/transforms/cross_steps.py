"""Steps across the names of one decision."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.research.transforms import cross_section
from nanodesk.research.transforms.base import CrossStep


class Winsor(CrossStep):
    """Pull in the tails of each decision's values.

    Parameters
    ----------
    lo, hi : float, default 0.01 and 0.99
        Quantiles to which values beyond are pulled.
    mad : float, optional
        Instead of quantiles: this many scaled median absolute deviations about the median.
    """

    kind: Literal["winsor"]
    lo: float = Field(0.01, ge=0.0, le=1.0)
    hi: float = Field(0.99, ge=0.0, le=1.0)
    mad: float | None = Field(None, gt=0.0, le=1000.0)

    @model_validator(mode="after")
    def _one_rule(self) -> Winsor:
        if self.lo >= self.hi:
            raise ValueError(f"lo={self.lo} must be below hi={self.hi}")
        if self.mad is not None and {"lo", "hi"} & self.model_fields_set:
            raise ValueError("give either lo and hi, or mad")
        return self

    def across(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        if self.mad is not None:
            return cross_section.winsor_mad(values, mask, mad=self.mad)
        return cross_section.winsor_quantiles(values, mask, lo=self.lo, hi=self.hi)


class StandardStep(CrossStep):
    """A step whose result is on the same scale for every factor.

    Parameters
    ----------
    min_count : int, default 3
        Fewest names of a decision; with fewer it has no values.
    """

    min_count: int = Field(3, ge=2, le=100_000)


class ZScore(StandardStep):
    """Distance from the mean in deviations.

    Parameters
    ----------
    min_count : int, default 3
        Fewest names of a decision.
    """

    kind: Literal["zscore"]

    def across(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        return cross_section.zscore(values, mask, min_count=self.min_count)


class RobustZ(StandardStep):
    """Distance from the median in scaled median absolute deviations.

    Parameters
    ----------
    min_count : int, default 3
        Fewest names of a decision.
    """

    kind: Literal["robust_z"]

    def across(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        return cross_section.robust_z(values, mask, min_count=self.min_count)


class Rank(StandardStep):
    """Place among the names, from -0.5 to 0.5.

    Parameters
    ----------
    min_count : int, default 3
        Fewest names of a decision.
    """

    kind: Literal["rank"]

    def across(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        return cross_section.rank(values, mask, min_count=self.min_count)


class GaussRank(StandardStep):
    """Normal quantile of the place among the names.

    Parameters
    ----------
    min_count : int, default 3
        Fewest names of a decision.
    """

    kind: Literal["gauss_rank"]

    def across(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        return cross_section.gauss_rank(values, mask, min_count=self.min_count)


class Clip(CrossStep):
    """Pull values beyond two bounds to the bounds.

    Parameters
    ----------
    lo, hi : float, optional
        Bounds; at least one.
    """

    kind: Literal["clip"]
    lo: float | None = Field(None, allow_inf_nan=False)
    hi: float | None = Field(None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _ordered(self) -> Clip:
        if self.lo is None and self.hi is None:
            raise ValueError("give lo, hi or both")
        if self.lo is not None and self.hi is not None and self.lo >= self.hi:
            raise ValueError(f"lo={self.lo} must be below hi={self.hi}")
        return self

    def across(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        lo, hi = (-np.inf if self.lo is None else self.lo), (np.inf if self.hi is None else self.hi)
        return cross_section.clip(values, mask, lo=lo, hi=hi)


class Scale(CrossStep):
    """Stretch each decision's values so that their absolute values have a given sum.

    Parameters
    ----------
    gross : float, default 1
        The sum.
    """

    kind: Literal["scale"]
    gross: float = Field(1.0, gt=0.0, allow_inf_nan=False)

    def across(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        return cross_section.scale(values, mask, gross=self.gross)
