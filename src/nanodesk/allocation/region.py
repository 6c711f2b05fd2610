"""The set of weights that limits allow, as arrays and as rows of a program."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nanodesk.allocation.cone import Program
from nanodesk.allocation.rows import Rows
from nanodesk.errors import InfeasibleError
from nanodesk.market.arrays import BoolArray, FloatArray, IntArray

SLACK = 1e-9
"""Rounding allowed before limits count as contradicting each other, as a fraction of equity."""


@dataclass(frozen=True, slots=True)
class Region:
    """The weights that a set of limits allows; built by :meth:`nanodesk.allocation.limits.Limits.region`.

    Parameters
    ----------
    lower, upper : ndarray of float64, shape (n_names,)
        Bounds of every weight.
    net : float
        Sum of the weights.
    gross : float or None
        Largest sum of absolute weights; None for a long-only portfolio, where ``net`` says it.
    min_weight : ndarray of float64, shape (n_names,)
        Smallest absolute weight worth holding.
    group : ndarray of int64, shape (n_names,) or None
        Index of every name's group.
    labels : tuple of str
        Names of the groups.
    group_caps : ndarray of float64, shape (n_groups,) or None
        Largest absolute net weight per group, infinite where there is none.
    previous : ndarray of float64, shape (n_names,) or None
        Weights held now; None where turnover is not limited.
    max_turnover : float or None
        Largest one-way turnover.
    """

    lower: FloatArray
    upper: FloatArray
    net: float
    gross: float | None
    min_weight: FloatArray
    group: IntArray | None = None
    labels: tuple[str, ...] = ()
    group_caps: FloatArray | None = None
    previous: FloatArray | None = None
    max_turnover: float | None = None

    @property
    def n_names(self) -> int:
        """Number of names."""
        return len(self.lower)

    @property
    def is_box(self) -> bool:
        """Whether bounds per name and the sum are the only limits."""
        return self.gross is None and self.group is None and self.previous is None

    @property
    def is_empty(self) -> bool:
        """Whether the only portfolio allowed is to hold nothing."""
        return self.net == 0.0 and not self.gross

    def within(self, lower: FloatArray, upper: FloatArray) -> Region:
        """The same limits with other bounds.

        Parameters
        ----------
        lower, upper : ndarray of float64, shape (n_names,)
            New bounds.

        Returns
        -------
        region : Region
            New region, not checked.
        """
        return replace(self, lower=lower, upper=upper)

    def without(self, excluded: BoolArray) -> Region:
        """The same limits with the excluded names held at zero.

        Parameters
        ----------
        excluded : ndarray of bool, shape (n_names,)
            Names that may not be held.

        Returns
        -------
        region : Region
            New region, not checked.
        """
        return self.within(np.where(excluded, 0.0, self.lower), np.where(excluded, 0.0, self.upper))

    def long_part(self) -> Region:
        """The same limits without shorts, for methods that know none.

        Returns
        -------
        region : Region
            Long-only region with the same net weight.
        """
        return replace(self, lower=np.maximum(self.lower, 0.0), gross=None)

    def restricted(self, chosen: BoolArray) -> Region:
        """The limits on the chosen names when all others are held at zero.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_names,)
            Names that stay.

        Returns
        -------
        region : Region
            Region of fewer names; selling the others has used part of the turnover.
        """
        sold = 0.0 if self.previous is None else float(np.abs(self.previous[~chosen]).sum()) / 2
        return replace(
            self,
            lower=self.lower[chosen],
            upper=self.upper[chosen],
            min_weight=self.min_weight[chosen],
            group=None if self.group is None else self.group[chosen],
            previous=None if self.previous is None else self.previous[chosen],
            max_turnover=None if self.max_turnover is None else self.max_turnover - sold,
        )

    def scaled(self, direction: FloatArray) -> FloatArray:
        """``direction`` at the length at which it adds to ``net``, rounding beyond the bounds cut off.

        Parameters
        ----------
        direction : ndarray of float64, shape (n_names,)
            Multiple of weights of this region; its sum is not zero.

        Returns
        -------
        weights : ndarray of float64, shape (n_names,)
            Weights.
        """
        weights: FloatArray = np.clip(direction * (self.net / direction.sum()), self.lower, self.upper)
        return weights

    def violation(self, weights: FloatArray) -> float:
        """How far ``weights`` break the worst limit.

        Parameters
        ----------
        weights : ndarray of float64, shape (n_names,)
            Weights.

        Returns
        -------
        violation : float
            Largest excess over any limit, as a fraction of equity; 0 when all hold. ``min_weight`` is not looked at.
        """
        excess = [
            float((self.lower - weights).max()),
            float((weights - self.upper).max()),
            abs(float(weights.sum()) - self.net),
        ]
        if self.gross is not None:
            excess.append(float(np.abs(weights).sum()) - self.gross)
        if self.group is not None and self.group_caps is not None:
            total = np.bincount(self.group, weights=weights, minlength=len(self.labels))
            excess.append(float((np.abs(total) - self.group_caps).max()))
        if self.previous is not None and self.max_turnover is not None:
            excess.append(float(np.abs(weights - self.previous).sum()) / 2 - self.max_turnover)
        return max(0.0, *excess)

    def check(self) -> None:
        """Refuse limits that contradict each other in a way that arithmetic shows without a solver.

        Raises
        ------
        InfeasibleError
            Naming the limits that clash.
        """
        names = "max_weight and min_weight" if self.min_weight.any() else "max_weight"
        self._check_reach(names, float(self.upper.sum()), float(self.lower.sum()))
        if self.group is not None and self.group_caps is not None:
            most = np.bincount(self.group, weights=self.upper, minlength=len(self.labels))
            least = np.bincount(self.group, weights=self.lower, minlength=len(self.labels))
            self._check_reach(
                f"max_group with {names}",
                float(np.minimum(most, self.group_caps).sum()),
                float(np.maximum(least, -self.group_caps).sum()),
            )
        if self.previous is not None and self.max_turnover is not None:
            needed = self._least_turnover(self.previous)
            if needed > self.max_turnover + SLACK:
                raise InfeasibleError(
                    f"max_turnover={self.max_turnover:g} clashes with max_weight and the sum of weights "
                    f"{self.net:g}: the previous weights need a one-way turnover of at least {needed:.6g}.",
                    field="max_turnover",
                    value=self.max_turnover,
                    allowed=f">= {needed:.6g}",
                    fix=f"Raise max_turnover to {needed:.6g} or more.",
                )

    def _check_reach(self, names: str, most: float, least: float) -> None:
        if most + SLACK < self.net or least - SLACK > self.net:
            bound, word = (most, "most") if most < self.net else (least, "least")
            n_usable = int(((self.upper > 0) | (self.lower < 0)).sum())
            raise InfeasibleError(
                f"{names} with gross and net: the {n_usable} names allowed can hold {bound:.6g} at {word}, "
                f"the weights must add to {self.net:g}.",
                field=names.split()[0],
                value=bound,
                allowed=f"a sum of {self.net:g} within reach",
                fix="Raise the cap, lower gross or allow more names.",
            )

    def _least_turnover(self, previous: FloatArray) -> float:
        # Every change inside the bounds costs the same, so the nearest point clips first and then moves the rest.
        clipped = np.clip(previous, self.lower, self.upper)
        return (float(np.abs(clipped - previous).sum()) + abs(self.net - float(clipped.sum()))) / 2

    def rows(self) -> tuple[Rows, Rows, int]:
        """The limits as rows of a program; bounds per name are not among them.

        Gross and turnover add a variable, at least the absolute weight or change, for names whose sign is open.

        Returns
        -------
        equal, at_most : Rows
            Conditions on the weights, which are the leading variables.
        n_variables : int
            Weights and the variables added for gross and turnover, all of which are unbounded.
        """
        n = self.n_names
        every = np.arange(n)
        equal, at_most = Rows(), Rows()
        equal.add(every[None, :], 1.0, self.net, family="net")
        if self.group is not None and self.group_caps is not None:
            for index in np.flatnonzero(np.isfinite(self.group_caps)):
                members = np.flatnonzero(self.group == index)[None, :]
                cap = self.group_caps[index]
                family = f"max_group[{self.labels[index]!r}]"
                if self.upper[members].sum() > cap:
                    at_most.add(members, 1.0, cap, family=family)
                if self.lower[members].sum() < -cap:
                    at_most.add(members, -1.0, cap, family=family)
        n_variables = n
        if self.gross is not None:
            n_variables = self._add_absolute(at_most, np.zeros(n), n_variables, self.gross, "gross")
        if self.previous is not None and self.max_turnover is not None:
            n_variables = self._add_absolute(at_most, self.previous, n_variables, 2 * self.max_turnover, "max_turnover")
        return equal, at_most, n_variables

    def _add_absolute(self, at_most: Rows, centre: FloatArray, first: int, total: float, family: str) -> int:
        """``sum(abs(w - centre)) <= total``; returns the number of variables after adding those it needs.

        A name whose bounds lie on one side of its centre (not held before, and no shorts) needs no variable of its
        own: the sign is known. That keeps the program small and lets names left out be priced exactly.
        """
        sign = np.where(self.lower >= centre, 1.0, np.where(self.upper <= centre, -1.0, 0.0))
        known, open_names = np.flatnonzero(sign != 0), np.flatnonzero(sign == 0)
        added = first + np.arange(len(open_names))
        pairs = np.column_stack([open_names, added])
        at_most.add(pairs, [1.0, -1.0], centre[open_names], family=family)
        at_most.add(pairs, [-1.0, -1.0], -centre[open_names], family=family)
        columns, values = np.concatenate([known, added]), np.concatenate([sign[known], np.ones(len(added))])
        at_most.add(columns[None, :], values[None, :], total + float(sign @ centre), family=family)
        return first + len(added)

    def program(
        self, linear: FloatArray, quadratic: FloatArray | None, preference: FloatArray | None = None
    ) -> Program:
        """Minimise ``w' quadratic w / 2 + linear' w`` over the weights of this region.

        Parameters
        ----------
        linear : ndarray of float64, shape (n_names,)
            Linear cost.
        quadratic : ndarray of float64, shape (n_names, n_names) or None
            Quadratic cost.
        preference : ndarray of float64, shape (n_names,), optional
            Names likely to be held, lowest first; only speed depends on it.

        Returns
        -------
        program : Program
            Weights are the leading variables.
        """
        equal, at_most, n_variables = self.rows()
        added = n_variables - self.n_names
        return Program(
            linear=np.append(linear, np.zeros(added)),
            lower=np.append(self.lower, np.full(added, -np.inf)),
            upper=np.append(self.upper, np.full(added, np.inf)),
            quadratic=quadratic,
            equal=equal,
            at_most=at_most,
            preference=self._held_first(preference),
        )

    def _held_first(self, preference: FloatArray | None) -> FloatArray | None:
        if preference is None or self.previous is None:
            return preference
        return np.where(self.previous != 0.0, -np.inf, preference)

    def homogeneous_program(self, quadratic: FloatArray, preference: FloatArray | None = None) -> tuple[Program, int]:
        """Minimise ``y' quadratic y / 2`` over multiples ``y = kappa * w`` of weights of this region, ``kappa >= 0``.

        Every limit ``a' w <= b`` becomes ``a' y <= b * kappa``, so the direction of ``y`` obeys the limits exactly
        whatever its length (Charnes and Cooper 1962).

        Parameters
        ----------
        quadratic : ndarray of float64, shape (n_names, n_names)
            Quadratic cost.
        preference : ndarray of float64, shape (n_names,), optional
            Names likely to be held, lowest first.

        Returns
        -------
        program : Program
            ``y`` are the leading variables.
        kappa : int
            Column of the scale.
        """
        n = self.n_names
        equal, at_most, kappa = self.rows()
        # A cap that the sum alone implies needs no row.
        implied = self.gross is None and bool((self.lower >= 0).all())
        capped = np.flatnonzero((self.upper < self.net) & (self.upper > 0) if implied else self.upper != 0)
        floored = np.flatnonzero(self.lower != 0)
        at_most.add(capped[:, None], 1.0, self.upper[capped], family="max_weight")
        at_most.add(floored[:, None], -1.0, -self.lower[floored], family="min_weight")
        free = np.full(kappa + 1, np.inf)
        lower, upper = -free, free.copy()
        lower[:n] = np.where(self.lower >= 0, 0.0, -np.inf)
        upper[:n] = np.where(self.upper <= 0, 0.0, np.inf)
        lower[kappa] = 0.0
        program = Program(
            linear=np.zeros(kappa + 1),
            lower=lower,
            upper=upper,
            quadratic=quadratic,
            equal=equal.homogenised(kappa),
            at_most=at_most.homogenised(kappa),
            preference=self._held_first(preference),
        )
        return program, kappa
