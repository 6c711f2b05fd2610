"""The real data that ships with the package: twenty S&P 500 names, the index, VIX, Treasury rates, membership.

Licences and checksums are in ``bundled/NOTICE.md``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from importlib.resources import as_file, files

import polars as pl

from nanodesk.errors import DataError
from nanodesk.research.dataset_kinds import About
from nanodesk.research.sources.base import SourceTable
from nanodesk.research.sources.files import FORMATS, FileFormat, FileSource

_TREASURY = {
    "DGS1MO": "1month",
    "DGS3MO": "3month",
    "DGS6MO": "6month",
    "DGS1": "1year",
    "DGS2": "2year",
    "DGS3": "3year",
    "DGS5": "5year",
    "DGS7": "7year",
    "DGS10": "10year",
    "DGS20": "20year",
    "DGS30": "30year",
}
_SPREADS = {"T10Y2Y": ("DGS10", "DGS2"), "T10Y3M": ("DGS10", "DGS3MO")}
_PERCENT_PER_UNIT = 100.0


@dataclass(frozen=True, slots=True)
class BundledFile:
    """One file of the package.

    Parameters
    ----------
    name : str
        File name.
    sha256 : str
        Checksum of its bytes.
    dataset : str
        Name in the lake.
    format : FileFormat
        How it is read.
    """

    name: str
    sha256: str
    dataset: str
    format: FileFormat

    def read(self) -> SourceTable:
        """The whole file, checked.

        Returns
        -------
        table : SourceTable
            Rows in the columns of their kind; the Treasury curve comes with the slopes that FRED publishes beside it.

        Raises
        ------
        DataError
            If the file is not the one that was shipped.
        """
        bundled_bytes(self.name)
        with as_file(files("nanodesk.research.sources").joinpath("bundled", self.name)) as path:
            table = FileSource(path, self.dataset, self.format).read()
        return replace(table, frame=_with_spreads(table.frame)) if self.dataset == "treasury" else table


BUNDLED_FILES: tuple[BundledFile, ...] = (
    BundledFile(
        "skfolio_sp500_dataset.csv.gz",
        "ee21cac28befb1d0a739a9ceb22184f995394726aa0cfde9a21941d1ac04ac0d",
        "sp500_20",
        FileFormat(
            "prices",
            wide=True,
            about=About(
                source="skfolio 1.12.2, sp500_dataset",
                licence="BSD-3-Clause",
                adjusted=True,
                survivorship="biased",
                notes=(
                    "sp500_20 holds twenty names that were large in 2022 and none that failed: results are too good.",
                ),
            ),
        ),
    ),
    BundledFile(
        "skfolio_sp500_index.csv.gz",
        "894c34431c284f86aa64a467e176e2a3c9b697c857eb9ab35006c2dd55d3fdf2",
        "sp500_index",
        FileFormat(
            "series",
            {"SP500": "SP500"},
            wide=True,
            about=About(
                source="skfolio 1.12.2, sp500_index",
                licence="BSD-3-Clause",
                units={"SP500": "index points"},
                notes=("SP500 is the price index, without dividends.",),
            ),
        ),
    ),
    BundledFile(
        "vix_daily.csv.gz",
        "c3302d34192d57da08c888fbb64ff6d02dcbe073a2a3a0d657927556119a982e",
        "vix",
        FileFormat(
            "series",
            {"VIXCLS": "CLOSE"},
            wide=True,
            about=About(source="datasets/finance-vix", licence="ODC-PDDL-1.0", units={"VIXCLS": "percent"}),
        ),
    ),
    BundledFile(
        "treasury_curves_daily.csv.gz",
        "2517e7f1459843d0613e91cd70e18eadfd34e9cc5e251f555808556f8618d503",
        "treasury",
        FileFormat(
            "series",
            _TREASURY,
            wide=True,
            date_column="Time Period",
            scale=_PERCENT_PER_UNIT,
            known_after="1d",  # the curve of a day is published after the close
            about=About(
                source="quantopian/zipline, treasury_curves",
                licence="Apache-2.0",
                units=dict.fromkeys((*_TREASURY, *_SPREADS), "percent"),
            ),
        ),
    ),
    BundledFile(
        "tb3ms_monthly.csv",
        "6d0c9c0e725997820f12fb1641dad49d5cbef71cc074d3e856481534f2bbe0b2",
        "bills",
        FileFormat(
            "series",
            {"TB3MS": "TB3MS"},
            wide=True,
            known_after="1mo4d",  # a month's average is published in the first days of the next one
            about=About(source="FRED-MD, column TB3MS", licence="public domain", units={"TB3MS": "percent"}),
        ),
    ),
    BundledFile(
        "sp500_membership_intervals.csv",
        "06b2d9e82cb79ec575318398c40899d8082e2a6104b6e68bceea993e11fb27cc",
        "sp500_members",
        FORMATS["sp500_intervals"],
    ),
    BundledFile(
        "sp500_current_with_sectors.csv",
        "f7a7dd0536f6a3a1b14e4e2cd74522f2881e5b376a337106f63e7a479fb83ebd",
        "sp500_sectors",
        FORMATS["sp500_sectors"],
    ),
)


def bundled_bytes(name: str) -> bytes:
    """The bytes of one file, checked.

    Parameters
    ----------
    name : str
        File name, one of :data:`BUNDLED`.

    Returns
    -------
    content : bytes
        As shipped.

    Raises
    ------
    DataError
        If the file is not the one that was shipped.
    """
    entry = next(file for file in BUNDLED_FILES if file.name == name)
    content = files("nanodesk.research.sources").joinpath("bundled", name).read_bytes()
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise DataError(
            f"{name}: the file in the package was changed.", field="file", value=name, fix="Install nanodesk again."
        )
    return content


def _with_spreads(curve: pl.DataFrame) -> pl.DataFrame:
    """The curve and the two slopes that FRED publishes beside it."""
    parts = [curve]
    for name, (long, short) in _SPREADS.items():
        pair = curve.filter(pl.col("name") == long).join(
            curve.filter(pl.col("name") == short).select("date", pl.col("value").alias("short")), on="date"
        )
        slope = (pl.col("value") - pl.col("short")).round(10).alias("value")
        parts.append(pair.with_columns(pl.lit(name).alias("name"), slope).select(curve.columns))
    return pl.concat(parts)
