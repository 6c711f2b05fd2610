"""The port every data source implements: a frame, what it is, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import polars as pl

from nanodesk.research.dataset_kinds import About, KindName


@dataclass(frozen=True, slots=True)
class SourceTable:
    """Rows as a source gives them, in the columns of their kind.

    Parameters
    ----------
    dataset : str
        Name the lake keeps them under.
    kind : str
        Kind of dataset.
    frame : polars.DataFrame
        The rows, with ``line`` where they come from a file.
    about : About
        Licence, calendar and warnings.
    file : str
        Name used in errors and findings.
    """

    dataset: str
    kind: KindName
    frame: pl.DataFrame
    about: About
    file: str


class Source(Protocol):
    """Something that yields one table, whole."""

    def read(self) -> SourceTable:
        """All rows.

        Returns
        -------
        table : SourceTable
            Whole; never half of it.

        Raises
        ------
        DataError
            Naming what is wrong.
        """
