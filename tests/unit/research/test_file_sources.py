import datetime
import gzip

import polars as pl
import pytest

from nanodesk.errors import DataError, SchemaMismatchError, ValidationError
from nanodesk.research.lake import open_lake
from nanodesk.research.sources.files import FileFormat, FileSource

DAY = datetime.date
LONG = "Date,Ticker,Open,High,Low,Close,Volume\n2024-01-02,A,9,11,8,10,100\n2024-01-03,A,10,12,9,11,200\n"


def write(tmp_path, text, name="p.csv"):
    path = tmp_path / name
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def read(tmp_path, text, name="p.csv", **options):
    return FileSource(write(tmp_path, text, name), "us", **options).read()


class TestLongFiles:
    @pytest.mark.parametrize("name", ["p.csv", "p.csv.gz"])
    def test_common_names_of_columns_are_understood(self, tmp_path, name):
        table = read(tmp_path, LONG, name)
        assert table.kind == "prices"
        assert table.frame.select("symbol", "date", "close", "volume", "line").row(1) == (
            "A",
            DAY(2024, 1, 3),
            11.0,
            200.0,
            3,
        )

    def test_one_symbol_for_a_file_that_has_none(self, tmp_path):
        table = read(tmp_path, "date,close\n2024-01-02,10\n", symbol="SPY")
        assert table.frame["symbol"].to_list() == ["SPY"]

    @pytest.mark.parametrize("cell", ["2024-01-02 00:00:00+00:00", "2024-01-02T05:00:00Z", "20240102", "2024-01-02"])
    def test_dates_with_a_time_or_without_dashes(self, tmp_path, cell):
        table = read(tmp_path, f"symbol,date,close\nA,2024-01-01,9\nA,{cell},10\n")
        assert table.frame["date"].to_list() == [DAY(2024, 1, 1), DAY(2024, 1, 2)]

    def test_another_date_format(self, tmp_path):
        layout = FileFormat("prices", date_formats=("%m/%d/%Y",))
        assert read(tmp_path, "symbol,date,close\nA,1/31/2024,9\n", format=layout).frame["date"][0] == DAY(2024, 1, 31)

    def test_two_date_formats_in_one_file(self, tmp_path):
        layout = FileFormat("prices", date_formats=("%Y-%m-%d", "%m/%d/%Y"))
        table = read(tmp_path, "symbol,date,close\nA,2024-01-30,9\nA,1/31/2024,9\n", format=layout)
        assert table.frame["date"].to_list() == [DAY(2024, 1, 30), DAY(2024, 1, 31)]

    def test_a_blank_number_is_unknown(self, tmp_path):
        assert read(tmp_path, "symbol,date,close,volume\nA,2024-01-02,10,\n").frame["volume"].to_list() == [None]

    def test_parquet(self, tmp_path):
        frame = pl.DataFrame({"symbol": ["A"], "date": [DAY(2024, 1, 2)], "close": [10.0]})
        frame.write_parquet(tmp_path / "p.parquet")
        assert FileSource(tmp_path / "p.parquet", "us").read().frame["close"].to_list() == [10.0]

    def test_pystock_marks_become_factors(self, tmp_path):
        text = (
            "symbol,date,open,high,low,close,volume,adj_close_next\n"
            "A,2015-03-20,10,10,10,10,5,\nA,2015-03-23,10,10,10,10,5,5\n"
        )
        assert read(tmp_path, text, format="pystock").frame["next_factor"].to_list() == [None, 0.5]


class TestWideFiles:
    def test_a_blank_cell_is_no_row(self, tmp_path):
        table = read(tmp_path, "Date,A,B\n2024-01-02,10,\n2024-01-03,11,20\n", format="wide_close")
        assert sorted(table.frame.select("symbol", "close", "line").rows()) == [
            ("A", 10.0, 2),
            ("A", 11.0, 3),
            ("B", 20.0, 3),
        ]

    def test_series_with_scale_and_delay(self, tmp_path):
        layout = FileFormat("series", {"DGS10": "10year"}, wide=True, scale=100.0, known_after="1d")
        row = read(tmp_path, "date,10year\n2024-01-05,0.0405\n", format=layout).frame.row(0, named=True)
        assert (row["name"], row["value"], row["known_at"]) == ("DGS10", 4.05, DAY(2024, 1, 6))


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("text", "error", "message"),
        [
            ("", DataError, "is empty"),
            ("symbol,date,close\n", DataError, "has a header and no rows"),
            ("symbol,date\nA,2024-01-02\n", SchemaMismatchError, "p.csv:1: column 'close' is missing; the file"),
            ("symbol,date,close\nA,2024-01-02,1\nA,2024-01-03,cheap\n", SchemaMismatchError,
             "p.csv:3: close='cheap' is not a number"),
            ("symbol,date,close\nA,2024-02-30,1\n", SchemaMismatchError, "p.csv:2: date='2024-02-30' is not a date"),
            ("symbol,date,close\nA,soon,1\n", SchemaMismatchError, "p.csv:2: date='soon' is not a date"),
            ("symbol,date,close\nA,2024-01-02,1,234\n", SchemaMismatchError, "p.csv:2: has 4 fields, the header has 3"),
            ("symbol,date,close,close\nA,2024-01-02,1,2\n", SchemaMismatchError, "p.csv:1: the header names 'close'"),
            (b"symbol,date,close\nA\xff,2024-01-02,1\n", DataError, "p.csv:2: byte 0xff is not UTF-8"),
            ("symbol,date,close\n".encode("utf-16"), DataError, "p.csv:1: byte 0x00 is not text; the file is UTF-16"),
            ("symbol;date;close\nA;2024-01-02;1\n", SchemaMismatchError, "columns are separated by ';'; separate"),
            ('symbol,date,close\nA,2024-01-02,1\n"A,2024-01-03,1\nA,2024-01-04,1\n', SchemaMismatchError,
             "p.csv:3: a quoted cell does not end on its line. Close or drop the"),
        ],
    )  # fmt: skip
    def test_one_clear_error(self, tmp_path, text, error, message):
        with pytest.raises(error, match=message):
            read(tmp_path, text)

    def test_torn_gzip(self, tmp_path):
        path = write(tmp_path, LONG * 50, "p.csv.gz")
        path.write_bytes(path.read_bytes()[:60])
        with pytest.raises(DataError, match="the gzip stream is torn or damaged"):
            FileSource(path, "us").read()

    def test_text_that_is_called_gzip(self, tmp_path):
        path = tmp_path / "p.csv.gz"
        path.write_text(LONG)
        with pytest.raises(DataError, match="the gzip stream is torn or damaged"):
            FileSource(path, "us").read()

    def test_damaged_parquet(self, tmp_path):
        with pytest.raises(DataError, match="is not a whole Parquet file"):
            FileSource(write(tmp_path, b"PAR1", "p.parquet"), "us").read()

    def test_absent(self, tmp_path):
        with pytest.raises(DataError, match="there is no such file"):
            FileSource(tmp_path / "p.csv", "us").read()

    def test_a_folder(self, tmp_path):
        with pytest.raises(DataError, match="is a folder; one file is read at a time"):
            FileSource(tmp_path, "us").read()

    def test_unknown_format_names_the_nearest(self, tmp_path):
        with pytest.raises(ValidationError, match=r"format='pystok' is unknown.*Did you mean 'pystock'"):
            read(tmp_path, LONG, format="pystok")

    def test_a_row_cut_short_is_set_aside_not_guessed(self, tmp_path):
        with pytest.raises(DataError, match=r"p.csv:4: close=None .A 2024-01-04.: close is blank"):
            open_lake(tmp_path / "lake").ingest_source(FileSource(write(tmp_path, LONG + "2024-01-04,A,9"), "us"))
        assert not (tmp_path / "lake" / "lake.json").exists()

    def test_nothing_is_written(self, tmp_path):
        lake = open_lake(tmp_path / "lake")
        lake.ingest_source(FileSource(write(tmp_path, LONG), "us"))
        before = sorted(path.name for path in (tmp_path / "lake").rglob("*"))
        for text in ("symbol,date,close\nA,soon,1\n", LONG + "2024-01-04,A,9,11,8,-1,100\n"):
            with pytest.raises(DataError):
                lake.ingest_source(FileSource(write(tmp_path, text), "us"))
        assert sorted(path.name for path in (tmp_path / "lake").rglob("*")) == before
