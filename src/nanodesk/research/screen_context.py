"""Everything the screening rules look at, for one panel and its decision rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nanodesk.errors import DataError, ShapeError
from nanodesk.market.arrays import BoolArray, FloatArray, IntArray
from nanodesk.market.panel import PricePanel
from nanodesk.research import screen_measures as measures


@dataclass(frozen=True, slots=True)
class ScreenContext:
    """A panel, its decision rows, and what is known of the names on them.

    Measures of prices are computed for all decision rows when a rule first asks, and kept.

    Parameters
    ----------
    panel : PricePanel
        Prices.
    rows : ndarray of int64, shape (n_decisions,)
        Row numbers of the decision dates, strictly increasing.
    members : mapping of str to ndarray of bool, shape (n_decisions, n_symbols)
        Index membership by index.
    figures : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
        Fundamental figures by column, as known; ``shares`` feeds the market capitalisation.
    report_age : ndarray of float64, shape (n_decisions, n_symbols), optional
        Days since a new report became known.
    listings : mapping of str to (str, str)
        Exchange and security type by symbol.

    Raises
    ------
    ShapeError
        If rows are unsorted or outside the panel, or a matrix does not fit.
    """

    panel: PricePanel
    rows: IntArray
    members: Mapping[str, BoolArray] = field(default_factory=dict)
    figures: Mapping[str, FloatArray] = field(default_factory=dict)
    report_age: FloatArray | None = None
    listings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    _measured: dict[tuple[object, ...], FloatArray] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        rows = np.asarray(self.rows, dtype=np.int64)
        object.__setattr__(self, "rows", rows)
        if len(rows) and (rows[0] < 0 or rows[-1] >= self.panel.shape[0] or np.any(np.diff(rows) <= 0)):
            raise ShapeError(
                f"rows must increase within 0 to {self.panel.shape[0] - 1}, got {rows[:5].tolist()}...",
                field="rows",
                allowed="strictly increasing rows of the panel",
            )
        given: dict[str, NDArray[np.generic]] = {**self.members, **self.figures}
        if self.report_age is not None:
            given["report_age"] = self.report_age
        expected = (len(rows), self.panel.shape[1])
        for name, matrix in given.items():
            if matrix.shape != expected:
                raise ShapeError(
                    f"{name} has shape {matrix.shape}, expected {expected} (decisions x symbols).",
                    field=name,
                    value=matrix.shape,
                )

    def position(self, row: int) -> int:
        """Which decision a panel row is.

        Parameters
        ----------
        row : int
            Row of the panel.

        Returns
        -------
        position : int
            Index into ``rows``.

        Raises
        ------
        ShapeError
            If the row is not a decision row.
        """
        at = int(np.searchsorted(self.rows, row))
        if at == len(self.rows) or self.rows[at] != row:
            raise ShapeError(f"row={row} is not a decision row.", field="row", value=row, allowed="one of rows")
        return at

    def sessions_traded(self) -> FloatArray:
        """Sessions with a close so far.

        Returns
        -------
        count : ndarray of float64, shape (n_decisions, n_symbols)
            Whole numbers.
        """
        return self._measure(("sessions",), lambda: measures.sessions_traded(self.panel.close, self.rows))

    def missing_share(self, window: int) -> FloatArray:
        """Share of recent sessions without a close.

        Parameters
        ----------
        window : int
            Sessions looked at.

        Returns
        -------
        share : ndarray of float64, shape (n_decisions, n_symbols)
            From 0 to 1.
        """
        return self._measure(
            ("missing", window), lambda: measures.missing_share(self.panel.close, self.rows, window=window)
        )

    def raw_price(self, *, allow_adjusted: bool, rule: str) -> FloatArray:
        """The price a trader saw.

        Parameters
        ----------
        allow_adjusted : bool
            Whether adjusted closes may stand in.
        rule : str
            Name of the rule, for the error.

        Returns
        -------
        price : ndarray of float64, shape (n_decisions, n_symbols)
            Currency units.

        Raises
        ------
        DataError
            If the panel has adjusted closes only: those depend on later splits and dividends.
        """
        if self.panel.raw_close is None and not allow_adjusted:
            raise DataError(
                f"filter {rule!r} needs raw prices, and the dataset has adjusted closes only.",
                field=rule,
                allowed="a dataset with raw prices",
                fix="Drop the filter, or set allow_adjusted = true and accept that later splits leak into it.",
            )
        return (self.panel.close if self.panel.raw_close is None else self.panel.raw_close)[self.rows]

    def dollar_volume(self, window: int) -> FloatArray:
        """Median daily traded value.

        Parameters
        ----------
        window : int
            Sessions looked at.

        Returns
        -------
        value : ndarray of float64, shape (n_decisions, n_symbols)
            Currency units a session.

        Raises
        ------
        DataError
            If the panel has no volume.
        """
        volume = self._needed("volume", "dollar_volume")
        return self._measure(
            ("dollar_volume", window),
            lambda: measures.median_dollar_volume(self.panel.close, volume, self.rows, window=window),
        )

    def volatility(self, window: int) -> FloatArray:
        """Annualised deviation of daily log returns.

        Parameters
        ----------
        window : int
            Returns looked at.

        Returns
        -------
        volatility : ndarray of float64, shape (n_decisions, n_symbols)
            A fraction a year.
        """
        return self._measure(
            ("volatility", window), lambda: measures.annual_volatility(self.panel.close, self.rows, window=window)
        )

    def momentum(self, lookback: int, skip: int) -> FloatArray:
        """Return from ``lookback`` to ``skip`` sessions ago.

        Parameters
        ----------
        lookback, skip : int
            Sessions.

        Returns
        -------
        value : ndarray of float64, shape (n_decisions, n_symbols)
            A fraction.
        """
        return self._measure(
            ("momentum", lookback, skip),
            lambda: measures.skipped_return(self.panel.close, self.rows, lookback=lookback, skip=skip),
        )

    def spread_bps(self, method: str, window: int) -> FloatArray:
        """Spread estimated from daily bars.

        Parameters
        ----------
        method : {"corwin_schultz", "abdi_ranaldo"}
            Estimator.
        window : int
            Pairs of days looked at.

        Returns
        -------
        spread : ndarray of float64, shape (n_decisions, n_symbols)
            Basis points.

        Raises
        ------
        DataError
            If the panel has no high or low.
        """
        high, low = self._needed("high", "spread_proxy"), self._needed("low", "spread_proxy")
        estimator = measures.corwin_schultz_bps if method == "corwin_schultz" else measures.abdi_ranaldo_bps
        return self._measure(
            ("spread", method, window), lambda: estimator(high, low, self.panel.close, self.rows, window=window)
        )

    def figure(self, column: str, *, rule: str) -> FloatArray:
        """A fundamental figure as known on the decision dates.

        Parameters
        ----------
        column : str
            Its name.
        rule : str
            Name of the rule, for the error.

        Returns
        -------
        values : ndarray of float64, shape (n_decisions, n_symbols)
            ``nan`` where unknown.

        Raises
        ------
        DataError
            If the context has no such figure.
        """
        if column not in self.figures:
            raise DataError(
                f"filter {rule!r} needs the figure {column!r}, which is not available.",
                field=column,
                allowed=", ".join(self.figures) or "none: the run names no fundamentals",
                fix="Drop the filter, or name fundamentals that have the column.",
            )
        return self.figures[column]

    def _needed(self, name: str, rule: str) -> FloatArray:
        matrix: FloatArray | None = getattr(self.panel, name)
        if matrix is None:
            raise DataError(
                f"filter {rule!r} needs {name}, which is not available: the dataset has none.",
                field=name,
                allowed=f"a dataset with {name}",
                fix="Drop the filter, or name another dataset.",
            )
        return matrix

    def _measure(self, key: tuple[object, ...], compute: Callable[[], FloatArray]) -> FloatArray:
        if key not in self._measured:
            self._measured[key] = compute()
        return self._measured[key]
