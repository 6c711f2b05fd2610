"""Steps that set a column against sectors or other columns."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.research.transforms import neutral
from nanodesk.research.transforms.base import (
    BaseStep,
    ColumnStep,
    Known,
    Names,
    PreprocessContext,
    Values,
    unknown_columns,
)
from nanodesk.research.transforms.expression import parse_condition


class Neutralize(ColumnStep):
    """Take out what the values owe to sector, size or beta.

    Parameters
    ----------
    by : tuple of {"sector", "log_mcap", "beta"}
        What is taken out.
    method : {"ols", "demean"}, default "ols"
        Residual of least squares, or distance from the sector's mean (``by = ["sector"]`` only).
    """

    kind: Literal["neutralize"]
    by: Annotated[tuple[Literal["sector", "log_mcap", "beta"], ...], Field(strict=False, min_length=1)]
    method: Literal["ols", "demean"] = "ols"

    @field_validator("by")
    @classmethod
    def _once_each(cls, by: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(by)) < len(by):
            raise ValueError("names a column twice")
        return by

    @model_validator(mode="after")
    def _method_fits(self) -> Neutralize:
        if self.method == "demean" and self.by != ("sector",):
            raise ValueError('method "demean" takes by = ["sector"] only; use "ols"')
        return self

    def problems(self, known: Known) -> list[str]:
        found = super().problems(known)
        for name in self.by:
            if name == "sector" and not known.sectors:
                found.append('by: "sector" is not available: the data names no sector')
            if name != "sector" and name not in known.covariates:
                found.append(f'by: "{name}" is not available; available: {_listed(known)}')
        return found

    def one(self, values: FloatArray, mask: BoolArray, context: PreprocessContext) -> FloatArray:
        sectors = context.sector_numbers() if "sector" in self.by else None
        if self.method == "demean" and sectors is not None:
            return neutral.group_demean(values, mask, sectors)
        covariates = [context.covariates[name] for name in self.by if name != "sector"]
        return neutral.residuals(values, mask, covariates, sectors)


class Impute(ColumnStep):
    """Fill missing values of screened names.

    Parameters
    ----------
    method : {"none", "sector_median", "zero_after_z"}, default "none"
        The median of the sector, or zero once a step has standardised the values.
    """

    kind: Literal["impute"]
    method: Literal["none", "sector_median", "zero_after_z"] = "none"

    def problems(self, known: Known) -> list[str]:
        found = super().problems(known)
        if self.method == "sector_median" and not known.sectors:
            found.append('method: "sector_median" needs sectors, and the data names none')
        if self.method == "zero_after_z" and not known.standardised:
            found.append('method: "zero_after_z" needs a zscore, robust_z, rank or gauss_rank step before it')
        return found

    def one(self, values: FloatArray, mask: BoolArray, context: PreprocessContext) -> FloatArray:
        if self.method == "sector_median":
            return neutral.group_median_fill(values, mask, context.sector_numbers())
        return neutral.zero_fill(values, mask) if self.method == "zero_after_z" else values


class Orthogonalize(ColumnStep):
    """Take out of each column what least squares on other columns explains.

    Parameters
    ----------
    to : tuple of str
        Columns that stay as they are and are taken out of the others.
    """

    kind: Literal["orthogonalize"]
    to: Names

    def problems(self, known: Known) -> list[str]:
        return super().problems(known) + unknown_columns("to", self.to, known.columns)

    def apply(
        self,
        values: Values,
        mask: BoolArray,
        context: PreprocessContext,  # noqa: ARG002
    ) -> dict[str, FloatArray]:
        chosen = [name for name in self.columns or values if name not in self.to]
        basis = [values[name] for name in self.to]
        return {name: neutral.residuals(x, mask, basis) if name in chosen else x for name, x in values.items()}


class DropIf(BaseStep):
    """Take a name out of a decision where a condition on its columns is true.

    Parameters
    ----------
    expression : str
        For example ``vol_63 < -0.8 or log_mcap < 19``; grammar in `parse_condition`. Unknown is not true.
    """

    kind: Literal["drop_if"]
    expression: str

    @field_validator("expression")
    @classmethod
    def _parses(cls, text: str) -> str:
        parse_condition(text)
        return text

    def problems(self, known: Known) -> list[str]:
        return unknown_columns(
            "expression", parse_condition(self.expression).columns, (*known.columns, *known.covariates)
        )

    def apply(
        self,
        values: Values,
        mask: BoolArray,  # noqa: ARG002
        context: PreprocessContext,
    ) -> dict[str, FloatArray]:
        out = parse_condition(self.expression).holds({**context.covariates, **values})
        return {name: np.where(out, np.nan, x) for name, x in values.items()}


def _listed(known: Known) -> str:
    return ", ".join((["sector"] if known.sectors else []) + sorted(known.covariates)) or "nothing"
