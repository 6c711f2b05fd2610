import json

import pytest

from nanodesk.errors import SchemaMismatchError
from nanodesk.market.instrument import Instrument
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.portfolio import Portfolio


def used_portfolio(**options):
    book = Portfolio(1_000_000, CostModel(commission_bps=2.5, borrow_bps_year=50), **options)
    book.rebalance_simple([("A", 0.7), ("B", -0.3)], {"A": 333, "B": 77})
    book.record_return({"A": 341, "B": 70})
    book.rebalance_simple([("A", 0.2)], {"A": 350, "B": 71})
    book.record_return({"A": 349, "B": 71})
    return book


class TestSaveJson:
    def test_load_gives_the_same_portfolio(self, tmp_path):
        instruments = {"A": Instrument("A"), "B": Instrument("B", multiplier=10)}
        for options in ({}, {"instruments": instruments, "missing_price": "raise", "rounding": "trade"}):
            book = used_portfolio(**options)
            book.save_json(tmp_path / "book.json")
            loaded = Portfolio.load_json(str(tmp_path / "book.json"))
            assert loaded.positions() == book.positions()
            assert (loaded.returns() == book.returns()).all()
            loaded.save_json(tmp_path / "again.json")
            assert (tmp_path / "again.json").read_bytes() == (tmp_path / "book.json").read_bytes()
            prices = {"A": 360, "B": 80}
            assert loaded.rebalance_simple([("A", 1.0)], prices) == book.rebalance_simple([("A", 1.0)], prices)
            assert loaded.snapshot(prices) == book.snapshot(prices)

    def test_schema_comes_first(self, tmp_path):
        used_portfolio().save_json(tmp_path / "book.json")
        document = json.loads((tmp_path / "book.json").read_text())
        assert list(document)[:2] == ["schema", "kind"]
        assert [path.name for path in tmp_path.iterdir()] == ["book.json"]


class TestLoadJson:
    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"schema": 2}, "schema"),
            ({"schema": None}, "schema"),
            ({"kind": "order"}, "kind"),
            ({"extra": 1}, "extra"),
            ({"cash": 1.5}, "cash"),
            ({"cash": "1"}, "cash"),
            ({"returns": [0.1]}, "returns"),
            ({"returns": [0.1, "x"]}, "returns.1"),
            ({"missing_price": "zero"}, "missing_price"),
            ({"cost_model": {"commission_bps": -1}}, "cost_model"),
            ({"positions": [{"quantity": 1}]}, "positions.0.symbol"),
            ({"equity_curve": []}, "returns"),
        ],
    )
    def test_names_the_place_that_is_wrong(self, tmp_path, change, place):
        path = tmp_path / "book.json"
        used_portfolio().save_json(path)
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(SchemaMismatchError, match=place) as caught:
            Portfolio.load_json(path)
        assert caught.value.field == place
        assert str(path) in str(caught.value)

    @pytest.mark.parametrize("text", ["", "[]", "{", "3", "null", '{"schema": 1}', "\ud83d"])
    def test_refuses_what_is_no_portfolio(self, tmp_path, text):
        path = tmp_path / "book.json"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(SchemaMismatchError):
            Portfolio.load_json(path)

    def test_a_missing_key_is_named(self, tmp_path):
        path = tmp_path / "book.json"
        used_portfolio().save_json(path)
        document = json.loads(path.read_text())
        del document["last_prices"]
        path.write_text(json.dumps(document))
        with pytest.raises(SchemaMismatchError, match="last_prices"):
            Portfolio.load_json(path)
