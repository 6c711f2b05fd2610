"""What a preprocessing step is, and what it may read."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from nanodesk.market.arrays import BoolArray, FloatArray, IntArray
from nanodesk.market.panel import PricePanel
from nanodesk.research.transforms import neutral

Values = Mapping[str, FloatArray]

# A TOML array arrives as a list; everything else about it stays strict.
Names = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


@dataclass(frozen=True, slots=True)
class PreprocessContext:
    """What steps may read beside the values.

    Parameters
    ----------
    panel : PricePanel, optional
        Daily bars; needed by the steps that read prices, and for sectors.
    rows : ndarray of int64, shape (n_decisions,), optional
        Row of the panel of each decision; given together with `panel`.
    covariates : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
        Further columns, such as ``log_mcap`` and ``beta``, for ``neutralize`` and ``drop_if``.
    calendar : str, optional
        Calendar of the panel's sessions, compared with that of an ``align`` step.
    """

    panel: PricePanel | None = None
    rows: IntArray | None = None
    covariates: Values = field(default_factory=dict)
    calendar: str | None = None

    @property
    def has_sectors(self) -> bool:
        """Whether the sector of any symbol is known."""
        return self.panel is not None and any(symbol in self.panel.sectors for symbol in self.panel.symbols)

    def sector_numbers(self) -> IntArray:
        """Number of each symbol's sector, in the order of the names; -1 where unknown.

        Returns
        -------
        numbers : ndarray of int64, shape (n_symbols,)
            Empty without a panel.
        """
        if self.panel is None:
            return np.empty(0, dtype=np.int64)
        named = [self.panel.sectors.get(symbol) for symbol in self.panel.symbols]
        number = {sector: i for i, sector in enumerate(sorted({name for name in named if name is not None}))}
        return np.array([neutral.UNKNOWN if name is None else number[name] for name in named], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Known:
    """What a step can rely on, for checking it before anything is computed.

    Parameters
    ----------
    columns : tuple of str
        Columns that exist when the step runs: the factors, and what earlier steps added.
    covariates : collection of str
        Columns that can only be read.
    sectors : bool
        Whether the sector of any name is known.
    bars : collection of str
        Which of open, high, low and close the prices have.
    calendar : str or None
        Calendar of the data; ``None`` where nothing says.
    standardised : bool
        Whether an earlier step has put all columns on one scale.
    """

    columns: tuple[str, ...]
    covariates: Collection[str]
    sectors: bool
    bars: Collection[str]
    calendar: str | None
    standardised: bool


class BaseStep(BaseModel):
    """Common ground of all steps: strict, frozen, no unknown key."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def problems(self, known: Known) -> list[str]:  # noqa: ARG002  most steps need nothing
        """Phrases for what is wrong with the step given the data it will meet.

        Parameters
        ----------
        known : Known
            That data.

        Returns
        -------
        problems : list of str
            Each begins with the key at fault.
        """
        return []

    def added(self) -> tuple[str, ...]:
        """Names of the columns that the step adds.

        Returns
        -------
        names : tuple of str
            Empty for most steps.
        """
        return ()

    def apply(self, values: Values, mask: BoolArray, context: PreprocessContext) -> dict[str, FloatArray]:
        """All columns after the step.

        Parameters
        ----------
        values : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
            Columns before.
        mask : ndarray of bool, shape (n_decisions, n_symbols)
            Names that passed the screen.
        context : PreprocessContext
            What else may be read.

        Returns
        -------
        values : dict of str to ndarray of float64, shape (n_decisions, n_symbols)
            New matrices where something changed.
        """
        raise NotImplementedError


class ColumnStep(BaseStep):
    """A step that treats each column alone.

    Parameters
    ----------
    columns : tuple of str, optional
        Columns it touches; all by default.
    """

    columns: Names | None = None

    def problems(self, known: Known) -> list[str]:
        return unknown_columns("columns", self.columns or (), known.columns)

    def apply(self, values: Values, mask: BoolArray, context: PreprocessContext) -> dict[str, FloatArray]:
        chosen = values if self.columns is None else self.columns
        return {name: self.one(x, mask, context) if name in chosen else x for name, x in values.items()}

    def one(self, values: FloatArray, mask: BoolArray, context: PreprocessContext) -> FloatArray:
        """One column after the step.

        Parameters
        ----------
        values : ndarray of float64, shape (n_decisions, n_symbols)
            The column before; ``nan`` is missing.
        mask : ndarray of bool, shape (n_decisions, n_symbols)
            Names that passed the screen.
        context : PreprocessContext
            What else may be read.

        Returns
        -------
        values : ndarray of float64, shape (n_decisions, n_symbols)
            A new matrix where something changed.
        """
        raise NotImplementedError


class TimeStep(ColumnStep):
    """A step that runs down the decisions of each name and reads earlier ones only."""

    def one(self, values: FloatArray, mask: BoolArray, context: PreprocessContext) -> FloatArray:  # noqa: ARG002
        return self.along(values)

    def along(self, values: FloatArray) -> FloatArray:
        """One column after the step.

        Parameters
        ----------
        values : ndarray of float64, shape (n_decisions, n_symbols)
            The column before; ``nan`` is missing.

        Returns
        -------
        values : ndarray of float64, shape (n_decisions, n_symbols)
            A new matrix where something changed.
        """
        raise NotImplementedError


class CrossStep(ColumnStep):
    """A step that runs across the screened names of each decision."""

    def one(self, values: FloatArray, mask: BoolArray, context: PreprocessContext) -> FloatArray:  # noqa: ARG002
        return self.across(values, mask)

    def across(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        """One column after the step.

        Parameters
        ----------
        values : ndarray of float64, shape (n_decisions, n_symbols)
            The column before; ``nan`` is missing.
        mask : ndarray of bool, shape (n_decisions, n_symbols)
            Names that passed the screen.

        Returns
        -------
        values : ndarray of float64, shape (n_decisions, n_symbols)
            A new matrix where something changed.
        """
        raise NotImplementedError


def unknown_columns(key: str, names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Phrases for names that are no column.

    Parameters
    ----------
    key : str
        Key of the step that names them.
    names, columns : sequence of str
        Names used, and those that exist.

    Returns
    -------
    problems : list of str
        One per unknown name, with the nearest column.
    """
    found = []
    for name in names:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; columns: {', '.join(columns)}"
            found.append(f"{key}: unknown column {name!r}{hint}")
    return found
