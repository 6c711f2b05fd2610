"""Steps that read daily bars and add a column."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from nanodesk.errors import ValidationError
from nanodesk.market.arrays import BoolArray, FloatArray, IntArray
from nanodesk.market.panel import PricePanel
from nanodesk.research.transforms import along_time
from nanodesk.research.transforms.base import BaseStep, Known, PreprocessContext, Values
from nanodesk.research.transforms.volatility import Estimator, trailing_volatility


class _PriceStep(BaseStep):
    """A step that adds one column taken from the daily bars up to each decision."""

    into: str | None = Field(None, pattern=r"^[A-Za-z_]\w{0,63}$")

    def problems(self, known: Known) -> list[str]:
        missing = [name for name in self.reads() if name not in known.bars]
        found = [f"reads {name} prices, which the data does not hold" for name in missing]
        if self.added()[0] in known.columns:
            found.append(f"into: column {self.added()[0]!r} exists already; give another name")
        return found

    def reads(self) -> tuple[str, ...]:
        """Which prices the step needs.

        Returns
        -------
        names : tuple of str
            Some of ``open``, ``high``, ``low`` and ``close``.
        """
        return ("close",)

    def apply(
        self,
        values: Values,
        mask: BoolArray,  # noqa: ARG002
        context: PreprocessContext,
    ) -> dict[str, FloatArray]:
        if context.panel is None or context.rows is None:
            raise ValidationError(
                "the step reads prices, but the context has no panel.", field="context", fix="Pass panel and rows."
            )
        return {**values, self.added()[0]: self.column(context.panel, context.rows)}

    def column(self, panel: PricePanel, rows: IntArray) -> FloatArray:
        """The column that the step adds.

        Parameters
        ----------
        panel : PricePanel
            Daily bars.
        rows : ndarray of int64, shape (n_decisions,)
            Row of the panel of each decision; later rows are not read.

        Returns
        -------
        values : ndarray of float64, shape (n_decisions, n_symbols)
            ``nan`` where the window begins before the data.
        """
        raise NotImplementedError


class _ChangeStep(_PriceStep):
    """A step that compares the close with an earlier one."""

    periods: int = Field(1, ge=1, le=2520)

    def column(self, panel: PricePanel, rows: IntArray) -> FloatArray:
        begun = (rows >= self.periods)[:, None]
        older = np.where(begun, panel.close[np.maximum(rows - self.periods, 0)], np.nan)
        return self.change(panel.close[rows], older)

    def change(self, newer: FloatArray, older: FloatArray) -> FloatArray:
        """How the step writes the change from one price to another.

        Parameters
        ----------
        newer, older : ndarray of float64, shape (n_decisions, n_symbols)
            Closes on the decision and `periods` sessions before it.

        Returns
        -------
        change : ndarray of float64, shape (n_decisions, n_symbols)
            ``nan`` where either is missing.
        """
        raise NotImplementedError


class Returns(_ChangeStep):
    """Add the simple return over `periods` sessions, as a fraction.

    Parameters
    ----------
    periods : int, default 1
        Sessions.
    into : str, optional
        Name of the column; ``returns_<periods>`` by default.
    """

    kind: Literal["returns"]

    def added(self) -> tuple[str, ...]:
        return (self.into or f"returns_{self.periods}",)

    def change(self, newer: FloatArray, older: FloatArray) -> FloatArray:
        return along_time.simple_return(newer, older)


class LogReturns(_ChangeStep):
    """Add the log return over `periods` sessions.

    Parameters
    ----------
    periods : int, default 1
        Sessions.
    into : str, optional
        Name of the column; ``log_returns_<periods>`` by default.
    """

    kind: Literal["log_returns"]

    def added(self) -> tuple[str, ...]:
        return (self.into or f"log_returns_{self.periods}",)

    def change(self, newer: FloatArray, older: FloatArray) -> FloatArray:
        return along_time.log_return(newer, older)


class Roc(_ChangeStep):
    """Add the rate of change over `periods` sessions, in per cent.

    Parameters
    ----------
    periods : int, default 1
        Sessions.
    into : str, optional
        Name of the column; ``roc_<periods>`` by default.
    """

    kind: Literal["roc"]

    def added(self) -> tuple[str, ...]:
        return (self.into or f"roc_{self.periods}",)

    def change(self, newer: FloatArray, older: FloatArray) -> FloatArray:
        return along_time.rate_of_change(newer, older)


class Vol(_PriceStep):
    """Add the annualised volatility up to each decision.

    Parameters
    ----------
    window : int, default 63
        Sessions; for ``ewm`` the span.
    estimator : {"std", "ewm", "parkinson", "garman_klass", "yang_zhang"}, default "std"
        As `trailing_volatility` defines them.
    into : str, optional
        Name of the column; ``vol_<estimator>_<window>`` by default.
    """

    kind: Literal["vol"]
    window: int = Field(63, ge=3, le=2520)
    estimator: Estimator = "std"

    def added(self) -> tuple[str, ...]:
        return (self.into or f"vol_{self.estimator}_{self.window}",)

    def reads(self) -> tuple[str, ...]:
        if self.estimator in ("std", "ewm"):
            return ("close",)
        return ("high", "low") if self.estimator == "parkinson" else ("high", "low", "open")

    def column(self, panel: PricePanel, rows: IntArray) -> FloatArray:
        return trailing_volatility(panel, rows, window=self.window, estimator=self.estimator)
