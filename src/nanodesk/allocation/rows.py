"""Linear conditions as triplets, which is how sparse matrices are put together."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanodesk.market.arrays import BoolArray, FloatArray, IntArray


class Rows:
    """Rows of linear conditions ``matrix @ x (= or <=) rhs``, gathered block by block.

    Examples
    --------
    >>> rows = Rows()
    >>> rows.add([[0, 1]], 1.0, 1.0, family="net")
    >>> rows.count, rows.triplets()[2]
    (1, array([1., 1.]))
    """

    __slots__ = ("_blocks", "count")

    def __init__(self) -> None:
        self._blocks: list[tuple[IntArray, IntArray, FloatArray, FloatArray, str]] = []
        self.count = 0

    def add(self, columns: Any, values: Any, rhs: Any, *, family: str = "") -> None:
        """Append ``m`` rows that each touch ``k`` variables.

        Parameters
        ----------
        columns : array_like of int, shape (m, k)
            Variables of each row.
        values : array_like of float, broadcast to (m, k)
            Coefficients.
        rhs : array_like of float, broadcast to (m,)
            Right-hand sides.
        family : str
            Name of the limit these rows state, for messages.
        """
        column = np.asarray(columns, dtype=np.int64)
        value = np.broadcast_to(np.asarray(values, dtype=np.float64), column.shape)
        right = np.broadcast_to(np.asarray(rhs, dtype=np.float64), column.shape[:1])
        row = np.repeat(np.arange(self.count, self.count + column.shape[0]), column.shape[1])
        self._blocks.append((row, column.ravel(), value.ravel(), right, family))
        self.count += column.shape[0]

    def extend(self, other: Rows) -> None:
        """Append the rows of ``other``.

        Parameters
        ----------
        other : Rows
            Rows over the same variables.
        """
        self._blocks += [(block[0] + self.count, *block[1:]) for block in other._blocks]
        self.count += other.count

    def triplets(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Row, column and value of every entry.

        Returns
        -------
        row, column : ndarray of int64, shape (n_entries,)
            Position.
        value : ndarray of float64, shape (n_entries,)
            Coefficient.
        """
        if not self._blocks:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        row, column, value, _, _ = zip(*self._blocks, strict=True)
        return np.concatenate(row), np.concatenate(column), np.concatenate(value)

    def rhs(self) -> FloatArray:
        """Right-hand side of every row.

        Returns
        -------
        rhs : ndarray of float64, shape (count,)
            Right-hand sides.
        """
        return np.concatenate([block[3] for block in self._blocks]) if self._blocks else np.empty(0)

    def families(self) -> list[str]:
        """Name of the limit each row belongs to.

        Returns
        -------
        families : list of str
            One per row.
        """
        return [block[4] for block in self._blocks for _ in range(len(block[3]))]

    def homogenised(self, kappa: int) -> Rows:
        """The same rows with ``rhs`` moved to the variable ``kappa``: ``matrix @ x - rhs * kappa (= or <=) 0``.

        Parameters
        ----------
        kappa : int
            Column of the scale.

        Returns
        -------
        rows : Rows
            New rows; all right-hand sides are zero.
        """
        result = Rows()
        result.count = self.count
        row, column, value = self.triplets()
        right = self.rhs()
        some = np.flatnonzero(right)
        result._blocks.append(
            (
                np.concatenate([row, some]),
                np.concatenate([column, np.full(len(some), kappa)]),
                np.concatenate([value, -right[some]]),
                np.zeros(self.count),
                "",
            )
        )
        return result

    def on(self, position: IntArray, value: FloatArray) -> Rows:
        """The same rows on fewer variables, the others fixed.

        Parameters
        ----------
        position : ndarray of int64, shape (n,)
            New column of each variable, -1 where it is fixed.
        value : ndarray of float64, shape (n,)
            What the fixed variables are worth.

        Returns
        -------
        rows : Rows
            New rows; a row may have become empty.
        """
        result = Rows()
        result.count = self.count
        if self.count:
            row, column, entry = self.triplets()
            kept = position[column] >= 0
            gone = _sums(row[~kept], entry[~kept] * value[column[~kept]], self.count)
            result._blocks.append((row[kept], position[column[kept]], entry[kept], self.rhs() - gone, ""))
        return result

    def product(self, x: FloatArray) -> FloatArray:
        """``matrix @ x``.

        Parameters
        ----------
        x : ndarray of float64, shape (n,)
            Variables.

        Returns
        -------
        product : ndarray of float64, shape (count,)
            One value per row.
        """
        row, column, value = self.triplets()
        return _sums(row, value * x[column], self.count)

    def transposed(self, dual: FloatArray, n_variables: int) -> FloatArray:
        """``matrix.T @ dual``.

        Parameters
        ----------
        dual : ndarray of float64, shape (count,)
            One value per row.
        n_variables : int
            Number of variables.

        Returns
        -------
        product : ndarray of float64, shape (n_variables,)
            One value per variable.
        """
        row, column, value = self.triplets()
        return _sums(column, value * dual[row], n_variables)

    def dense(self, chosen: BoolArray, n_variables: int) -> FloatArray:
        """The chosen rows as a full matrix.

        Parameters
        ----------
        chosen : ndarray of bool, shape (count,)
            Rows wanted.
        n_variables : int
            Number of columns.

        Returns
        -------
        matrix : ndarray of float64, shape (n_chosen, n_variables)
            Coefficients.
        """
        matrix = np.zeros((int(chosen.sum()), n_variables))
        row, column, value = self.triplets()
        taken = chosen[row]
        np.add.at(matrix, ((np.cumsum(chosen) - 1)[row[taken]], column[taken]), value[taken])
        return matrix


def _sums(index: IntArray, value: FloatArray, size: int) -> FloatArray:
    return np.bincount(index, weights=value, minlength=size).astype(np.float64, copy=False)
