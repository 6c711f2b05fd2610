"""Daily bars of many symbols as aligned matrices: the form in which every research stage reads prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanodesk.errors import PriceError, ShapeError, ValidationError
from nanodesk.market.arrays import Dates, FloatArray
from nanodesk.market.axes import increasing_sessions, unique_symbols

_FIELDS = ("open", "high", "low", "close", "volume", "dividend", "split", "raw_close")


@dataclass(frozen=True, slots=True)
class PricePanel:
    """Aligned daily bars; ``nan`` where a symbol did not trade.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (n_dates,)
        Sessions, strictly increasing.
    symbols : tuple of str, length n_symbols
        Unique names, the order of every column.
    close : ndarray of float64, shape (n_dates, n_symbols)
        Close in currency units: positive and finite, or ``nan``. Signals read it as it stands, so it is
        adjusted for splits and dividends unless ``dividend`` and ``split`` say otherwise.
    open, high, low, volume : ndarray of float64, shape (n_dates, n_symbols), optional
        The rest of the bar; ``None`` where the source has closes only.
    dividend : ndarray of float64, shape (n_dates, n_symbols), optional
        Cash per share on the ex-date, zero elsewhere. Given together with raw prices.
    split : ndarray of float64, shape (n_dates, n_symbols), optional
        New shares per old share on the ex-date, one elsewhere. Given together with raw prices.
    raw_close : ndarray of float64, shape (n_dates, n_symbols), optional
        Unadjusted close, for rules on the price a trader saw; ``None`` means ``close`` is all there is.
    sectors : mapping of str to str, optional
        Sector of a symbol where known.

    Raises
    ------
    ShapeError
        If a matrix has not the shape of ``close`` or the dates do not match.
    ValidationError
        If dates are unsorted or repeated, or symbols repeated.
    PriceError
        If a price is zero, negative or infinite; the message names date and symbol.
    """

    dates: Dates
    symbols: tuple[str, ...]
    close: FloatArray
    open: FloatArray | None = None
    high: FloatArray | None = None
    low: FloatArray | None = None
    volume: FloatArray | None = None
    dividend: FloatArray | None = None
    split: FloatArray | None = None
    raw_close: FloatArray | None = None
    sectors: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dates.dtype != np.dtype("datetime64[D]"):
            raise ShapeError(
                f"dates must be datetime64[D], got {self.dates.dtype}.",
                field="dates",
                value=str(self.dates.dtype),
                allowed="datetime64[D]",
                fix='Use dates.astype("datetime64[D]").',
            )
        increasing_sessions(self.dates)
        unique_symbols(self.symbols)
        for name in _FIELDS:
            matrix = getattr(self, name)
            if matrix is not None:
                _check_matrix(name, matrix, self.dates, self.symbols)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of sessions and of symbols."""
        return len(self.dates), len(self.symbols)

    def rows(self, stop: int, *, start: int = 0) -> PricePanel:
        """The sessions ``start`` to ``stop - 1``, as views.

        Parameters
        ----------
        stop : int
            One past the last session kept.
        start : int, default 0
            First session kept.

        Returns
        -------
        panel : PricePanel
            A panel over the same memory.
        """
        cut: dict[str, Any] = {
            name: getattr(self, name)[start:stop] for name in _FIELDS if getattr(self, name) is not None
        }
        return replace(self, dates=self.dates[start:stop], **cut)

    def columns(self, symbols: Sequence[str]) -> PricePanel:
        """The named symbols, in the order given.

        Parameters
        ----------
        symbols : sequence of str
            Names that the panel holds.

        Returns
        -------
        panel : PricePanel
            A panel with copied columns.

        Raises
        ------
        ValidationError
            If a name is not in the panel.
        """
        position = {symbol: i for i, symbol in enumerate(self.symbols)}
        unknown = [symbol for symbol in symbols if symbol not in position]
        if unknown:
            raise ValidationError(
                f"symbols={unknown[:5]} are not in the panel of {len(self.symbols)} symbols.",
                field="symbols",
                value=unknown,
                allowed="symbols of the panel",
            )
        index = [position[symbol] for symbol in symbols]
        cut: dict[str, Any] = {
            name: np.ascontiguousarray(getattr(self, name)[:, index])
            for name in _FIELDS
            if getattr(self, name) is not None
        }
        return replace(self, symbols=tuple(symbols), **cut)


def _check_matrix(name: str, matrix: FloatArray, dates: Dates, symbols: tuple[str, ...]) -> None:
    if matrix.shape != (len(dates), len(symbols)):
        raise ShapeError(
            f"{name} has shape {matrix.shape}, expected {(len(dates), len(symbols))} (dates x symbols).",
            field=name,
            value=matrix.shape,
            allowed=f"{(len(dates), len(symbols))}",
            fix="Give one row a session and one column a symbol.",
        )
    floor = 0.0 if name in ("volume", "dividend") else None
    bad = np.isinf(matrix) | ((matrix < floor) if floor is not None else (matrix <= 0.0))
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise PriceError(
            f"{name}={matrix[row, column]} on {dates[row]} for {symbols[column]!r}.",
            field=name,
            value=float(matrix[row, column]),
            allowed="finite and positive, or nan where the symbol did not trade",
            fix="Quarantine the row, or set it to nan.",
        )
