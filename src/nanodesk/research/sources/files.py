"""CSV, gzipped CSV and Parquet files as tables of the lake; presets describe the known ones."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from nanodesk.errors import DataError, SchemaMismatchError, ValidationError
from nanodesk.research.dataset_kinds import About, KindName, kind_of, nearest
from nanodesk.research.sources.base import SourceTable

MAX_TEXT_BYTES = 2 << 30
"""Of a CSV, and of what a gzip stream unpacks to: a small file may hold petabytes of zeros."""
MAX_COLUMNS = 50_000
"""Of a Parquet file; a wide one has a column for each symbol."""
MAX_CELLS = 500_000_000
"""Rows times columns of a Parquet file, some gigabytes of memory; a few kilobytes can claim more."""

_FIRST_DATA_LINE = 2
_ISO = "%Y-%m-%d"
_STAMP = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"
_SYNONYMS = {
    "symbol": ("ticker", "sym", "name"),
    "date": ("timestamp", "datetime", "day", "time"),
    "open": ("o",),
    "high": ("h",),
    "low": ("l",),
    "close": ("c", "price"),
    "volume": ("vol", "v"),
    "dividend": ("dividends", "divcash"),
    "split": ("stock splits", "splitfactor", "splits"),
}


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How the columns of a file become the columns of a kind.

    Parameters
    ----------
    kind : str
        Kind of dataset.
    columns : mapping of str to str
        Lake column to file column; in a wide file, series or symbol to file column. Empty takes the names as they
        are, ignoring case and knowing common synonyms.
    wide : bool, default False
        One column per symbol or series beside the date.
    date_column : str, default "date"
        Date column of a wide file; case is ignored.
    date_formats : tuple of str, default ("%Y-%m-%d",)
        As in ``strftime``, tried in this order; ISO dates may carry a time, or be eight digits.
    constants : mapping of str to str
        Columns with one value, for example ``{"index": "SP500"}``.
    scale : float, default 1.0
        Values of a wide file are multiplied by this and rounded to 10 digits.
    known_after : str, default "0d"
        Added to the date to give the day a value is known, for example ``1d`` or ``1mo4d``.
    about : About
        Facts kept with the dataset.
    """

    kind: KindName
    columns: Mapping[str, str] = field(default_factory=dict)
    wide: bool = False
    date_column: str = "date"
    date_formats: tuple[str, ...] = (_ISO,)
    constants: Mapping[str, str] = field(default_factory=dict)
    scale: float = 1.0
    known_after: str = "0d"
    about: About = field(default_factory=About)


_EDGAR_FIGURES = (
    *("amend", "period_focus", "fiscal_year", "doc_type", "revenues", "op_income", "net_income", "eps_basic"),
    *("eps_diluted", "dividend", "assets", "cur_assets", "cur_liab", "cash", "equity"),
    *("cash_flow_op", "cash_flow_inv", "cash_flow_fin"),
)

FORMATS: Mapping[str, FileFormat] = {
    "ohlcv": FileFormat("prices"),
    "wide_close": FileFormat("prices", wide=True, about=About(adjusted=True)),
    "pystock": FileFormat(
        "prices",
        {
            **{name: name for name in ("symbol", "date", "open", "high", "low", "close", "volume")},
            "adj_close_next": "adj_close_next",
        },
        about=About(
            source="eliangcs/pystock-data",
            licence="CC-BY-SA-4.0",
            survivorship="free",
            notes=("Prices as first recorded each day; names are present on the days they were listed.",),
        ),
    ),
    "edgar": FileFormat(
        "fundamentals",
        {
            "symbol": "symbol",
            "period_end": "end_date",
            "known_at": "collected_date",
            **{name: name for name in _EDGAR_FIGURES},
        },
        about=About(source="eliangcs/pystock-data", licence="CC-BY-SA-4.0", survivorship="free"),
    ),
    "sp500_survivorship_free": FileFormat(
        "prices",
        date_formats=(_ISO, "%m/%d/%Y"),  # two of its symbols have American dates
        about=About(source="teddykoker/survivorship-free-spy", adjusted=True, survivorship="free"),
    ),
    "sp500_intervals": FileFormat(
        "membership",
        {"symbol": "ticker", "from": "start_date", "to": "end_date"},
        constants={"index": "SP500"},
        about=About(source="fja05680/sp500", licence="MIT", survivorship="free"),
    ),
    "sp500_sectors": FileFormat(
        "securities",
        {"symbol": "Symbol", "name": "Security", "sector": "GICS Sector", "industry": "GICS Sub-Industry"},
        about=About(
            source="fja05680/sp500",
            licence="MIT",
            survivorship="biased",
            notes=("Sectors as of today, also for past dates.",),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class FileSource:
    """One file in a known format.

    Parameters
    ----------
    path : Path
        CSV (``.csv``, ``.csv.gz``) or Parquet.
    dataset : str
        Name the lake keeps it under.
    format : FileFormat or str
        The format, or the name of one in :data:`FORMATS`.
    symbol : str, optional
        Symbol of every row, where the file has none.
    """

    path: Path
    dataset: str
    format: FileFormat | str = "ohlcv"
    symbol: str | None = None

    def read(self) -> SourceTable:
        """The whole file.

        Returns
        -------
        table : SourceTable
            Rows in the columns of their kind, with ``line``.

        Raises
        ------
        DataError
            If the file is absent, empty, torn or no text.
        SchemaMismatchError
            If a column is missing or a cell cannot be read; the message names line, column and value.
        """
        layout = file_format(self.format)
        if self.symbol is not None:
            layout = replace(layout, constants={**layout.constants, "symbol": self.symbol})
        file = self.path.name
        raw = _read_cells(self.path)
        if raw.is_empty():
            raise DataError(f"{self.path}: has a header and no rows.", field="file", value=file, fix="Fetch it again.")
        frame = _wide(raw, layout, file) if layout.wide else _long(raw, layout, file)
        return SourceTable(self.dataset, layout.kind, frame, layout.about, file)


def file_format(name: FileFormat | str) -> FileFormat:
    """The format of a name.

    Parameters
    ----------
    name : FileFormat or str
        A format, or the name of one in :data:`FORMATS`.

    Returns
    -------
    layout : FileFormat
        The format.

    Raises
    ------
    ValidationError
        If the name is unknown.
    """
    if isinstance(name, FileFormat):
        return name
    if name not in FORMATS:
        raise ValidationError(
            f"format={name!r} is unknown; there are {', '.join(FORMATS)}.",
            field="format",
            value=name,
            allowed=", ".join(FORMATS),
            fix=nearest(name, FORMATS),
        )
    return FORMATS[name]


def _read_cells(path: Path) -> pl.DataFrame:
    """Every cell of a CSV as text, or a Parquet file as it is, with ``line``."""
    if not path.is_file():
        what = "is a folder; one file is read at a time" if path.is_dir() else "there is no such file"
        raise DataError(f"{path}: {what}.", field="file", value=str(path), fix="Check the path.")
    if path.suffix == ".parquet":
        try:
            _require_modest(path)
            return pl.read_parquet(path, glob=False).with_row_index("line", 1)
        except pl.exceptions.PolarsError as error:
            raise DataError(f"{path}: is not a whole Parquet file.", field="file", value=str(path)) from error
    text = _bytes(path)
    if not text.strip():
        raise DataError(f"{path}: is empty.", field="file", value=str(path), fix="Fetch it again.")
    if b"\0" in text:
        line = text.count(b"\n", 0, text.index(b"\0")) + 1
        raise DataError(
            f"{path}:{line}: byte 0x00 is not text; the file is UTF-16, or no CSV at all.",
            field="line",
            value=line,
            allowed="UTF-8",
            fix="Save it as CSV in UTF-8.",
        )
    try:
        text.partition(b"\n")[0].decode()  # the reader would replace what it cannot decode in the header
    except UnicodeDecodeError as fault:
        raise _not_utf8(path, text, fault.start) from fault
    try:
        frame = pl.read_csv(io.BytesIO(text), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _csv_fault(path, text, error) from error
    twice = [name for name in frame.columns if "_duplicated_" in name]
    if twice:
        name = twice[0].rpartition("_duplicated_")[0]
        raise SchemaMismatchError(
            f"{path.name}:1: the header names {name!r} twice.", field=name, value=name, fix="Rename one of them."
        )
    return frame.with_row_index("line", _FIRST_DATA_LINE)


def _require_modest(path: Path) -> None:
    """Refuse a Parquet file by its schema and row count, before any of its cells is unpacked."""
    scan = pl.scan_parquet(path, glob=False)
    schema = scan.collect_schema()
    for name, kind in schema.items():
        if kind.is_nested() or kind in (pl.Object, pl.Binary):
            raise SchemaMismatchError(
                f"{path.name}: column {name!r} holds {kind}; cells are numbers, texts, dates or truth values.",
                field=name,
                value=str(kind),
                fix="Write the file without it.",
            )
    rows = scan.select(pl.len()).collect().item()
    if len(schema) > MAX_COLUMNS or rows * len(schema) > MAX_CELLS:
        raise DataError(
            f"{path}: has {rows:,} rows and {len(schema):,} columns.",
            field="file",
            value=str(path),
            allowed=f"{MAX_COLUMNS:,} columns and {MAX_CELLS:,} cells",
            fix="Split it by year.",
        )


def _require_bounded(path: Path, text: bytes) -> bytes:
    if len(text) <= MAX_TEXT_BYTES:
        return text
    raise DataError(
        f"{path}: is larger than {MAX_TEXT_BYTES:,} bytes, unpacked.",
        field="file",
        value=str(path),
        allowed=f"{MAX_TEXT_BYTES:,} bytes",
        fix="Split it by year.",
    )


def _bytes(path: Path) -> bytes:
    if path.suffix != ".gz":
        try:
            with path.open("rb") as plain:
                return _require_bounded(path, plain.read(MAX_TEXT_BYTES + 1))
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}.", field="file", value=str(path)) from error
    try:
        with gzip.open(path) as stream:
            return _require_bounded(path, stream.read(MAX_TEXT_BYTES + 1))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: the gzip stream is torn or damaged ({error}).",
            field="file",
            value=str(path),
            allowed="a whole gzip file",
            fix="Fetch it again; nothing was written.",
        ) from error


def _csv_fault(path: Path, text: bytes, error: Exception) -> DataError:
    line = 0
    try:
        rows = csv.reader(io.StringIO(text.decode("utf-8"), newline=""), strict=True)
        width = len(next(rows))
        line = rows.line_num
        for row in rows:
            first, line = line + 1, rows.line_num
            if line > first and any("\n" in cell for cell in row):
                return _open_quote(path, first)
            if len(row) > width:
                return SchemaMismatchError(
                    f"{path}:{rows.line_num}: has {len(row)} fields, the header has {width}; the first extra one is "
                    f"{row[width]!r}.",
                    field="line",
                    value=rows.line_num,
                    allowed=f"{width} fields",
                    fix="Quote cells that hold a comma.",
                )
    except UnicodeDecodeError as fault:
        return _not_utf8(path, text, fault.start)
    except csv.Error:
        return _open_quote(path, line + 1)
    first_line = str(error).partition("\n")[0]
    return DataError(f"{path}: is no readable CSV: {first_line}", field="file", value=str(path))


def _not_utf8(path: Path, text: bytes, at: int) -> DataError:
    line = text.count(b"\n", 0, at) + 1
    return DataError(
        f"{path}:{line}: byte {text[at]:#04x} is not UTF-8 text.",
        field="line",
        value=line,
        allowed="UTF-8",
        fix="Convert the file, or check that it is a CSV at all.",
    )


def _open_quote(path: Path, line: int) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"{path}:{line}: a quoted cell does not end on its line.", field="line", value=line, fix='Close or drop the ".'
    )


def _long(raw: pl.DataFrame, layout: FileFormat, file: str) -> pl.DataFrame:
    raw = raw.with_columns(pl.lit(value).alias(name) for name, value in layout.constants.items())
    mapping = dict(layout.columns) or _guess(raw.columns, layout, file)
    mapping |= {name: name for name in layout.constants}
    _require(mapping.values(), raw.columns, file)
    frame = raw.select(pl.col("line").cast(pl.Int64), *(pl.col(old).alias(new) for new, old in mapping.items()))
    types: dict[str, Any] = {**kind_of(layout.kind).required, **kind_of(layout.kind).optional, "known_at": pl.Date}
    for new, old in mapping.items():
        frame = frame.with_columns(_parsed(frame, new, old, types.get(new), layout, file))
    if "adj_close_next" in frame.columns:
        frame = frame.with_columns((pl.col("adj_close_next") / pl.col("close")).alias("next_factor")).drop(
            "adj_close_next"
        )
    if layout.known_after != "0d" and "known_at" not in frame.columns:
        frame = frame.with_columns(pl.col("date").dt.offset_by(layout.known_after).alias("known_at"))
    return frame


def _wide(raw: pl.DataFrame, layout: FileFormat, file: str) -> pl.DataFrame:
    day = next((name for name in raw.columns if name.lower() == layout.date_column.lower()), layout.date_column)
    mapping = dict(layout.columns) or {name: name for name in raw.columns if name not in (day, "line")}
    _require([day, *mapping.values()], raw.columns, file)
    frame = raw.select(
        pl.col("line").cast(pl.Int64), pl.col(day), *(pl.col(old).alias(new) for new, old in mapping.items())
    )
    frame = frame.with_columns(_parsed(frame, day, day, pl.Date, layout, file))
    frame = frame.with_columns([_parsed(frame, new, old, pl.Float64, layout, file) for new, old in mapping.items()])
    name, value = ("symbol", "close") if layout.kind == "prices" else ("name", "value")
    # A blank cell of a wide file says that the name did not trade, so it is no row.
    frame = frame.unpivot(list(mapping), index=["line", day], variable_name=name, value_name=value).drop_nulls(value)
    if layout.scale != 1.0:
        frame = frame.with_columns((pl.col(value) * layout.scale).round(10))
    known = pl.col(day).dt.offset_by(layout.known_after)
    return frame.with_columns(known.alias("known_at")).rename({day: "date"} if day != "date" else {})


def _guess(columns: list[str], layout: FileFormat, file: str) -> dict[str, str]:
    kind = kind_of(layout.kind)
    lower = {name.lower(): name for name in columns if name != "line"}
    mapping: dict[str, str] = {}
    for name in [*kind.required, *kind.optional, "known_at"]:
        found = next((lower[word] for word in (name, *_SYNONYMS.get(name, ())) if word in lower), None)
        if found is not None:
            mapping[name] = found
        elif name in kind.required:
            _require([name], columns, file)
    return mapping


def _require(names: Any, columns: list[str], file: str) -> None:
    for name in names:
        if name not in columns:
            present = [column for column in columns if column != "line"]
            raise SchemaMismatchError(
                f"{file}:1: column {name!r} is missing; the file has {', '.join(present[:30])}.",
                field=name,
                value=present,
                allowed=name,
                fix=_separator(present) or nearest(name, present) or "Map another column to it.",
            )


def _separator(present: list[str]) -> str | None:
    sign = next((sign for sign in ";\t|" if len(present) == 1 and sign in present[0]), None)
    return None if sign is None else f"Its columns are separated by {sign!r}; separate them by commas."


def _parsed(frame: pl.DataFrame, new: str, old: str, dtype: Any, layout: FileFormat, file: str) -> pl.Series:
    """A text column as its type; a cell that cannot be read is an error with its line."""
    column = frame[new]
    if column.dtype != pl.String or dtype == pl.String:
        return column
    if dtype == pl.Date:
        parsed, allowed = _dates(column, layout.date_formats), f"a date like {' or '.join(layout.date_formats)}"
    elif dtype is None:  # a free column: a number if every cell is one, truth values, or text
        return _free(column)
    else:
        parsed, allowed = column.cast(dtype, strict=False), "a number"
    lost = (parsed.is_null() & column.is_not_null()).arg_true()
    if len(lost):
        line, value = frame["line"][lost[0]], column[lost[0]]
        raise SchemaMismatchError(
            f"{file}:{line}: {old}={value!r} is not {allowed}.",
            field=old,
            value=value,
            allowed=allowed,
            fix="Correct the cell, or leave it blank.",
        )
    return parsed


def _dates(column: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    """Dates in the first format that fits; ISO ones also with a time behind them, or as eight digits."""
    parsed = column.str.to_date(formats[0], strict=False)
    if parsed.null_count() == column.null_count():
        return parsed
    cell = pl.col("cell")
    tries = [cell.str.to_date(form, strict=False) for form in formats[1:]]
    if _ISO in formats:
        tries.append(pl.when(cell.str.contains(_STAMP)).then(cell.str.slice(0, 10).str.to_date(_ISO, strict=False)))
        tries.append(pl.when(cell.str.contains(r"^\d{8}$")).then(cell.str.to_date("%Y%m%d", strict=False)))
    cells = pl.DataFrame({"cell": column, "parsed": parsed})
    return cells.select(pl.coalesce("parsed", *tries).alias(column.name)).to_series()


def _free(column: pl.Series) -> pl.Series:
    number = column.cast(pl.Float64, strict=False)
    if number.null_count() == column.null_count():
        return number
    words = set(column.drop_nulls().unique().to_list())
    if words <= {"True", "False", "true", "false"}:
        return (column.str.to_lowercase() == "true").alias(column.name)
    return column
