"""The target file."""

import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanodesk.errors import ConfigError, SchemaMismatchError, WeightsError
from nanodesk.rebalance.target import Target, symbol_fault

NOW = "2024-01-31T21:00:00Z"


def text(**changes):
    document = {"schema": 1, "timestamp": NOW, "targets": [{"symbol": "A", "weight": 0.5}]}
    return json.dumps({key: value for key, value in (document | changes).items() if value is not None})


class TestTarget:
    @pytest.mark.parametrize("weight", [0.0, 1.01, -1.01, math.nan, math.inf])
    def test_weight_out_of_range(self, weight):
        with pytest.raises(WeightsError):
            Target(NOW, {"A": weight})

    def test_empty_and_too_long(self):
        with pytest.raises(WeightsError, match="targets is empty"):
            Target(NOW, {})
        with pytest.raises(WeightsError, match=r"long weights add to 1\.2"):
            Target(NOW, {"A": 0.6, "B": 0.6, "C": -0.5})

    def test_file_is_sorted_with_schema_first(self):
        written = Target(NOW, {"B": 0.4, "A": -0.1}, {"min_trade_usd": 100.0}, "run").to_json()
        values = json.loads(written)
        assert list(values) == ["schema", "timestamp", "targets", "constraints", "metadata"]
        assert [row["symbol"] for row in values["targets"]] == ["A", "B"]

    def test_write(self, tmp_path):
        target = Target(NOW, {"A": 1.0})
        target.write(tmp_path / "target.json")
        assert Target.from_json((tmp_path / "target.json").read_text()) == target


class TestFromJson:
    @given(
        st.dictionaries(
            st.text(min_size=1, max_size=8).filter(lambda symbol: symbol_fault(symbol) is None),
            st.floats(-1, 0.05, allow_nan=False).filter(lambda weight: weight != 0),
            min_size=1,
            max_size=12,
        )
    )
    def test_back_and_forth(self, weights):
        target = Target(NOW, weights, {"max_leverage": 1.5}, "id")
        assert Target.from_json(target.to_json()) == target

    def test_what_is_known_of_the_names_travels_and_makes_no_other_window(self):
        target = Target(NOW, {"A": 0.5}, average_daily_volume={"B": 2e6, "A": 1.5}, sectors={"A": "Tech"})
        assert Target.from_json(target.to_json()) == target
        assert target.window_id == Target(NOW, {"A": 0.5}).window_id

    @pytest.mark.parametrize("volume", [0, -1, 1.1e15])
    def test_a_volume_is_above_zero(self, volume):
        with pytest.raises(WeightsError, match=r"average_daily_volume\['A'\].*must be above 0"):
            Target.from_json(text(average_daily_volume={"A": volume}))

    def test_names_of_facts_are_names(self):
        with pytest.raises(WeightsError, match="must not begin with a dot"):
            Target.from_json(text(sectors={"../etc": "x"}))

    def test_the_published_format_has_no_schema(self):
        assert Target.from_json(text(schema=None)).weights == {"A": 0.5}

    @pytest.mark.parametrize(
        ("given_text", "message"),
        [
            ("{", r"t\.json:1:2: is not JSON"),
            ("[]", "target: must be an object"),
            (text(targets=None), "targets is required and missing"),
            (text(extra=1), "unknown key 'extra'; allowed: schema, timestamp"),
            (text(timestamp="yesterday"), "timestamp: must be an instant"),
            (text(timestamp="2024-01-31T21:00:00"), "timestamp: must be an instant"),
            (text(targets={"A": 1}), "targets: must be an array"),
            (text(targets=[{"symbol": "A"}]), r"targets\[0\]: weight is required and missing"),
            (text(targets=[{"symbol": "A", "weight": "5%"}]), r"targets\[0\].weight: must be a number \(got '5%'\)"),
            (text(targets=[{"symbol": "", "weight": 0.1}]), r"targets\[0\].symbol: must be text"),
            (text(targets=[{"symbol": "A", "weight": 0.1, "side": 1}]), "unknown key 'side'"),
            (text(constraints={"max_weight": 1}), "unknown key 'max_weight'; allowed: max_position_pct"),
            (text(constraints={"max_leverage": True}), "constraints.max_leverage: must be a number"),
            (text(metadata={"id": 3}), "metadata.id: must be text"),
            (text(average_daily_volume=[5]), "average_daily_volume: must be an object"),
            (text(average_daily_volume={"A": "5"}), "average_daily_volume.A: must be a number"),
            (text(sectors={"A": 5}), "sectors.A: must be text"),
            (text(sectors={"A": "x" * 65}), "sectors.A: must be text of at most 64"),
        ],
    )
    def test_faults(self, given_text, message):
        with pytest.raises(ConfigError, match=message):
            Target.from_json(given_text, file="t.json")

    def test_schema_and_duplicates(self):
        with pytest.raises(SchemaMismatchError, match="schema=2, this version reads 1"):
            Target.from_json(text(schema=2))
        with pytest.raises(WeightsError, match="'A' appears twice"):
            Target.from_json(text(targets=[{"symbol": "A", "weight": 0.1}] * 2))
        with pytest.raises(WeightsError, match="targets is empty"):
            Target.from_json(text(targets=[]))

    @pytest.mark.parametrize(
        ("given_text", "message"),
        [
            ('{"timestamp": "x", "timestamp": "y"}', "key 'timestamp' appears twice"),
            (text(targets=[{"symbol": "A", "weight": math.nan}]), "NaN is no JSON number"),
            ('{"a": ' + "9" * 5000 + "}", "is not JSON that is read here"),
            ("[" * 100_000, "is not JSON that is read here"),
            (" " * (1024 * 1024 + 1), "larger than 1024 KiB"),
            (text(timestamp="20240131T210000Z"), "timestamp: must be an instant"),
            (text(timestamp="2024-13-31T21:00:00Z"), "timestamp: must be an instant"),
            (text(metadata={"id": "x" * 129}), "at most 128 characters"),
            ('{"timestamp":"' + NOW + '","targets":[{"symbol":"A","weight":' + "9" * 400 + "}]}", "is too large"),
        ],
    )
    def test_what_a_json_parser_lets_through(self, given_text, message):
        with pytest.raises(ConfigError, match=message):
            Target.from_json(given_text, file="t.json")

    @pytest.mark.parametrize("number", ["1e999", "-1e999", "1e-400", "1.0000001"])
    def test_numbers_beyond_floats(self, number):
        with pytest.raises(WeightsError, match="weight="):
            Target.from_json(text().replace("0.5", number))

    @pytest.mark.parametrize(
        "constraints",
        [{"max_position_pct": 0}, {"max_position_pct": 1.5}, {"max_leverage": -1}, {"min_trade_usd": -0.01}],
    )
    def test_constraints_out_of_range(self, constraints):
        with pytest.raises(WeightsError, match=r"constraints\.m"):
            Target.from_json(text(constraints=constraints))


class TestSymbols:
    @pytest.mark.parametrize("symbol", ["AAPL", "BRK.B", "ES_H4", "BTC-USD", "币安人生USDT", "^GSPC", "X" * 32])
    def test_names(self, symbol):
        assert symbol_fault(symbol) is None

    @pytest.mark.parametrize(
        "symbol",
        ["", "A B", "A\n", "A\0", "../x", "a/b", "a\\b", "C:", ".x", "-x", "X" * 33, "a..b", "\u212b", "A\u200b"],
    )
    def test_no_names(self, symbol):
        assert symbol_fault(symbol) is not None
        with pytest.raises(WeightsError):
            Target(NOW, {symbol: 0.5})


class TestWindow:
    def test_it_is_the_id_and_the_weights(self):
        first = Target(NOW, {"A": 0.5, "B": 0.1}, run_id="night")
        assert len(first.window_id) == 64
        assert first.window_id == Target("2024-02-01T00:00:00Z", {"B": 0.1, "A": 0.5}, run_id="night").window_id
        assert first.window_id != Target(NOW, {"A": 0.5, "B": 0.2}, run_id="night").window_id
        assert first.window_id != Target(NOW, {"A": 0.5, "B": 0.1}, run_id="day").window_id

    def test_without_an_id_it_is_the_instant(self):
        assert Target(NOW, {"A": 0.5}).window_id != Target("2024-02-01T00:00:00Z", {"A": 0.5}).window_id
        assert Target(NOW, {"A": 0.5}).window_id == Target(NOW, {"A": 0.5}).window_id

    def test_the_same_on_every_machine(self):
        expected = hashlib.sha256(b'["night",[["A",0.5]]]').hexdigest()
        assert Target(NOW, {"A": 0.5}, run_id="night").window_id == expected
