"""A frame in memory as a source: for examples, tests and data that a program already holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from nanodesk.research.dataset_kinds import About, KindName
from nanodesk.research.sources.base import SourceTable


@dataclass(frozen=True, slots=True)
class FrameSource:
    """Rows that are in memory already.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns of the kind.
    dataset : str
        Name the lake keeps them under.
    kind : str
        Kind of dataset.
    about : About
        Facts kept with the dataset.
    """

    frame: pl.DataFrame
    dataset: str
    kind: KindName
    about: About = field(default_factory=About)

    def read(self) -> SourceTable:
        """The frame as it is.

        Returns
        -------
        table : SourceTable
            Named ``frame`` in errors.
        """
        return SourceTable(self.dataset, self.kind, self.frame, self.about, "frame")
