"""What a factor is, what it reads, and how its parameters are checked."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from nanodesk.errors import PriceError, ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.panel import PricePanel
from nanodesk.research.factors.windows import SymbolBlock

Value = int | float | bool
Parameters = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class FactorInputs:
    """Everything the price factors read.

    Parameters
    ----------
    panel : PricePanel
        Prices; factors read ``close``, which is adjusted for splits and dividends.
    market : ndarray of float64, shape (n_dates,), optional
        Close of the market index on the panel's dates; ``nan`` where it did not trade.
    vix : ndarray of float64, shape (n_dates,), optional
        Close of the VIX in index points on the panel's dates; ``nan`` where unknown.

    Raises
    ------
    ShapeError
        If a series has not one value per date.
    PriceError
        If a value of a series is zero, negative or infinite; the message names the date.
    """

    panel: PricePanel
    market: FloatArray | None = None
    vix: FloatArray | None = None

    def __post_init__(self) -> None:
        for name in ("market", "vix"):
            series = getattr(self, name)
            if series is not None:
                _check_series(name, series, self.panel)

    def has(self, name: str) -> bool:
        """Whether the input is there.

        Parameters
        ----------
        name : str
            ``close``, ``market`` or ``vix``.

        Returns
        -------
        present : bool
            True for ``close``, which every panel holds.
        """
        return name == "close" or getattr(self, name) is not None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a factor.

    Parameters
    ----------
    default : int, float or bool
        Value where none is given; its type is the only one accepted, but a float takes an int.
    low, high : float
        Smallest and largest accepted value.
    meaning : str
        One phrase for the list of factors.
    """

    default: Value
    low: float
    high: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Factor:
    """A cross-sectional signal, signed so that a higher value is always the better long.

    Parameters
    ----------
    id : str
        Name in a manifest.
    family : str
        Group that counts for a composite's ``min_families``.
    formula : str
        The definition in one line, in the notation of ``docs/factors.md``.
    inputs : tuple of str
        What it reads: of ``close``, ``market``, ``vix``.
    parameters : mapping of str to Parameter
        Settings, ``min_coverage`` among them for every factor that reads a window.
    reach : callable
        Parameters to the number of sessions before the decision that the value reads.
    citation : str
        Source of the idea.
    func : callable
        ``(block, parameters) -> (n_decisions, n_symbols of the block)``, ``nan`` where unknown.
    sign : int, default 1
        Direction: always +1, kept as a fact a reader can check.
    check : callable, optional
        Raises ``ValueError`` with a phrase when parameters contradict each other.
    """

    id: str
    family: str
    formula: str
    inputs: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    reach: Callable[[Parameters], int]
    citation: str
    func: Callable[[SymbolBlock, Parameters], FloatArray]
    sign: int = 1
    check: Callable[[Parameters], None] | None = None

    @property
    def defaults(self) -> dict[str, Value]:
        """Every parameter at its default."""
        return {name: parameter.default for name, parameter in self.parameters.items()}

    @property
    def lookback(self) -> int:
        """Sessions before the decision that the value reads, with default parameters."""
        return self.reach(self.defaults)

    @property
    def min_coverage(self) -> float:
        """Least share of a window's sessions that must be observed, by default; 1 for a factor of single prices."""
        return float(self.defaults.get("min_coverage", 1.0))

    def resolve(self, given: Parameters) -> dict[str, Value]:
        """All parameters: the given ones checked, the others at their default.

        Parameters
        ----------
        given : mapping of str to int, float or bool
            Parameters that differ from the default.

        Returns
        -------
        parameters : dict of str to int, float or bool
            One value per parameter of the factor.

        Raises
        ------
        ValidationError
            If a name is unknown, a type or range is wrong, or two values contradict each other.
        """
        for name, value in given.items():
            if name not in self.parameters:
                raise self._unknown(name)
            self._check_value(name, value)
        resolved = {**self.defaults, **given}
        for name, parameter in self.parameters.items():
            if isinstance(parameter.default, float):
                resolved[name] = float(resolved[name])
        if self.check is not None:
            try:
                self.check(resolved)
            except ValueError as error:
                raise ValidationError(f"{self.id}: {error}", field=self.id, value=dict(given)) from error
        return resolved

    def _unknown(self, name: str) -> ValidationError:
        allowed = ", ".join(self.parameters)
        near = difflib.get_close_matches(name, self.parameters, n=1)
        return ValidationError(
            f"{self.id} has no parameter {name!r}; allowed: {allowed}.",
            field=f"{self.id}.{name}",
            value=name,
            allowed=allowed,
            fix=f"Did you mean {near[0]!r}?" if near else None,
        )

    def _check_value(self, name: str, value: Value) -> None:
        parameter = self.parameters[name]
        kind = type(parameter.default)
        fits = type(value) is kind or (kind is float and type(value) is int)
        if not fits or not parameter.low <= value <= parameter.high:
            allowed = f"{kind.__name__} from {parameter.low:g} to {parameter.high:g}"
            raise ValidationError(
                f"{self.id}.{name}={value!r} must be {allowed} ({parameter.meaning}).",
                field=f"{self.id}.{name}",
                value=value,
                allowed=allowed,
            )


def _check_series(name: str, series: FloatArray, panel: PricePanel) -> None:
    if series.shape != (len(panel.dates),):
        raise ShapeError(
            f"{name} has shape {series.shape}, expected ({len(panel.dates)},): one value per session.",
            field=name,
            value=series.shape,
        )
    bad = np.isinf(series) | (series <= 0.0)
    if bad.any():
        at = int(np.argmax(bad))
        raise PriceError(
            f"{name}={series[at]} on {panel.dates[at]}.",
            field=name,
            value=float(series[at]),
            allowed="finite and positive, or nan where unknown",
            fix="Mend the series, or set the value to nan.",
        )
