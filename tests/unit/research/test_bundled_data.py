import hashlib
import re
from importlib.resources import files

import numpy as np
import pytest

from nanodesk.errors import DataError
from nanodesk.research.lake import open_lake
from nanodesk.research.sources.bundled import BUNDLED_FILES, bundled_bytes

FOLDER = files("nanodesk.research.sources").joinpath("bundled")


@pytest.fixture(scope="module")
def lake():
    return open_lake("bundled")


class TestBundledFiles:
    @pytest.mark.parametrize("entry", BUNDLED_FILES, ids=lambda entry: entry.name)
    def test_bytes_are_the_ones_of_the_notice(self, entry):
        digest = hashlib.sha256(FOLDER.joinpath(entry.name).read_bytes()).hexdigest()
        assert digest == entry.sha256
        assert f"{digest}  {entry.name}" in FOLDER.joinpath("NOTICE.md").read_text("utf-8")

    def test_every_file_is_listed(self):
        assert {path.name for path in FOLDER.iterdir()} == {entry.name for entry in BUNDLED_FILES} | {"NOTICE.md"}

    def test_a_changed_file_is_refused(self, monkeypatch):
        monkeypatch.setattr(hashlib, "sha256", lambda content: hashlib.md5(content))  # noqa: S324
        with pytest.raises(DataError, match="the file in the package was changed"):
            bundled_bytes(BUNDLED_FILES[0].name)

    def test_small_enough_to_ship(self):
        assert sum(len(path.read_bytes()) for path in FOLDER.iterdir()) < 1_000_000

    def test_the_notice_names_no_machine_path(self):
        assert not re.search(r"/(work|tmp|home|root)/", FOLDER.joinpath("NOTICE.md").read_text("utf-8"))


class TestBundledLake:
    @pytest.mark.parametrize(
        ("dataset", "rows"),
        [("sp500_20", 8313 * 20), ("sp500_index", 8313), ("vix", 9235), ("sp500_members", 1230), ("sp500_sectors", 503),
         ("bills", 427)],
    )  # fmt: skip
    def test_has_the_rows_of_its_sources(self, lake, dataset, rows):
        info = lake.describe(dataset)
        assert (info.rows, info.quarantined) == (rows, 0)

    def test_prices(self, lake):
        panel = lake.price_panel("sp500_20")
        assert panel.shape == (8313, 20)
        assert (str(panel.dates[0]), str(panel.dates[-1])) == ("1990-01-02", "2022-12-28")
        assert np.isfinite(panel.close).all()
        assert panel.close[0, panel.symbols.index("AAPL")] == 0.264
        assert panel.close[-1, panel.symbols.index("XOM")] == 106.627
        assert panel.raw_close is None
        assert panel.sectors["XOM"] == "Energy"

    def test_the_list_of_names_says_that_it_is_biased(self, lake):
        info = lake.describe("sp500_20")
        assert info.about.survivorship == "biased"
        assert info.warnings[0].startswith("survivorship-biased")

    def test_series(self, lake):
        dates = lake.price_panel("sp500_20").dates
        assert lake.series("SP500", dates)[[0, -1]].tolist() == [359.69, 3783.22]
        assert lake.series("VIXCLS", dates)[0] == 17.24
        bill = lake.series("TB3MS", dates, unit="fraction")
        assert np.isfinite(bill).all()
        assert 0 < bill.mean() < 0.04

    def test_treasury_rates_are_percent_and_known_a_day_later(self, lake):
        days = np.array(["1990-01-02", "1990-01-03", "2017-03-30"], dtype="datetime64[D]")
        np.testing.assert_array_equal(lake.series("DGS10", days), [np.nan, 7.94, 2.39])
        np.testing.assert_allclose(lake.series("T10Y2Y", days)[1:], [7.94 - 7.87, 2.39 - 1.26], atol=1e-9)
        with pytest.raises(DataError, match="'DGS3MO' covers 1990-01-02 to 2017-03-29"):
            lake.series("DGS3MO", np.array(["2022-12-28"], dtype="datetime64[D]"))

    def test_names(self, lake):
        assert set(lake.series_names()) >= {"SP500", "VIXCLS", "TB3MS", "DGS3MO", "DGS10", "T10Y2Y", "T10Y3M"}

    def test_membership(self, lake):
        days = np.array(["1996-01-02", "2013-09-20", "2013-09-23", "2017-03-20"], dtype="datetime64[D]")
        assert lake.membership("SP500", days, ["AMD"])[:, 0].tolist() == [True, True, False, True]

    def test_every_open_is_the_same_snapshot(self, lake):
        assert open_lake("bundled").snapshot_id() == lake.snapshot_id()
