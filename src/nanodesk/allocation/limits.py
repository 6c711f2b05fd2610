"""What a portfolio may hold: per name, per group, in total, and how far it may move at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.allocation.region import SLACK, Region
from nanodesk.errors import ShapeError, ValidationError, WeightsError
from nanodesk.market.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the weights of a portfolio, all as fractions of equity.

    Parameters
    ----------
    max_weight : float or sequence of float, default 1.0
        Largest absolute weight of a name; one number, or one per name. 0 excludes a name.
    min_weight : float or sequence of float, default 0.0
        Smallest absolute weight worth holding: a name is held at 0 or at no less than this
        (see :func:`nanodesk.allocation.small_positions.hold_or_drop`).
    max_group : float or mapping of str to float, optional
        Largest absolute net weight of a group; one number, or one per label (labels without one are free).
    groups : sequence of str, optional
        Label of every name, for instance its sector.
    max_turnover : float, optional
        Largest one-way turnover against the previous weights: half the sum of absolute changes.
        Not applied where no previous weights are given.
    gross : float, default 1.0
        Long-only: the sum of the weights. Otherwise the largest sum of absolute weights.
    long_only : bool, default True
        No weight below zero.
    net : float, optional
        Sum of the weights. By default ``gross`` when long-only, else 0 (dollar neutral).

    Raises
    ------
    ValidationError
        If a number is out of range, not finite, or the parts do not belong together.

    Examples
    --------
    >>> Limits(max_weight=0.05, max_group=0.25, groups=["tech", "tech", "energy"]).gross
    1.0
    """

    max_weight: float | Sequence[float] = 1.0
    min_weight: float | Sequence[float] = 0.0
    max_group: float | Mapping[str, float] | None = None
    groups: Sequence[str] | None = None
    max_turnover: float | None = None
    gross: float = 1.0
    long_only: bool = True
    net: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_weight", "min_weight"):
            object.__setattr__(self, name, _plain(name, getattr(self, name)))
        if self.groups is not None:
            object.__setattr__(self, "groups", tuple(str(group) for group in self.groups))
        if isinstance(self.max_group, Mapping):
            for label, cap in self.max_group.items():
                _check_number(f"max_group[{label!r}]", cap)
        elif self.max_group is not None:
            _check_number("max_group", self.max_group)
        if self.max_turnover is not None:
            _check_number("max_turnover", self.max_turnover)
        _check_number("gross", self.gross)
        if self.max_group is not None and self.groups is None:
            raise ValidationError("max_group needs groups.", field="groups", fix="Give the label of every name.")
        self._check_net()

    def _check_net(self) -> None:
        if self.net is None:
            return
        if not math.isfinite(self.net) or abs(self.net) > self.gross:
            raise ValidationError(
                f"net={self.net} must lie within -gross and gross ({self.gross}).",
                field="net",
                value=self.net,
                allowed=f"[-{self.gross}, {self.gross}]",
            )
        if self.long_only and self.net != self.gross:
            raise ValidationError(
                f"net={self.net} must equal gross={self.gross} in a long-only portfolio.",
                field="net",
                value=self.net,
                fix="Leave net out.",
            )

    @property
    def net_weight(self) -> float:
        """Sum of the weights that these limits ask for."""
        if self.net is not None:
            return self.net
        return self.gross if self.long_only else 0.0

    def region(self, n_names: int, previous: ArrayLike | None = None) -> Region:
        """The limits for a portfolio of ``n_names``, checked for contradictions that can be known beforehand.

        Parameters
        ----------
        n_names : int
            Number of names.
        previous : array_like of float, shape (n_names,), optional
            Weights held now.

        Returns
        -------
        region : Region
            Arrays, one entry per name.

        Raises
        ------
        ShapeError
            If limits per name, groups or previous weights do not have one entry per name.
        WeightsError
            If a previous weight is not finite.
        InfeasibleError
            If the limits contradict each other.
        """
        if n_names < 1:
            raise ShapeError("a portfolio needs at least one name.", field="n_names", value=n_names, allowed=">= 1")
        floor = self._per_name("min_weight", n_names)
        cap = self._per_name("max_weight", n_names)
        cap = np.where(cap < floor, 0.0, cap)  # such a name cannot be held at all
        labels: tuple[str, ...] = ()
        group = None
        caps = None
        if self.max_group is not None and self.groups is not None:
            if len(self.groups) != n_names:
                raise _wrong_length("groups", len(self.groups), n_names)
            found, group = np.unique(np.array(self.groups), return_inverse=True)
            labels = tuple(str(label) for label in found)
            caps = np.array([self._group_cap(label) for label in labels])
            if self.long_only:
                cap = np.where(caps[group] == 0.0, 0.0, cap)
        held = None if self.max_turnover is None or previous is None else _previous(previous, n_names)
        region = Region(
            lower=np.zeros(n_names) if self.long_only else -cap,
            upper=cap,
            net=self.net_weight,
            gross=None if self.long_only else self.gross,
            min_weight=floor,
            group=group,
            labels=labels,
            group_caps=caps,
            previous=held,
            max_turnover=self.max_turnover,
        )
        region.check()
        return region

    def _group_cap(self, label: str) -> float:
        if isinstance(self.max_group, Mapping):
            return float(self.max_group.get(label, math.inf))
        return math.inf if self.max_group is None else float(self.max_group)

    def _per_name(self, name: str, n_names: int) -> FloatArray:
        value = getattr(self, name)
        if isinstance(value, tuple):
            if len(value) != n_names:
                raise _wrong_length(name, len(value), n_names)
            return np.array(value)
        return np.full(n_names, value)


def _plain(name: str, value: float | Sequence[float]) -> float | tuple[float, ...]:
    if np.ndim(value) == 0:
        _check_number(name, value)
        return float(value)  # type: ignore[arg-type]
    each = tuple(float(item) for item in np.asarray(value, dtype=np.float64).ravel())
    for index, item in enumerate(each):
        _check_number(f"{name}[{index}]", item)
    return each


def _check_number(name: str, value: Any) -> None:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise ValidationError(
            f"{name}={value!r} must be a finite number of at least 0.", field=name, value=value, allowed=">= 0"
        )


def _wrong_length(name: str, length: int, n_names: int) -> ShapeError:
    return ShapeError(
        f"{name} has {length} entries for {n_names} names.", field=name, value=length, allowed=f"{n_names} entries"
    )


def _previous(previous: ArrayLike, n_names: int) -> FloatArray:
    held = np.asarray(previous, dtype=np.float64)
    if held.shape != (n_names,):
        raise _wrong_length("previous", held.size, n_names)
    if not np.isfinite(held).all():
        index = int(np.flatnonzero(~np.isfinite(held))[0])
        raise WeightsError(
            f"previous[{index}]={held[index]} must be finite.",
            field="previous",
            value=float(held[index]),
            fix="Use 0 for a name that is not held.",
        )
    # Rounding left over from a drifted position is no position, and would keep its name in every working set.
    return np.where(np.abs(held) < SLACK, 0.0, held)


NO_LIMITS = Limits()
"""Long-only, fully invested, nothing else."""
