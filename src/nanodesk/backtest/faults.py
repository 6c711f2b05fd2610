"""The exception for a status code of the engine: the cell, what is allowed there, and the fix."""

from __future__ import annotations

import math

import numpy as np

from nanodesk.backtest.bars import Bars
from nanodesk.backtest.schedule import Schedule
from nanodesk.errors import NanodeskError, PriceError, QuantityError, WeightsError


def explain(
    status: str, error: tuple[int, int], schedule: Schedule, bars: Bars, *, scale: float, max_gross: float
) -> NanodeskError:
    """The exception for a status code.

    Parameters
    ----------
    status : str
        Word of the kernel's ``STATUS``.
    error : tuple of int
        Session and column, or session and row of weights, where the engine stopped.
    schedule : Schedule
        Weights it read.
    bars : Bars
        Prices it read.
    scale : float
        Price units per number of ``bars``.
    max_gross : float
        Largest gross accepted.

    Returns
    -------
    error : NanodeskError
        To be raised.
    """
    row, column = error
    if status == "bad_price":
        return _bad_price(bars, row, scale)
    if status == "bad_weight":
        return _bad_weight(schedule, bars, column, max_gross)
    where = f"on {bars.dates[row]}" + (f" for {bars.symbols[column]!r}" if column >= 0 else "")
    if status == "missing_price":
        return PriceError(
            f"close is missing {where}, where a position is held.",
            field="close",
            value=math.nan,
            allowed='a price, as missing_price="raise"',
            fix='Fill the gap, sell before it, or use missing_price="carry".',
        )
    what = "a position" if status == "quantity_range" else "an amount of money"
    return QuantityError(
        f"{what} {where} does not fit 64 bits at these scales.",
        field="quantity" if status == "quantity_range" else "cash",
        allowed="positions below 2**53 quantity units, amounts below 2**60 money units",
        fix="Lower price_scale or quantity_scale, or start with less cash.",
    )


def _bad_price(bars: Bars, row: int, scale: float) -> PriceError:
    for name in ("open", "high", "low", "close"):
        matrix = getattr(bars, name)
        if matrix is None:
            continue
        bad = (matrix[row] < 0.5 / scale) | (matrix[row] >= 2.0**50 / scale)
        if bad.any():
            column = int(np.argmax(bad))
            value = float(matrix[row, column])
            small = value > 0.0 and math.isfinite(value)
            allowed = f"[{0.5 / scale:g}, {2.0**50 / scale:g})"
            return PriceError(
                f"{name}={value} on {bars.dates[row]} for {bars.symbols[column]!r} (row {row}, column {column}) "
                f"must lie in {allowed}, or be nan where there was no trade.",
                field=name,
                value=value,
                allowed=allowed + ": from half a price unit to 2**50 of them",
                fix="Choose another price_scale." if small else "Set the cell to nan, or drop the row.",
            )
    raise AssertionError(f"no bad price in row {row}")  # pragma: no cover


def _bad_weight(schedule: Schedule, bars: Bars, k: int, max_gross: float) -> WeightsError:
    day, cells = bars.dates[schedule.session(k)], schedule.weights[k]
    infinite = np.flatnonzero(np.isinf(cells))
    if len(infinite):
        column = int(infinite[0])
        return WeightsError(
            f"weights={cells[column]} on {day} for {bars.symbols[column]!r} (row {k}, column {column}) must be finite, "
            "or nan to hold.",
            field=f"weights[{k}, {column}]",
            value=float(cells[column]),
            allowed="finite numbers, or nan to hold",
            fix="Drop the symbol from the row, or write HOLD.",
        )
    gross = float(np.nansum(np.abs(cells)))
    return WeightsError(
        f"weights on {day} (row {k}) have absolute values that sum to {gross:.6g}, above max_gross={max_gross:g}.",
        field=f"weights[{k}]",
        value=gross,
        allowed=f"at most max_gross={max_gross:g}",
        fix="Weights are fractions of equity, not percent; raise max_gross if the leverage is meant.",
    )
